import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/base/canonical.js';
import type { Attestation } from '../../src/base/result.js';
import { attest, checkAttestation } from '../../src/identity/attestation.js';
import { parseEnvelope } from '../../src/identity/envelope.js';
import { parseGenesis } from '../../src/identity/genesis.js';
import { formatToken, parseToken } from '../../src/identity/token.js';
import { checkFound } from '../../src/mesh/checkFound.js';
import { isOurs, makeTxt } from '../../src/mesh/discovery/tag.js';
import { decodeBlocks, encodeBlocks } from '../../src/wire/blocks.js';
import * as http from '../../src/wire/http.js';
import { decodeTxt } from '../../src/wire/txt.js';
import { foundMesh, newMember } from '../identity/support.js';
import { hasher } from '../keying/support.js';
import { digestOf, makeUnit, resultKeyOf, vouchedFor } from '../mesh/support.js';
import { always, failsOnlyWith, mutated, mutatedJson } from './support.js';

const mesh = await foundMesh();
const ann = await newMember(mesh.membership);
const statements = mesh.membership.statements();
const unit = makeUnit('unit', [Buffer.from('rlib'), Buffer.from('dwo')]);
const found = vouchedFor(mesh, unit);

describe('a token', () => {
  const token = formatToken({
    meshId: mesh.membership.meshId,
    inviter: mesh.key.nodeId,
    secret: Buffer.alloc(16, 7),
    addresses: ['10.0.0.1:7391', '[fd00::1]:7391'],
  });
  always('is read whole, or refused', mutated([Buffer.from(token)]), (bytes) => {
    const written = bytes.toString('utf8');
    const read = failsOnlyWith(['VRIFT_TOKEN_MALFORMED'], () => parseToken(written));
    if (read) expect(formatToken(read)).toBe(written.replace(/\s+/g, '').toLowerCase());
  });
});

describe('membership', () => {
  always('statements are read verbatim, or not at all', mutated(statements), (bytes) => {
    const envelope = parseEnvelope(bytes);
    if (envelope) expect(canonicalJson(JSON.parse(bytes.toString()))).toBe(bytes.toString());
    const isKnown = statements.some((each) => each.equals(bytes));
    if (envelope && !isKnown) expect(envelope.isAuthentic()).toBe(false);
  });

  always(
    'a genesis is the one of its mesh, or none',
    mutated([mesh.membership.genesis]),
    (bytes) => {
      const genesis = parseGenesis(bytes);
      if (genesis === undefined) return;
      const same = bytes.equals(mesh.membership.genesis);
      expect(genesis.meshId === mesh.membership.meshId).toBe(same);
    },
  );

  always(
    'changes by nothing that nobody signed',
    fc.array(mutated(statements), { maxLength: 4 }),
    (set) => {
      const members = () => ann.membership.members().map(({ node, role }) => [node, role]);
      const before = members();
      failsOnlyWith(['VRIFT_PEER_INVALID'], () => ann.membership.merge(set));
      expect(members()).toEqual(before);
    },
    { share: 0.3 },
  );
});

describe('an attestation', () => {
  const { resultKey } = unit.result;
  const signed = attest(mesh.key, {
    mesh: mesh.membership.meshId,
    resultKey,
    resultDigest: digestOf('result'),
    at: 1,
  });
  always('holds as it was signed, and in no other form', mutatedJson([signed]), (value) => {
    const verdict = checkAttestation(value as Attestation, mesh.membership);
    const kept = ['mesh', 'signer', 'resultKey', 'resultDigest', 'at', 'payload', 'signature'];
    const same = kept.every(
      (name) => (value as Record<string, unknown> | null)?.[name] === signed[name as 'at'],
    );
    expect(verdict === 'ok').toBe(same);
  });
});

