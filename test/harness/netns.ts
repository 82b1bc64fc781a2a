import {
  type ChildProcess,
  execFile,
  execFileSync,
  type SpawnOptions,
  spawn,
} from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** How one host stands in the test LAN. */
export interface HostSpec {
  /** `bridge` (default): `eth0` on the shared switch. `loopback`: nothing but `lo`. */
  network?: 'bridge' | 'loopback';
  /** A host with a veth and no default route is what breaks naive multicast. Default: true. */
  defaultRoute?: boolean;
}

export interface HostOutput {
  code: number;
  stdout: string;
  stderr: string;
}

interface RunOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  timeoutMs?: number;
  input?: string;
}

const PREFIX = 'vrt';
const open = new Set<Lan>();
let serial = 0;

/**
 * Some hosts on one switch, each a network namespace; the switch has its own, so nothing of this
 * machine's network is touched and removing the namespaces removes everything. Addresses are
 * 10.77.0.1, 10.77.0.2, … in every LAN. Needs root and iproute2 (`needs(context, 'netns')`).
 */
export class Lan implements AsyncDisposable {
  readonly hosts: LanHost[] = [];
  readonly #switch: string;

  private constructor(name: string) {
    this.#switch = `${name}-sw`;
    open.add(this);
  }

  /** @param specs one per host, or how many plain ones */
  static async open(specs: number | readonly HostSpec[]): Promise<Lan> {
    await removeLeftovers();
    serial += 1;
    const name = `${PREFIX}${process.pid}-${serial}`;
    const lan = new Lan(name);
    const list = typeof specs === 'number' ? Array.from({ length: specs }, () => ({})) : specs;
    try {
      await lan.#build(name, list);
    } catch (error) {
      await lan.close();
      throw error;
    }
    return lan;
  }

  async #build(name: string, specs: readonly HostSpec[]): Promise<void> {
    await ip('netns', 'add', this.#switch);
    await ip('-n', this.#switch, 'link', 'add', 'br0', 'type', 'bridge', 'mcast_snooping', '0');
    await ip('-n', this.#switch, 'link', 'set', 'br0', 'up');
    for (const [index, spec] of specs.entries()) {
      const namespace = `${name}-h${index}`;
      const onBridge = spec.network !== 'loopback';
      const host = new LanHost(namespace, onBridge ? `10.77.0.${index + 1}` : '127.0.0.1');
      this.hosts.push(host);
      await ip('netns', 'add', namespace);
      await ip('-n', namespace, 'link', 'set', 'lo', 'up');
      if (onBridge) await this.#plugIn(host, index, spec.defaultRoute ?? true);
    }
  }

  async #plugIn(host: LanHost, index: number, defaultRoute: boolean): Promise<void> {
    const port = `p${index}`;
    const inside = ['peer', 'name', 'eth0', 'netns', host.namespace];
    await ip('-n', this.#switch, 'link', 'add', port, 'type', 'veth', ...inside);
    await ip('-n', this.#switch, 'link', 'set', port, 'master', 'br0', 'up');
    await ip('-n', host.namespace, 'address', 'add', `${host.address}/16`, 'dev', 'eth0');
    await ip('-n', host.namespace, 'link', 'set', 'eth0', 'up');
    if (defaultRoute) await ip('-n', host.namespace, 'route', 'add', 'default', 'dev', 'eth0');
  }

  /** Pulls or plugs the cable of one host, at the switch's end. */
  async setLink(index: number, state: 'up' | 'down'): Promise<void> {
    await ip('-n', this.#switch, 'link', 'set', `p${index}`, state);
  }

  /** Ends every process in the LAN and removes it. Safe to call twice. */
  async close(): Promise<void> {
    if (!open.delete(this)) return;
    for (const namespace of this.#namespaces()) await removeNamespace(namespace);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** For a test process that ends without closing. */
  closeNow(): void {
    open.delete(this);
    for (const namespace of this.#namespaces()) {
      try {
        const pids = execFileSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' });
        for (const pid of pidsOf(pids)) process.kill(pid, 'SIGKILL');
        execFileSync('ip', ['netns', 'del', namespace], { stdio: 'ignore' });
      } catch {
        // The namespace or the process is gone already.
      }
    }
  }

  #namespaces(): string[] {
    return [...this.hosts.map((host) => host.namespace), this.#switch];
  }
}

/** One host: a place to run programs that see only its network. */
export class LanHost {
  readonly namespace: string;
  readonly address: string;

  constructor(namespace: string, address: string) {
    this.namespace = namespace;
    this.address = address;
  }

  /** The child is the program itself, so signals sent to it arrive there. */
  spawn(program: string, args: readonly string[] = [], options: SpawnOptions = {}): ChildProcess {
    return spawn('ip', ['netns', 'exec', this.namespace, program, ...args], options);
  }

  /** Runs to the end; a failing exit code is a value. */
  run(
    program: string,
    args: readonly string[] = [],
    options: RunOptions = {},
  ): Promise<HostOutput> {
    return new Promise((resolve, reject) => {
      const child = execFile(
        'ip',
        ['netns', 'exec', this.namespace, program, ...args],
        {
          env: options.env ?? process.env,
          cwd: options.cwd,
          timeout: options.timeoutMs ?? 60_000,
          killSignal: 'SIGKILL',
          maxBuffer: 64 * 1024 * 1024,
        },
        (error, stdout, stderr) => {
          if (error && typeof error.code !== 'number') reject(error);
          else resolve({ code: Number(error?.code ?? 0), stdout, stderr });
        },
      );
      // A program that does not read its stdin is judged by its exit code.
      child.stdin?.on('error', () => {});
      child.stdin?.end(options.input ?? '');
    });
  }

  /** Runs a Node script (a path, plain JavaScript) inside. */
  node(script: string, args: readonly string[] = [], options: SpawnOptions = {}): ChildProcess {
    return this.spawn(process.execPath, [script, ...args], options);
  }
}

async function ip(...args: string[]): Promise<string> {
  const { stdout } = await execute('ip', args);
  return stdout;
}

async function removeNamespace(namespace: string): Promise<void> {
  try {
    for (const pid of pidsOf(await ip('netns', 'pids', namespace))) process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
  await ip('netns', 'del', namespace).catch(() => undefined);
}

/** Namespaces of test processes that were killed before they could clean up. */
async function removeLeftovers(): Promise<void> {
  const names = (await ip('netns', 'list')).split('\n').map((line) => line.split(' ')[0] ?? '');
  for (const name of names) {
    const owner = /^vrt(\d+)-/.exec(name)?.[1];
    if (owner !== undefined && !isAlive(Number(owner))) await removeNamespace(name);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const pidsOf = (text: string): number[] => text.split('\n').filter(Boolean).map(Number);

process.on('exit', () => {
  for (const lan of open) lan.closeNow();
});
