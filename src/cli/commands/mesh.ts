import type { Command } from 'commander';
import type { MemberInfo, MeshInfo } from '../../wire/control.js';
import { parseDuration } from '../../wire/units.js';
import { addCommand, answerWith, type Cli, usageError } from '../command.js';
import type { Answer } from '../output.js';
import { table } from '../table.js';
import { durationText, shortId } from '../words.js';
import { addJoining, meshAnswer } from './meshJoin.js';
import { addRevoking } from './meshRevoke.js';

interface InviteFlags {
  json?: boolean;
  role?: string;
  ttl: string;
}

interface InviteInfo {
  token: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

export function addMesh(program: Command, cli: Cli): void {
  const mesh = program
    .command('mesh')
    .description('join the mesh of this office, let others in, shut them out')
    .addHelpText('after', '\nExample:\n  vrift mesh join\n  vrift mesh approve 4F7K-9QXM');

  addCommand(mesh, 'create', 'found a mesh, this node its admin', 'vrift mesh create office')
    .argument('[name]', 'what people call it')
    .action((name: string | undefined, flags: { json?: boolean }) =>
      answerWith(cli, flags, async () => {
        await cli.node.start();
        return meshAnswer((await cli.node.ask('mesh.create', { name })) as MeshInfo);
      }),
    );

  addCommand(mesh, 'invite', 'print a token that admits one node', 'vrift mesh invite --ttl 1h')
    .option('--role <role>', 'admin, member, ci or reader')
    .option('--ttl <time>', 'how long the token is good for', '15m')
    .action((flags: InviteFlags) => answerWith(cli, flags, () => invite(cli, flags)));

  addJoining(mesh, cli);
  addRevoking(mesh, cli);

  addCommand(mesh, 'members', 'who belongs, and who added them', 'vrift mesh members').action(
    (flags: { json?: boolean }) =>
      answerWith(cli, flags, async () => {
        await cli.node.start();
        return membersAnswer((await cli.node.ask('mesh.members')) as MemberInfo[]);
      }),
  );

  addCommand(mesh, 'leave', 'leave the mesh; the local cache stays', 'vrift mesh leave')
    .option('--force', 'even as the last admin: nobody can be invited after that')
    .action((flags: { json?: boolean; force?: boolean }) =>
      answerWith(cli, flags, async () => {
        await cli.node.start();
        const json = await cli.node.ask('mesh.leave', { force: flags.force === true });
        return { json, text: 'left the mesh' };
      }),
    );
}

async function invite(cli: Cli, flags: InviteFlags): Promise<Answer> {
  const ttlMs = parseDuration(flags.ttl);
  if (ttlMs === undefined || ttlMs === 0) {
    throw usageError(`--ttl takes a time like 15m or 2h, not "${flags.ttl}"`);
  }
  await cli.node.start();
  const info = (await cli.node.ask('mesh.invite', { role: flags.role, ttlMs })) as InviteInfo;
  const left = durationText(Math.max(0, info.expiresAt - Date.now()));
  return {
    json: info,
    text: info.token,
    notes: [`Good for one node, for ${left}. There: vrift mesh join TOKEN`],
  };
}

function membersAnswer(members: MemberInfo[]): Answer {
  const text = table(
    [
      { title: 'name', value: ({ name }) => name },
      { title: 'node', value: ({ node }) => shortId(node) },
      { title: 'role', value: ({ role }) => role },
      { title: 'added by', value: ({ addedBy }) => (addedBy === null ? '-' : shortId(addedBy)) },
      { title: 'state', value: ({ revoked }) => (revoked ? 'revoked' : 'member') },
    ],
    members,
  );
  return { json: members, text };
}
