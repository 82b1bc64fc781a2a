import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { asDigest } from '../../src/base/digest.js';
import type { Attestation } from '../../src/base/result.js';
import { attest, checkAttestation } from '../../src/identity/attestation.js';
import { STATEMENT_TYPE, signPayload } from '../../src/identity/dsse.js';
import { hashId } from '../../src/identity/ids.js';
import type { NodeKey } from '../../src/identity/nodeKey.js';
import { foundMesh, newMember, newNode } from './support.js';

const MESH = hashId(Buffer.from('mesh'));
const RESULT = {
  mesh: MESH,
  resultKey: asDigest('a'.repeat(64)),
  resultDigest: asDigest('b'.repeat(64)),
  at: 1_700_000_000_000,
};

let key: NodeKey;
let other: NodeKey;
let genuine: Attestation;

beforeAll(async () => {
  [key, other] = [(await newNode()).key, (await newNode()).key];
  genuine = attest(key, RESULT);
});

function check(attestation: Attestation, members: readonly NodeKey[] = [key], meshId = MESH) {
  const isMember = (node: string) => members.some(({ nodeId }) => nodeId === node);
  return checkAttestation(attestation, { meshId, isMember });
}

describe('an attestation', () => {
  it('holds while its signer is a member', () => {
    expect(genuine).toMatchObject({ ...RESULT, signer: key.nodeId });
    expect(check(genuine)).toBe('ok');
    expect(check(genuine, [other])).toBe('signer is not a member');
    expect(check(genuine, [key], other.nodeId)).toBe('other mesh');
  });

  it('says nothing for another result, signer, mesh or time than the signed one', () => {
    const changes: Partial<Attestation>[] = [
      { resultKey: asDigest('c'.repeat(64)) },
      { resultDigest: asDigest('c'.repeat(64)) },
      { signer: other.nodeId },
      { mesh: other.nodeId },
      { at: RESULT.at + 1 },
    ];
    for (const change of changes) {
      const flaw = check({ ...genuine, ...change }, [key, other]);
      expect(flaw).toBe('fields differ from what was signed');
    }
  });

  it('cannot be signed in another’s name', () => {
    const payload = Buffer.from(genuine.payload, 'base64');
    const signature = other.sign(payload).toString('base64');
    expect(check({ ...genuine, signature }, [key, other])).toBe('bad signature');
    expect(check({ ...genuine, signature: attest(other, RESULT).signature })).toBe('bad signature');
  });

  it('is no statement, and no statement is one', () => {
    const payload = Buffer.from(genuine.payload, 'base64');
    const signature = signPayload(key, STATEMENT_TYPE, payload).toString('base64');
    expect(check({ ...genuine, signature })).toBe('bad signature');
  });

  it('ends with the membership of its signer', async () => {
    const { membership } = await foundMesh();
    const ann = await newMember(membership);
    const word = attest(ann.key, { ...RESULT, mesh: membership.meshId });
    expect(checkAttestation(word, membership)).toBe('ok');
    membership.revoke(ann.key.nodeId, { keepAdded: true });
    expect(checkAttestation(word, membership)).toBe('signer is not a member');
  });

  it('is refused in any other shape, without harm', () => {
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom(...Object.values(genuine)));
    const field = fc.constantFrom(...(Object.keys(genuine) as (keyof Attestation)[]));
    fc.assert(
      fc.property(field, value, (name, replacement) => {
        const changed = { ...genuine, [name]: replacement } as Attestation;
        if (changed[name] !== genuine[name]) expect(check(changed)).not.toBe('ok');
      }),
    );
    const inner = fc.jsonValue().map((json) => ({
      ...genuine,
      payload: Buffer.from(JSON.stringify(json)).toString('base64'),
    }));
    fc.assert(fc.property(inner, (changed) => check(changed) === 'malformed'));
    expect(check({ ...genuine, payload: 'A'.repeat(1_000_000) })).toBe('malformed');
    for (const nothing of [null, undefined, 7, []]) {
      expect(check(nothing as never)).toBe('malformed');
    }
  });
});
