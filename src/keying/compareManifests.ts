import type { Manifest } from '../base/result.js';
import type { Change } from './explain.js';

/**
 * What two compiles of one unit key read differently, by their manifests alone: no file is
 * looked at, whoever named it.
 */
export function changedManifests(before: Manifest, after: Manifest): Change[] {
  const changes = [
    ...pairs('path of ', before.bound, after.bound, 'not bound'),
    ...pairs('variable ', before.env, after.env, 'not read', 'unset'),
    ...pairs('file ', before.inputs, after.inputs, 'not read'),
    ...pairs('file ', absences(before), absences(after), 'not looked for'),
    ...pairs('names in ', before.listed, after.listed, 'not read'),
  ];
  // What only one side read follows from something that both did.
  return changes.toSorted((a, b) => Number(isOneSided(a)) - Number(isOneSided(b)));
}

function isOneSided({ before, after }: Change): boolean {
  return before.startsWith('not ') || after.startsWith('not ');
}

function pairs(
  prefix: string,
  before: readonly (readonly [string, string | null])[],
  after: readonly (readonly [string, string | null])[],
  missing: string,
  unset = missing,
): Change[] {
  const text = (value: string | null | undefined) =>
    value === undefined ? missing : (value ?? unset);
  const old = new Map(before);
  const changes: Change[] = [];
  for (const [name, value] of after) {
    const was = old.get(name);
    old.delete(name);
    if (was === value) continue;
    changes.push({ input: `${prefix}${name}`, before: text(was), after: text(value) });
  }
  for (const [name, was] of old) {
    changes.push({ input: `${prefix}${name}`, before: text(was), after: missing });
  }
  return changes;
}

function absences({ absent }: Manifest): [string, string][] {
  return absent.map((path) => [path, 'none']);
}
