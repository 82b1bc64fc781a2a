import { formatTable, seconds } from '../../bin/lib/table.mjs';
import { median } from '../hit/numbers.mjs';
import { STEPS } from './rounds.mjs';

const WITHIN = 1.05;
/** More drift of plain cargo, from the first round to the last, is somebody else's load. */
const DRIFT = 0.15;
const EDITS = STEPS.filter((step) => step !== 'revert');

const typical = (rounds, name, step, what = 'ms') =>
  median(rounds.map((round) => round[name][step][what]));

/** Median over rounds and steps of one contestant's time by another's in the same round. */
function ratio(rounds, name, other, steps, what = 'ms') {
  return median(
    rounds.flatMap((round) =>
      steps.map((step) => round[name][step][what] / round[other][step][what]),
    ),
  );
}

const times = (number) => `${number.toFixed(2)} ×`;

export function print({ project, lines, cold, places }) {
  console.log(`\n${project}: ${lines} lines of Rust in the workspace`);
  console.log(`cold: plain ${seconds(cold.plain)}, vrift ${seconds(cold.here)}`);
  for (const [place, rounds] of Object.entries(places)) {
    console.log(`\n${project}, edits in the ${place}, ${rounds.length} rounds${invalid(rounds)}\n`);
    const headings = ['', 'plain', 'compiled here', 'wall', 'cpu', 'restored', 'wall', 'cpu'];
    console.log(
      formatTable(
        headings,
        STEPS.map((step) => row(rounds, step)),
      ),
    );
    console.log(`\n${describeFirst(rounds)}`);
  }
}

function row(rounds, step) {
  const cells = ['here', 'restored'].flatMap((name) => [
    seconds(typical(rounds, name, step)),
    times(ratio(rounds, name, 'plain', [step])),
    times(ratio(rounds, name, 'plain', [step], 'cpuMs')),
  ]);
  const label = step === 'revert' ? step : `${step} edit`;
  return [label, seconds(typical(rounds, 'plain', step)), ...cells];
}

function describeFirst(rounds) {
  const units = median(rounds.map(({ compiled }) => compiled));
  const by = (other, what) => times(ratio(rounds, 'restored', other, ['first'], what));
  const whole = seconds(typical(rounds, 'whole', 'first'));
  return [
    `first edit after a restore: ${units} units compiled;`,
    `${by('whole')} (cpu ${by('whole', 'cpuMs')}) one plain compile of them, which takes ${whole};`,
    `${by('emptied')} (cpu ${by('emptied', 'cpuMs')}) cargo with an empty incremental state`,
  ].join(' ');
}

/** Which bars hold, one line each. */
export function verdict(reports) {
  const lines = [''];
  for (const { project, places } of reports) {
    for (const [place, rounds] of Object.entries(places)) {
      const here = ratio(rounds, 'here', 'plain', EDITS);
      const whole = ratio(rounds, 'restored', 'whole', ['first']);
      const emptied = ratio(rounds, 'restored', 'emptied', ['first']);
      const mark = (holds) => (invalid(rounds) ? 'INVALID' : holds ? 'holds' : 'FAILS');
      lines.push(
        `${project} ${place}: compiled here ${times(here)} ≤ ${WITHIN}: ${mark(here <= WITHIN)}; first edit after a restore ${times(whole)} ≤ 1 plain compile: ${mark(whole <= 1)}, ${times(emptied)} ≤ ${WITHIN} cargo with an empty state: ${mark(emptied <= WITHIN)}`,
      );
    }
  }
  return lines.join('\n');
}

/** '' or what disqualifies these rounds. */
function invalid(rounds) {
  const total = ({ plain }) => STEPS.reduce((sum, step) => sum + plain[step].ms, 0);
  const [first, last] = [total(rounds[0]), total(rounds.at(-1))];
  const drift = Math.abs(last / first - 1);
  return drift > DRIFT ? `: INVALID, plain cargo drifted by ${Math.round(drift * 100)} %` : '';
}
