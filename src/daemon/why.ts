import { rootOf } from '../pipeline/cascade.js';
import { type ComparedPeer, compareWith } from '../pipeline/compare.js';
import type { History, LastOutcome } from '../pipeline/history.js';
import type { StorePort } from '../pipeline/ports.js';
import type { WhyInfo } from '../wire/control.js';
import type { Found, ToldOutcome } from '../wire/http.js';
import type { MeshLink } from './mesh/link.js';

/** What `vrift why` is answered with. */
export interface WhyOptions {
  /** Left out: all units of the last builds. */
  unit: string | undefined;
  /** Name or beginning of the id of the node to compare with. */
  peer: string | undefined;
}

/** @throws what asking the peer throws */
export async function why(
  { unit, peer }: WhyOptions,
  history: History,
  store: StorePort,
  mesh: Pick<MeshLink, 'why'>,
): Promise<WhyInfo[]> {
  const all = history.latest();
  const wanted = unit?.replaceAll('-', '_');
  const entries = all.filter((entry) => wanted === undefined || entry.unit === wanted);
  if (peer === undefined) {
    return entries.map((entry) => {
      const root = entry.outcome === 'miss' ? rootOf(entry, all) : null;
      return infoOf(entry, entry.diff, root, null);
    });
  }
  const asked = { node: '', name: '' };
  const ask = async <T>(question: Parameters<MeshLink['why']>[1]): Promise<T> => {
    const { node, name, answers } = await mesh.why(peer, question);
    Object.assign(asked, { node, name });
    return answers as T;
  };
  const compared: ComparedPeer = {
    outcomes: (units) => ask<ToldOutcome[][]>({ kind: 'outcomes', units }),
    results: (keys) => ask<Found[][]>({ kind: 'results', keys }),
  };
  // Who names no unit wants to know of what was compiled.
  const open = unit === undefined ? entries.filter(({ outcome }) => outcome === 'miss') : entries;
  // A question names the unit: nobody is asked about a private one.
  const told = open.filter(({ offMesh }) => !offMesh);
  if (told.length === 0) await compared.outcomes([]);
  const found = await compareWith(compared, told, history, store);
  const linked = all.map((entry) => found.get(entry) ?? { ...entry, diff: [] });
  return open.map((entry) => {
    const own = found.get(entry);
    if (own === undefined) return infoOf(entry, [], null, null);
    return infoOf(entry, own.diff, rootOf(own, linked), { ...asked, state: own.state });
  });
}

function infoOf(
  entry: LastOutcome,
  diff: WhyInfo['diff'],
  root: WhyInfo['root'],
  peer: WhyInfo['peer'],
): WhyInfo {
  const { unit, crateType, outcome, from, detail, key, resultKey, against, local } = entry;
  const { bound, toolchain, at } = entry;
  const { macros, observed, declared, package: cargoPackage } = entry;
  return {
    unit,
    crateType,
    package: cargoPackage,
    outcome,
    from,
    detail,
    key,
    resultKey,
    toolchain,
    diff,
    against,
    local,
    bound,
    macros: [...macros],
    observed,
    declared: [...declared],
    at,
    root,
    peer,
  };
}
