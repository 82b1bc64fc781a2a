import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { filesBelow } from './compare.mjs';

/**
 * Each unit that the second developer did not get from the cache, with the cause.
 *
 * @param phases what runCargo said of the second developer's builds
 * @param first  the developer whose node made the results; asked as a peer
 * @returns [{ unit, outcome, kind, cause }]; `bound`: it holds a path; `follows`: a dependency of
 *   it was compiled; `probe`: a build script's question; `late`: the peer took too long; `input`,
 *   `bypass`, `not stored`, `new`
 */
export async function explainMisses(phases, first, second) {
  const { node } = await first.vrift(['status']);
  const found = [];
  for (const entry of Object.values(phases).flatMap(({ why }) => why)) {
    if (entry.outcome === 'hit') continue;
    const unit = `${entry.package} ${entry.unit} (${entry.crateType})`;
    const explained = plainCause(entry) ?? (await peerCause(entry, node, second));
    found.push({ unit, outcome: entry.outcome, ...explained });
  }
  return found;
}

/** What the second developer's node knows by itself. */
function plainCause({ outcome, from, bound, diff }) {
  if (outcome === 'bypass') return { kind: 'bypass', cause: `not cacheable: ${from}` };
  if (from === 'compile failed') {
    return { kind: 'probe', cause: 'the compiler fails: a question that a build script asks' };
  }
  const paths = diff.length > 0 && diff.every(({ input }) => input.startsWith('path of '));
  if (!paths) return undefined;
  const why = bound.map(({ root, because }) => `${because} (${root})`).join(', ');
  return { kind: 'bound', cause: why === '' ? diff[0].input : why };
}

/** What the first developer's result was made of and the second one's call was not. */
async function peerCause(entry, node, second) {
  const entries = await second.vrift(['why', entry.unit, '--peer', node]);
  const same = (other) => other.package === entry.package && other.crateType === entry.crateType;
  const compared = entries.find(same);
  const [own] = compared?.diff ?? [];
  if (compared?.peer?.state === 'same') {
    return { kind: 'late', cause: "the first developer's node did not answer in time" };
  }
  if (compared?.peer?.state === 'unknown' || own === undefined) {
    return { kind: 'new', cause: entry.diff[0]?.input ?? 'the first developer did not build it' };
  }
  const library = /^library (.+)$/.exec(own.input)?.[1];
  if (library !== undefined) {
    const holds = await holdsItsPlace(basename(library), second.checkout);
    const cause = `static library ${library} is not the same${holds ? ': it holds its path' : ''}`;
    return { kind: holds ? 'bound' : 'input', cause };
  }
  if (own.input.startsWith('path of ')) return { kind: 'bound', cause: own.input };
  const { root } = compared;
  if (root !== null) {
    return { kind: 'follows', cause: `follows ${root.unit} (${root.crateType}): ${root.input}` };
  }
  return { kind: 'input', cause: `${own.input} is not the same (${own.before} here ${own.after})` };
}

/** Whether what a build script made there names the checkout, as debug information of C does. */
async function holdsItsPlace(name, checkout) {
  const target = join(checkout, 'target');
  const made = (await filesBelow(target)).filter((path) => basename(path) === name);
  const texts = await Promise.all(made.map((path) => readFile(join(target, path))));
  return texts.some((bytes) => bytes.includes(checkout));
}
