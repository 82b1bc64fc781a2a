import { isArchive, membersOf } from './archive.mjs';
import { readBook } from './cargoBook.mjs';

/**
 * Why two files may differ and still be the same compile: never by what the file is called, but
 * by what its bytes are. Each takes the file from the cache, the compiled one and what is known of
 * the builds, and answers with the cause or undefined.
 */
const MECHANISMS = [orderOfInputs, sessionNames, fileNameHashes, crateHash];

/** @param suffixes `-0123456789abcdef` of every unit that stands at only one of the places */
export function explain(cached, compiled, { suffixes }) {
  for (const mechanism of MECHANISMS) {
    const cause = mechanism(cached, compiled, suffixes);
    if (cause !== undefined) return cause;
  }
  return undefined;
}

/** Cargo writes the inputs of a unit in the order of a hash map, another one each time. */
function orderOfInputs(cached, compiled) {
  const [left, right] = [readBook(cached), readBook(compiled)];
  if (left === undefined || right === undefined) return undefined;
  const same = left.rest.equals(right.rest) && sortedText(left) === sortedText(right);
  return same ? "order in which cargo's books list a unit's inputs" : undefined;
}

const sortedText = ({ inputs }) => JSON.stringify([...inputs].sort());

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
  if (suffixes.size === 0) return undefined;
  if (isArchive(cached) && isArchive(compiled)) {
    const [left, right] = [membersOf(cached), membersOf(compiled)].map(withoutIndex);
    if (left.length !== right.length) return undefined;
    const same = left.every(({ name, body }, index) => {
      const other = right[index];
      const names = [name, other.name].map((text) => withoutSession(blankedText(text, suffixes)));
      return names[0] === names[1] && sameButHashes(body, other.body, suffixes);
    });
    return same ? OUTSIDE : undefined;
  }
  return sameButHashes(cached, compiled, suffixes) ? OUTSIDE : undefined;
}

const OUTSIDE = 'hashes in file names of a crate outside the workspace';

function sameButHashes(left, right, suffixes) {
  if (left.length !== right.length) return false;
  if (left.equals(right)) return true;
  const [a, b] = [left, right].map((bytes) => blankedText(bytes.toString('latin1'), suffixes));
  return a === b;
}

/**
 * Metadata that rustc wrote, the same but for the crate's hash, which holds the directory where
 * rustc ran. That is so for what a build script compiles by itself: a question to the compiler, whose
 * answer it leaves in OUT_DIR. Text would be a path.
 */
function crateHash(cached, compiled) {
  const isMetadata = [cached, compiled].every((bytes) => bytes.subarray(0, 7).equals(METADATA));
  if (!isMetadata || cached.length !== compiled.length) return undefined;
  const differs = (byte, at) => byte !== compiled[at];
  const first = cached.findIndex(differs);
  const end = cached.findLastIndex(differs) + 1;
  if (end - first <= HASH_BYTES / 2 || end - first > HASH_BYTES) return undefined;
  const windows = [cached, compiled].map((bytes) => bytes.subarray(first, end));
  const isText = (bytes) => bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
  return windows.some(isText) ? undefined : HASHED;
}

const METADATA = Buffer.from('rust\0\0\0');
const HASH_BYTES = 16;
const HASHED = 'crate hash of what a build script compiled, which holds its working directory';

const blankedText = (text, suffixes) =>
  text.replaceAll(/-[0-9a-f]{16}(?![0-9a-f])/g, (hash) =>
    suffixes.has(hash) ? '-0000000000000000' : hash,
  );
