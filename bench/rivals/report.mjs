import { formatTable, seconds } from '../../bin/lib/table.mjs';
import { median } from '../hit/numbers.mjs';
import { STEPS } from './rounds.mjs';

const RIVALS = ['kache', 'mbx', 'sccache'];
/** Of bare cargo, from the first build of a round to the last: more is somebody else's load. */
const MAX_DRIFT = 0.15;
/** A warm build that takes more of its own cold one restored nothing worth the name. */
const MAX_WARM = 0.8;
const BAR = { warm: 0.7, lan: 1.5, coldWall: 1.02, coldCpu: 1.05 };
export const COMPARED = ['warm', 'warm again', 'other checkout', 'other home'];

/** Whether somebody else worked on the machine: such a round says nothing of anybody, and is played again. */
export const isDisturbed = ({ drift }) => Math.abs(drift - 1) > MAX_DRIFT;

const has = (round, name, step) => round[name]?.[step] !== undefined;

/** Median over the rounds that have it. */
export function typical(rounds, name, step, what = 'ms') {
  const values = rounds.filter((round) => has(round, name, step));
  return values.length === 0 ? undefined : median(values.map((round) => round[name][step][what]));
}

/** Median of vrift's time by that of the best rival in the same round. */
export function byBest(rounds, step) {
  const ratios = rounds.flatMap((round) => {
    const times = RIVALS.filter((name) => has(round, name, step)).map((n) => round[n][step].ms);
    if (times.length === 0 || !has(round, 'vrift', step)) return [];
    return [round.vrift[step].ms / Math.min(...times)];
  });
  return ratios.length === 0 ? undefined : median(ratios);
}

/** Median of one number by another of the same round. */
export function by(rounds, [name, step], [other, otherStep], what = 'ms') {
  const ratios = rounds
    .filter((round) => has(round, name, step) && has(round, other, otherStep))
    .map((round) => round[name][step][what] / round[other][otherStep][what]);
  return ratios.length === 0 ? undefined : median(ratios);
}

/** Why a run says nothing; [] when it is valid. */
export function problems(rounds) {
  const found = [];
  for (const [at, round] of rounds.entries()) {
    if (isDisturbed(round)) {
      found.push(`round ${at + 1}: bare cargo drifted to ${round.drift.toFixed(2)} ×`);
    }
  }
  for (const name of ['replay', 'vrift', 'kache', 'mbx']) {
    const ratio = by(rounds, [name, 'warm'], [name, 'cold']);
    if (ratio > MAX_WARM) found.push(`${name} restored nothing: warm ${ratio.toFixed(2)} × cold`);
  }
  return found;
}

export function print({ project, rounds, again }) {
  const names = Object.keys(rounds[0]).filter((name) => name !== 'drift');
  const steps = STEPS.filter((step) => names.some((name) => typical(rounds, name, step)));
  const cell = (value) => (value === undefined ? '' : seconds(value));
  const times = (value) => (value === undefined ? '' : `${value.toFixed(2)} ×`);
  const repeated = again > 0 ? `; ${again} more, in which plain cargo drifted, left out` : '';
  console.log(`\n${project}, ${rounds.length} rounds, medians${repeated}\n`);
  const rows = names.map((name) => [
    name,
    ...steps.map((step) => cell(typical(rounds, name, step))),
  ]);
  const best = ['vrift by best rival', ...steps.map((step) => times(byBest(rounds, step)))];
  const replay = [
    'vrift by replay',
    ...steps.map((step) => times(by(rounds, ['vrift', step], ['replay', step]))),
  ];
  console.log(formatTable(['wall', ...steps], [...rows, best, replay]));
  const cpu = names.map((name) => [
    name,
    ...steps.map((step) => cell(typical(rounds, name, step, 'cpuMs'))),
  ]);
  console.log(`\n${formatTable(['processor', ...steps], cpu)}`);
  const memory = names.map((name) => {
    const peaks = steps.map((step) => typical(rounds, name, step, 'peakBytes') ?? 0);
    return `${name} ${Math.round(Math.max(...peaks) / 1e6)} MB`;
  });
  console.log(`\npeak of resident memory, compilers included: ${memory.join(', ')}`);
  for (const problem of problems(rounds)) console.log(`INVALID: ${problem}`);
}

/** The goals over all projects: geometric means. */
export function verdict(reports) {
  const mean = (numbers) => {
    const known = numbers.filter((number) => number !== undefined);
    if (known.length === 0) return undefined;
    return Math.exp(known.reduce((sum, number) => sum + Math.log(number), 0) / known.length);
  };
  const line = (what, value, bar) => {
    if (value === undefined) return `${what}: not measured`;
    const holds = value <= bar ? 'holds' : 'MISSED';
    return `${what}: ${value.toFixed(2)} × ≤ ${bar}: ${holds}`;
  };
  const over = (ratioOf) => mean(reports.map(({ rounds }) => ratioOf(rounds)));
  const valid = reports.every(({ rounds }) => problems(rounds).length === 0);
  return [
    ...COMPARED.map((step) =>
      line(
        `${step} by best rival`,
        over((r) => byBest(r, step)),
        BAR.warm,
      ),
    ),
    line(
      'LAN by local warm',
      over((r) => by(r, ['vrift', 'LAN'], ['vrift', 'warm'])),
      BAR.lan,
    ),
    line(
      'cold by bare',
      over((r) => by(r, ['vrift', 'cold'], ['bare', 'cold'])),
      BAR.coldWall,
    ),
    line(
      'cold by bare, processor',
      over((r) => by(r, ['vrift', 'cold'], ['bare', 'cold'], 'cpuMs')),
      BAR.coldCpu,
    ),
    valid ? 'The run is valid.' : 'The run is INVALID: see above.',
  ].join('\n');
}
