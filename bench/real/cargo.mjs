import { setTimeout as wait } from 'node:timers/promises';

/** What is built at each place: the programs, then the tests. */
export const PHASES = {
  build: ['build', '--workspace', '--locked'],
  tests: ['test', '--workspace', '--locked', '--no-run'],
};

const SETTLE_MS = 120_000;

/**
 * Runs cargo in a checkout, and says what it told and, with the cache, what the node counted.
 *
 * @param vrift false: no wrapper at all
 * @returns ms, artifacts (cargo's own words for each unit), messages of the compiler, runs of
 *   build scripts; with vrift also `stats` and `why`
 */
export async function runCargo(person, checkout, args, { vrift = true, env = {} } = {}) {
  if (vrift) await person.vrift(['stats', '--reset']);
  const began = Date.now();
  const startedMs = performance.now();
  const { stdout } = await person.cargo([...args, '--message-format=json'], {
    cwd: checkout,
    env: vrift ? env : { ...env, RUSTC_WRAPPER: '' },
  });
  const ms = performance.now() - startedMs;
  const events = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
  const of = (reason) => events.filter((event) => event.reason === reason);
  const built = {
    ms,
    artifacts: of('compiler-artifact'),
    messages: of('compiler-message'),
    scripts: of('build-script-executed'),
  };
  if (!vrift) return built;
  const fresh = built.artifacts.filter((artifact) => !artifact.fresh).length;
  const stats = await settled(person, fresh);
  const why = (await person.vrift(['why'])).filter(({ at }) => at >= began);
  return { ...built, stats, why };
}

/** The node counts a compile when it is stored, which may be after cargo ended. */
async function settled(person, units) {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const stats = await person.vrift(['stats']);
    if (stats.units >= units) return stats;
    if (performance.now() > deadline) {
      throw new Error(`${person.name}'s node counted ${stats.units} of ${units} units`);
    }
    await wait(100, undefined, { signal: person.signal });
  }
}

/** `name version`, out of cargo's package id. */
export function packageOf(id) {
  const fragment = id.slice(id.lastIndexOf('#') + 1);
  if (fragment.includes('@')) return fragment.replace('@', ' ');
  const path = id.slice(0, id.lastIndexOf('#'));
  return `${path.slice(path.lastIndexOf('/') + 1)} ${fragment}`;
}

/** One unit in cargo's words: `serde 1.0.2 (lib)`, `bat 0.26.1 (test integration)`. */
export function unitOf({ package_id, target, profile }) {
  const kind = target.kind[0];
  const named = ['bin', 'test', 'example', 'bench'].includes(kind) ? ` ${target.name}` : '';
  const tests = profile.test && kind !== 'test' ? ', its tests' : '';
  return `${packageOf(package_id)} (${kind}${named}${tests})`;
}

/** Units that this run of cargo did not find finished. */
export const rebuilt = ({ artifacts }) =>
  artifacts
    .filter((artifact) => !artifact.fresh)
    .map(unitOf)
    .sort();
