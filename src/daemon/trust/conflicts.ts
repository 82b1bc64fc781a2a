import { canonicalJson } from '../../base/canonical.js';
import type { Digest, Hasher } from '../../base/digest.js';
import type { Result } from '../../base/result.js';
import type { Trust } from '../../identity/trust.js';
import type { ConflictsPort } from '../../pipeline/ports.js';
import type { Table } from '../../store/table.js';
import type { ConflictInfo } from '../../wire/control.js';

/** Result keys, results of one, and who signed one. */
export const MAX_CONFLICTS = 500;
const MAX_RESULTS = 16;
const MAX_SIGNERS = 64;

type Row = Omit<ConflictInfo, 'results'> & {
  results: { digest: Digest; content: Digest; signers: { node: string; at: number | null }[] }[];
};
type Seen = Parameters<ConflictsPort['saw']>[0][number];

export interface ConflictsOptions {
  table: Pick<Table<Row>, 'get' | 'put' | 'entries'>;
  hasher: Hasher;
  now: () => number;
  /** Undefined in no mesh: then nobody's word is compared. */
  trust: () => Trust | undefined;
  onNew: (unit: string, key: Digest) => void;
}

/**
 * Several nodes signed different things for one result key. Mostly a unit that varies by itself;
 * it may be a node that lies or a machine that errs, so who signed what is kept for people.
 */
export class Conflicts implements ConflictsPort {
  readonly #options: ConflictsOptions;

  constructor(options: ConflictsOptions) {
    this.#options = options;
  }

  saw(results: readonly Seen[]): void {
    const trust = this.#options.trust();
    if (results.length === 0 || trust === undefined) return;
    const groups = new Map<string, Seen[]>();
    for (const seen of results) {
      // Another class, or another terminal's messages, are other results by right.
      const name = `${seen.result.class} ${seen.result.messages}`;
      groups.set(name, [...(groups.get(name) ?? []), seen]);
    }
    for (const [name, group] of groups) {
      const digests = new Set(group.map(({ resultDigest }) => resultDigest));
      const id = `${group[0]!.result.resultKey} ${name}`;
      const before = this.#options.table.get(id);
      if (digests.size > 1 || before !== undefined) this.#note(id, before, group, trust);
    }
  }

  /** The latest first. */
  list(): ConflictInfo[] {
    const trust = this.#options.trust();
    const rows = [...this.#options.table.entries()].map(([, row]) => row);
    return rows
      .sort((a, b) => b.at - a.at)
      .map((row) => ({
        ...row,
        results: row.results.map(({ digest, signers }) => ({
          digest,
          signers: signers.map(({ node, at }) => {
            return { node, name: trust?.nameOf(node) ?? node.slice(0, 8), at };
          }),
        })),
      }));
  }

  #note(id: string, before: Row | undefined, group: readonly Seen[], trust: Trust): void {
    const { table, hasher, now, onNew } = this.#options;
    const { resultKey, unitKey, crateName, target } = group[0]!.result;
    const results = [...(before?.results ?? [])];
    for (const { result, resultDigest, attestations, origin } of group) {
      const { mesh, self } = trust.facts;
      const ours = attestations.filter((one) => one.mesh === mesh);
      const said = ours.map(({ signer, at }) => ({ node: signer, at: at as number | null }));
      // Its own are signed when they are served.
      if (origin === 'own' && !said.some(({ node }) => node === self)) {
        said.push({ node: self, at: null });
      }
      if (said.length === 0) continue;
      const at = results.findIndex(({ digest }) => digest === resultDigest);
      const known = results[at] ?? {
        digest: resultDigest,
        content: contentOf(result, hasher),
        signers: [],
      };
      const more = said.filter((one) => !known.signers.some(({ node }) => node === one.node));
      const merged = { ...known, signers: [...known.signers, ...more].slice(0, MAX_SIGNERS) };
      if (at >= 0) results[at] = merged;
      else if (results.length < MAX_RESULTS) results.push(merged);
    }
    if (new Set(results.map(({ content }) => content)).size < 2) return;
    if (canonicalJson(results) === canonicalJson(before?.results ?? [])) return;
    table.put(id, { key: resultKey, unitKey, unit: crateName, target, at: now(), results });
    if (before === undefined) onNew(crateName, resultKey);
  }
}

/**
 * All that a result puts in place and replays, without what differs between two compiles that are
 * the same to whoever uses them: names of archive members, hashes in file names.
 */
function contentOf({ outputs, stdout, stderr }: Result, hasher: Hasher): Digest {
  const seen = outputs.map(({ role, digest, identity }) => [role, identity ?? digest]);
  const sorted = seen.sort(([a], [b]) => (a! < b! ? -1 : 1));
  return hasher.hash(canonicalJson([sorted, stdout.digest, stderr.digest]));
}
