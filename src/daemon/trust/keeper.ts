import { DEFAULT_POLICY } from '../../identity/policy.js';
import { type Held, type Trust, trustIn } from '../../identity/trust.js';
import { readTrustFacts, type TrustFacts } from '../../identity/trustFacts.js';
import type { Objection, TrustPort } from '../../pipeline/ports.js';

const objection = (before: string, after: string): Objection => {
  return { reason: 'policy', change: { input: 'policy', before, after } };
};
/** Whoever vouched for a peer's result may have been recalled. */
const UNREADABLE = objection('a roster that can be read', 'damaged');
/** Whoever gave it was a peer a moment ago. */
const LEFT = objection('in a mesh', 'left it');

/**
 * Who is believed about results, as the main thread knows it: from the files at the start, then
 * from the mesh's thread whenever it changes. A node in no mesh believes what it took from peers only
 * under the default policy.
 */
export class TrustKeeper implements TrustPort {
  readonly #policy: string;
  #trust: Trust | 'no mesh' | 'unreadable';

  private constructor(policy: string, trust: Trust | 'no mesh' | 'unreadable') {
    this.#policy = policy;
    this.#trust = trust;
  }

  /** Calls are answered before the mesh is open, so its roster is read here first. */
  static async open(identityDir: string, policy: string): Promise<TrustKeeper> {
    try {
      const facts = await readTrustFacts(identityDir);
      return new TrustKeeper(policy, facts === undefined ? 'no mesh' : trustIn(facts, policy));
    } catch {
      // The mesh's thread will say what is wrong.
      return new TrustKeeper(policy, 'unreadable');
    }
  }

  update(facts: TrustFacts | undefined): void {
    this.#trust = facts === undefined ? 'no mesh' : trustIn(facts, this.#policy);
  }

  /** What this node knows of its mesh, if it is in one. */
  get current(): Trust | undefined {
    return typeof this.#trust === 'string' ? undefined : this.#trust;
  }

  taking({ result, attestations }: Parameters<TrustPort['taking']>[0]): Objection | undefined {
    if (this.#trust === 'no mesh') return LEFT;
    if (this.#trust === 'unreadable') return UNREADABLE;
    return asChange(this.#trust.taking(result, attestations));
  }

  keeping(stored: Held): Objection | undefined {
    if (typeof this.#trust !== 'string') return asChange(this.#trust.keeping(stored));
    if (stored.origin === 'own') return undefined;
    if (this.#trust === 'unreadable') return UNREADABLE;
    // Who is who is not known any more, and any other policy asks for that.
    return this.#policy === DEFAULT_POLICY ? undefined : LEFT;
  }

  isRecalledToolchain(toolchain: string): boolean {
    return this.current?.isRecalledToolchain(toolchain) ?? false;
  }
}

function asChange(found: ReturnType<Trust['taking']>): Objection | undefined {
  if (found === undefined) return undefined;
  const { reason, before, after } = found;
  return { reason, change: { input: reason, before, after } };
}
