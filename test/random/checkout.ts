import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Developer } from '../harness/developer.js';
import type { Finished } from '../harness/programs.js';
import type { Site } from './edits.js';
import { type Place, type Setting, VARIABLES, withoutHashes } from './model.js';
import { type Sources, sourcesOf } from './sources.js';

/** A site on disk: writes as an editor or git would, only what differs. */
export class Checkout {
  readonly developer: Developer;
  #written: Sources = new Map();
  #parent: string | undefined;

  constructor(developer: Developer) {
    this.developer = developer;
  }

  placeOf(site: Site): Place {
    const { root } = this.developer;
    const parent = join(root, site.place === 0 ? 'src/here' : 'other/longer place/there');
    const targetDir = site.target === 0 ? join(parent, 'app', 'target') : join(root, 'built');
    return { parent, targetDir };
  }

  /** @param touch writes every file, whether it differs or not */
  async write(site: Site, touch: boolean): Promise<void> {
    const { parent } = this.placeOf(site);
    if (this.#parent !== undefined && this.#parent !== parent) {
      await mkdir(dirname(parent), { recursive: true });
      await rename(this.#parent, parent);
      // Cargo takes a moved target directory for fresh, whatever CARGO_MANIFEST_DIR was.
      await this.clean(site);
    }
    this.#parent = parent;
    const wanted = sourcesOf(site.workspace);
    for (const path of this.#written.keys()) {
      if (!wanted.has(path)) await rm(join(parent, path));
    }
    for (const [path, text] of wanted) {
      if (!touch && this.#written.get(path) === text) continue;
      await mkdir(dirname(join(parent, path)), { recursive: true });
      await writeFile(join(parent, path), text);
    }
    this.#written = wanted;
  }

  /** Removes both target directories. */
  async clean(site: Site): Promise<void> {
    for (const target of [0, 1]) {
      const { targetDir } = this.placeOf({ ...site, target });
      await rm(targetDir, { recursive: true, force: true });
    }
  }

  cargo(command: 'build' | 'check', site: Site): Promise<Finished> {
    return this.developer.cargo(argumentsOf(command, site.setting), {
      cwd: join(this.placeOf(site).parent, 'app'),
      env: this.#environment(site.setting, this.placeOf(site).targetDir),
      allowFailure: true,
    });
  }

  /** What the program prints after a clean build by cargo alone, but for the target directory. */
  async uncached(site: Site): Promise<{ build: Finished; lines: string[] }> {
    const place = { ...this.placeOf(site), targetDir: join(this.developer.root, 'uncached') };
    await rm(place.targetDir, { recursive: true, force: true });
    const build = await this.developer.run('cargo', argumentsOf('build', site.setting), {
      cwd: join(place.parent, 'app'),
      env: this.#environment(site.setting, place.targetDir),
      allowFailure: true,
      timeoutMs: 240_000,
    });
    if (build.code !== 0) return { build, lines: [] };
    const lines = await this.printed(site.setting, place);
    const { targetDir } = this.placeOf(site);
    return { build, lines: lines.map((line) => line.replace(place.targetDir, targetDir)) };
  }

  async printed({ release }: Setting, { parent, targetDir }: Place): Promise<string[]> {
    const program = join(targetDir, release ? 'release' : 'debug', 'app');
    if (!existsSync(program)) return ['no program'];
    const { stdout } = await this.developer.run(program, [], { cwd: parent });
    return stdout.trimEnd().split('\n').map(withoutHashes);
  }

  #environment(setting: Setting, targetDir: string): NodeJS.ProcessEnv {
    const flags = setting.cfgs.flatMap((name) => ['--cfg', name]);
    if (setting.denyWarnings) flags.push('-D', 'warnings');
    const env: NodeJS.ProcessEnv = { CARGO_TARGET_DIR: targetDir, RUSTFLAGS: flags.join(' ') };
    if (setting.incremental !== null) env.CARGO_INCREMENTAL = setting.incremental;
    for (const name of VARIABLES) {
      if (setting.env[name] !== null) env[name] = String(setting.env[name]);
    }
    return env;
  }
}

const argumentsOf = (command: string, { release }: Setting): string[] =>
  release ? [command, '--release'] : [command];
