import { PHASES, rebuilt, runCargo } from './cargo.mjs';
import { compareNames, compareTargets, hashesThatMove, isLike } from './compare.mjs';
import { editAndRevert } from './edit.mjs';
import { compareMessages } from './messages.mjs';
import { explainMisses } from './misses.mjs';
import { compareTests } from './tests.mjs';

const PROGRAMS = { build: PHASES.build };

/** A target directory that is put aside is called after what made it. */
export class Run {
  constructor(project, office, report, tests) {
    this.project = project;
    this.office = office;
    this.report = report;
    this.phases = tests ? PHASES : PROGRAMS;
  }

  async all() {
    const { alice, bob, bobAlone, elsewhere } = this.office;
    this.bare = await this.#build('bare', bob, bob.checkout, { vrift: false });
    this.always = rebuilt(await runCargo(bob, bob.checkout, PHASES.build, { vrift: false }));
    this.bareTarget = await this.#putAside(bob.checkout, 'bare');

    await this.#build('cold', alice, alice.checkout);
    const cold = await this.#putAside(alice.checkout, 'cold');
    const warm = await this.#restore('warm', alice, alice.checkout);
    await this.#compare('warm', warm, cold);

    const there = await this.#restore('other checkout', alice, elsewhere, PROGRAMS);
    const members = await this.#members(alice, elsewhere);
    const moved = await hashesThatMove(cold, there);
    await this.#compare('other checkout', there, members, moved);

    const theirs = await this.#restore('other home', bob, bob.checkout);
    const compiled = await this.#alone(bobAlone, bob.checkout);
    // A result may have come from either place of the first developer.
    const suffixes = new Set([...moved, ...(await hashesThatMove(cold, theirs))]);
    await this.#compare('other home', theirs, compiled, suffixes);
    const names = await compareNames(theirs, this.bareTarget);
    await this.#excuse(names.differences, 'other home, names of files', names.files);

    await this.#edit(theirs);
    const reverted = await this.#putAside(bob.checkout, 'reverted');
    await this.#compare('edit, reverted', reverted, compiled, suffixes);
    if (this.phases.tests !== undefined) await this.#test(reverted);
    return this.report;
  }

  #putAside(checkout, name) {
    return this.office.putAside(checkout, name);
  }

  /** The programs, then the tests; each phase counted under the name of the step. */
  async #build(step, person, checkout, { phases = this.phases, ...options } = {}) {
    const done = {};
    for (const [phase, args] of Object.entries(phases)) {
      done[phase] = await runCargo(person, checkout, args, options);
      this.report.count(step, phase, done[phase]);
    }
    return done;
  }

  /** A build from the cache, after which cargo finds nothing to do. */
  async #restore(step, person, checkout, phases = this.phases) {
    const built = await this.#build(step, person, checkout, { phases });
    const again = rebuilt(await runCargo(person, checkout, PHASES.build));
    const wrong = again.filter((unit) => !this.always.includes(unit));
    const differences = wrong.map((unit) => ({ path: unit, what: 'built again at once' }));
    this.report.differ(step, differences);
    if (step === 'other home') await this.#judge(step, built);
    return this.#putAside(checkout, step.replace(' ', '-'));
  }

  /** What an IDE is told is as without vrift, and what was compiled has a cause. */
  async #judge(step, built) {
    const { alice, bob } = this.office;
    this.report.differ(step, compareMessages(built, this.bare));
    this.report.notHit = await explainMisses(built, alice, bob);
  }

  /** At a place with an empty store the compiler runs for every unit, with vrift's arguments. */
  async #alone(person, checkout) {
    await person.start();
    const built = await this.#build('compiled there', person, checkout);
    await person.leave();
    const all = Object.values(built).flatMap(({ why }) => why);
    // Cargo may ask twice for one and the same compile, under two names.
    const own = new Set(all.filter(({ outcome }) => outcome === 'miss').map(({ key }) => key));
    const hits = all.filter(({ outcome, key }) => outcome === 'hit' && !own.has(key));
    this.report.differ(
      'compiled there',
      hits.map(({ unit }) => ({ path: unit, what: 'a hit' })),
    );
    return this.#putAside(checkout, 'compiled-there');
  }

  /** The same home has the same dependencies: only what lies in the workspace is compiled again. */
  async #members(person, checkout) {
    await runCargo(person, checkout, PHASES.build);
    for (const name of this.office.workspace.local) {
      await person.cargo(['clean', '-p', name], { cwd: checkout });
    }
    const env = { VRIFT_RECACHE: '1' };
    const options = { phases: PROGRAMS, env };
    await this.#build('members compiled there', person, checkout, options);
    return this.#putAside(checkout, 'members-compiled-there');
  }

  async #compare(step, cached, compiled, suffixes = new Set()) {
    const { files, differences } = await compareTargets(cached, compiled, { suffixes });
    await this.#excuse(differences, step, files);
  }

  /** Reports differences, but for what plain cargo does not make alike either. */
  async #excuse(differences, step, files) {
    const open = differences.filter(({ cause }) => cause === undefined);
    const unsteady = open.length > 0 ? await this.#unsteady() : [];
    for (const difference of open) {
      if (!unsteady.some((path) => isLike(path, difference.path))) continue;
      difference.cause = 'differs without vrift too';
    }
    this.report.compared(step, files, differences);
  }

  /** Files that differ between two builds without vrift at one place: no cache could do better. */
  async #unsteady() {
    if (this.report.unsteady !== undefined) return this.report.unsteady;
    const { bob } = this.office;
    const current = await this.#putAside(bob.checkout, 'current');
    await this.#build('bare again', bob, bob.checkout, { vrift: false });
    const again = await this.#putAside(bob.checkout, 'bare-again');
    await this.office.bringBack(current, bob.checkout);
    const { differences } = await compareTargets(this.bareTarget, again, { suffixes: new Set() });
    const unexplained = differences.filter(({ cause }) => cause === undefined);
    this.report.unsteady = unexplained.map(({ path }) => path);
    return this.report.unsteady;
  }

  async #edit(theirs) {
    await this.office.bringBack(theirs, this.office.bob.checkout);
    const { steps, differences } = await editAndRevert(this);
    this.report.edit = steps;
    this.report.differ('edit', differences);
  }

  async #test(restored) {
    await this.office.bringBack(restored, this.office.bob.checkout);
    const { counts, differences } = await compareTests(this);
    this.report.tests = counts;
    this.report.differ('tests', differences);
  }
}
