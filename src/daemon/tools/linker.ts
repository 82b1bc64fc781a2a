import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { delimiter, isAbsolute, join, normalize, resolve } from 'node:path';
import type { Digest, Hasher } from '../../base/digest.js';
import type { RustcPlan } from '../../compilers/plan.js';
import type { Environment } from '../../keying/ports.js';
import type { Linker } from '../../pipeline/ports.js';
import { ask, findProgram } from './run.js';

export interface LinkerOptions {
  hasher: Hasher;
  digest(path: string): Digest | undefined;
}

interface Anatomy {
  /** Programs that the driver starts, as it names them: a link may lead elsewhere tomorrow. */
  programs: string[];
  /** Where one of them could be as well: should it appear there, the driver may start that. */
  absent: string[];
  searchDirs: string[];
}

/** Link arguments that make linkers write files of which nobody tells us. */
const SIDE_FILES =
  /-Map|--print-map|--out-implib|--dependency-file|--cref|-plugin-opt|--reproduce|save-temps|time-trace/;

/** `@file`, for the driver or behind `-Wl,` for the linker: neither says that it read one. */
const RESPONSE_FILE = /(^|,)@/;

/** Arguments that decide which linker a driver starts and where it looks. */
const CHOOSES = /^(-fuse-ld=|-B|--sysroot=|-m\d|--target=|-L|-nostdlib|-static|--ld-path=)/;

/** Linkers by content: the driver as the search finds it, collect2, and the ld they start. */
export class Linkers {
  readonly #options: LinkerOptions;
  readonly #scripts = new Map<Digest, string[]>();
  readonly #known = new Map<string, Promise<Anatomy | string>>();

  constructor(options: LinkerOptions) {
    this.#options = options;
  }

