import type { StatsInfo } from '../../wire/control.js';
import { countText, durationText } from '../words.js';

/** What happened between two snapshots of one node. */
export interface RunSummary {
  units: number;
  hits: StatsInfo['hits'];
  compiled: number;
  savedMs: number;
  /** Counted by the node, and by launchers that went on without it. */
  errors: Record<string, number>;
}

/** @param before undefined when the node started meanwhile */
export function summarize(before: StatsInfo | undefined, after: StatsInfo): RunSummary {
  const errors: Record<string, number> = {};
  for (const [code, count] of Object.entries(after.errors)) {
    const more = count - (before?.errors[code] ?? 0);
    if (more > 0) errors[code] = more;
  }
  return {
    units: after.units - (before?.units ?? 0),
    hits: {
      disk: after.hits.disk - (before?.hits.disk ?? 0),
      peer: after.hits.peer - (before?.hits.peer ?? 0),
      remote: after.hits.remote - (before?.hits.remote ?? 0),
    },
    compiled: after.compiled - (before?.compiled ?? 0),
    savedMs: after.savedMs - (before?.savedMs ?? 0),
    errors,
  };
}

/** `vrift: 112 units: 98 from the LAN, 14 from disk, 0 compiled, 41 s saved` */
export function summaryLine({ units, hits, compiled, savedMs, errors }: RunSummary): string {
  const parts = [
    `${hits.peer} from the LAN`,
    `${hits.disk} from disk`,
    ...(hits.remote > 0 ? [`${hits.remote} from the remote`] : []),
    `${compiled} compiled`,
    `${durationText(savedMs)} saved`,
    ...Object.entries(errors).map(([code, count]) => `${count} × ${code}`),
  ];
  return `vrift: ${countText(units, 'unit')}: ${parts.join(', ')}`;
}
