import { isArchive, membersOf } from './archive.mjs';

/**
 * Why two files may differ and still be the same compile: never by what the file is called, but
 * by what its bytes are. Each takes the file from the cache, the compiled one and what is known of
 * the builds, and answers with the cause or undefined.
 */
const MECHANISMS = [sessionNames, fileNameHashes];

/** @param suffixes `-0123456789abcdef` of every unit at the places where the two were compiled */
export function explain(cached, compiled, { suffixes }) {
  for (const mechanism of MECHANISMS) {
    const cause = mechanism(cached, compiled, suffixes);
    if (cause !== undefined) return cause;
  }
  return undefined;
}

/** `CRATE-HASH.CGU.SESSION.rcgu.o`: the session of an incremental compile has a random name. */
const OBJECT = /^(.+\.[0-9a-z]+)\.[0-9a-z]+\.rcgu\.(o|dwo)$/;

/** Archives with the same content in the same order, but for the session in members' names. */
function sessionNames(cached, compiled) {
  if (!isArchive(cached) || !isArchive(compiled)) return undefined;
  const [left, right] = [membersOf(cached), membersOf(compiled)].map(withoutIndex);
  if (left.length !== right.length) return undefined;
  const same = left.every(({ name, body }, index) => {
    const other = right[index];
    const named = name === other.name || withoutSession(name) === withoutSession(other.name);
    return named && body.equals(other.body);
  });
  return same ? 'names of members: the incremental session' : undefined;
}

/** The index holds offsets, which move with the lengths of names. */
const withoutIndex = (members) => members.filter(({ name }) => name !== '/');

const withoutSession = (name) => name.replace(OBJECT, '$1..rcgu.$2');

/** A crate outside of the workspace names its files by a hash of its absolute path. */
function fileNameHashes(cached, compiled, suffixes) {
  if (cached.length !== compiled.length || suffixes.size === 0) return undefined;
  const same = blanked(cached, suffixes).equals(blanked(compiled, suffixes));
  return same ? 'hashes in file names of a crate outside the workspace' : undefined;
}

function blanked(bytes, suffixes) {
  const text = bytes.toString('latin1');
  const blank = text.replaceAll(/-[0-9a-f]{16}(?![0-9a-f])/g, (hash) =>
    suffixes.has(hash) ? '-0000000000000000' : hash,
  );
  return Buffer.from(blank, 'latin1');
}
