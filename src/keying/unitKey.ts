import { basename } from 'node:path';
import { canonicalJson } from '../base/canonical.js';
import type { Digest, Hasher } from '../base/digest.js';
import type { RustcPlan } from '../compilers/plan.js';
import { keyedWords } from './canonical.js';
import type { Declared } from './declared.js';
import type { Environment, Files } from './ports.js';
import type { Roots } from './roots.js';

/** Raised when what goes into a key changes its meaning; old entries are then never found. */
export const KEY_SCHEMA = 4;

/** rustc itself reads these, whatever the crate does. */
export const RUSTC_READS: readonly string[] = [
  'RUSTC_BOOTSTRAP',
  'RUSTC_FORCE_RUSTC_VERSION',
  'RUSTC_OVERRIDE_VERSION_STRING',
  'LLVM_OVERRIDE_PRODUCER',
  'RUST_TARGET_PATH',
  'SDKROOT',
  'DEVELOPER_DIR',
  'MACOSX_DEPLOYMENT_TARGET',
  'IPHONEOS_DEPLOYMENT_TARGET',
  'TVOS_DEPLOYMENT_TARGET',
  'WATCHOS_DEPLOYMENT_TARGET',
  'XROS_DEPLOYMENT_TARGET',
  'ZERO_AR_DATE',
];

/** `RUSTC_LOG`, `RUSTC_LOG_OUTPUT_TARGET`, …: the compiler writes down what it does. */
export const isLogging = (variable: string): boolean => variable.startsWith('RUSTC_LOG');

/** clippy-driver itself reads these; the rest of what it reads is in the digest of it. */
const CLIPPY_READS = ['SYSROOT'];

/** The linker and its driver read these. */
const LINKER_READS = [
  'LLD_VERSION',
  'LD_RUN_PATH',
  'LIBRARY_PATH',
  'COMPILER_PATH',
  'GCC_EXEC_PREFIX',
  'LDEMULATION',
  'GNUTARGET',
  'CCC_OVERRIDE_OPTIONS',
  'COLLECT_NO_DEMANGLE',
];

/** Distributions wrap compilers in scripts that put these names together. */
const WRAPPER_READS = /^(NIX_(?!BUILD_|STORE|PATH$|PROFILES$|SSL_|REMOTE)|GUIX_LD_WRAPPER_|SPACK_)/;

/** Settings of cargo itself: a proc-macro that reads them is beyond what cargo promises it. */
const CARGO_SETTINGS =
  /^CARGO_(INCREMENTAL|TERM_|NET_|HTTP_|REGISTR|BUILD_|PROFILE_|HOME$|INSTALL_|LOG$|ALIAS_|UNSTABLE_|MAKEFLAGS$|PRIMARY_PACKAGE$|TARGET_(?!TMPDIR$)|CACHE_|RESOLVER_|FUTURE_INCOMPAT|PACKAGE_CACHE)/;

export interface KeyParts {
  toolchain: Digest;
  /** Digest of clippy-driver and its configuration, where it runs. */
  clippy: Digest | undefined;
  canonical: string | undefined;
  externs: readonly { name: string; options: string; identity: string }[];
  /** Whether a procedural macro may run: one of a dependency, or that a dependency passes on. */
  expands: boolean;
  /**
   * `crate identity` of each procedural macro among direct and transitive dependencies. A library
   * that passes one on names it by a hash of Rust sources, which C code inside does not change.
   */
  macros: readonly string[];
  /** What the project declares as read by its macros. */
  declared: Pick<Declared, 'by' | 'inputs'> | undefined;
  /** What the package's build script told cargo of, where a macro may look at it. */
  scripted: readonly (readonly [what: string, identity: string | null])[] | undefined;
  /** Native static libraries named on the command line, found or absent. */
  natives: readonly (readonly [path: string, identity: string | null])[];
  /** `crate identity` of every rlib that the output may take content from. */
  closure: readonly string[];
  linker: { id: Digest; reads: readonly string[] } | undefined;
  /** With `-C rpath`, where the output and the shared libraries stand that it may name. */
  rpath: readonly string[] | undefined;
  cpu: string | undefined;
}

