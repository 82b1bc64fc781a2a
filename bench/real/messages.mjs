import { unitOf } from './cargo.mjs';

/**
 * What cargo says of a build must be the same with and without the cache, as an IDE sees it: the
 * messages of the compiler, the artifacts and what build scripts told. Order may differ.
 *
 * @param built, bare phases of runCargo, at one place
 * @returns differences
 */
export function compareMessages(built, bare) {
  const differences = [];
  for (const phase of Object.keys(built)) {
    for (const [what, project] of Object.entries(KINDS)) {
      const left = counted(built[phase][what].map(project));
      const right = counted(bare[phase][what].map(project));
      for (const line of new Set([...left.keys(), ...right.keys()])) {
        const [have, want] = [left.get(line) ?? 0, right.get(line) ?? 0];
        if (have === want) continue;
        const path = `${phase}, ${what}: ${line.slice(0, 300)}`;
        differences.push({ path, what: `${have} times instead of ${want}` });
      }
    }
  }
  return differences;
}

/** Fields in which two builds may not differ, as text. */
const KINDS = {
  messages: (event) => `${unitOf({ ...event, profile: {} })} ${JSON.stringify(event.message)}`,
  artifacts: (artifact) => `${unitOf(artifact)} ${JSON.stringify({ ...artifact, fresh: null })}`,
  scripts: (script) => `${script.package_id} ${JSON.stringify(script)}`,
};

function counted(lines) {
  const counts = new Map();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts;
}
