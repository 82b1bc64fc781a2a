import { appendFileSync } from 'node:fs';
import { Developer, formMesh } from '../harness/developer.js';
import type { Finished } from '../harness/programs.js';
import { Chance } from './chance.js';
import { Checkout } from './checkout.js';
import {
  describe,
  generateWorld,
  isSame,
  type Site,
  type Step,
  takeStep,
  type World,
} from './edits.js';
import { needed, type Place, predict } from './model.js';
import { directory, sourcesOf } from './sources.js';

export interface WalkOptions {
  seed: number;
  steps: number;
  /** A new workspace after so many steps; the nodes and what they hold stay. */
  stepsPerWorkspace: number;
  /** Every so many steps a clean build without vrift has to print the same. */
  uncachedEvery: number;
  /** Takes a line for each step. */
  log?: string | undefined;
}

export interface Walked {
  steps: number;
  /** Builds that were compared with a clean one. */
  compared: number;
  /** Units that came from a cache, and units that were compiled. */
  hits: number;
  compiled: number;
}

/**
 * Lets Alice and Bob work at random and compares each build with what the program has to print.
 * A difference throws, with what was done and how to repeat it.
 */
export async function walk(options: WalkOptions): Promise<Walked> {
  await using team = await Team.open();
  const walked: Walked = { steps: 0, compared: 0, hits: 0, compiled: 0 };
  for (let first = 0; first < options.steps; first += options.stepsPerWorkspace) {
    const steps = Math.min(options.stepsPerWorkspace, options.steps - first);
    await new Walk(team, options, first, walked).run(steps);
  }
  for (const { developer } of team.checkouts) {
    const { compiled, hits } = await developer.stats();
    walked.compiled += compiled;
    walked.hits += hits.disk + hits.peer;
  }
  return walked;
}

/** Two developers whose nodes are connected. */
class Team implements AsyncDisposable {
  checkouts: [alice: Checkout, bob: Checkout];

  private constructor(alice: Developer, bob: Developer) {
    this.checkouts = [new Checkout(alice), new Checkout(bob)];
  }

  static async open(): Promise<Team> {
    const alice = await Developer.create('alice', { workspace: 'bound' });
    const bob = await Developer.create('bob', { workspace: 'bound' });
    await formMesh('random', alice, bob);
    return new Team(alice, bob);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { developer } of this.checkouts) await developer.dispose();
  }
}

/** Some steps with one workspace. Its seed is the walk's plus the number of its first step. */
class Walk {
  readonly #team: Team;
  readonly #options: WalkOptions;
  readonly #first: number;
  readonly #walked: Walked;
  readonly #chance: Chance;
  readonly #world: World;
  /** What each developer built last, when that went well. */
  readonly #built: (string | null)[] = [null, null];
  /** Texts of Cargo.toml that crates were last compiled with, by setting, place and crate. */
  readonly #manifests = new Map<string, string>();
  readonly #done: string[] = [];

  constructor(team: Team, options: WalkOptions, first: number, walked: Walked) {
    this.#team = team;
    this.#options = options;
    this.#first = first;
    this.#walked = walked;
    this.#chance = new Chance(options.seed + first);
    this.#world = generateWorld(this.#chance);
  }

