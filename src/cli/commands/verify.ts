import type { Command } from 'commander';
import { addCommand, answerWith, type Cli } from '../command.js';
import { countText } from '../words.js';
import { patient } from './gc.js';

interface VerifyInfo {
  blobs: number;
  bad: number;
  dropped: number;
}

export function addVerify(program: Command, cli: Cli): void {
  addCommand(program, 'verify', 're-hash the store', 'vrift verify\nvrift verify --repair')
    .option('--repair', 'drop what is damaged')
    .action((flags: { json?: boolean; repair?: boolean }) =>
      answerWith(cli, flags, async () => {
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
