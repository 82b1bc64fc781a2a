import type { Command } from 'commander';
import type { KnockInfo, MeshInfo } from '../../wire/control.js';
import { addCommand, answerWith, type Cli, usageError } from '../command.js';
import type { Answer } from '../output.js';
import { pairs, table } from '../table.js';
import { durationText, shortId } from '../words.js';

/** A token's machine may be slow to answer; a knock waits for a person. */
const TOKEN_MS = 60_000;
const KNOCK_MS = 11 * 60_000;
/** Every newcomer that waits may take five seconds to answer. */
const APPROVE_MS = 60_000;
const MAX_TOKEN_BYTES = 16 * 1024;

type Joined = MeshInfo & { via: 'token' | 'founded' | 'approved' | 'member' };

/** How somebody comes into a mesh: `join` there, `approve` and `deny` here. */
export function addJoining(mesh: Command, cli: Cli): void {
  addCommand(
    mesh,
    'join',
    'join the mesh of this office, or found it',
    'vrift mesh join\nvrift mesh join TOKEN\nvrift mesh join - < token.txt   # keeps it out of ps',
  )
    .argument('[token]', 'what `vrift mesh invite` printed, or - to read it from stdin')
    .option('--mesh <name>', 'which one, where several are in sight')
    .action((token: string | undefined, flags: { json?: boolean; mesh?: string }) =>
      answerWith(cli, flags, () => join(cli, token, flags.mesh)),
    );

  addCommand(
    mesh,
    'approve',
    'let in the machine whose screen shows this code',
    'vrift mesh approve 4F7K-9QXM\nvrift mesh approve --list',
  )
    .argument('[code]', 'as its owner reads it to you')
    .option('--list', 'who knocks')
    .option('--role <role>', 'admin, member, ci or reader', 'member')
    .action((code: string | undefined, flags: { json?: boolean; list?: boolean; role: string }) =>
      answerWith(cli, flags, () => approve(cli, code, flags)),
    );

  addCommand(mesh, 'deny', 'send away who knocks', 'vrift mesh deny NODE\nvrift mesh deny --all')
    .argument('[node]', 'its name, or the beginning of its id')
    .option('--all', 'everybody')
    .action((node: string | undefined, flags: { json?: boolean; all?: boolean }) =>
      answerWith(cli, flags, async () => {
        if ((node === undefined) === (flags.all !== true))
          throw usageError('give a node, or --all');
        await cli.node.start();
        const denied = (await cli.node.ask('mesh.deny', { node })) as KnockInfo[];
        const nobody = denied.length === 0 ? 'nobody knocks under that name' : 'denied';
        return {
          json: denied,
          text: denied.length === 0 ? nobody : `${nobody}\n${knockTable(denied)}`,
        };
      }),
    );
}

async function join(
  cli: Cli,
  token: string | undefined,
  mesh: string | undefined,
): Promise<Answer> {
  if (token !== undefined) {
    if (mesh !== undefined) throw usageError('a token names its mesh: leave out --mesh');
    const text = token === '-' ? await readToken(cli) : token;
    await cli.node.start();
    const joined = await cli.node.ask('mesh.join', { token: text }, { timeoutMs: TOKEN_MS });
    return joinedAnswer(joined as Joined);
  }
  await cli.node.start();
  const joined = await cli.node.ask(
    'mesh.enter',
    { mesh },
    { timeoutMs: KNOCK_MS, onProgress: (line) => void cli.stderr.write(`${line}\n`) },
  );
  return joinedAnswer(joined as Joined);
}

const NOTES: Readonly<Record<Joined['via'], readonly string[]>> = {
  token: [],
  approved: [],
  member: [],
  founded: [
    'No vrift node was in sight: this one has founded a mesh, and is its admin.',
    'Colleagues type: vrift mesh join',
  ],
};

function joinedAnswer(joined: Joined): Answer {
  return { ...meshAnswer(joined), notes: NOTES[joined.via] };
}

async function approve(
  cli: Cli,
  code: string | undefined,
  flags: { list?: boolean; role: string },
): Promise<Answer> {
  if ((code === undefined) !== (flags.list === true)) throw usageError('give a code, or --list');
  await cli.node.start();
  if (code === undefined) {
    const knocks = (await cli.node.ask('mesh.knocks')) as KnockInfo[];
    const text = knocks.length === 0 ? 'nobody knocks at this node' : knockTable(knocks);
    return { json: knocks, text };
  }
  const params = { code, role: flags.role };
  const added = (await cli.node.ask('mesh.approve', params, {
    timeoutMs: APPROVE_MS,
  })) as KnockInfo[];
  const names = added.map(({ name, node }) => `${name} (${shortId(node)})`).join(', ');
  return { json: added, text: `${names} belongs to the mesh now, as ${flags.role}` };
}

function knockTable(knocks: KnockInfo[]): string {
  return table(
    [
      { title: 'calls itself', value: ({ name }) => name },
      { title: 'node', value: ({ node }) => shortId(node) },
      { title: 'address', value: ({ address }) => address },
      { title: 'for', value: ({ since }) => durationText(Math.max(0, Date.now() - since)) },
    ],
    knocks,
  );
}

export function meshAnswer(info: MeshInfo): Answer {
  return {
    json: info,
    text: pairs([
      ['mesh', `${info.name} (${shortId(info.mesh)})`],
      ['node', `${shortId(info.node)}, ${info.role}`],
    ]),
  };
}

async function readToken(cli: Cli): Promise<string> {
  if (cli.stdin.isTTY) cli.stderr.write('token: ');
  let text = '';
  for await (const chunk of cli.stdin) {
    text += String(chunk);
    if (text.length > MAX_TOKEN_BYTES || (cli.stdin.isTTY && text.includes('\n'))) break;
  }
  const token = text.trim();
  if (token === '') throw usageError('there is no token on stdin');
  return token;
}