  async run(steps: number): Promise<void> {
    for (const [index, checkout] of this.#team.checkouts.entries()) {
      await checkout.clean(this.#world.sites[index]!);
    }
    for (let number = 0; number < steps; number += 1) {
      const step: Step =
        number === 0 ? { does: ['start'], disk: new Set() } : takeStep(this.#world, this.#chance);
      const who = this.#world.active === 0 ? 'Alice' : 'Bob';
      this.#note(`${this.#first + number} ${who}: ${step.does.join('; ')}`);
      const compare = (this.#first + number + 1) % this.#options.uncachedEvery === 0;
      try {
        await this.#build(step, compare);
      } catch (error) {
        throw new Error(await this.#report(error), { cause: error });
      }
      this.#walked.steps += 1;
    }
  }

  #note(line: string): void {
    this.#done.push(line);
    if (this.#options.log !== undefined) appendFileSync(this.#options.log, `${line}\n`);
  }

  async #build(step: Step, compare: boolean): Promise<void> {
    const { active } = this.#world;
    const site = this.#world.sites[active];
    const checkout = this.#team.checkouts[active];
    const place = checkout.placeOf(site);
    await checkout.write(site, step.disk.has('touch'));
    if (step.disk.has('clean')) await checkout.clean(site);
    if (step.disk.has('check first')) await checkout.cargo('check', site);

    const state = JSON.stringify([site.workspace, site.setting, place]);
    const unchanged = this.#built[active] === state && !step.disk.has('check first');
    this.#built[active] = null;
    const before = unchanged ? await checkout.developer.stats() : undefined;
    const build = await checkout.cargo('build', site);
    const expected = predict(site.workspace, site.setting, place);
    if (expected.kind === 'fails') {
      if (build.code !== 0 && expected.with.test(build.stderr)) return;
      fail(`the build had to fail with ${expected.with}`, [build.stderr]);
    }
    if (build.code !== 0) fail('the build fails', [build.stderr]);

    await this.#expectPrinted(expected.lines, site);
    expectWarnings(build, expected.warnings);
    if (before !== undefined) {
      const { compiled } = await checkout.developer.stats();
      if (compiled !== before.compiled) {
        const units = `${compiled - before.compiled} units`;
        fail(`nothing changed, yet it compiled ${units}`, [build.stderr]);
      }
    }
    const again = await checkout.cargo('build', site);
    if (again.code !== 0 || /Compiling|Dirty/.test(again.stderr)) {
      fail('the next build is not fresh', [again.stderr]);
    }
    expectWarnings(again, expected.warnings);
    if (this.#knowsManifests(build, site, place)) this.#built[active] = state;
    if (compare) await this.#compare(site);
  }

  /**
   * Whether every crate was compiled with the Cargo.toml that it has now. Cargo compiles nothing
   * for a change there that does not concern the build; to a macro's user it is another input.
   */
  #knowsManifests(build: Finished, { workspace, setting }: Site, place: Place): boolean {
    const sources = sourcesOf(workspace);
    let all = true;
    for (const crate of needed(workspace)) {
      const text = sources.get(`${directory(crate)}/Cargo.toml`)!;
      const at = JSON.stringify([setting, place, crate.name]);
      if (build.stderr.includes(`Compiling ${crate.name} `)) this.#manifests.set(at, text);
      if (this.#manifests.get(at) !== text) all = false;
    }
    return all;
  }

  async #expectPrinted(lines: readonly string[], site: Site): Promise<void> {
    const checkout = this.#team.checkouts[this.#world.active];
    const printed = await checkout.printed(site.setting, checkout.placeOf(site));
    if (isSame(printed, lines)) return;
    fail('the program prints something else', differences(lines, printed));
  }

  async #compare(site: Site): Promise<void> {
    const checkout = this.#team.checkouts[this.#world.active];
    const { build, lines } = await checkout.uncached(site);
    if (build.code !== 0) fail('cargo alone fails', [build.stderr]);
    const printed = await checkout.printed(site.setting, checkout.placeOf(site));
    if (!isSame(lines, printed)) {
      fail('cargo alone prints something else', differences(lines, printed));
    }
    this.#walked.compared += 1;
  }

  async #report(error: unknown): Promise<string> {
    const { seed } = this.#options;
    const site = this.#world.sites[this.#world.active];
    const what = error instanceof Error ? error.message : String(error);
    const [headline, ...details] = what.split('\n');
    const last = this.#first + this.#done.length - 1;
    return [
      `${headline} (step ${last} of seed ${seed})`,
      `repeat: npm run random -- --seed ${seed + this.#first} --steps ${this.#done.length}`,
      `or, with all that the nodes held: npm run random -- --seed ${seed} --steps ${last + 1}`,
      `workspace: ${describe(site.workspace)}`,
      `cargo alone: ${await this.#verdict(site)}`,
      ...details,
      'steps:',
      ...this.#done.slice(-12),
      'log of the node:',
      ...(await this.#logged()),
    ].join('\n');
  }

  /** What the node did last, and why not from the cache. */
  async #logged(): Promise<string[]> {
    const { developer } = this.#team.checkouts[this.#world.active];
    const { stdout } = await developer.vrift(['log'], { allowFailure: true });
    return stdout.trimEnd().split('\n').slice(-40);
  }

  /** Whether the prediction is right, so that a mistake in the model is not taken for one of vrift. */
  async #verdict(site: Site): Promise<string> {
    const checkout = this.#team.checkouts[this.#world.active];
    const { build, lines } = await checkout.uncached(site);
    const expected = predict(site.workspace, site.setting, checkout.placeOf(site));
    if (build.code !== 0) return expected.kind === 'fails' ? 'as predicted' : build.stderr;
    if (expected.kind === 'fails') return 'builds';
    if (isSame(lines, expected.lines)) return 'as predicted';
    return ['not as predicted', ...differences(expected.lines, lines)].join('\n');
  }
}

/** Cargo shows the warnings of every crate of ours, compiled or fresh. */
function expectWarnings(build: Finished, expected: Set<string>): void {
  const named = build.stderr.matchAll(/unused variable: `(\w+)`/g);
  const shown = [...new Set([...named].map((match) => match[1]!))].sort();
  const wanted = [...expected].sort();
  if (!isSame(shown, wanted)) fail('other warnings', differences(wanted, shown));
}

function fail(what: string, details: readonly string[]): never {
  throw new Error([what, ...details].join('\n'));
}

function differences(wanted: readonly string[], got: readonly string[]): string[] {
  const missing = wanted.filter((line) => !got.includes(line)).map((line) => `- ${line}`);
  const extra = got.filter((line) => !wanted.includes(line)).map((line) => `+ ${line}`);
  return [...missing, ...extra].slice(0, 40);
}
