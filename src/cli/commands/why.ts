import type { Command } from 'commander';
import type { WhyInfo } from '../../wire/control.js';
import { printable } from '../../wire/printable.js';
import { addCommand, answerWith, type Cli } from '../command.js';
import { type Column, table } from '../table.js';

export function addWhy(program: Command, cli: Cli): void {
  addCommand(
    program,
    'why',
    'the last outcome of units, and for a miss what changed',
    'vrift why\nvrift why serde_json',
  )
    .argument('[unit]', 'a crate; left out: all of the last builds, latest first')
    .action((unit: string | undefined, flags: { json?: boolean }) =>
      answerWith(cli, flags, async () => {
        const params = unit === undefined ? {} : { unit };
        const entries = (await cli.node.ask('why', params)) as WhyInfo[];
        return { json: entries, text: textOf(entries, unit) };
      }),
    );
}

function textOf(entries: WhyInfo[], unit: string | undefined): string {
  if (entries.length === 0) {
    return unit === undefined ? 'nothing was built since the start' : `no unit named ${unit}`;
  }
  const lines = table(COLUMNS, entries);
  return unit === undefined ? lines : [lines, ...entries.flatMap(unseen)].join('\n');
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
  { title: 'from', value: ({ outcome, from }) => (outcome === 'miss' ? '' : from.slice(0, 12)) },
  { title: 'why', value: whyText },
];

function whyText({ outcome, from, diff, root }: WhyInfo): string {
  if (outcome !== 'miss') return '';
  const kept = from === 'stored' ? '' : ` (${from})`;
  const [first] = diff;
  if (first === undefined) return `nobody had it${kept}`;
  const cause = root === null ? '' : `, since ${root.input} of ${root.unit} changed`;
  return `${first.input}: ${short(first.before)} → ${short(first.after)}${cause}${kept}`;
}

/** A digest by its first characters; other text whole. */
function short(text: string): string {
  return text.replaceAll(/[0-9a-f]{64}/g, (digest) => digest.slice(0, 8));
}
