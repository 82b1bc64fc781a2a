import { mkdirSync, readdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { canonicalJson } from '../../src/base/canonical.js';
import type { Digest } from '../../src/base/digest.js';
import { type Manifest, type Output, RESULT_SCHEMA, type Result } from '../../src/base/result.js';
import { resultDigestOf } from '../../src/base/resultDigest.js';
import { attest } from '../../src/identity/attestation.js';
import type { Membership } from '../../src/identity/membership.js';
import type { MeshConfig } from '../../src/mesh/config.js';
import type { MeshEvent } from '../../src/mesh/events.js';
import { MeshNode, type MeshNodeOptions } from '../../src/mesh/node.js';
import { listenSecure } from '../../src/mesh/transport/secure.js';
import type { PeerReader, ServerLimits } from '../../src/server/ports.js';
import { buildServer } from '../../src/server/server.js';
import { openHasher } from '../../src/store/hashing.js';
import type { Found, Hello, Standing, ToldOutcome } from '../../src/wire/http.js';
import { MESH_PROTOCOL, VERSION } from '../../src/wire/version.js';
import { until } from '../harness/programs.js';
import { foundMesh, newMember, type TestNode, temporaryDir } from '../identity/support.js';

export const hasher = await openHasher();
export const digestOf = (data: Uint8Array | string): Digest => hasher.hash(data);
export const resultKeyOf = (unitKey: Digest, manifest: Digest): Digest =>
  hasher.hash(`${unitKey}\n${manifest}`);

export type Member = TestNode & { membership: Membership };

/** Members of one mesh that all know each other. */
export async function newMesh(count: number): Promise<Member[]> {
  const founder = await foundMesh();
  const members: Member[] = [founder];
  while (members.length < count) members.push(await newMember(founder.membership));
  for (const member of members) member.membership.merge(founder.membership.statements());
  return members;
}

/** Results and blobs in memory, as a node's store would show them to peers. */
export class Shelf implements PeerReader {
  readonly found = new Map<Digest, Found[]>();
  readonly blobs = new Map<Digest, Buffer>();
  readonly told = new Map<string, ToldOutcome[]>();
  readonly #dir = temporaryDir();
  openHandles = 0;

  candidates(unitKey: Digest): Found[] {
    return this.found.get(unitKey) ?? [];
  }

  outcomes(unit: string): ToldOutcome[] {
    return this.told.get(unit) ?? [];
  }

  /** As the test says, by unit key. */
  readonly after = new Map<Digest, Digest[]>();

  usedAround(unitKey: Digest, limit: number): Digest[] {
    return (this.after.get(unitKey) ?? []).slice(0, limit);
  }

  async openBlob(digest: Digest) {
    const bytes = this.blobs.get(digest);
    if (!bytes) return undefined;
    const path = join(this.#dir, digest);
    const handle = await open(path, 'a+');
    if ((await handle.stat()).size === 0) await handle.write(bytes);
    this.openHandles += 1;
    return {
      size: bytes.length,
      handle: {
        read: (buffer: Buffer, offset: number, length: number, position: number) =>
          handle.read(buffer, offset, length, position),
        close: () => {
          this.openHandles -= 1;
          return handle.close();
        },
      },
    };
  }

  /** As the test says, by result key. */
  readonly better = new Set<Digest>();
  isBetterThan([resultKey]: Standing): boolean {
    return this.better.has(resultKey);
  }

  resultCount(): number {
    return [...this.found.values()].flat().length;
  }

  /** Takes in what `member` compiled. */
  put(member: Member, unit: Unit): Unit {
    this.found.set(unit.unitKey, [vouchedFor(member, unit)]);
    for (const bytes of unit.contents) this.blobs.set(digestOf(bytes), bytes);
    return unit;
  }
}

export interface Unit {
  unitKey: Digest;
  manifest: Manifest;
  result: Result;
  contents: Buffer[];
  need: { digest: Digest; size: number }[];
}

/** A compile's outcome with outputs of these bytes. */
export function makeUnit(name: string, contents: Buffer[], change: Partial<Result> = {}): Unit {
  const unitKey = digestOf(`unit ${name}`);
  const manifest: Manifest = {
    schema: 1,
    inputs: [['./src/lib.rs', digestOf(name)]],
    env: [['CARGO_PKG_NAME', null]],
    absent: [],
    listed: [],
    observed: [],
    bound: [],
  };
  const manifestDigest = digestOf(canonicalJson(manifest));
  const outputs = contents.map(
    (bytes, index): Output => ({
      role: index === 0 ? 'rlib' : `dwo:${index}`,
      executable: false,
      size: bytes.length,
      digest: digestOf(bytes),
    }),
  );
  const silence = { digest: digestOf(''), size: 0 };
  const result: Result = {
    schema: RESULT_SCHEMA,
    unitKey,
    resultKey: resultKeyOf(unitKey, manifestDigest),
    manifest: manifestDigest,
    toolchain: digestOf('rustc'),
    target: 'x86_64-unknown-linux-gnu',
    crateName: name,
    class: 'plain',
    messages: 'silent',
    compileMs: 120.5,
    outputs,
    stdout: silence,
    stderr: silence,
    ...change,
  };
  const need = outputs.map(({ digest, size }) => ({ digest, size }));
  return { unitKey, manifest, result, contents, need };
}

export function vouchedFor(member: Member, { manifest, result }: Unit): Found {
  const resultDigest = resultDigestOf(result, hasher);
  const mesh = member.membership.meshId;
  const { resultKey } = result;
  return {
    manifest,
    result,
    attestations: [attest(member.key, { mesh, resultKey, resultDigest, at: 1_700_000_000_000 })],
  };
}

export interface Running {
  node: MeshNode;
  shelf: Shelf;
  events: MeshEvent[];
  tmp: string;
  address: string;
  /** Paths that are left in the temporary directory. */
  leftovers(): string[];
}

interface StartOptions extends Partial<Omit<MeshNodeOptions, 'config'>> {
  config?: Partial<MeshConfig>;
  limits?: Partial<ServerLimits>;
  shelf?: Shelf;
}

let temporary = 0;

/** A node on loopback that meets only the peers it is told. */
export async function startNode(member: { dir: string }, options: StartOptions = {}) {
  const { config, limits, shelf = new Shelf(), ...rest } = options;
  const events: MeshEvent[] = [];
  const tmp = temporaryDir();
  mkdirSync(tmp, { recursive: true });
  const node = await MeshNode.open({
    dir: member.dir,
    hasher,
    resultKeyOf,
    tmpPath: () => join(tmp, String(temporary++)),
    buildServer: (context) =>
      buildServer({
        reader: shelf,
        context,
        compress: config?.compress ?? 'auto',
        ...(limits && { limits }),
      }),
    onEvent: (event) => events.push(event),
    heartbeatMs: 200,
    ...rest,
    config: { nodeName: 'test', port: 0, host: '127.0.0.1', peers: [], mdns: false, ...config },
  });
  onTestFinished(() => node.close());
  const running: Running = {
    node,
    shelf,
    events,
    tmp,
    address: `127.0.0.1:${node.state().port}`,
    leftovers: () => readdirSync(tmp),
  };
  return running;
}

export const connected = (running: Running, count = 1) =>
  until(`${count} connected peers`, () => running.node.state().mesh?.connected === count);

type Answer = (
  request: IncomingMessage,
  response: ServerResponse,
  body: string,
) => boolean | Promise<boolean>;

/** A member that answers as the test says; whatever it leaves is answered as a sound node would. */
export async function startRogue(
  member: Member,
  answer: Answer,
  atTheEnd: (close: () => Promise<void>) => void = onTestFinished,
): Promise<string> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      if (await answer(request, response, Buffer.concat(chunks).toString())) return;
      if (request.url === '/v1/hello') response.end(JSON.stringify(helloOf(member)));
      else response.writeHead(404).end();
    });
  });
  const listener = await listenSecure({
    key: member.key,
    host: '127.0.0.1',
    port: 0,
    isMember: () => true,
    onPeer: (socket) => server.emit('connection', socket),
    onJoin: (socket) => socket.destroy(),
  });
  atTheEnd(() => listener.close());
  return `127.0.0.1:${listener.port}`;
}

export function helloOf({ key, membership }: Member): Hello {
  return {
    node: key.nodeId,
    name: 'rogue',
    version: VERSION,
    protocol: MESH_PROTOCOL,
    mesh: membership.meshId,
    epoch: 'e',
    roster: membership.rosterDigest(),
    results: 1,
    addresses: [],
  };
}

/** Nodes that are all connected with the first. */
export async function startMesh(count: number): Promise<{ members: Member[]; nodes: Running[] }> {
  const members = await newMesh(count);
  const nodes: Running[] = [];
  for (const member of members.slice(1)) nodes.push(await startNode(member));
  const peers = nodes.map(({ address }) => address);
  nodes.unshift(await startNode(members[0]!, { config: { peers } }));
  await connected(nodes[0]!, count - 1);
  return { members, nodes };
}

export const within = { deadlineMs: 3_000 };

export function expectNothingLeft(running: Running): void {
  expect(running.leftovers()).toEqual([]);
}
