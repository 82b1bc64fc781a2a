import type { Command } from 'commander';
import type { ScriptInfo, SignedByInfo, WhyInfo } from '../../wire/control.js';
import { printable } from '../../wire/printable.js';
import { addCommand, answerWith, type Cli } from '../command.js';
import { type Column, table } from '../table.js';
import { shortId } from '../words.js';
import { changeText, detailLines, whyText } from './whyText.js';

interface WhyFlags {
  json?: boolean;
  peer?: string;
  buildScript?: boolean;
  signedBy?: string;
}

/** Comparing a cascade takes several questions. */
const ANSWER_MS = 60_000;

export function addWhy(program: Command, cli: Cli): void {
  addCommand(
    program,
    'why',
    'the last outcome of units, and for a miss what changed',
    'vrift why\nvrift why serde_json\nvrift why serde_json --peer attic',
  )
    .argument('[unit]', 'a crate; left out: all of the last builds, latest first')
    .option('--peer <node>', "compare with this peer's results: a name or node id of `vrift peers`")
    .option('--build-script', 'the last runs of build scripts instead; unit is a package')
    .option('--signed-by <node>', 'what came from a node and is in target directories instead')
    .action((unit: string | undefined, flags: WhyFlags) =>
      answerWith(cli, flags, async () => {
        if (flags.buildScript) return scriptsOf(cli, unit);
        if (flags.signedBy !== undefined) return signedBy(cli, flags.signedBy, unit);
        const { peer } = flags;
        const params = { ...(unit !== undefined && { unit }), ...(peer !== undefined && { peer }) };
        const entries = (await cli.node.ask('why', params, { timeoutMs: ANSWER_MS })) as WhyInfo[];
        return { json: entries, text: textOf(entries, unit, peer) };
      }),
    );
}

async function scriptsOf(cli: Cli, unit: string | undefined) {
  const params = { buildScript: true, ...(unit !== undefined && { unit }) };
  const runs = (await cli.node.ask('why', params)) as ScriptInfo[];
  const nothing = unit === undefined ? 'no build script' : `no build script of ${unit}`;
  const text = runs.length === 0 ? `${nothing} ran since the node's start` : table(SCRIPTS, runs);
  return { json: runs, text };
}

/** No recall reaches these. */
async function signedBy(cli: Cli, node: string, unit: string | undefined) {
  const params = { signedBy: node, ...(unit !== undefined && { unit }) };
  const asked = await cli.node.ask('why', params, { timeoutMs: ANSWER_MS });
  const found = asked as SignedByInfo[];
  const text =
    found.length === 0 ? `nothing from ${node} is in a target directory` : table(SIGNED, found);
  return { json: found, text };
}

const SIGNED: Column<SignedByInfo>[] = [
  { title: 'unit', value: ({ unit }) => unit },
  { title: 'key', value: ({ key }) => shortId(key) },
  { title: 'path', value: ({ path }) => path },
];

const SCRIPTS: Column<ScriptInfo>[] = [
  { title: 'package', value: (run) => run.package },
  { title: 'outcome', value: ({ outcome }) => outcome },
  { title: 'from', value: ({ from }) => from },
  { title: 'why it ran', value: ({ why }) => why },
  { title: 'recorded', value: ({ recorded }) => recorded },
];

function textOf(entries: WhyInfo[], unit: string | undefined, peer: string | undefined): string {
  if (entries.length === 0) {
    if (unit !== undefined) return `no unit named ${unit} was built since the node's start`;
    return peer === undefined
      ? "nothing was built since the node's start"
      : "nothing was compiled since the node's start";
  }
  const rows = table(COLUMNS, entries);
  if (unit === undefined) return rows;
  return [rows, ...entries.flatMap(detailsOf), ...entries.flatMap(unseen)].join('\n');
}

/** The known limit of every answer about a unit that runs macros. */
function unseen({ unit, crateType, macros, observed, declared }: WhyInfo): string[] {
  if (observed || macros.length === 0) return [];
  const more = macros.length > MAX_MACROS ? ` and ${macros.length - MAX_MACROS} more` : '';
  const names = macros.slice(0, MAX_MACROS).join(', ') + more;
  const what = `what ${names} read without telling cargo is not seen`;
  const but =
    declared.length > 0
      ? `, but for extra_inputs: ${declared.join(', ')}`
      : '; extra_inputs in velo.toml declares files';
  return [printable(`${unit} (${crateType}): ${what}${but}`)];
}

const MAX_MACROS = 6;

const COLUMNS: Column<WhyInfo>[] = [
  { title: 'unit', value: ({ unit }) => unit },
  { title: 'type', value: ({ crateType }) => crateType },
  { title: 'outcome', value: ({ outcome }) => outcome },
  { title: 'from', value: ({ outcome, from }) => (outcome === 'hit' ? shortId(from) : '') },
  { title: 'why', value: whyText },
];

/** Who asks for one unit sees all of it. */
function detailsOf(entry: WhyInfo): string[] {
  const details = detailLines(entry);
  const more = entry.diff.slice(1).map((change) => `also: ${changeText(change, entry)}`);
  if (details.length + more.length === 0) return [];
  return [
    '',
    `${entry.unit} (${entry.crateType})`,
    ...[...more, ...details].map((line) => `  ${line}`),
  ];
}
