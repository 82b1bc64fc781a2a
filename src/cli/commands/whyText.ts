import type { WhyChange, WhyInfo } from '../../wire/control.js';
import { printable } from '../../wire/printable.js';
import { shortId } from '../words.js';

/** One line: why a unit ended as it did. */
export function whyText(entry: WhyInfo): string {
  const { outcome, from, detail, diff, root, peer, against } = entry;
  if (outcome === 'bypass') return detail === '' ? from : `${from}: ${detail}`;
  if (peer?.state === 'unknown') return `${peer.name} has compiled nothing of that name`;
  if (peer?.state === 'same') return `${peer.name} has the same result`;
  if (outcome === 'hit' && peer === null) return '';
  const [first] = diff;
  const cause =
    root === null ? '' : `, since in ${root.unit} (${root.crateType}) ${changeText(root, entry)}`;
  if (first === undefined) return `nobody had it${cause}${endingText(entry)}`;
  const whose = against === null || isRefusal(first) ? '' : ` (compared with ${shortId(against)})`;
  return `${changeText(first, entry)}${cause}${whose}${endingText(entry)}`;
}

/** What else is known of a unit, one thing a line. */
export function detailLines({ local, bound }: WhyInfo): string[] {
  return [
    ...local.map((reason) => `stays on this machine: ${reason}`),
    ...bound.map(({ root, path, because }) => {
      const why = because === '' ? '' : `: ${because}`;
      return `only for calls whose ${placeOf(root)} is ${printable(path)}${why}`;
    }),
  ].map((line) => printable(line));
}

/** A change in words. */
export function changeText(
  { input, before, after, here }: WhyChange,
  { peer }: Pick<WhyInfo, 'peer'>,
): string {
  if (input === 'policy') return `a result was there, ${before}: the policy is ${after}`;
  if (input === 'recall') return `a result was there, and is recalled: ${before}`;
  const [, kind = '', rest = ''] =
    /^(file|variable|path of|flag|dependency|linked|making of) (.+)$/.exec(input) ?? [];
  const name = here === undefined || kind === 'variable' ? rest : here;
  const changed = peer === null ? 'changed' : `is not as ${peer.name} has it`;
  switch (kind) {
    case 'file':
      return fileText(name, before, after, changed);
    case 'path of':
      return `it is bound to the ${placeOf(rest)}, and that of ${whose(peer)} is another path${here === undefined ? '' : ` than ${here}`}`;
    case 'variable':
      return variableText(name, before, after, here, peer);
    case 'dependency':
    case 'linked':
      return `${rest} ${before === 'none' ? 'is new' : after === 'none' ? 'is gone' : changed}`;
    case 'making of':
      return `${rest} is compiled in another way`;
    default:
      return isDigest(before) && isDigest(after)
        ? `${input} ${changed}`
        : `${input}: ${short(before)} → ${short(after)}`;
  }
}

/** A result was there, and was not used for whose it is. */
function isRefusal({ input }: WhyChange): boolean {
  return input === 'policy' || input === 'recall';
}

function fileText(path: string, before: string, after: string, changed: string): string {
  if (after === 'not looked at') return `a peer's result reads ${path}, where no peer may send us`;
  if (after === 'none') return `${path} is gone`;
  if (before === 'none' || before === 'not read' || before === 'not looked for')
    return `${path} is new`;
  if (after === 'not read' || after === 'not looked for') return `${path} is not read here`;
  return `${path} ${changed}`;
}

function variableText(
  name: string,
  before: string,
  after: string,
  here: string | undefined,
  peer: WhyInfo['peer'],
): string {
  const now = here === undefined ? '' : `: now ${JSON.stringify(here)}`;
  if (isDigest(before) && isDigest(after)) {
    return peer === null
      ? `the variable ${name} changed${now}`
      : `the variable ${name} is another for ${peer.name}`;
  }
  const state = (text: string) => (isDigest(text) ? 'set' : text === 'none' ? 'unset' : text);
  return `the variable ${name}: ${state(before)} → ${state(after)}${now}`;
}

const PLACES: Readonly<Record<string, string>> = {
  '/vr/ws': "workspace's path",
  '/vr/cargo': 'CARGO_HOME',
  '/vr/home': 'home directory',
  '/vr/target': 'target directory',
  '/vr/sysroot': "toolchain's path",
};

function placeOf(root: string): string {
  const known = PLACES[root];
  if (known !== undefined) return known;
  if (root.startsWith('/vr/out/')) return `OUT_DIR of ${root.slice('/vr/out/'.length)}`;
  return root.startsWith('/vr/path') ? `path of ${root.slice(root.lastIndexOf('/') + 1)}` : root;
}

function whose(peer: WhyInfo['peer']): string {
  return peer === null ? 'the earlier result' : `${peer.name}'s`;
}

/** What became of the compile, unless it was kept as usual. */
function endingText({ outcome, from }: WhyInfo): string {
  return outcome !== 'miss' || from === 'stored' ? '' : ` (${from})`;
}

function isDigest(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** A digest by its first characters; other text whole, but not for ever. */
function short(text: string): string {
  const cut = text.replaceAll(/[0-9a-f]{64}/g, (digest) => digest.slice(0, 8));
  return cut.length > 160 ? `${cut.slice(0, 160)}…` : cut;
}
