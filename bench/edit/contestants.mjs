import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Person } from '../../bin/demo/person.mjs';
import { checkOut } from '../../bin/demo/workspace.mjs';
import { inRoot } from '../../bin/lib/project.mjs';
import { edit } from './projects.mjs';

const PLACES = { home: 'home', cargoHome: 'unused', vriftHome: 'v', work: 'work' };
/** A node that used no processor for so long has nothing more to do for the last build. */
const IDLE_MS = 150;
const MS_PER_TICK = 10;

/** The last line of what `times` prints is about the children, user and system: `0m1.23s 0m0.45s`. */
const TIMED = '"$@" || exit; times';

/**
 * Somebody with a checkout and a target directory whose path never changes. Old target
 * directories are moved away rather than deleted: a file system with many freshly deleted inodes
 * is slower for whoever comes next.
 */
export class Contestant {
  #moved = 0;

  constructor(name, root, { env, cargoHome, signal }) {
    this.name = name;
    this.person = new Person(name, join(root, name), PLACES, { signal });
    this.env = env;
    this.cargoHome = cargoHome;
    this.target = join(root, name, 'target');
  }

  async moveIn(workspace) {
    await this.person.moveIn();
    this.person.cargoHome = this.cargoHome;
    this.checkout = await checkOut(workspace, this.person.work, { signal: this.person.signal });
  }

  /** @returns milliseconds of wall time, and of processor time with what the node did meanwhile and after */
  async build(args) {
    const before = await this.#ticks();
    const startedMs = performance.now();
    const { stdout } = await this.person.run(['sh', '-c', TIMED, 'sh', 'cargo', ...args], {
      cwd: this.checkout,
      env: { ...this.env, CARGO_TARGET_DIR: this.target },
    });
    const ms = performance.now() - startedMs;
    const nodeMs = ((await this.#idle()) - before) * MS_PER_TICK;
    return { ms, nodeMs, cpuMs: processorMs(stdout) + nodeMs };
  }

  edit(place, text) {
    return edit(this.checkout, place, text);
  }

  /** Moves the target directory, or a part of it, out of the way. */
  async moveAway(part = '') {
    this.#moved += 1;
    const path = join(this.target, part);
    await rename(path, `${this.target}.old${this.#moved}`);
  }

  /** What a node still does after a build must not be timed as somebody else's. */
  async #idle() {
    for (let last = -1; ; ) {
      const now = await this.#ticks();
      if (now === last || this.person.node === undefined) return now;
      last = now;
      await wait(IDLE_MS);
    }
  }

  async #ticks() {
    const pid = this.person.node?.pid;
    if (pid === undefined) return 0;
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(fields[11]) + Number(fields[12]);
  }
}

function processorMs(stdout) {
  const words = stdout.trim().split('\n').at(-1).split(' ');
  const seconds = words.map((word) => /^(\d+)m([\d.]+)s$/.exec(word));
  return seconds.reduce((sum, [, minutes, rest]) => sum + minutes * 60_000 + rest * 1_000, 0);
}

/**
 * - `plain` did the whole cold build with cargo alone, and so did `emptied`, whose incremental
 *   state is taken away before each first edit, and `whole`, without incremental compilation;
 * - `here` compiled everything cold through vrift;
 * - `restored` has another home, checkout and node, and before each round gets every unit from
 *   the cache.
 */
export function contestants(root, options) {
  const launcher = inRoot('bin', 'vrift-rustc');
  const environments = {
    plain: { RUSTC_WRAPPER: '' },
    here: { RUSTC_WRAPPER: launcher },
    restored: { RUSTC_WRAPPER: launcher },
    emptied: { RUSTC_WRAPPER: '' },
    whole: { RUSTC_WRAPPER: '', CARGO_INCREMENTAL: '0' },
  };
  return Object.fromEntries(
    Object.entries(environments).map(([name, env]) => [
      name,
      new Contestant(name, root, { ...options, env }),
    ]),
  );
}

const MEET_MS = 30_000;

/** Both nodes in one mesh, connected. */
export async function meet(a, b) {
  await a.vrift(['mesh', 'create', 'bench']);
  const { token } = await a.vrift(['mesh', 'invite']);
  await b.vrift(['mesh', 'join', '-'], { input: `${token}\n` });
  const deadline = performance.now() + MEET_MS;
  for (const person of [a, b]) {
    while ((await person.vrift(['peers'])).every(({ state }) => state !== 'connected')) {
      if (performance.now() > deadline) throw new Error('the two nodes did not meet');
      await wait(100, undefined, { signal: person.signal });
    }
  }
}
