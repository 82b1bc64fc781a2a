import type { Command } from 'commander';
import { addCommand, answerWith, type Cli, usageError } from '../command.js';
import type { Answer } from '../output.js';
import { compareReplays, type ReplayInfo } from '../run/replays.js';
import { type Column, table } from '../table.js';
import { countText } from '../words.js';
import { patient } from './gc.js';

interface VerifyInfo {
  blobs: number;
  bad: number;
  dropped: number;
}

const EXAMPLE = 'vrift verify --repair\nvrift verify --replay -- --release';

export function addVerify(program: Command, cli: Cli): void {
  addCommand(program, 'verify', 're-hash the store, or compare replays', EXAMPLE)
    .option('--repair', 'drop what is damaged')
    .option('--replay', 'build here twice, and compare what build scripts did each time')
    .argument('[args...]', 'with --replay: of `cargo build`, after --')
    .action((args: string[], flags: { json?: boolean; repair?: boolean; replay?: boolean }) =>
      answerWith(cli, flags, async () => {
        if (flags.replay === true) return replaysAnswer(await compareReplays(cli, args));
        if (args.length > 0) throw usageError(`only --replay takes arguments: ${args.join(' ')}`);
        const repair = flags.repair === true;
        const info = (await cli.node.ask('verify', { repair }, patient(cli))) as VerifyInfo;
        const damaged =
          info.bad === 0 ? 'all sound' : `${info.bad} damaged, ${info.dropped} results dropped`;
        const open = info.bad > 0 && !repair;
        return {
          json: info,
          text: `${countText(info.blobs, 'blob')}: ${damaged}`,
          exitCode: open ? 1 : 0,
          notes: open ? ['  next: Drop what is damaged with `vrift verify --repair`.'] : [],
        };
      }),
    );
}

function replaysAnswer(scripts: ReplayInfo[]): Answer {
  const count = (ending: ReplayInfo['ending']) =>
    scripts.filter((script) => script.ending === ending).length;
  const json = { same: count('same'), differs: count('differs'), scripts };
  const sum = `${countText(scripts.length, 'build script')}: ${json.same} same, ${json.differs} differ`;
  const text = scripts.length === 0 ? 'no build script' : `${table(REPLAYS, scripts)}\n${sum}`;
  const notes =
    json.differs === 0
      ? []
      : [
          '  next: Name these under `run_scripts` in config.toml or velo.toml to run them each time.',
        ];
  return { json, text, notes, exitCode: json.differs > 0 ? 1 : 0 };
}

const REPLAYS: Column<ReplayInfo>[] = [
  { title: 'package', value: (script) => script.package },
  { title: 'second run', value: ({ ending }) => ending },
  { title: 'reason', value: ({ reason }) => reason },
];