describe('an answer to a look-up', () => {
  const checks = {
    hasher,
    resultKeyOf,
    checkAttestation: (each: Attestation) => checkAttestation(each, ann.membership),
  };
  always('is sound only as its signer made it', mutatedJson([{ found: [[found]] }]), (value) => {
    const reply = http.checkFindReply(value);
    for (const each of reply.ok ? reply.value.found.flat() : []) {
      const checked = checkFound(unit.unitKey, each, checks);
      if (checked.kind !== 'sound') continue;
      expect([each.manifest, each.result]).toEqual([found.manifest, found.result]);
    }
  });
});

const digest = digestOf('x');
const told = {
  key: digest,
  at: 1,
  outcome: 'hit',
  from: 'disk',
  local: [],
  facts: { words: [], named: [['a', 'b']] },
};
const address = { node: 'n', host: '10.0.0.1', port: 1 };
const hello = {
  node: 'n',
  name: 'n',
  version: '1',
  protocol: 1,
  mesh: 'm',
  epoch: 'e',
  roster: 'r',
  results: 1,
  addresses: [address],
};
const BODIES: [string, unknown, (value: unknown) => { ok: boolean }][] = [
  ['hello', hello, http.checkHello],
  ['a greeting', hello, http.checkGreeting],
  ['a find request', { unitKeys: [digest] }, http.checkFindRequest],
  ['a find answer', { found: [[found]] }, http.checkFindReply],
  ['a why request', { units: ['u'] }, http.checkWhyRequest],
  ['a why answer', { units: [[told]] }, http.checkWhyReply],
  ['a better request', { results: [[digest, 'plain', digest]] }, http.checkBetterRequest],
  ['a better answer', { better: [0, 1] }, http.checkBetterReply],
  ['a next request', { unitKey: digest }, http.checkNextRequest],
  ['a next answer', { unitKeys: [digest] }, http.checkNextReply],
  ['a blobs request', { digests: [digest] }, http.checkBlobsRequest],
];

/** Later versions may add members: what bounds them is the size of the answer. */
const MAY_GROW = ['hello', 'a greeting', 'a why answer'];

describe('bodies between members', () => {
  it.each(BODIES)('%s is accepted as it is meant', (_name, sound, check) => {
    expect(check(sound)).toMatchObject({ ok: true });
  });
  for (const [name, sound, check] of BODIES) {
    always(
      `${name} has its shape and is in bounds, or is refused`,
      mutatedJson([sound]),
      (value) => {
        const size = JSON.stringify(value).length;
        if (check(value).ok && !MAY_GROW.includes(name)) expect(size).toBeLessThan(64 * 1024);
      },
      { share: 0.5 },
    );
  }

  always('blocks come back as they were', fc.array(fc.option(fc.uint8Array())), (blocks) => {
    const sent = blocks.map((block) => (block === null ? undefined : Buffer.from(block)));
    expect(decodeBlocks(encodeBlocks(sent), blocks.length)).toEqual(sent);
  });

  const blocks = encodeBlocks([Buffer.from('abc'), undefined, Buffer.alloc(0), Buffer.alloc(99)]);
  always('blocks of any bytes are views into them', mutated([blocks]), (bytes) => {
    const read = decodeBlocks(bytes, 4) ?? [];
    expect(read.length).toBeLessThanOrEqual(4);
    const total = read.reduce((sum, block) => sum + 4 + (block?.length ?? 0), 0);
    if (decodeBlocks(bytes, 4)) expect(total).toBe(bytes.length);
  });
});

describe('an announcement', () => {
  const secret = Buffer.alloc(32, 1);
  const { version, salt, tag } = makeTxt(secret, 'vrift-1', 1);
  const record = { v: String(version), s: salt, t: tag };
  always('is ours as it was made, and in no other form', mutatedJson([record]), (value) => {
    const txt = decodeTxt(value);
    const ours = txt !== undefined && isOurs(secret, 'vrift-1', txt);
    expect(ours).toBe(txt?.salt === salt && txt.tag === tag);
  });
});
