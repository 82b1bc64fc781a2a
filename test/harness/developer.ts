import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inject } from 'vitest';
import type {
  MeshInfo,
  PeerInfo,
  StartInfo,
  StatsInfo,
  StatusInfo,
} from '../../src/wire/control.js';
import type { LanHost } from './netns.js';
import { type Finished, type RunOptions, runProgram, until } from './programs.js';
import { inProject } from './project.js';

export type Workspace = 'sample' | 'bound';

export interface DeveloperOptions {
  /** The host that everything of this developer runs on; left out: this machine. */
  host?: LanHost;
  /** What to check out; left out: the sample. */
  workspace?: Workspace;
  /** Where below this developer's own directory: two developers never use the same path. */
  checkout?: string;
  /** Text of config.toml. */
  config?: string;
  /** A toolchain at a path of this developer's own, without rustup. */
  ownToolchain?: boolean;
  /** The directory that holds `vrift` and `vrift-rustc`; left out: this project's. */
  bin?: string;
}

/**
 * A developer with a machine of their own as far as paths go: HOME, CARGO_HOME, VRIFT_HOME,
 * checkout and target directory stand nowhere that another developer's do.
 */
export class Developer implements AsyncDisposable {
  readonly name: string;
  readonly root: string;
  readonly home: string;
  readonly cargoHome: string;
  readonly vriftHome: string;
  /** The workspace's root. */
  readonly checkout: string;
  readonly bin: string;
  readonly #host: LanHost | undefined;
  #toolchain: string | undefined;
  /** Every node this developer started, so that none outlives the test. */
  readonly #pids = new Set<number>();

  private constructor(name: string, root: string, options: DeveloperOptions) {
    this.name = name;
    this.root = root;
    this.home = join(root, 'home');
    this.cargoHome = join(root, 'home', `cargo-of-${name}`);
    this.vriftHome = join(root, 'v');
    this.checkout = join(root, options.checkout ?? `src/of-${name}`, options.workspace ?? 'sample');
    this.bin = options.bin ?? inProject('bin');
    this.#host = options.host;
  }

  static async create(name: string, options: DeveloperOptions = {}): Promise<Developer> {
    const buildError = inject('buildError');
    if (buildError !== null) throw new Error(`npm run build fails:\n${buildError}`);
    // Short: a socket path may have 103 bytes.
    const root = await mkdtemp(join(tmpdir(), `vrift-${name}-`));
    const developer = new Developer(name, root, options);
    await mkdir(developer.cargoHome, { recursive: true });
    await mkdir(developer.vriftHome, { mode: 0o700 });
    if (options.config !== undefined) await developer.configure(options.config);
    await developer.checkOut(options.workspace ?? 'sample');
    if (options.ownToolchain) developer.#toolchain = await copyToolchain(join(root, 'toolchain'));
    return developer;
  }

  /** Copies a workspace of test/workspaces, and the crate outside that the sample needs. */
  async checkOut(workspace: Workspace): Promise<void> {
    const parent = dirname(this.checkout);
    const wanted = workspace === 'sample' ? ['sample', 'outside'] : [workspace];
    for (const part of wanted) {
      await cp(inProject('test', 'workspaces', part), join(parent, part), {
        recursive: true,
        filter: (source) => !source.endsWith('/target'),
      });
    }
  }

  async configure(toml: string): Promise<void> {
    await writeFile(join(this.vriftHome, 'config.toml'), toml);
  }

  get targetDir(): string {
    return join(this.checkout, 'target');
  }

