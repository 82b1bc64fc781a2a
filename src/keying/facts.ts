import { canonicalJson } from '../base/canonical.js';
import type { Hasher } from '../base/digest.js';
import { SECRET } from './secret.js';

/**
 * What a unit key was made of, one thing a line, to explain a miss here or at a peer. It holds no
 * variable's value, only digests of them.
 */
export interface Facts {
  /** Flags in their order, mapped. */
  words: string[];
  /** `toolchain`, `variable X`, `dependency serde`, …: what a person would look at first stands first. */
  named: [input: string, value: string][];
}

/** What an explanation can say and the key does not hold as such. */
export interface About {
  /** First line of `rustc -vV`. */
  compiler: string;
  /** `name version`. */
  package: string;
  /** Extern by extern: what it is called here, its crate, and how that was compiled. */
  dependencies: { name: string; crate: string; canonical: string }[];
}

/** Longer texts stand as digests; longer names are cut. A peer's bounds are the same. */
export const FACT_CHARS = 512;

/** Parts of a key with a reading of their own; every other one stands under its own name, in order. */
const SPECIAL = new Set([
  'arguments',
  'canonical',
  'externs',
  'macros',
  'closure',
  'natives',
  'manifest',
  'extra_inputs',
  'scripted',
]);
const VARIABLES = ['env', 'clippyEnv', 'linkerEnv', 'cargoEnv'];

/** @param parts of the key by name, as `unitKeyParts` gives them */
export function factsOf(
  parts: Readonly<Record<string, unknown>>,
  about: About,
  hasher: Hasher,
): Facts {
  const named: Facts['named'] = [];
  const add = (input: string, value: unknown) => {
    if (value === undefined || value === null) return;
    const text = typeof value === 'string' ? value : canonicalJson(value);
    named.push([input.slice(0, FACT_CHARS), short(text, hasher)]);
  };
  add('compiler', about.compiler);
  for (const [name, value] of Object.entries(parts)) {
    if (!SPECIAL.has(name) && !VARIABLES.includes(name)) add(READABLE[name] ?? name, value);
  }
  add('package', about.package);
  for (const name of VARIABLES) {
    for (const [variable, value] of Object.entries(parts[name] ?? {})) {
      add(`variable ${variable}`, hasher.hash(String(value)));
    }
  }
  add('file Cargo.toml', parts.manifest);
  const externs = (parts.externs ?? []) as { name: string; options: string; identity: string }[];
  for (const { name, options, identity } of externs) {
    add(`dependency ${name}`, options === '' ? identity : `${options}:${identity}`);
  }
  for (const [path, state] of Object.entries(parts.extra_inputs ?? {})) {
    add(`extra_inputs.${path}`, String(state));
  }
  for (const [what, value] of (parts.scripted ?? []) as [string, string | null][]) {
    if (!what.startsWith('$')) add(`file ${what}`, value ?? 'none');
    else if (value !== null) add(`variable ${what.slice(1)}`, hasher.hash(value));
  }
  for (const [crate, identities] of linked(parts.macros)) add(`macro ${crate}`, identities);
  for (const [path, identity] of (parts.natives ?? []) as [string, string | null][]) {
    add(`library ${path}`, identity ?? 'none');
  }
  for (const [crate, identities] of linked(parts.closure)) add(`linked ${crate}`, identities);
  for (const { name, canonical } of about.dependencies) add(`making of ${name}`, canonical);
  add('canonical', parts.canonical);
  const words = (parts.arguments ?? []) as string[];
  return { words: words.map((word) => shortWord(word, hasher)), named };
}

/** What may be told to a peer: nothing that follows from a variable with a secret's name. */
export function publicFacts({ words, named }: Facts): Facts {
  return { words, named: named.filter(([input]) => !isSecret(input)) };
}

const READABLE: Readonly<Record<string, string>> = {
  crate: 'crate name',
  types: 'crate types',
  emit: 'kinds of output',
  cwd: 'working directory',
  nativeDirs: 'library directories',
  libraries: 'native libraries',
  linkerName: 'name of the linker',
  cpu: 'processor',
};

function isSecret(input: string): boolean {
  return input.startsWith('variable ') && SECRET.test(input);
}

/** `crate identity` lines; several versions of one crate stand together. */
function linked(closure: unknown): Map<string, string> {
  const crates = new Map<string, string>();
  for (const line of (closure ?? []) as string[]) {
    const [crate = '', identity = ''] = line.split(' ');
    const before = crates.get(crate);
    crates.set(crate, before === undefined ? identity : `${before} ${identity}`);
  }
  return crates;
}

function short(text: string, hasher: Hasher): string {
  return text.length > FACT_CHARS ? hasher.hash(text) : text;
}

function shortWord(word: string, hasher: Hasher): string {
  if (word.length <= FACT_CHARS) return word;
  return `${word.slice(0, word.indexOf('=') + 1).slice(0, 64)}${hasher.hash(word)}`;
}
