import { realpathSync } from 'node:fs';
import { join, normalize } from 'node:path';
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
  /** Programs that the driver starts. */
  programs: string[];
  searchDirs: string[];
}

/** Link arguments that make linkers write files of which nobody tells us. */
const SIDE_FILES = /-Map|--print-map|--out-implib|--dependency-file|--cref|-plugin-opt|--reproduce|save-temps|time-trace/;

/** `@file`, for the driver or behind `-Wl,` for the linker: neither says that it read one. */
const RESPONSE_FILE = /(^|,)@/;

/** Arguments that decide which linker a driver starts and where it looks. */
const CHOOSES = /^(-fuse-ld=|-B|--sysroot=|-m\d|--target=|-L|-nostdlib|-static|--ld-path=)/;

/** Linkers by content: the driver as the search finds it, collect2, and the ld they start. */
export class Linkers {
  readonly #options: LinkerOptions;
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
    const key = [driver, own, cwd, env.get('PATH'), env.get('COMPILER_PATH'), ...chooses].join(
      '\0',
    );
    const pending = this.#known.get(key) ?? dissect(driver, chooses, cwd, env);
    this.#known.set(key, pending);
    const anatomy = await pending;
    if (typeof anatomy === 'string') {
      this.#known.delete(key);
      return anatomy;
    }
    const parts: string[] = [own];
    for (const program of anatomy.programs) {
      const digest = this.#options.digest(program);
      if (digest === undefined) this.#known.delete(key);
      parts.push(digest ?? 'gone');
    }
    const id = this.#options.hasher.hash([...parts, ...anatomy.searchDirs].join('\n'));
    return { id, searchDirs: anatomy.searchDirs };
  }
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
  const wanted = ['ld', 'collect2', ...(fused === undefined ? [] : [`ld.${fused}`])];
  const programs: string[] = [];
  for (const name of wanted) {
    const said = (await ask(driver, [...chooses, `-print-prog-name=${name}`], cwd, env))?.trim();
    const found = said === undefined ? undefined : findProgram(said, cwd, env);
    if (found !== undefined) programs.push(realpathSync(found));
  }
  const said = await ask(driver, [...chooses, '-print-search-dirs'], cwd, env);
  const line = /^libraries: =?(.*)$/m.exec(said ?? '')?.[1] ?? '';
  const dirs = line.split(':').filter((dir) => dir !== '');
  return { programs, searchDirs: [...new Set(dirs.map((dir) => normalize(join(dir, '.'))))] };
}
