import { rename } from 'node:fs/promises';
import { join } from 'node:path';

/** Who takes part, and what cargo is given for each. */
export function contestants({ launcher, replay, replayStore }) {
  return {
    bare: { RUSTC_WRAPPER: '' },
    vrift: { RUSTC_WRAPPER: launcher },
    replay: { RUSTC_WRAPPER: replay, REPLAY_STORE: replayStore },
  };
}

/**
 * One workspace, built by one contestant at a time. Each has a target directory whose path never
 * changes; an old one is moved away rather than deleted, because a file system with many freshly
 * deleted inodes is slower for whoever comes next.
 */
export class Contest {
  #scratch;
  #moved = 0;

  constructor({ person, workspace, environments, scratch }) {
    this.person = person;
    this.workspace = workspace;
    this.environments = environments;
    this.#scratch = scratch;
  }

  /** @returns milliseconds of wall time */
  async build(name) {
    const target = join(this.#scratch, `target-${name}`);
    await this.#moveAway(target);
    const env = { ...this.environments[name], CARGO_TARGET_DIR: target };
    const startedMs = performance.now();
    await this.person.run(['cargo', ...this.workspace.buildArgs], {
      cwd: this.person.checkout,
      env,
    });
    return performance.now() - startedMs;
  }

  async #moveAway(target) {
    this.#moved += 1;
    try {
      await rename(target, `${target}.old${this.#moved}`);
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
  }
}
