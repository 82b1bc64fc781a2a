import type { Digest, Hasher } from '../base/digest.js';
import type { Manifest } from '../base/result.js';
import { namesIn } from '../keying/manifest.js';
import { hasRawBytes } from '../wire/bytes.js';
import type { Sighting } from '../wire/observed.js';
import { observedBeyond } from './observed.js';
import type { DiskPort } from './ports.js';
import type { Unit } from './prepare.js';

/** More than this and a compile read half a disk: it is not worth keeping. */
const MAX_OBSERVED = 20_000;

/** The part of a manifest that nobody declared; a text is why it cannot be told for certain. */
export interface Beyond {
  /** Real paths, for the same checks that declared inputs get. */
  files: string[];
  absent: string[];
  listed: Manifest['listed'];
  env: string[];
  observed: string[];
}

/**
 * What a compile read beyond what it declared, as the manifest names it.
 *
 * @param declared real paths that are inputs anyway
 * @param settled  whether a directory's names are as old as the compile's start
 */
export function beyondDeclared(
  unit: Unit,
  sightings: readonly Sighting[],
  declared: ReadonlySet<string>,
  settled: (directory: string) => boolean,
  disk: DiskPort,
  hasher: Hasher,
): Beyond | string {
  if (sightings.some(({ kind }) => kind === 'c')) return 'a macro uses the network';
  const seen = observedBeyond(unit, sightings, declared, disk);
  if (seen.asksMachine) return 'a macro asks which machine this is';
  const many = seen.files.size + seen.absent.size + seen.listed.size + seen.env.size;
  if (many > MAX_OBSERVED) return 'too many observed inputs';
  const odd = [...seen.files, ...seen.absent, ...seen.listed, ...seen.there].find(hasRawBytes);
  if (odd !== undefined) return 'a macro looks at a name that is no text';
  const listed: Manifest['listed'] = [];
  const name = (path: string) => unit.roots.map(path);
  for (const [paths, asked] of [
    [seen.listed, undefined],
    [seen.there, 'there'],
  ] as const) {
    for (const path of paths) {
      if (asked === undefined && !settled(path)) {
        return `directory changed during the compile: ${path}`;
      }
      const names = namesIn(path, asked ?? ('' as Digest), disk, hasher);
      if (names !== undefined) listed.push([name(path), names]);
    }
  }
  const observed = [
    ...[...seen.files, ...seen.absent].map(name),
    ...listed.map(([path]) => path),
    ...[...seen.env].map((variable) => `$${variable}`),
    ...[...seen.blind].map((program) => `unseen: ${name(program)}`),
  ];
  return {
    files: [...seen.files],
    absent: [...seen.absent].map(name),
    listed: listed.sort((a, b) => (a[0] < b[0] ? -1 : 1)),
    env: [...seen.env],
    observed: observed.sort(),
  };
}
