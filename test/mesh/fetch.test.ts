import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { until } from '../harness/programs.js';
import { digestOf, expectNothingLeft, makeUnit, startMesh, within } from './support.js';

describe('a unit that a peer holds', () => {
  it('is found and fetched, small blobs in one answer', async () => {
    const { members, nodes } = await startMesh(2);
    const [a, b] = nodes;
    const unit = b!.shelf.put(
      members[1]!,
      makeUnit('small', [Buffer.from('rlib'), Buffer.alloc(0)]),
    );
    const [candidate] = await a!.node.find(unit.unitKey, within);
    expect(candidate?.result).toEqual(unit.result);
    expect(candidate?.holders).toEqual([b!.node.nodeId]);
    const fetched = await a!.node.fetch(candidate!, unit.need, within);
    expect(fetched?.from).toBe(b!.node.nodeId);
    expect(fetched?.bytes).toBe(4);
    expect(readFileSync(fetched!.files.get(digestOf('rlib'))!, 'utf8')).toBe('rlib');
    expect(a!.node.peers()[0]).toMatchObject({ state: 'connected', hits: 1, bytesIn: 4 });
    expect(b!.node.peers()[0]).toMatchObject({ bytesOut: 4 });
  });

  it('streams large blobs to disk', async () => {
    const { members, nodes } = await startMesh(2);
    const [a, b] = nodes;
    const large = randomBytes(5_000_000);
    const unit = b!.shelf.put(members[1]!, makeUnit('large', [large, Buffer.from('x')]));
    const [candidate] = await a!.node.find(unit.unitKey, within);
    const fetched = await a!.node.fetch(candidate!, unit.need, within);
    expect(readFileSync(fetched!.files.get(digestOf(large))!).equals(large)).toBe(true);
    await until('closed blobs', () => b!.shelf.openHandles === 0);
  });

  it('is undefined when the holder lost a blob, and leaves no file', async () => {
    const { members, nodes } = await startMesh(2);
    const [a, b] = nodes;
    const unit = b!.shelf.put(
      members[1]!,
      makeUnit('lost', [Buffer.from('one'), Buffer.from('two')]),
    );
    b!.shelf.blobs.delete(digestOf('two'));
    const [candidate] = await a!.node.find(unit.unitKey, within);
    expect(await a!.node.fetch(candidate!, unit.need, within)).toBeUndefined();
    expectNothingLeft(a!);
  });

  it('is one of many that are asked for at once: who waits for a turn does not stall', async () => {
    const { members, nodes } = await startMesh(2);
    const [a, b] = nodes;
    const units = Array.from({ length: 100 }, (_each, index) =>
      b!.shelf.put(members[1]!, makeUnit(`unit ${index}`, [randomBytes(20_000), randomBytes(9)])),
    );
    const fetched = await Promise.all(
      units.map(async ({ unitKey, need }) => {
        const [candidate] = await a!.node.find(unitKey, { deadlineMs: 20_000 });
        return a!.node.fetch(candidate!, need, { deadlineMs: 20_000 });
      }),
    );
    expect(fetched.every((each) => each?.bytes === 20_009)).toBe(true);
    expect(a!.events).not.toContainEqual({ kind: 'reachable', reachable: false });
  });

  it('is not found at a node that has nothing', async () => {
    const { nodes } = await startMesh(2);
    expect(await nodes[0]!.node.find(digestOf('nothing'), within)).toEqual([]);
  });
});
