/** What one project's run found; printed by markdown.mjs, written as it is by `--json`. */
export class Report {
  #say;

  constructor({ name, version, what }, say) {
    this.#say = say;
    this.project = `${name} ${version}`;
    this.what = what;
    /** step → phase → { ms, stats } */
    this.steps = {};
    this.comparisons = [];
    /** Files that differ from run to run without vrift; undefined while nobody had to ask. */
    this.unsteady = undefined;
    /** Units that the second developer did not get from the cache. */
    this.notHit = [];
    this.edit = undefined;
    this.tests = undefined;
    this.differences = [];
  }

  count(step, phase, { ms, stats }) {
    this.steps[step] ??= {};
    this.steps[step][phase] = { ms: Math.round(ms), ...(stats === undefined ? {} : { stats }) };
    const time = `${(ms / 1000).toFixed(1)} s`;
    const counts =
      stats === undefined
        ? ''
        : `, ${stats.units} units, ${stats.hits.disk} disk, ${stats.hits.peer} peer, ${stats.compiled} compiled`;
    this.#say(`${step}, ${phase}: ${time}${counts}`);
  }

  /** @param differences those with a `cause` are the same compile all the same */
  compared(step, files, differences) {
    const explained = differences.filter(({ cause }) => cause !== undefined);
    this.comparisons.push({ step, files, explained });
    this.#say(`${step}: ${files} files compared, ${explained.length} differ with a cause`);
    this.differ(
      step,
      differences.filter(({ cause }) => cause === undefined),
    );
  }

  differ(step, differences) {
    for (const difference of differences) {
      this.differences.push({ step, ...difference });
      this.#say(`DIFFERENCE: ${step}: ${difference.path}: ${difference.what}`);
    }
  }
}
