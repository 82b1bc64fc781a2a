import type { Attestation, Result } from '../base/result.js';
import { type Policy, parsePolicy, suffices, type Voucher } from './policy.js';
import type { Recalls } from './recalls.js';
import { mayVouch } from './roles.js';
import type { TrustFacts } from './trustFacts.js';

/** Why a result that somebody signed is not used. It is no lie: others may have other policies. */
export interface Objection {
  reason: 'policy' | 'recall';
  /** What is there. */
  before: string;
  /** What is asked for, or was said. */
  after: string;
}

/** What is looked at of a result. */
export type Judged = Pick<Result, 'resultKey' | 'toolchain'>;
export type Vouched = Pick<Attestation, 'mesh' | 'signer'>;

/** A result of this node's store. */
export interface Held {
  result: Judged;
  attestations: readonly Vouched[];
  origin: 'own' | 'peer' | 'remote';
}

/**
 * Who is believed about results: roster, recalls and this node's policy, ready to be asked at
 * every restore. Signatures are checked where a result comes in, not here.
 */
export class Trust {
  readonly #facts: TrustFacts;
  readonly #policy: Policy;
  readonly #policyText: string;
  readonly #members = new Map<string, Voucher>();
  /** With those who were members once: what they vouched for then stays. */
  readonly #everybody = new Map<string, Voucher>();
  readonly #names = new Map<string, string>();
  /** Of each name the only node that ever had it; undefined where several had. */
  readonly #bearers = new Map<string, string | undefined>();
  readonly #recalls: Recalls;

  constructor(facts: TrustFacts, policy: Policy, policyText: string) {
    this.#facts = facts;
    this.#policy = policy;
    this.#policyText = policyText;
    this.#recalls = facts.recalls;
    for (const { node, roles, names, revoked } of facts.nodes) {
      const voucher = { node, roles: new Set(roles) };
      for (const name of names) this.#note(name, node);
      this.#names.set(node, names[0] ?? node.slice(0, 8));
      if (!mayVouch(voucher.roles)) continue;
      this.#everybody.set(node, voucher);
      if (!revoked) this.#members.set(node, voucher);
    }
  }

  get facts(): TrustFacts {
    return this.#facts;
  }

  /** Whether a node is a current member whose word counts at all. */
  mayVouch(node: string): boolean {
    return this.#members.has(node);
  }

  /**
   * Why a peer's result may not be taken in.
   *
   * @param attestations those whose signatures hold
   */
  taking(result: Judged, attestations: readonly Vouched[]): Objection | undefined {
    return this.#judge(result, attestations, this.#members);
  }

  /** Why a result of the own store may not be put in place now. */
  keeping({ result, attestations, origin }: Held): Objection | undefined {
    if (origin !== 'own') return this.#judge(result, attestations, this.#everybody);
    const objection = this.#recallOf(result);
    if (objection !== undefined || !this.#recalls.nodes.has(this.#facts.self)) return objection;
    return this.#judge(result, attestations, this.#everybody) && RECALLED_HERE;
  }

  /**
   * Whether a stored result is to be dropped. What a policy refuses is not: policies change.
   */
  isRecalled({ result, attestations, origin }: Held): boolean {
    if (this.#recallOf(result) !== undefined) return true;
    const { nodes } = this.#recalls;
    if (origin === 'own' && !nodes.has(this.#facts.self)) return false;
    const ours = attestations.filter(({ mesh }) => mesh === this.#facts.mesh);
    if (origin !== 'own' && ours.length === 0) return false;
    return ours.every(({ signer }) => nodes.has(signer));
  }

  isRecalledNode(node: string): boolean {
    return this.#recalls.nodes.has(node);
  }

  isRecalledToolchain(toolchain: string): boolean {
    return this.#recalls.toolchains.has(toolchain);
  }

  /** What people call a node. */
  nameOf(node: string): string {
    return this.#names.get(node) ?? node.slice(0, 8);
  }

  #judge(
    result: Judged,
    attestations: readonly Vouched[],
    known: ReadonlyMap<string, Voucher>,
  ): Objection | undefined {
    const { mesh } = this.#facts;
    const signers = new Set<string>();
    for (const one of attestations) if (one.mesh === mesh) signers.add(one.signer);
    const vouchers = [...signers].flatMap((signer) => known.get(signer) ?? []);
    if (!this.#suffice(vouchers)) {
      return { reason: 'policy', before: this.#signedBy(signers), after: this.#policyText };
    }
    const objection = this.#recallOf(result);
    if (objection !== undefined) return objection;
    const { nodes } = this.#recalls;
    if (nodes.size === 0 || this.#suffice(vouchers.filter(({ node }) => !nodes.has(node)))) {
      return undefined;
    }
    return { reason: 'recall', before: this.#signedBy(signers), after: 'recalled' };
  }

  #recallOf({ resultKey, toolchain }: Judged): Objection | undefined {
    const { results, toolchains } = this.#recalls;
    const before = results.has(resultKey)
      ? `result ${resultKey}`
      : toolchains.has(toolchain)
        ? `toolchain ${toolchain}`
        : undefined;
    return before === undefined ? undefined : { reason: 'recall', before, after: 'recalled' };
  }

  #suffice(vouchers: readonly Voucher[]): boolean {
    return suffices(this.#policy, vouchers, (name) => this.#bearers.get(name));
  }

  #signedBy(signers: ReadonlySet<string>): string {
    const names = [...signers].map((node) => `${this.nameOf(node)} (${node.slice(0, 8)})`);
    return names.length === 0 ? 'signed by nobody of this mesh' : `signed by ${names.join(', ')}`;
  }

  /** Newcomers choose their names: one that two nodes ever had stands for neither. */
  #note(name: string, node: string): void {
    const only = !this.#bearers.has(name) || this.#bearers.get(name) === node;
    this.#bearers.set(name, only ? node : undefined);
  }
}

/** @param policy text that `parsePolicy` takes */
export function trustIn(facts: TrustFacts, policy: string): Trust {
  const parsed = parsePolicy(policy);
  if (parsed === undefined || 'problem' in parsed) throw new RangeError(`no policy: ${policy}`);
  return new Trust(facts, parsed, policy);
}

const RECALLED_HERE: Objection = {
  reason: 'recall',
  before: 'made by this node',
  after: 'recalled',
};
