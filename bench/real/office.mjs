import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { furnishCargoHome } from '../../bin/demo/cargoHome.mjs';
import { connection } from '../../bin/demo/meeting.mjs';
import { Person } from '../../bin/demo/person.mjs';
import { checkOut } from '../../bin/demo/workspace.mjs';

/** No place of one is named like another's, or stands as deep. */
const ALICE = { home: 'home', cargoHome: 'home/.cargo', vriftHome: 'v', work: 'work' };
const BOB = { home: 'h', cargoHome: 'cargo', vriftHome: 'v', work: 'src/checked-out/here' };

/**
 * Two developers of one mesh with a checkout each, a second checkout of the first, and at the
 * places of the second a node that knows nobody and has an empty store: what is compiled there is
 * what the cache has to equal.
 */
export class Office {
  #moved = 0;

  constructor(root, workspace, { signal } = {}) {
    this.root = root;
    this.workspace = workspace;
    this.signal = signal;
    this.alice = new Person('Alice', join(root, 'alice'), ALICE, { signal });
    this.bob = new Person('Bob', join(root, 'bob'), BOB, { signal });
    // The same places, another node.
    this.bobAlone = new Person(
      'Bob alone',
      join(root, 'bob'),
      { ...BOB, vriftHome: 'w' },
      { signal },
    );
    this.kept = join(root, 'kept');
  }

  async open() {
    await mkdir(this.kept, { recursive: true });
    for (const person of [this.alice, this.bob, this.bobAlone]) {
      await person.moveIn();
    }
    for (const person of [this.alice, this.bob]) {
      await furnishCargoHome(person.cargoHome, this.workspace.packages);
      person.checkout = await checkOut(this.workspace, person.work, { signal: this.signal });
    }
    const second = join(this.root, 'alice', 'elsewhere', 'too');
    this.elsewhere = await checkOut(this.workspace, second, { signal: this.signal });
    const { alice, bob } = this;
    await alice.start();
    await bob.start();
    await alice.vrift(['mesh', 'create', 'bench']);
    const { token } = await alice.vrift(['mesh', 'invite']);
    await bob.vrift(['mesh', 'join', '-'], { input: `${token}\n` });
    await connection(alice, bob);
    await connection(bob, alice);
  }

  async close() {
    for (const person of [this.alice, this.bob, this.bobAlone]) {
      await person.leave();
    }
  }

  /**
   * Moves a checkout's target directory away, so that the next build starts from nothing. Never
   * deleted: a file system with many freshly deleted inodes is slower for whoever comes next.
   *
   * @returns where it is now
   */
  async putAside(checkout, name) {
    this.#moved += 1;
    const to = join(this.kept, `${this.#moved}-${name}`);
    const target = join(checkout, 'target');
    if (existsSync(target)) await rename(target, to);
    return to;
  }

  /** The reverse of `putAside`; whatever stands there now is put aside. */
  async bringBack(kept, checkout) {
    await this.putAside(checkout, 'unused');
    if (existsSync(kept)) await rename(kept, join(checkout, 'target'));
  }

  /** Puts a target directory aside under a place that it had before. */
  async putBack(checkout, kept) {
    await rename(join(checkout, 'target'), kept);
  }
}
