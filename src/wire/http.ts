import type { Digest } from '../base/digest.js';
import {
  type Attestation,
  type Manifest,
  RESULT_SCHEMA,
  type Result,
  type ResultClass,
} from '../base/result.js';
import * as shape from './shape.js';

/** What one node may ask another. There is no way to store anything: the mesh is pull-only. */
export const ROUTES = {
  hello: '/v1/hello',
  roster: '/v1/roster',
  find: '/v1/find',
  why: '/v1/why',
  better: '/v1/better',
  next: '/v1/next',
  blobs: '/v1/blobs',
  /** Followed by the digest. */
  blob: '/v1/blob/',
} as const;

/** Header of `hello`: the port on which the caller listens, so that it can be called back. */
export const PORT_HEADER = 'x-vrift-port';

/** Bounds that both sides hold: a sender stays below them, a receiver refuses what is above. */
export const BOUNDS = {
  /** Request bodies. */
  requestBytes: 64 * 1024,
  headerBytes: 8 * 1024,
  helloBytes: 64 * 1024,
  /** All candidates of one answer. */
  findBytes: 8 * 1024 * 1024,
  /** A full roster, with a length before each statement. */
  rosterBytes: 5 * 1024 * 1024,
  rosterStatements: 65_536,
  findKeys: 256,
  /** Results that one `better` asks about. */
  standings: 256,
  candidatesPerKey: 16,
  /** Unit keys in one answer of `next`. */
  nextKeys: 256,
  /** One answer of `why`: units asked for, what is told of each, and all of it. */
  whyUnits: 32,
  whyBytes: 4 * 1024 * 1024,
  unitChars: 600,
  outcomesPerUnit: 4,
  words: 4096,
  facts: 8192,
  factChars: 512,
  attestations: 64,
  addresses: 64,
  /** One answer of `blobs`: digests asked for, and bytes of content. */
  batchBlobs: 256,
  batchBytes: 1024 * 1024,
  /** Outputs of one unit, nearly all of them `.dwo` files. */
  outputs: 4096,
  outputBytes: 16 * 1024 ** 3,
  /** What a node reads as a whole to replay it: each stream, the dep-info, a script's tree. */
  streamBytes: 16 * 1024 * 1024,
  depInfoBytes: 64 * 1024 * 1024,
  treeBytes: 1024 ** 3,
  inputs: 20_000,
  pathChars: 4096,
  nameChars: 128,
} as const;

/** Who answers, and what has changed since it was last asked. */
export interface Hello {
  node: string;
  /** For people; not unique. */
  name: string;
  version: string;
  protocol: number;
  mesh: string;
  /** Random per start: tells a node that restarted from one that was away. */
  epoch: string;
  /** Digest of the membership statements; another value means: pull `roster`. */
  roster: string;
  /** Results that it could serve. */
  results: number;
  /** Other members that it is connected to. */
  addresses: PeerAddress[];
}

export interface PeerAddress {
  node: string;
  host: string;
  port: number;
}

export interface FindRequest {
  unitKeys: Digest[];
}

/** One result as its holder tells it. */
export interface Found {
  manifest: Manifest;
  result: Result;
  attestations: Attestation[];
}

/** `found[i]` answers `unitKeys[i]`. */
export interface FindReply {
  found: Found[][];
}

export interface WhyRequest {
  /** Names that units have on every machine: place, crate, target, type, kind of profile. */
  units: string[];
}

/** One outcome of a unit at a peer, and what its key was made of. No variable's value is in it. */
export interface ToldOutcome {
  key: Digest;
  at: number;
  outcome: 'hit' | 'miss' | 'bypass';
  /** What became of it there. */
  from: string;
  /** Why the result stays on that machine. */
  local: string[];
  facts: { words: string[]; named: [input: string, value: string][] };
}

/** `units[i]` answers the request's; latest first. */
export interface WhyReply {
  units: ToldOutcome[][];
}

/**
 * What decides between several results of one key: the class, then the lower digest of what
 * dependents can see of the outputs.
 */
export type Standing = [resultKey: Digest, of: ResultClass, content: Digest];

export interface BetterRequest {
  results: Standing[];
}

/** Places in `results` for which the answering node holds one that is preferred, rising. */
export interface BetterReply {
  better: number[];
}

export interface NextRequest {
  unitKey: Digest;
}

/**
 * What the answering node used with that unit, in the order of use: results of these keys are
 * likely what the asker's build asks for next.
 */
export interface NextReply {
  unitKeys: Digest[];
}

/** The answer is one block per digest, in order (wire/blocks.ts); absent ones are marked so. */
export interface BlobsRequest {
  digests: Digest[];
}

const name = shape.text(BOUNDS.nameChars);
const path = shape.text(BOUNDS.pathChars);
const size = shape.integer(0, BOUNDS.outputBytes);
const stream = shape.exact({
  digest: shape.digest,
  size: shape.integer(0, BOUNDS.streamBytes),
});
const CLASS = shape.oneOf('plain', 'incremental', 'warm');
const ROLE =
  /^(?:rlib|rmeta|staticlib|dylib|cdylib|proc-macro|bin|dep-info|dwp|tree|file:\d{1,4}|dwo:[\w.-]{1,255})$/;

