import { describe, expect, it } from 'vitest';
import type { Digest } from '../../src/base/digest.js';
import type { Manifest } from '../../src/base/result.js';
import { hashId } from '../../src/identity/ids.js';
import { evaluate } from '../../src/identity/roster.js';
import type { RecallTarget, Statement } from '../../src/identity/statements.js';
import { trustIn } from '../../src/identity/trust.js';
import { trustFactsOf } from '../../src/identity/trustFacts.js';
import { foreign } from '../../src/pipeline/foreign.js';
import type { Candidate, PipelinePorts, TrustPort } from '../../src/pipeline/ports.js';
import { keep } from '../../src/pipeline/take.js';
import { ACTORS, add, FOUNDER, GENESIS, revoke, said } from '../identity/histories.js';
import { digestOf, hasher, makeUnit } from '../mesh/support.js';

const [, SIGNER, SELF] = ACTORS as [string, string, string];
const honest = makeUnit('leaf', [Buffer.from('rlib')]);
const vouched = (mesh: string, signer: string): Candidate => ({
  ...honest,
  attestations: [{ mesh, signer }] as Candidate['attestations'],
  holders: ['holder'],
});
const sound = vouched(GENESIS.meshId, SIGNER);

/** The real judgement over a made-up roster. */
function portsFor(policy: string, more: readonly Statement[] = []) {
  const roster = evaluate(GENESIS, [add(FOUNDER, SIGNER), add(FOUNDER, SELF), ...more]);
  const trust = trustIn(trustFactsOf(GENESIS.meshId, SELF, roster), policy);
  const taking: TrustPort['taking'] = ({ result, attestations }) => {
    const objection = trust.taking(result, attestations);
    return objection && { ...objection, change: { input: objection.reason, ...objection } };
  };
  const refused: string[] = [];
  const stored: unknown[] = [];
  const ports = {
    hasher,
    trust: { taking },
    conflicts: { saw: () => {} },
    recorder: { refused: (reason: string) => refused.push(reason) },
    store: { resultsOf: () => [], putResult: (entry: unknown) => stored.push(entry) },
  } as unknown as PipelinePorts;
  return { ports, refused, stored };
}

function judged(
  candidate: Candidate,
  more: readonly Statement[] = [],
  { policy = 'any-member', expected = true } = {},
) {
  const { ports } = portsFor(policy, more);
  const { usable, refused } = foreign(honest.unitKey, [candidate], ports, () => expected);
  expect(usable.length).toBeLessThan(2);
  return usable.length === 1 ? 'usable' : (refused?.objection.reason ?? 'ignored');
}

const recall = (target: RecallTarget) => said(FOUNDER, { type: 'recall', target });
const renamed = (change: Partial<Candidate['result']>): Candidate => ({
  ...sound,
  result: { ...sound.result, ...change },
});

describe('of a result that a peer tells of', () => {
  it('nothing is wrong', () => expect(judged(sound)).toBe('usable'));

  it('the result key is the one that follows from our unit key and its manifest', () => {
    expect(judged(renamed({ resultKey: digestOf('another') }))).toBe('ignored');
    expect(judged(renamed({ unitKey: digestOf('another') }))).toBe('ignored');
    const manifest: Manifest = { ...sound.manifest, absent: ['/vr/ws/more'] };
    expect(judged({ ...sound, manifest })).toBe('ignored');
  });

  it('the attestation is of our mesh', () => {
    expect(judged(vouched(hashId(Buffer.from('other')), SIGNER))).toBe('policy');
  });

  it('the signer is a member now', () => {
    expect(judged(sound, [revoke(FOUNDER, SIGNER)])).toBe('policy');
    expect(judged(vouched(GENESIS.meshId, ACTORS[5]!))).toBe('policy');
  });

  it('the policy accepts the signer', () => {
    expect(judged(sound, [], { policy: 'role:ci' })).toBe('policy');
    expect(judged(sound, [], { policy: 'quorum:2' })).toBe('policy');
    expect(judged(sound, [], { policy: `nodes:${SIGNER}` })).toBe('usable');
  });

  it('neither signer, toolchain nor key is recalled', () => {
    const { toolchain, resultKey } = honest.result;
    const targets: RecallTarget[] = [
      { kind: 'node', id: SIGNER },
      { kind: 'toolchain', id: toolchain },
      { kind: 'result', id: resultKey },
    ];
    for (const target of targets) expect(judged(sound, [recall(target)])).toBe('recall');
  });

  it('the outputs are those that the call makes', () => {
    expect(judged(sound, [], { expected: false })).toBe('ignored');
  });

  it('the class is one that may leave a machine', () => {
    expect(judged(renamed({ class: 'warm' }))).toBe('ignored');
  });
});

describe('a result whose content has come', () => {
  const digested = { ...sound, resultDigest: digestOf('r') as Digest };

  it('is stored', () => {
    const { ports, stored } = portsFor('any-member');
    expect(keep(digested, ports)).toMatchObject({ origin: 'peer', localOnly: false });
    expect(stored).toHaveLength(1);
  });

  it('is not stored when it was recalled meanwhile, which is counted', () => {
    const recalled = [recall({ kind: 'node', id: SIGNER })];
    const { ports, stored, refused } = portsFor('any-member', recalled);
    expect(keep(digested, ports)).toBeUndefined();
    expect({ stored, refused }).toEqual({ stored: [], refused: ['recall'] });
  });
});
