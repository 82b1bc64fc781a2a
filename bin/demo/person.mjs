import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { inRoot } from '../lib/project.mjs';
import { run } from '../lib/run.mjs';

/** Variables of the caller that would tie both people to one place, or wrap the compiler twice. */
const DROPPED =
  /^(VRIFT_.*|npm_.*|INIT_CWD|CARGO|CARGO_HOME|CARGO_TARGET_DIR|CARGO_BUILD_(TARGET|BUILD)_DIR|CARGO_BUILD_RUSTC.*WRAPPER|RUSTC_WRAPPER|RUSTC_WORKSPACE_WRAPPER|CARGO_MANIFEST_.*|NO_COLOR|FORCE_COLOR)$/;

/**
 * Somebody with a home, a CARGO_HOME, a VRIFT_HOME and a checkout of their own below `root`.
 * Toolchains stay where rustup keeps them.
 */
export class Person {
  #mayRun = false;

  /** @param places directories relative to `root`: home, cargoHome, vriftHome, work */
  constructor(name, root, places, { signal } = {}) {
    this.name = name;
    this.root = root;
    for (const [key, place] of Object.entries(places)) this[key] = join(root, place);
    this.signal = signal;
    this.node = undefined;
    /** What vrift's commands are started by, so that its node runs elsewhere. */
    this.prefix = [];
  }

  async moveIn() {
    for (const place of [this.home, this.cargoHome, this.work]) {
      await mkdir(place, { recursive: true });
    }
    await mkdir(this.vriftHome, { recursive: true, mode: 0o700 });
  }

  get env() {
    const kept = Object.entries(process.env).filter(([name]) => !DROPPED.test(name));
    return {
      ...Object.fromEntries(kept),
      HOME: this.home,
      CARGO_HOME: this.cargoHome,
      VRIFT_HOME: this.vriftHome,
      RUSTUP_HOME: process.env.RUSTUP_HOME ?? join(homedir(), '.rustup'),
      CARGO_NET_OFFLINE: 'true',
      CARGO_TERM_COLOR: 'never',
    };
  }

  run(command, options = {}) {
    return run(command, {
      signal: this.signal,
      ...options,
      env: { ...this.env, ...options.env },
    });
  }

  /** Cargo with the launcher around rustc; `env: { VRIFT_DISABLE: '1' }` takes it away again. */
  cargo(args, options = {}) {
    const env = { RUSTC_WRAPPER: inRoot('bin', 'vrift-rustc'), ...options.env };
    return this.run(['cargo', ...args], { ...options, env });
  }

  async vrift(args, options = {}) {
    const { stdout } = await this.run([...this.prefix, inRoot('bin', 'vrift'), ...args, '--json'], {
      cwd: this.home,
      ...options,
    });
    return stdout.trim() === '' ? undefined : JSON.parse(stdout);
  }

  async start() {
    this.#mayRun = true;
    this.node = await this.vrift(['start']);
    return this.node;
  }

  /** Ends the node, politely first. Works while everything else is being aborted. */
  async leave() {
    if (!this.#mayRun) return;
    this.#mayRun = false;
    const unaborted = { signal: undefined };
    // A start that was interrupted may have left a node that does not answer yet: wait for it.
    this.node ??= await this.vrift(['start'], unaborted).catch(() => undefined);
    const pid = this.node?.pid;
    this.node = undefined;
    if (pid !== undefined) await this.vrift(['stop'], unaborted).catch(() => forceEnd(pid));
  }
}

function forceEnd(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
