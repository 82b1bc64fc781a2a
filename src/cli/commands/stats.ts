import type { Command } from 'commander';
import type { Percentiles, StatsInfo } from '../../wire/control.js';
import { addCommand, answerWith, type Cli } from '../command.js';
import { pairs } from '../table.js';
import { bytesText, durationText } from '../words.js';

interface StatsFlags {
  json?: boolean;
  reset?: boolean;
}

export function addStats(program: Command, cli: Cli): void {
  addCommand(
    program,
    'stats',
    'units, hits and time saved since the start or the last reset',
    'vrift stats\nvrift stats --reset   # shows them once more, then starts from zero',
  )
    .option('--reset', 'start from zero afterwards')
    .action((flags: StatsFlags) =>
      answerWith(cli, flags, async () => {
        const stats = (await cli.node.ask('stats', { reset: flags.reset === true })) as StatsInfo;
        return { json: stats, text: pairs(rows(stats)) };
      }),
    );
}

function rows(stats: StatsInfo): [string, string][] {
  const { hits, bytes, latencyMs } = stats;
  const refused = stats.refused.policy + stats.refused.recall;
  return [
    ['units', String(stats.units)],
    ['from disk', `${hits.disk}${latencyText(hits.disk, latencyMs.hitDisk)}`],
    ['from the LAN', `${hits.peer}${latencyText(hits.peer, latencyMs.hitPeer)}`],
    ...(hits.remote > 0 ? [['from the remote', String(hits.remote)] as [string, string]] : []),
    ['misses', String(stats.misses)],
    ['compiled', String(stats.compiled)],
    ['probes', String(stats.probes)],
    ...scriptsText(stats.scripts),
    ['saved', durationText(stats.savedMs)],
    ['stored', bytesText(bytes.stored)],
    ['LAN in, out', `${bytesText(bytes.peerIn)}, ${bytesText(bytes.peerOut)}`],
    ...checksText('checked', stats.checks),
    ...checksText('scripts checked', stats.scripts.checks),
    ...(refused > 0 ? [['refused', refusedText(stats.refused)] as [string, string]] : []),
    ...(stats.late > 0 ? [['peers too late', String(stats.late)] as [string, string]] : []),
    ...counted('bypassed', stats.bypassed),
    ...counted('kept local', stats.localOnly),
    ...counted('script not kept', stats.scripts.refused),
    ...counted('error', stats.errors),
  ];
}

function scriptsText({ ran, replayed }: StatsInfo['scripts']): [string, string][] {
  const { disk, peer } = replayed;
  if (ran + disk + peer === 0) return [];
  return [['build scripts', `${ran} ran, ${disk} replayed from disk, ${peer} from the LAN`]];
}

function checksText(
  title: string,
  { done, differed, skipped }: StatsInfo['checks'],
): [string, string][] {
  if (done + skipped === 0) return [];
  const skips = skipped === 0 ? '' : `, ${skipped} could not be compared`;
  return [[title, `${done} (${differed} differed${skips})`]];
}

/** Results that were there, and were not used. */
function refusedText({ policy, recall }: StatsInfo['refused']): string {
  return `${policy} by policy, ${recall} recalled`;
}

function latencyText(count: number, { p50, p95 }: Percentiles): string {
  return count === 0 ? '' : `  (${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms)`;
}

/** Where a person can end the reason: what to do. */
const ADVICE: Readonly<Record<string, string>> = {
  'foreign dependency': 'made without vrift: one `cargo clean` ends it',
};

/** Most frequent first. */
function counted(title: string, counts: Record<string, number>): [string, string][] {
  return Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => {
      const advice = Object.hasOwn(ADVICE, name) ? `  (${ADVICE[name]})` : '';
      return [title, `${count} × ${name}${advice}`];
    });
}
