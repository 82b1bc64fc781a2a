import { it } from 'vitest';
import { manifest, pairOfDevelopers, type Files } from './support.js';
const pair = pairOfDevelopers();
const split = (kind: string): Files => ({
  'app/Cargo.toml': `${manifest('app')}[dependencies]\nlib = { path = "lib" }
    [profile.dev]\nsplit-debuginfo = "${kind}"\n[workspace]\n`,
  'app/src/main.rs': 'fn main() {\n  println!("{}", lib::twice(21));\n}\n',
  'app/lib/Cargo.toml': manifest('lib'),
  'app/lib/src/lib.rs': 'pub fn twice(n: i32) -> i32 {\n  let doubled = n * 2;\n  doubled\n}\n',
});
it('x', async () => {
  for (const kind of ['packed', 'off']) for (const inc of ['1','0']) {
  const { alice, bob } = await pair.both(split(kind));
  for (const p of [alice, bob, bob]) {
    await p.clean();
    const c = await p.count(['build'], { env: { VRIFT_RECACHE: '1', CARGO_INCREMENTAL: inc } });
    console.log(kind, inc, c.compiled, c.localOnly, (await p.developer.run('sh', ['-c', `cd target/debug; sha1sum app app.dwp deps/app*.dwp; for r in deps/liblib-*.rlib; do sha1sum < $r; ar t $r; done`], { cwd: p.dir, allowFailure: true })).stdout);
  }}
});
