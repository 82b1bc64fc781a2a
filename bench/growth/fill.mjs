// node fill.mjs STORE COUNT: adds COUNT results, as a team would leave them: three blobs each, and
// a manifest of a dozen inputs. Most blobs are small here; their number is what is measured.
import { systemClock } from '../../dist/base/clock.js';
import { RESULT_SCHEMA } from '../../dist/base/result.js';
import { resultDigestOf } from '../../dist/base/resultDigest.js';
import { manifestDigest, resultKeyOf } from '../../dist/keying/manifest.js';
import { openHasher } from '../../dist/store/hashing.js';
import { Store } from '../../dist/store/store.js';

const [path, count] = [process.argv[2], Number(process.argv[3])];
const hasher = await openHasher();
const store = await Store.open({ path, maxBytes: 50e9, hasher, clock: systemClock });
const empty = await store.putBytes(Buffer.alloc(0));

for (let n = 0; n < count; n += 1) {
  const unitKey = hasher.hash(`unit ${n}`);
  const inputs = Array.from({ length: 12 }, (_, i) => [
    `/vr/cargo/registry/src/index/crate-${n}-1.0.0/src/module${i}.rs`,
    hasher.hash(`${n} ${i}`),
  ]);
  const manifest = { schema: 1, inputs, env: [], absent: [], listed: [], observed: [], bound: [] };
  const digest = manifestDigest(manifest, hasher);
  const outputs = [];
  for (const role of ['rlib', 'rmeta', 'dep-info']) {
    outputs.push({
      role,
      executable: false,
      ...(await store.putBytes(Buffer.from(`${role} ${n}`))),
    });
  }
  const result = {
    schema: RESULT_SCHEMA,
    unitKey,
    resultKey: resultKeyOf(unitKey, digest, hasher),
    manifest: digest,
    toolchain: hasher.hash('toolchain'),
    target: 'x86_64-unknown-linux-gnu',
    crateName: `crate_${n}`,
    class: 'plain',
    messages: 'silent',
    compileMs: 1_000,
    outputs,
    stdout: empty,
    stderr: empty,
  };
  const resultDigest = resultDigestOf(result, hasher);
  const about = { attestations: [], localOnly: false, origin: 'own' };
  store.putResult({ result, manifest, resultDigest, ...about });
}
await store.close();
