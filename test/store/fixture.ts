import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { Clock } from '../../src/base/clock.js';
import { asDigest, type Digest, type Hasher } from '../../src/base/digest.js';
import {
  type Attestation,
  type Manifest,
  RESULT_SCHEMA,
  type Result,
} from '../../src/base/result.js';
import { digestOf, openHasher } from '../../src/store/hashing.js';
import type { StoredResult, StoreEvent } from '../../src/store/records.js';
import { Store, type StoreOptions } from '../../src/store/store.js';

export const hasher: Hasher = await openHasher();

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

export function atEnd(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'vrift-store-'));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs with the machine's clock, and can be moved ahead of it. */
export class ShiftedClock implements Clock {
  aheadMs = 0;
  now = (): number => Date.now() + this.aheadMs;
  monotonic = (): number => performance.now() + this.aheadMs;
}

export interface OpenedStore {
  store: Store;
  path: string;
  clock: ShiftedClock;
  events: StoreEvent[];
}

export async function openStore(options: Partial<StoreOptions> = {}): Promise<OpenedStore> {
  const path = options.path ?? join(temporaryFolder(), 'l2');
  const clock = new ShiftedClock();
  const events: StoreEvent[] = [];
  const store = await Store.open({
    path,
    maxBytes: 64 << 20,
    hasher,
    clock,
    onEvent: (event) => events.push(event),
    ...options,
  });
  atEnd(() => store.close());
  return { store, path, clock, events };
}

export interface ResultShape {
  unit?: string;
  /** Tells one manifest, and so one result key, from another. */
  inputs?: string;
  outputs?: { digest: Digest; size: number }[];
  compileMs?: number;
  localOnly?: boolean;
  attestations?: Attestation[];
  origin?: StoredResult['origin'];
}

/** A result over blobs that are in the store; its streams share the first output's blob. */
export function makeResult(shape: ResultShape = {}): StoredResult {
  const unitKey = named(`unit ${shape.unit ?? 'a'}`);
  const manifest: Manifest = {
    schema: 1,
    inputs: [['./src/lib.rs', named(`input ${shape.inputs ?? 'a'}`)]],
    env: [],
    absent: [],
    listed: [],
    observed: [],
    bound: [],
  };
  const outputs = shape.outputs ?? [];
  const stream = outputs[0] ?? { digest: named('absent'), size: 0 };
  const result: Result = {
    schema: RESULT_SCHEMA,
    unitKey,
    resultKey: digestOf(hasher, [unitKey, manifest]),
    manifest: digestOf(hasher, manifest),
    toolchain: named('toolchain'),
    target: 'x86_64-unknown-linux-gnu',
    crateName: 'a',
    class: 'plain',
    messages: 'silent',
    compileMs: shape.compileMs ?? 1,
    outputs: outputs.map((output, at) => ({
      ...output,
      role: `dwo:${at}` as const,
      executable: false,
    })),
    stdout: { digest: stream.digest, size: stream.size },
    stderr: { digest: stream.digest, size: stream.size },
  };
  return {
    result,
    manifest,
    resultDigest: digestOf(hasher, result),
    attestations: shape.attestations ?? [],
    localOnly: shape.localOnly ?? false,
    origin: shape.origin ?? 'own',
  };
}

export function attestationBy(signer: string): Attestation {
  const digest = named('whatever');
  const rest = { resultKey: digest, resultDigest: digest, at: 0, payload: '', signature: '' };
  return { mesh: 'm', signer, ...rest };
}

export function named(text: string): Digest {
  return hasher.hash(text);
}

/** A digest that no content in these tests has. */
export const NOWHERE = asDigest('0'.repeat(64));

/** Bytes that differ with the seed and do not compress into a pattern by chance. */
export function bytes(size: number, seed: number): Buffer {
  const buffer = Buffer.alloc(size);
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let at = 0; at < size; at++) {
    state = (state * 1664525 + 1013904223) >>> 0;
    buffer[at] = state >>> 24;
  }
  return buffer;
}
