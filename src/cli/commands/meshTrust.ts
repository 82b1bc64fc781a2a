import type { Command } from 'commander';
import type { ConflictInfo, RecallInfo } from '../../wire/control.js';
import { printable } from '../../wire/printable.js';
import { addCommand, answerWith, type Cli, usageError } from '../command.js';
import type { Answer } from '../output.js';
import { shortId } from '../words.js';

interface RecallFlags {
  json?: boolean;
  toolchain?: string;
}

/** A large store is looked through. */
const RECALL_MS = 120_000;
const DIGEST = /^[0-9a-f]{64}$/;

/** Commands about who is believed; `addMesh` comes first. */
export function addMeshTrust(program: Command, cli: Cli): void {
  const mesh = program.commands.find((command) => command.name() === 'mesh')!;

  addCommand(
    mesh,
    'recall',
    'refuse results that are old but valid, everywhere and for ever',
    'vrift mesh recall attic\nvrift mesh recall --toolchain ID   # `vrift why UNIT --json` has it',
  )
    .argument('[what]', 'a node (name or start of its id), or the key of one result')
    .option('--toolchain <id>', 'all that a toolchain made')
    .action((what: string | undefined, flags: RecallFlags) =>
      answerWith(cli, flags, () => recall(cli, what, flags)),
    );

  addCommand(
    mesh,
    'conflicts',
    'where nodes signed different results for the same inputs',
    'vrift mesh conflicts --json',
  ).action((flags: { json?: boolean }) =>
    answerWith(cli, flags, async () => {
      await cli.node.start();
      const conflicts = (await cli.node.ask('mesh.conflicts')) as ConflictInfo[];
      const text = conflicts.length === 0 ? 'no conflicts' : conflicts.map(conflictText).join('\n');
      return { json: conflicts, text };
    }),
  );
}

async function recall(
  cli: Cli,
  what: string | undefined,
  { toolchain }: RecallFlags,
): Promise<Answer> {
  if ((what === undefined) === (toolchain === undefined)) {
    throw usageError('name one thing: a node, a result key, or --toolchain ID');
  }
  const key = what !== undefined && DIGEST.test(what);
  const kind = toolchain !== undefined ? 'toolchain' : key ? 'result' : 'node';
  await cli.node.start();
  const params = { kind, id: toolchain ?? what };
  const info = (await cli.node.ask('mesh.recall', params, { timeoutMs: RECALL_MS })) as RecallInfo;
  const dropped = `${info.dropped} result${info.dropped === 1 ? '' : 's'} dropped here`;
  return {
    json: info,
    text: `recalled ${info.kind} ${shortId(info.recalled)}: ${dropped}`,
    notes: ['What is in target directories stays: `vrift why --signed-by NODE` lists it.'],
  };
}

function conflictText({ unit, target, key, results }: ConflictInfo): string {
  const lines = results.map(({ digest, signers }) => {
    const who = signers.map(({ node, name, at }) => {
      const when = at === null ? '' : `, ${new Date(at).toISOString().slice(0, 16)}Z`;
      return `${name} (${shortId(node)}${when})`;
    });
    return `  ${shortId(digest)} signed by ${who.join(', ')}`;
  });
  return [`${unit} (${target}), key ${key}`, ...lines].map((line) => printable(line)).join('\n');
}
