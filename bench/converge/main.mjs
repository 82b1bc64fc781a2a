#!/usr/bin/env node
// node bench/converge/main.mjs [RESULTS]: what it costs a node to meet three others that compiled
// the same crates apart. Four real nodes on loopback; the processor's time is that of the node that
// joins, less what it needs for the same with empty stores. Inside `unshare -rn`, also the bytes.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from '../../bin/build.mjs';
import { inRoot } from '../../bin/lib/project.mjs';
import { run } from '../../bin/lib/run.mjs';

const RESULTS = Number(process.argv[2] ?? 2000);
/** Sources per crate. */
const INPUTS = 40;
/** The sweep begins two seconds after a meeting; hellos come every two. */
const WATCHED_MS = 15_000;

await build();
const load = (file) => import(inRoot('dist', file));
const { Store } = await load('store/store.js');
const { openHasher } = await load('store/hashing.js');
const { canonicalJson } = await load('base/canonical.js');
const { RESULT_SCHEMA } = await load('base/result.js');
const { resultDigestOf } = await load('base/resultDigest.js');
const { resultKeyOf } = await load('keying/manifest.js');
const { systemClock } = await load('base/clock.js');
const hasher = await openHasher();

const empty = await measure(0, 0);
for (const better of [0, Math.round(RESULTS / 20)]) {
  const { cpuMs, bytes, adopted } = await measure(RESULTS, better);
  const traffic = bytes === undefined ? '' : `, ${(bytes - empty.bytes) / 1000} kB on the wire`;
  console.log(
    `${RESULTS} results, ${better} of them preferred elsewhere: ${cpuMs - empty.cpuMs} ms of the processor${traffic}, ${adopted} adopted`,
  );
}

async function measure(results, better) {
  const root = await mkdtemp(join(tmpdir(), 'vrift-converge-'));
  const homes = ['a', 'b', 'c', 'd'].map((name) => join(root, name));
  const vrift = async (home, ...args) => {
    const env = { ...process.env, VRIFT_HOME: home };
    return JSON.parse((await run([inRoot('bin/vrift'), ...args, '--json'], { env })).stdout);
  };
  try {
    await run(['mkdir', '-m', '700', ...homes]);
    // Where something is preferred, it is what the last one of them has.
    for (const home of homes) await fill(home, results, home === homes[3] ? better : 0);
    const [first, ...others] = homes;
    for (const home of homes) await vrift(home, 'start');
    await vrift(others[0], 'mesh', 'create', 'bench');
    for (const home of [others[1], others[2], first]) {
      const { token } = await vrift(others[0], 'mesh', 'invite');
      // The others have met, and swept each other, before the one that is measured comes.
      if (home === first) await sleep(WATCHED_MS);
      const before = await counters(first);
      await vrift(home, 'mesh', 'join', token);
      if (home !== first) continue;
      await sleep(WATCHED_MS);
      const after = await counters(first);
      const log = await readFile(join(first, 'log/node.log'), 'utf8');
      return {
        cpuMs: after.cpuMs - before.cpuMs,
        bytes: after.bytes === undefined ? undefined : after.bytes - before.bytes,
        adopted: log.split('\n').filter((line) => / adopt /.test(line)).length,
      };
    }
  } finally {
    for (const home of homes) await vrift(home, 'stop').catch(() => {});
    await rm(root, { recursive: true, force: true });
  }
}

async function fill(home, results, plain) {
  const path = join(home, 'l2');
  const store = await Store.open({ path, maxBytes: 1e9, hasher, clock: systemClock });
  const silence = await store.putBytes(Buffer.alloc(0));
  for (let at = 0; at < results; at += 1) {
    const kind = at < plain ? 'plain' : 'incremental';
    const blob = await store.putBytes(Buffer.alloc(4_000, `${kind} ${at}`));
    const unitKey = hasher.hash(`unit ${at}`);
    const inputs = Array.from({ length: INPUTS }, (_each, file) => [
      `/vr/cargo/registry/src/index.crates.io-1949cf8c6b5b557f/crate-${at}/src/module_${file}.rs`,
      hasher.hash(`${at} ${file}`),
    ]);
    const manifest = { schema: 1, inputs, env: [], absent: [], bound: [] };
    const digest = hasher.hash(canonicalJson(manifest));
    const output = { executable: false, ...blob, identity: hasher.hash(`${kind} ${at}`) };
    const result = {
      schema: RESULT_SCHEMA,
      unitKey,
      resultKey: resultKeyOf(unitKey, digest, hasher),
      manifest: digest,
      toolchain: hasher.hash('toolchain'),
      target: 'x86_64-unknown-linux-gnu',
      crateName: `crate_${at}`,
      class: kind,
      messages: 'silent',
      // Each home has its own: nobody prefers a result for the time it took.
      compileMs: 100 + home.charCodeAt(home.length - 1),
      outputs: ['rmeta', 'rlib'].map((role) => ({ role, ...output })),
      stdout: silence,
      stderr: silence,
    };
    const resultDigest = resultDigestOf(result, hasher);
    const entry = { result, manifest, resultDigest, attestations: [] };
    store.putResult({ ...entry, localOnly: false, origin: 'own' });
  }
  await store.close();
}

/** Processor time of a home's node, and bytes on a loopback that is ours alone. */
async function counters(home) {
  const { pid } = JSON.parse(await readFile(join(home, 'run/lock'), 'utf8'));
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const cpuMs = 10 * (Number(fields[11]) + Number(fields[12]));
  const lines = (await readFile('/proc/net/dev', 'utf8')).trim().split('\n').slice(2);
  const own =
    lines.length === 1 ? Number(lines[0].split(':')[1].trim().split(/\s+/)[0]) : undefined;
  return { cpuMs, bytes: own };
}
