import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Digest, Hasher } from '../../base/digest.js';
import type { Environment } from '../../keying/ports.js';
import type { Toolchain } from '../../pipeline/ports.js';
import { ask, findProgram } from './run.js';

/**
 * How long a toolchain's libraries are taken for unchanged within one burst of calls, as long as the
 * compiler itself and all directories are: replacing a file shows there, and they are few.
 */
const BURST_MS = 500;

export interface ToolchainOptions {
  hasher: Hasher;
  /** Digest of a file that may have hundreds of megabytes. */
  digest(path: string): Promise<Digest | undefined>;
  monotonic(): number;
}

/** What shows that a toolchain changed. */
interface State {
  stamp: string;
  /** The directories of its files, and the files of the compiler itself. */
  places: string[];
  placesStamp: string;
}

interface Known extends State {
  checkedAt: number;
  toolchain: Toolchain;
}

/** Compilers by content: two homes with the same rustc at different places get one identity. */
export class Toolchains {
  readonly #options: ToolchainOptions;
  readonly #known = new Map<string, Promise<Known | undefined>>();
  readonly #sysroots = new Map<string, string>();

  constructor(options: ToolchainOptions) {
    this.#options = options;
  }

  /**
   * @param target triple of the call, when it names one: its libraries are part of the identity
   * @returns undefined when the compiler cannot be run
   */
  async identify(
    compiler: string,
    target: string | undefined,
    cwd: string,
    env: Environment,
  ): Promise<Toolchain | undefined> {
    const sysroot = await this.#sysroot(compiler, cwd, env);
    if (sysroot === undefined) return undefined;
    const key = `${sysroot}\0${target ?? ''}`;
    const known = await this.#known.get(key);
    const now = this.#options.monotonic();
    const quick = known !== undefined && now - known.checkedAt < BURST_MS;
    if (quick && stampOf(known.places) === known.placesStamp) return known.toolchain;
    const state = stateOf(sysroot, target);
    if (known !== undefined && known.stamp === state.stamp) {
      Object.assign(known, state, { checkedAt: now });
      return known.toolchain;
    }
    const fresh = this.#identify(sysroot, target, state, env);
    this.#known.set(key, fresh);
    const made = await fresh;
    if (made === undefined) this.#known.delete(key);
    return made?.toolchain;
  }

  async #identify(
    sysroot: string,
    target: string | undefined,
    state: State,
    env: Environment,
  ): Promise<Known | undefined> {
    const version = await ask(join(sysroot, 'bin', 'rustc'), ['-vV'], sysroot, env, [
      'LD_LIBRARY_PATH',
    ]);
    const host = /^host: (.+)$/m.exec(version ?? '')?.[1];
    if (version === undefined || host === undefined) return undefined;
    const lines: string[] = [version];
    for (const path of identityFiles(sysroot, target)) {
      const digest = await this.#options.digest(path);
      if (digest === undefined) return undefined;
      lines.push(`${path.slice(sysroot.length)} ${digest}`);
    }
    const commit = /^commit-hash: ([0-9a-f]+)$/m.exec(version)?.[1];
    const id = this.#options.hasher.hash(lines.join('\n'));
    return {
      ...state,
      checkedAt: this.#options.monotonic(),
      toolchain: { id, sysroot, host, commit, version: version.slice(0, version.indexOf('\n')) },
    };
  }

  /**
   * rustup's proxy stands in for whatever toolchain the directory and environment choose. Any other
   * program called rustc that is no toolchain's own may do as it likes, and has no sysroot here.
   */
  async #sysroot(compiler: string, cwd: string, env: Environment): Promise<string | undefined> {
    const program = findProgram(compiler, cwd, env);
    if (program === undefined) return undefined;
    const real = realpathSync(program);
    if (!isRustup(real)) {
      const around = [program, real].map((path) => dirname(dirname(path)));
      if (basename(real) !== 'rustc') return undefined;
      return around.find((dir) => existsSync(join(dir, 'lib', 'rustlib')));
    }
    const key = [program, stampOf([real]), choiceOf(cwd, env)].join('\0');
    const known = this.#sysroots.get(key);
    if (known !== undefined) return known;
    const more = ['RUSTUP_HOME', 'RUSTUP_TOOLCHAIN', 'CARGO_HOME', 'LD_LIBRARY_PATH'];
    const answer = (await ask(program, ['--print', 'sysroot'], cwd, env, more))?.trim();
    if (answer === undefined || !existsSync(join(answer, 'bin', 'rustc'))) return undefined;
    this.#sysroots.set(key, answer);
    return answer;
  }
}

