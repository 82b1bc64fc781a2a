import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { furnishCargoHome } from '../../bin/demo/cargoHome.mjs';
import { Person } from '../../bin/demo/person.mjs';
import { checkOut } from '../../bin/demo/workspace.mjs';
import { inRoot } from '../../bin/lib/project.mjs';
import { run } from '../../bin/lib/run.mjs';
import { measure } from './measure.mjs';

/** Two homes, at other depths; the second has a CARGO_HOME of its own as well. */
const FIRST = { home: 'home', cargoHome: 'home/.cargo', vriftHome: 'v', work: 'work' };
const SECOND = { home: 'm/other', cargoHome: 'm/cargo', vriftHome: 'v2', work: 'm/src/deep' };

/**
 * One tool for one round: an empty store, two homes, and three checkouts of a project. Old target
 * directories are moved away rather than deleted, which would slow down whoever comes next.
 */
export class Rival {
  #moved = 0;
  #places = {};

  constructor(name, root, { programs, signal }) {
    this.name = name;
    this.root = root;
    this.signal = signal;
    this.programs = programs;
    this.people = {
      first: new Person(name, root, FIRST, { signal }),
      second: new Person(`${name}-2`, root, SECOND, { signal }),
    };
  }

  async moveIn({ workspace }) {
    const { first, second } = this.people;
    for (const person of [first, second]) {
      await person.moveIn();
      await furnishCargoHome(person.cargoHome, workspace.packages);
    }
    const options = { signal: this.signal };
    this.#places = {
      here: { person: first, checkout: await checkOut(workspace, first.work, options) },
      checkout: {
        person: first,
        checkout: await checkOut(workspace, join(first.root, 'w2/elsewhere'), options),
      },
      home: { person: second, checkout: await checkOut(workspace, second.work, options) },
    };
    this.workspace = workspace;
  }

  pathIn(place, file) {
    return join(this.#places[place].checkout, file);
  }

  /** Builds where `place` says, from nothing unless `keep` is set. */
  async build(place, { keep = false } = {}) {
    const { person, checkout } = this.#places[place];
    if (!keep) await this.#moveAway(join(checkout, 'target'));
    const env = { ...person.env, ...this.environment(place) };
    const command = this.#command(checkout);
    return measure(command, { cwd: checkout, env, daemons: this.daemons, signal: this.signal });
  }

  /** A target directory that is named keeps mbx from putting it somewhere of its own. */
  #command(checkout) {
    const [build, ...args] = this.workspace.buildArgs;
    if (this.name !== 'mbx') return ['cargo', build, ...args];
    return [this.programs.mbx, build, '--target-dir', join(checkout, 'target'), ...args];
  }

  async #moveAway(target) {
    this.#moved += 1;
    try {
      await rename(target, `${target}.old${this.#moved}`);
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
  }

  /** What works on between builds: nodes by number, others by their executable. */
  get daemons() {
    const nodes = Object.values(this.people).flatMap(({ node }) => node?.pid ?? []);
    const program = this.programs[this.name];
    return program === undefined ? nodes : [program];
  }

  environment(place) {
    const store = join(this.root, 'store');
    switch (this.name) {
      case 'bare':
        return { RUSTC_WRAPPER: '' };
      case 'replay':
        return { RUSTC_WRAPPER: this.programs.replay, REPLAY_STORE: store };
      case 'kache':
        return {
          RUSTC_WRAPPER: this.programs.kache,
          KACHE_CACHE_DIR: store,
          KACHE_RUNTIME_DIR: join(this.root, 'run'),
        };
      case 'mbx':
        // It starts cargo, and sets its wrapper, by itself.
        return { MBX_CACHE_DIR: store };
      case 'sccache':
        return {
          RUSTC_WRAPPER: this.programs.sccache,
          SCCACHE_DIR: store,
          SCCACHE_SERVER_UDS: join(this.root, 's.sock'),
          // It refuses what is incremental, and says so.
          CARGO_INCREMENTAL: '0',
        };
      case 'vrift':
        return { RUSTC_WRAPPER: inRoot('bin', 'vrift-rustc'), ...this.#homeOf(place) };
      default:
        throw new Error(`no tool ${this.name}`);
    }
  }

  /** Both homes of one machine use its one node, but for the machine that `joined` made. */
  #homeOf(place) {
    const ofItsOwn = place === 'home' && this.joined === true;
    return { VRIFT_HOME: this.people[ofItsOwn ? 'second' : 'first'].vriftHome };
  }

  async start() {
    if (this.name === 'vrift') await this.people.first.start();
  }

  async stop() {
    for (const person of Object.values(this.people)) await person.leave();
    const env = { ...this.people.first.env, ...this.environment('here') };
    const options = { env, cwd: this.root, allowFailure: true };
    if (this.name === 'sccache') await run([this.programs.sccache, '--stop-server'], options);
    if (this.name === 'kache') await run([this.programs.kache, 'daemon', 'stop'], options);
  }

  /** The tool's own count of what is stored; for the gate that it stored anything. */
  async storedFiles() {
    const place = this.name === 'vrift' ? this.people.first.vriftHome : join(this.root, 'store');
    return (await readdir(place, { recursive: true }).catch(() => [])).length;
  }
}
