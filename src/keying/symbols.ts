/** What a dynamic library's tables say about what its code may do. */
export interface Symbols {
  /** Names that it wants from other libraries. */
  imports: ReadonlySet<string>;
  /** Names of its own functions, mangled; undefined where they were stripped. */
  own: readonly string[] | undefined;
}

/**
 * @param bytes a 64-bit little-endian ELF file
 * @returns undefined for anything else, or where its tables are not to be understood
 */
export function symbolsOf(bytes: Buffer): Symbols | undefined {
  try {
    if (!bytes.subarray(0, 6).equals(ELF64_LITTLE)) return undefined;
    const sections = sectionsOf(bytes);
    const dynamic = namesIn(bytes, sections, DYNSYM);
    if (dynamic === undefined) return undefined;
    const imports = new Set(dynamic.filter(({ defined }) => !defined).map(({ name }) => name));
    return { imports, own: namesIn(bytes, sections, SYMTAB)?.map(({ name }) => name) };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/**
 * Whether code that is linked in may go through all variables at once, rather than ask for one by
 * name. Starting a program does so too, in the standard library; then only the names of functions
 * tell, and `std::env::vars_os` is one that both use.
 */
export function mayReadAllVariables({ imports, own }: Symbols): boolean {
  if (!ENVIRON.some((name) => imports.has(name))) return false;
  if (!STARTS.some((name) => imports.has(name))) return true;
  return own === undefined || own.some((name) => VARS.test(name));
}

const ENVIRON = ['environ', '__environ', '_environ'];
const STARTS = ['posix_spawn', 'posix_spawnp', 'execve', 'execvp', 'execvpe', 'execv'];
const VARS = /3std3env4vars/;

const ELF64_LITTLE = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
const SYMTAB = 2;
const DYNSYM = 11;
const UNDEFINED = 0;
const SYMBOL_BYTES = 24;

interface Section {
  type: number;
  at: number;
  size: number;
  /** For symbols: the index of the section with their names. */
  link: number;
}

function sectionsOf(bytes: Buffer): Section[] {
  const table = Number(bytes.readBigUInt64LE(0x28));
  const each = bytes.readUInt16LE(0x3a);
  const count = bytes.readUInt16LE(0x3c);
  return Array.from({ length: count }, (_, index) => {
    const at = table + index * each;
    return {
      type: bytes.readUInt32LE(at + 4),
      at: Number(bytes.readBigUInt64LE(at + 0x18)),
      size: Number(bytes.readBigUInt64LE(at + 0x20)),
      link: bytes.readUInt32LE(at + 0x28),
    };
  });
}

function namesIn(bytes: Buffer, sections: readonly Section[], type: number) {
  const symbols = sections.find((section) => section.type === type);
  const strings = symbols && sections[symbols.link];
  if (symbols === undefined || strings === undefined) return undefined;
  const names: { name: string; defined: boolean }[] = [];
  // Names may share their endings, but no linker makes much of that: more is no honest table.
  let room = 2 * bytes.length;
  for (let at = symbols.at; at < symbols.at + symbols.size; at += SYMBOL_BYTES) {
    const name = textAt(bytes, strings.at + bytes.readUInt32LE(at));
    room -= name.length;
    if (room < 0) throw new RangeError('a table of names that is larger than its file');
    names.push({ name, defined: bytes.readUInt16LE(at + 6) !== UNDEFINED });
  }
  return names;
}

function textAt(bytes: Buffer, at: number): string {
  const end = bytes.indexOf(0, at);
  if (end < 0) throw new RangeError('a name without an end');
  return bytes.toString('latin1', at, end);
}