/** rustup is one program under many names, by symlinks or hard links. */
function isRustup(real: string): boolean {
  if (basename(real).startsWith('rustup')) return true;
  const own = statSync(real, { bigint: true });
  const rustup = statSync(join(dirname(real), 'rustup'), { bigint: true, throwIfNoEntry: false });
  return rustup !== undefined && rustup.dev === own.dev && rustup.ino === own.ino;
}

/** Everything that decides which toolchain rustup's proxy picks, and where that is. */
function choiceOf(cwd: string, env: Environment): string {
  const home = env.get('RUSTUP_HOME') ?? `${env.get('HOME') ?? ''}/.rustup`;
  const links = linksIn(join(home, 'toolchains'));
  const chosen = env.get('RUSTUP_TOOLCHAIN');
  if (chosen !== undefined) {
    const place = chosen.includes('/') ? realOf(resolve(cwd, chosen)) : '';
    return [home, links, chosen, place].join('\0');
  }
  const files = [join(home, 'settings.toml')];
  const named: string[] = [];
  for (let dir = cwd; ; dir = dirname(dir)) {
    for (const file of ['rust-toolchain', 'rust-toolchain.toml'].map((name) => join(dir, name))) {
      files.push(file);
      named.push(...pathsNamedIn(file).map((path) => realOf(resolve(dir, path))));
    }
    if (dirname(dir) === dir) break;
  }
  return [home, links, cwd, stampOf(files), ...named].join('\0');
}

/** `rustup toolchain link` makes links, which may be made to lead elsewhere at any time. */
function linksIn(toolchains: string): string {
  return names(toolchains)
    .map((name) => join(toolchains, name))
    .filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink())
    .map((path) => `${path} ${realOf(path)}`)
    .join('\n');
}

/** What `path = "…"` of a toolchain file may mean; each quoted word, rather than one too few. */
function pathsNamedIn(file: string): string[] {
  const text = textOf(file);
  const words = text.matchAll(/"([^"\n]*)"|'([^'\n]*)'/g);
  return [...words].map(([, double, single]) => double ?? single ?? '');
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return '';
  }
}

/** What compiles and what is linked in, sorted; sources, docs and other targets are not. */
function identityFiles(sysroot: string, target: string | undefined): string[] {
  const lib = join(sysroot, 'lib');
  const rustlib = join(lib, 'rustlib');
  const files = [join(sysroot, 'bin', 'rustc')];
  for (const name of names(lib)) {
    if (/^lib(rustc|LLVM|std)/.test(name)) files.push(join(lib, name));
  }
  for (const dir of distributionDirs(sysroot)) {
    for (const name of names(dir)) if (/^lib(rustc|std-)/.test(name)) files.push(join(dir, name));
  }
  const host = hostOf(sysroot);
  for (const triple of new Set([host, target ?? host])) {
    for (const dir of ['lib', 'bin', 'codegen-backends']) {
      files.push(...filesBelow(join(rustlib, triple, dir)));
    }
    files.push(join(rustlib, triple, 'target.json'));
  }
  return files.filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile()).sort();
}

/**
 * Where a system's own packages have libraries: `/usr/lib64`, `/usr/lib/x86_64-linux-gnu`. LLVM's there
 * may be anybody's, and another one beside it tells nothing.
 */
function distributionDirs(sysroot: string): string[] {
  const lib = join(sysroot, 'lib');
  const multiarch = names(lib).filter((name) => /^[\w.]+-linux-\w+$/.test(name));
  return [join(sysroot, 'lib64'), ...multiarch.map((name) => join(lib, name))];
}

/** The triple whose directory holds the compiler's own tools or libraries. */
function hostOf(sysroot: string): string {
  const rustlib = join(sysroot, 'lib', 'rustlib');
  const triples = names(rustlib).filter((name) => existsSync(join(rustlib, name, 'lib')));
  const named = triples.filter((triple) => sysroot.endsWith(triple));
  const tools = triples.filter((triple) => existsSync(join(rustlib, triple, 'bin')));
  return named[0] ?? tools[0] ?? triples[0] ?? '';
}

function filesBelow(dir: string): string[] {
  return names(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? filesBelow(path) : [path];
  });
}

function names(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

function stateOf(sysroot: string, target: string | undefined): State {
  const files = identityFiles(sysroot, target);
  const rustlib = join(sysroot, 'lib', 'rustlib', '/');
  const compiler = files.filter((path) => !path.startsWith(rustlib));
  const places = [...new Set([sysroot, ...files.map((path) => dirname(path))]), ...compiler];
  const placesStamp = stampOf(places);
  return { stamp: stampOf(files), places, placesStamp };
}

function stampOf(paths: readonly string[]): string {
  const stamps = paths.map((path) => {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stat === undefined
      ? `${path} -`
      : `${path} ${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
  });
  return stamps.join('\n');
}
