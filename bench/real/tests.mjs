/**
 * Runs the project's own tests from what the cache gave, then from what was built without it.
 *
 * @returns { counts: { ok, failed, ignored }, differences }
 */
export async function compareTests({ project, office, bareTarget }) {
  const { bob } = office;
  const skipped = (project.skipTests ?? []).flatMap((name) => ['--skip', name]);
  const args = ['test', '--workspace', '--locked', '--no-fail-fast'];
  if (skipped.length > 0) args.push('--', ...skipped);
  const test = async (env) => {
    const done = await bob.cargo(args, { cwd: bob.checkout, env, allowFailure: true });
    return resultsIn(done.stdout);
  };
  const cached = await test({});
  await office.putAside(bob.checkout, 'tested');
  await office.bringBack(bareTarget, bob.checkout);
  const bare = await test({ RUSTC_WRAPPER: '' });
  await office.putAside(bob.checkout, 'tested-bare');

  const differences = [];
  for (const name of new Set([...cached.keys(), ...bare.keys()])) {
    const [have, want] = [cached.get(name) ?? 'not run', bare.get(name) ?? 'not run'];
    if (have !== want) differences.push({ path: name, what: `${have} instead of ${want}` });
  }
  const counts = { ok: 0, failed: 0, ignored: 0 };
  for (const result of cached.values()) counts[result] = (counts[result] ?? 0) + 1;
  return { counts, differences };
}

const SECTION = /^running \d+ tests?$/;
const RESULT = /^test (.+?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)\b/;

/** `3: module::name` → ok, failed or ignored; the number is that of the test program. */
export function resultsIn(stdout) {
  const results = new Map();
  let program = 0;
  for (const line of stdout.split('\n')) {
    if (SECTION.test(line)) program += 1;
    const found = RESULT.exec(line);
    if (found !== null) results.set(`${program}: ${found[1]}`, found[2].toLowerCase());
  }
  return results;
}