  /** @returns the linker, or why links with it are not cached */
  async identify(plan: RustcPlan, cwd: string, env: Environment): Promise<Linker | string> {
    const side = plan.linkArgs.find((arg) => SIDE_FILES.test(arg));
    if (side !== undefined) return `writes a side file: ${side}`;
    const response = plan.linkArgs.find((arg) => RESPONSE_FILE.test(arg));
    if (response !== undefined) return `reads a response file: ${response}`;
    const driver = findProgram(plan.linker ?? 'cc', cwd, env);
    if (driver === undefined) return `not found: ${plan.linker ?? 'cc'}`;
    const own = this.#options.digest(realpathSync(driver));
    if (own === undefined) return `not readable: ${driver}`;
    const chooses = plan.linkArgs.flatMap(drivenWords).filter((arg) => CHOOSES.test(arg));
    // Cargo compiles each package in its own directory: it counts only where a search starts there.
    const paths = SEARCHED.map((name) => env.get(name) ?? '');
    const place = searchesHere(paths.slice(0, 2), chooses) ? cwd : '/';
    const key = [driver, own, place, ...paths, ...chooses].join('\0');
    const anatomy = await this.#anatomy(key, () => dissect(driver, chooses, place, env));
    if (typeof anatomy === 'string') return anatomy;
    const { programs, searchDirs } = anatomy;
    const swaps = swappersIn(env, cwd).map((path) => this.#options.digest(path) ?? path);
    const found = programs.map((program) => this.#options.digest(program) ?? 'gone');
    const parts = [own, ...found, ...swaps];
    const id = this.#options.hasher.hash([...parts, ...searchDirs].join('\n'));
    const reads = [driver, ...programs].flatMap((program) => this.#readBy(program));
    return { id, searchDirs, reads: [...new Set(reads)].sort() };
  }

  /** Variables that a script names; a program's are LINKER_READS of src/keying/unitKey.ts. */
  #readBy(program: string): string[] {
    const digest = this.#options.digest(program);
    if (digest === undefined) return [];
    const known = this.#scripts.get(digest) ?? variablesIn(readFileSync(program));
    this.#scripts.set(digest, known);
    return known;
  }

  /** What is known of a driver, as long as its programs are the ones that a search finds. */
  async #anatomy(key: string, look: () => Promise<Anatomy | string>): Promise<Anatomy | string> {
    const pending = this.#known.get(key);
    const known = pending === undefined ? undefined : await pending;
    if (known !== undefined && typeof known !== 'string') {
      const { programs, absent } = known;
      if (programs.every((path) => existsSync(path)) && !absent.some((path) => existsSync(path))) {
        return known;
      }
    }
    const looking = look();
    this.#known.set(key, looking);
    return looking;
  }
}

/** Where a driver looks for what it starts and for libraries; the first two decide for all paths. */
const SEARCHED = ['PATH', 'COMPILER_PATH', 'LIBRARY_PATH', 'GCC_EXEC_PREFIX'];

/**
 * What may put another linker in the place of the one that the driver starts, as `mold -run` does
 * by a library that is preloaded.
 */
function swappersIn(env: Environment, cwd: string): string[] {
  const preloaded = (env.get('LD_PRELOAD') ?? '').split(/[: ]/).filter(Boolean);
  const named = [...preloaded, env.get('MOLD_PATH') ?? ''].filter(Boolean);
  return named.map((path) => (path.includes('/') ? resolve(cwd, path) : path));
}

/** `$NAME`, `${NAME…}`, `$ENV{NAME}`, `environ["NAME"]`, `getenv("NAME")`; none of a binary. */
function variablesIn(program: Buffer): string[] {
  if (program.subarray(0, 2).toString('latin1') !== '#!') return [];
  const names = program.toString('utf8').matchAll(VARIABLE);
  return [...names].map((name) => name.slice(1).find(Boolean)!).filter((name) => name !== 'PATH');
}

const VARIABLE =
  /\$ENV\{["']?(\w+)|\$\{?([A-Za-z_]\w*)|(?:environ|getenv)\W{1,6}(?:get\W{1,4})?([A-Za-z_]\w*)/g;

/** Whether a relative path decides what a driver starts. */
function searchesHere(paths: readonly string[], chooses: readonly string[]): boolean {
  const [path = '', ...others] = paths;
  const dirs = [path, ...others.filter(Boolean)].flatMap((list) => list.split(delimiter));
  return (
    dirs.some((dir) => !isAbsolute(dir)) ||
    chooses.some((word) => /^-(B|-sysroot=|L|-ld-path=)(?!\/)/.test(word))
  );
}

/** `-Wl,` words are the linker's own and choose nothing. */
function drivenWords(arg: string): string[] {
  return arg.startsWith('-Wl,') ? [] : [arg];
}

async function dissect(
  driver: string,
  chooses: readonly string[],
  cwd: string,
  env: Environment,
): Promise<Anatomy | string> {
  const help = await ask(driver, [...chooses, '-Wl,--help'], cwd, env);
  if (help?.includes('dependency-file') !== true) {
    return `cannot say what it reads (--dependency-file): ${driver}`;
  }
  const fused = chooses.findLast((arg) => arg.startsWith('-fuse-ld='))?.slice('-fuse-ld='.length);
  const wanted = [...STARTED, ...(fused === undefined ? [] : [`ld.${fused}`])];
  const found: string[] = [];
  for (const name of wanted) {
    const said = (await ask(driver, [...chooses, `-print-prog-name=${name}`], cwd, env))?.trim();
    const path = said === undefined ? undefined : findProgram(said, cwd, env);
    if (path !== undefined) found.push(path);
  }
  const said = (await ask(driver, [...chooses, '-print-search-dirs'], cwd, env)) ?? '';
  const places = [...listed(said, 'programs'), ...(env.get('PATH') ?? '').split(delimiter)]
    .flatMap((dir) => wanted.map((name) => resolve(cwd, dir, name)))
    .filter((path) => !existsSync(path));
  return {
    programs: found,
    absent: [...new Set(places)],
    searchDirs: [...new Set(listed(said, 'libraries').map((dir) => normalize(join(dir, '.'))))],
  };
}

/** collect2 takes the first two before any `ld`. */
const STARTED = ['real-ld', 'collect-ld', 'ld', 'collect2'];

/** One line of what `-print-search-dirs` says. */
function listed(said: string, what: 'programs' | 'libraries'): string[] {
  const line = new RegExp(`^${what}: =?(.*)$`, 'm').exec(said)?.[1] ?? '';
  return line.split(':').filter((dir) => dir !== '');
}