const result = shape.exact({
  schema: shape.oneOf(RESULT_SCHEMA),
  unitKey: shape.digest,
  resultKey: shape.digest,
  manifest: shape.digest,
  toolchain: shape.digest,
  target: name,
  crateName: shape.text(256),
  // A warm result never leaves its machine: whoever sends one is broken or lies.
  class: shape.oneOf('plain', 'incremental'),
  messages: shape.either(shape.oneOf('silent'), shape.digest),
  compileMs: shape.finite(0, 1e9),
  outputs: shape.list(
    shape.exact(
      {
        role: shape.text(260, ROLE),
        executable: shape.boolean,
        size,
        digest: shape.digest,
        identity: shape.digest,
      },
      ['identity'],
    ),
    BOUNDS.outputs,
  ),
  stdout: stream,
  stderr: stream,
});

const manifest = shape.exact({
  schema: shape.oneOf(1),
  inputs: shape.list(shape.tuple(path, shape.digest), BOUNDS.inputs),
  env: shape.list(shape.tuple(path, shape.either(shape.oneOf(null), shape.digest)), BOUNDS.inputs),
  absent: shape.list(path, BOUNDS.inputs),
  listed: shape.list(
    shape.tuple(path, shape.either(shape.oneOf('there'), shape.digest)),
    BOUNDS.inputs,
  ),
  observed: shape.either(shape.oneOf(null), shape.list(path, BOUNDS.inputs)),
  bound: shape.list(shape.tuple(path, shape.digest), 64),
});

const attestation = shape.exact({
  mesh: name,
  signer: name,
  resultKey: shape.digest,
  resultDigest: shape.digest,
  at: shape.finite(0, Number.MAX_SAFE_INTEGER),
  payload: shape.text(16 * 1024),
  signature: shape.text(256),
});

const found = shape.exact({
  manifest,
  result,
  attestations: shape.list(attestation, BOUNDS.attestations),
});

const findReply = shape.exact({
  found: shape.list(shape.list(found, BOUNDS.candidatesPerKey), BOUNDS.findKeys),
});

const fact = shape.text(BOUNDS.factChars);

const toldOutcome = shape.open({
  key: shape.digest,
  at: shape.finite(0, Number.MAX_SAFE_INTEGER),
  outcome: shape.oneOf('hit', 'miss', 'bypass'),
  from: fact,
  local: shape.list(fact, 16),
  facts: shape.open({
    words: shape.list(fact, BOUNDS.words),
    named: shape.list(shape.tuple(fact, fact), BOUNDS.facts),
  }),
});

const whyReply = shape.open({
  units: shape.list(shape.list(toldOutcome, BOUNDS.outcomesPerUnit), BOUNDS.whyUnits),
});

const hello = shape.open({
  node: name,
  name,
  version: name,
  protocol: shape.integer(0, 1e6),
  mesh: name,
  epoch: name,
  roster: name,
  results: shape.integer(0, Number.MAX_SAFE_INTEGER),
  addresses: shape.list(
    shape.open({ node: name, host: shape.text(255), port: shape.integer(1, 65_535) }),
    BOUNDS.addresses,
  ),
});

/** The part of `hello` that stays the same in every version, to recognise another one by. */
const greeting = shape.open({ version: name, protocol: shape.integer(0, 1e6) });

export const checkHello = (value: unknown) => shape.check<Hello>(hello, value);
export const checkGreeting = (value: unknown) =>
  shape.check<Pick<Hello, 'version' | 'protocol'>>(greeting, value);
export const checkFindReply = (value: unknown) => shape.check<FindReply>(findReply, value);
export const checkWhyReply = (value: unknown) => shape.check<WhyReply>(whyReply, value);
export const checkWhyRequest = (value: unknown) =>
  shape.check<WhyRequest>(
    shape.exact({ units: shape.list(shape.text(BOUNDS.unitChars), BOUNDS.whyUnits) }),
    value,
  );
export const checkFindRequest = (value: unknown) =>
  shape.check<FindRequest>(
    shape.exact({ unitKeys: shape.list(shape.digest, BOUNDS.findKeys) }),
    value,
  );
export const checkBetterRequest = (value: unknown) =>
  shape.check<BetterRequest>(
    shape.exact({
      results: shape.list(shape.tuple(shape.digest, CLASS, shape.digest), BOUNDS.standings),
    }),
    value,
  );
export const checkBetterReply = (value: unknown) =>
  shape.check<BetterReply>(
    shape.exact({ better: shape.list(shape.integer(0, BOUNDS.standings - 1), BOUNDS.standings) }),
    value,
  );
export const checkNextRequest = (value: unknown) =>
  shape.check<NextRequest>(shape.exact({ unitKey: shape.digest }), value);
export const checkNextReply = (value: unknown) =>
  shape.check<NextReply>(
    shape.exact({ unitKeys: shape.list(shape.digest, BOUNDS.nextKeys) }),
    value,
  );
export const checkBlobsRequest = (value: unknown) =>
  shape.check<BlobsRequest>(
    shape.exact({ digests: shape.list(shape.digest, BOUNDS.batchBlobs) }),
    value,
  );