  /** The environment of a login shell: nothing of the caller's cargo, rustc or vrift settings. */
  get env(): NodeJS.ProcessEnv {
    const path = [this.#toolchain && join(this.#toolchain, 'bin'), process.env.PATH];
    return {
      PATH: path.filter(Boolean).join(':'),
      HOME: this.home,
      CARGO_HOME: this.cargoHome,
      VRIFT_HOME: this.vriftHome,
      RUSTUP_HOME: process.env.RUSTUP_HOME ?? join(homedir(), '.rustup'),
      RUSTUP_AUTO_INSTALL: '0',
      CARGO_NET_OFFLINE: 'true',
      CARGO_TERM_COLOR: 'never',
      LANG: 'C.UTF-8',
    };
  }

  /** Runs any program on this developer's host, in the checkout. */
  run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    const full = { cwd: this.checkout, ...options, env: { ...this.env, ...options.env } };
    if (this.#host === undefined) return runProgram(program, args, full);
    const inside = ['netns', 'exec', this.#host.namespace, program, ...args];
    return runProgram('ip', inside, full);
  }

  vrift(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return this.run(join(this.bin, 'vrift'), args, options);
  }

  async vriftJson<T>(args: readonly string[], options: RunOptions = {}): Promise<T> {
    const { stdout } = await this.vrift([...args, '--json'], options);
    return JSON.parse(stdout) as T;
  }

  /** Cargo as `vrift init` would set it up. */
  cargo(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    const env = { RUSTC_WRAPPER: join(this.bin, 'vrift-rustc'), ...options.env };
    return this.run('cargo', args, { timeoutMs: 240_000, ...options, env });
  }

  async start(): Promise<StartInfo> {
    const info = await this.vriftJson<StartInfo>(['start']);
    this.#pids.add(info.pid);
    return info;
  }

  async stop(): Promise<void> {
    await this.vrift(['stop']);
  }

  stats(): Promise<StatsInfo> {
    return this.vriftJson(['stats']);
  }

  resetStats(): Promise<StatsInfo> {
    return this.vriftJson(['stats', '--reset']);
  }

  status(): Promise<StatusInfo> {
    return this.vriftJson(['status']);
  }

  peers(): Promise<PeerInfo[]> {
    return this.vriftJson(['peers']);
  }

  createMesh(name: string): Promise<MeshInfo> {
    return this.vriftJson(['mesh', 'create', name]);
  }

  /** Joins the mesh of `inviter` with a fresh token, given on stdin as the README says. */
  async join(inviter: Developer): Promise<MeshInfo> {
    const { token } = await inviter.vriftJson<{ token: string }>(['mesh', 'invite']);
    return this.vriftJson(['mesh', 'join', '-'], { input: `${token}\n` });
  }

  /** Waits until the node of `other` is connected, and returns how it was found. */
  async meets(other: Developer): Promise<PeerInfo> {
    const { node } = await other.status();
    return until(`${this.name} sees ${other.name}`, async () => {
      const peers = await this.peers();
      return peers.find((peer) => peer.node === node && peer.state === 'connected');
    });
  }

  /** A signal to this developer's latest node, which has to be there. */
  signalNode(signal: NodeJS.Signals): void {
    const pid = [...this.#pids].at(-1);
    if (pid === undefined) throw new Error(`${this.name} started no node`);
    process.kill(pid, signal);
  }

  /** SIGKILL for a node in any state: running, stopped, or ended already. */
  endNode(): void {
    for (const pid of this.#pids) {
      if (serves(pid, this.vriftHome)) kill(pid);
    }
  }

  /** Removes the target directory, as `cargo clean` would. */
  async clean(): Promise<void> {
    await rm(this.targetDir, { recursive: true, force: true });
  }

  /** The program `name` of the last debug build. */
  program(name: string, args: readonly string[] = [], options: RunOptions = {}): Promise<Finished> {
    return this.run(join(this.targetDir, 'debug', name), args, options);
  }

  /** Ends what is left of this developer's nodes, and removes every file. */
  async dispose(): Promise<void> {
    this.endNode();
    const lockedBy = runningNode(this.vriftHome);
    if (lockedBy !== undefined) kill(lockedBy);
    await rm(this.root, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

/** Founds a mesh on the first and lets the others join; returns when the first sees them all. */
export async function formMesh(name: string, ...developers: Developer[]): Promise<void> {
  const [founder, ...others] = developers;
  for (const developer of developers) await developer.start();
  await founder!.createMesh(name);
  for (const other of others) await other.join(founder!);
  for (const other of others) {
    await founder!.meets(other);
    await other.meets(founder!);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** A node that a command started on its own: the lock names it. */
function runningNode(vriftHome: string): number | undefined {
  const lock = join(vriftHome, 'run', 'lock');
  if (!existsSync(lock)) return undefined;
  const { pid } = JSON.parse(readFileSync(lock, 'utf8')) as { pid: number };
  return serves(pid, vriftHome) ? pid : undefined;
}

/** Whether a process is the node of this home, and not a stranger with an old node's number. */
function serves(pid: number, vriftHome: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`VRIFT_HOME=${vriftHome}\0`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return false;
    throw error;
  }
}

let linkedFrom: Promise<string> | undefined;

/** The toolchain in use, at another path: hard links where the file system allows it. */
async function copyToolchain(to: string): Promise<string> {
  linkedFrom ??= runProgram('rustc', ['--print', 'sysroot']).then((done) => done.stdout.trim());
  const from = await linkedFrom;
  await mkdir(to);
  const parts = ['bin', 'lib', 'libexec'].map((part) => join(from, part)).filter(existsSync);
  const linked = await runProgram('cp', ['-al', ...parts, to], { allowFailure: true });
  if (linked.code !== 0) await runProgram('cp', ['-a', ...parts, to]);
  return to;
}