/** Every part of a unit key by name: hashed for the key, kept for the explanation of a miss. */
export function unitKeyParts(
  plan: RustcPlan,
  env: Environment,
  cwd: string,
  roots: Roots,
  parts: KeyParts,
  files: Files,
): Record<string, unknown> {
  return {
    schema: KEY_SCHEMA,
    toolchain: parts.toolchain,
    clippy: parts.clippy,
    crate: plan.crateName,
    types: plan.crateTypes,
    test: plan.test,
    target: plan.target,
    emit: Object.keys(plan.emit).sort(),
    source: roots.mapText(plan.source),
    cwd: roots.map(cwd),
    arguments: keyedWords(plan, roots),
    remapped: remappedRoots(plan, roots),
    canonical: parts.canonical,
    ownName: ownName(plan),
    linkerName: plan.linker === undefined ? undefined : roots.mapText(plan.linker),
    libraries: plan.nativeLibs,
    nativeDirs: nativeDirs(plan, roots),
    externs: parts.externs,
    macros: parts.macros,
    natives: parts.natives,
    closure: parts.closure,
    linker: parts.linker?.id,
    rpath: parts.rpath && [...parts.rpath, ...linkedTo(plan)],
    reports: plan.reports,
    cpu: parts.cpu,
    env: readBy([...RUSTC_READS, ...[...env.keys()].filter(isLogging)], env, roots),
    clippyEnv: plan.clippy === undefined ? undefined : readBy(CLIPPY_READS, env, roots),
    linkerEnv: parts.linker && linkerEnvironment(parts.linker.reads, env, roots),
    cargoEnv: parts.expands ? cargoEnvironment(env, roots) : undefined,
    scripted: parts.scripted,
    manifest: parts.expands ? files.digest(env.get('CARGO_MANIFEST_PATH') ?? '') : undefined,
    extra_inputs: parts.declared?.inputs,
    declaredBy: parts.declared?.by,
  };
}

export function unitKeyOf(parts: Record<string, unknown>, hasher: Hasher): Digest {
  return hasher.hash(canonicalJson(parts));
}

/** The directory of a build script's run; the hash differs between homes and cargo settings. */
const BUILD_DIR = /(\/build\/[^/]+-)[0-9a-f]{16}(?=\/|$)/;

/** A plain library takes nothing from where its dependencies have their native libraries. */
function nativeDirs(plan: RustcPlan, roots: Roots): string[] {
  const looks = plan.bundles || plan.nativeLibs.length > 0;
  return plan.searchDirs
    .filter((dir) => dir.kind !== 'dependency')
    .map(({ kind, path }) => {
      const place = roots.map(path);
      return `${kind}=${looks ? place : place.replace(BUILD_DIR, '$1')}`;
    });
}

/** The SONAME of a Rust dylib is its file name, which `--emit=link=PATH` may give. */
function ownName(plan: RustcPlan): string | undefined {
  if (!plan.crateTypes.includes('dylib')) return undefined;
  const [path] = linkedTo(plan);
  return path === undefined ? plan.extraFilename : `/${basename(path)}`;
}

/** Where `--emit=link=PATH` puts the output. */
function linkedTo({ emit }: RustcPlan): string[] {
  return typeof emit.link === 'string' ? [emit.link] : [];
}

/**
 * A user's own `--remap-path-prefix` from above a root leaves what lies between the two in the
 * outputs: `$HOME=/h` makes `/h/.cargo/…` of CARGO_HOME. The mapped argument does not say that.
 */
function remappedRoots(plan: RustcPlan, roots: Roots): string[] | undefined {
  const places = plan.arguments
    .filter((argument) => argument.flag === '--remap-path-prefix')
    .map(({ value = '' }) => value.slice(0, value.lastIndexOf('=')).replace(/\/+$/, ''))
    .flatMap((from) => {
      const below = roots.spellings().filter(({ real }) => real.startsWith(`${from}/`));
      return below.map(({ name, real }) => `${name} ${real.slice(from.length)}`);
    });
  return places.length === 0 ? undefined : places;
}

function linkerEnvironment(reads: readonly string[], env: Environment, roots: Roots) {
  const wrapped = [...env.keys()].filter((name) => WRAPPER_READS.test(name));
  return readBy([...LINKER_READS, ...reads, ...wrapped], env, roots);
}

function readBy(names: readonly string[], env: Environment, roots: Roots): Record<string, string> {
  const read: Record<string, string> = {};
  for (const name of names) {
    const value = env.get(name);
    if (value !== undefined) read[name] = roots.mapText(value);
  }
  return read;
}

/** What a proc-macro may read through `std::env` without a trace in the dep-info. */
function cargoEnvironment(env: Environment, roots: Roots): Record<string, string> {
  const read: Record<string, string> = {};
  for (const [name, value] of env) {
    if (name !== 'OUT_DIR' && !name.startsWith('CARGO_')) continue;
    if (!CARGO_SETTINGS.test(name)) read[name] = roots.mapText(value);
  }
  return read;
}
