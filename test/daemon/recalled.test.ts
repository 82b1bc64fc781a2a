import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { RESULT_SCHEMA } from '../../src/base/result.js';
import { resultDigestOf } from '../../src/base/resultDigest.js';
import type { MeshRequest, WorkerMessage, WorkerStart } from '../../src/daemon/mesh/messages.js';
import { manifestDigest, resultKeyOf } from '../../src/keying/manifest.js';
import { standingOf } from '../../src/pipeline/choose.js';
import type { StoredResult } from '../../src/store/records.js';
import { until } from '../harness/programs.js';
import { inProject } from '../harness/project.js';
import { hasher, type Member, newMesh, startNode, within } from '../mesh/support.js';
import { makeResult, openStore } from '../store/fixture.js';

/** The mesh's thread as the node runs it, and nobody who drops anything from its store. */
async function startThread(identityDir: string, storePath: string) {
  const buildError = inject('buildError');
  if (buildError !== null) throw new Error(buildError);
  const workerData: WorkerStart = {
    identityDir,
    storePath,
    portChosen: true,
    mesh: {
      name: 'holder',
      port: 0,
      peers: [],
      interfaces: null,
      discovery: false,
      compress: 'auto',
      policy: 'any-member',
      share: true,
      exclude: [],
    },
  };
  const worker = new Worker(inProject('dist/daemon/mesh/worker.js'), { workerData });
  let port: number | null = null;
  const revisions: number[] = [];
  worker.on('message', (message: WorkerMessage) => {
    if (message.kind === 'ready') port = message.state.port;
    if (message.kind === 'trust') revisions.push(message.revision);
  });
  const ask = (request: MeshRequest) => worker.postMessage({ id: 1, request });
  onTestFinished(async () => {
    ask({ method: 'close' });
    await once(worker, 'exit');
  });
  await until('the thread listens', () => port !== null);
  return { address: `127.0.0.1:${port}`, ask, revisions };
}

/** A sound result as the pipeline would have stored it. */
function compiled(unit: string, blob: { digest: StoredResult['resultDigest']; size: number }) {
  const stored = makeResult({ unit, outputs: [blob] });
  const manifest = manifestDigest(stored.manifest, hasher);
  const resultKey = resultKeyOf(stored.result.unitKey, manifest, hasher);
  const result = { ...stored.result, schema: RESULT_SCHEMA, manifest, resultKey } as const;
  return { ...stored, result, resultDigest: resultDigestOf(result, hasher) };
}

describe('what is recalled, and still in the store', () => {
  it('is neither told of nor named, and no blob is given out until it is dropped', async () => {
    const [holder, asker] = (await newMesh(2)) as [Member, Member];
    const { store, path } = await openStore();
    const blob = await store.putBytes(Buffer.from('content'));
    const [bad, good] = [compiled('bad', blob), compiled('good', blob)];
    for (const stored of [bad, good]) store.putResult(stored);
    await store.close();
    await openStore({ path });
    const thread = await startThread(holder.dir, path);
    const { node } = await startNode(asker, { config: { peers: [thread.address] } });
    await until('they meet', () => node.state().mesh?.connected === 1);

    const found = async () => {
      const each = [bad, good].map(({ result }) => node.find(result.unitKey, within));
      return (await Promise.all(each)).map(({ length }) => length);
    };
    const after = async () =>
      (await node.unitsAfter(holder.key.nodeId, good.result.unitKey)).length;
    const better = async () => {
      const [resultKey, , content] = standingOf(bad.result, hasher);
      const held = { unitKey: bad.result.unitKey, standing: [resultKey, 'warm', content] as const };
      return (await node.offers(holder.key.nodeId, [{ ...held, standing: [...held.standing] }]))
        .length;
    };
    const holders = [holder.key.nodeId];
    const fetched = async () => (await node.fetch({ holders }, [blob], within)) !== undefined;
    const all = async () => [await found(), await after(), await better(), await fetched()];
    expect(await all()).toEqual([[1, 1], 1, 1, true]);

    thread.ask({ method: 'recall', target: { kind: 'result', id: bad.result.resultKey } });
    await until('the thread knows', () => thread.revisions.at(-1) === 1);
    expect(await all()).toEqual([[0, 1], 0, 0, false]);
    thread.ask({ method: 'swept', revision: 1 });
    await until('blobs go out again', fetched);
  });
});
