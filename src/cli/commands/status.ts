import type { Command } from 'commander';
import type { StatusInfo } from '../../wire/control.js';
import { toVriftError } from '../../wire/failure.js';
import type { ProjectInfo } from '../../wire/settings.js';
import { VERSION } from '../../wire/version.js';
import { currentWrapper, type WrapperSetting } from '../cargo/wrapper.js';
import { addCommand, answerWith, type Cli } from '../command.js';
import { type Answer, warningText } from '../output.js';
import { pairs, table } from '../table.js';
import { bytesText, countText, durationText, shortId } from '../words.js';

export function addStatus(program: Command, cli: Cli): void {
  addCommand(
    program,
    'status',
    'node, mesh, store, wrapper, and what set each setting',
    'vrift status',
  ).action((flags: { json?: boolean }) => answerWith(cli, flags, () => status(cli)));
}

async function status(cli: Cli): Promise<Answer> {
  const { home } = cli.node;
  const info = await askStatus(cli);
  if (info === undefined) {
    return {
      json: { running: false, home, ...NOT_RUNNING },
      text: pairs([
        ['node', 'not running'],
        ['home', home],
      ]),
      notes: ['  next: Start it with `vrift start`.'],
    };
  }
  const project = (await cli.node.ask('project.check', { cwd: cli.cwd })) as ProjectInfo;
  const wrapper = await currentWrapper(cli);
  const problems = [
    ...info.problems,
    ...(project.error === null ? [] : [project.error]),
    ...project.ignored,
  ];
  return {
    json: { ...info, running: true, home, wrapper, problems },
    text: [pairs(summary(info, home, wrapper)), settings(info)].join('\n\n'),
    notes: [...problems.map(warningText), ...knockNotes(info)],
  };
}

/** The fields that a script finds in both cases. */
const NOT_RUNNING = {
  node: null,
  name: null,
  pid: null,
  version: VERSION,
  uptimeMs: null,
  rssBytes: null,
  mesh: null,
  store: null,
  config: [],
  wrapper: null,
  problems: [],
};

async function askStatus(cli: Cli): Promise<StatusInfo | undefined> {
  try {
    return (await cli.node.ask('status', { cwd: cli.cwd })) as StatusInfo;
  } catch (error) {
    if (toVriftError(error).code === 'VRIFT_NODE_ABSENT') return undefined;
    throw error;
  }
}

function summary(
  info: StatusInfo,
  home: string,
  wrapper: WrapperSetting | null,
): [string, string][] {
  const { mesh, store } = info;
  const peers =
    mesh === null ? '' : `${countText(mesh.members, 'member')}, ${mesh.connected} connected`;
  return [
    ['node', `${info.name} (${shortId(info.node)}), pid ${info.pid}, version ${info.version}`],
    ['up', `${durationText(info.uptimeMs)}, ${bytesText(info.rssBytes)} resident`],
    ['home', home],
    ['mesh', mesh === null ? 'none' : `${mesh.name} as ${mesh.role}, ${peers}`],
    [
      'store',
      `${bytesText(store.bytes)} of ${bytesText(store.maxBytes)}, ` +
        `${countText(store.results, 'result')}, ${countText(store.blobs, 'blob')}, ${store.path}`,
    ],
    [
      'wrapper',
      wrapper === null ? 'not set: `vrift init`' : `${wrapper.value} (${wrapper.source})`,
    ],
  ];
}

function knockNotes({ mesh }: StatusInfo): string[] {
  const knocks = mesh?.knocks ?? [];
  if (knocks.length === 0) return [];
  const who = knocks.map(({ name, address }) => `${name} (${address})`).join(', ');
  return [
    `knocking: ${who}\n  next: Compare the code: \`vrift mesh approve CODE\`, or \`vrift mesh deny\`.`,
  ];
}

function settings(info: StatusInfo): string {
  return table(
    [
      { title: 'setting', value: ({ key }) => key },
      { title: 'value', value: ({ value }) => JSON.stringify(value) },
      { title: 'set by', value: ({ source }) => source },
    ],
    info.config,
  );
}
