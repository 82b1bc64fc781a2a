import { seconds } from '../../bin/lib/table.mjs';

const HEADINGS = [
  'project',
  'step',
  'wall',
  'units',
  'disk',
  'LAN',
  'compiled',
  'scripts run',
  'not cacheable',
  'local only',
];

/** All reports as one markdown document: the table, then what deserves a name. */
export function reportOf(reports) {
  const rows = reports.flatMap(({ project, steps }) =>
    Object.entries(steps).flatMap(([step, phases]) =>
      Object.entries(phases).map(([phase, figures]) => rowOf(project, step, phase, figures)),
    ),
  );
  return [table(HEADINGS, rows), ...reports.map(detailsOf)].join('\n\n');
}

function rowOf(project, step, phase, { ms, stats }) {
  const name = phase === 'build' ? step : `${step}, ${phase}`;
  if (stats === undefined) return [project, name, seconds(ms), '', '', '', '', '', '', ''];
  const { units, hits, compiled, scripts, bypassed, localOnly } = stats;
  const ran = [units, hits.disk, hits.peer, compiled, scripts.ran];
  const counts = [...ran, listed({ ...bypassed, ...scripts.refused }), listed(localOnly)];
  return [project, name, seconds(ms), ...counts];
}

const listed = (counts) =>
  Object.entries(counts)
    .map(([reason, count]) => `${reason} ${count}`)
    .join(', ');

function detailsOf({ project, what, comparisons, unsteady, notHit, edit, tests, differences }) {
  const lines = [`### ${project}${what === '' ? '' : `: ${what}`}`, ''];
  for (const { step, files, explained } of comparisons) {
    const counts = {};
    for (const { cause } of explained) counts[cause] = (counts[cause] ?? 0) + 1;
    const but = listed(counts);
    lines.push(`- ${step}: ${files} files compared${but === '' ? '' : `; alike but for: ${but}`}`);
  }
  if (tests !== undefined) {
    const counts = `${tests.ok} ok, ${tests.failed} failed, ${tests.ignored} ignored`;
    lines.push(`- tests: ${counts}`);
  }
  lines.push(`- edit: ${describeEdit(edit)}`);
  if (unsteady?.length > 0) {
    lines.push(`- from run to run without vrift, these differ: ${unsteady.join(', ')}`);
  }
  const kinds = {};
  for (const { kind } of notHit) kinds[kind] = (kinds[kind] ?? 0) + 1;
  lines.push('', `Not from the cache at the second home: ${listed(kinds) || 'nothing'}`, '');
  for (const { unit, kind, cause } of notHit) lines.push(`- ${unit}: ${kind}: ${cause}`);
  lines.push('', differences.length === 0 ? 'No difference.' : 'DIFFERENCES:', '');
  for (const { step, path, what: how } of differences) lines.push(`- ${step}: ${path}: ${how}`);
  return lines.join('\n');
}

function describeEdit({ edit, revert, bare }) {
  const reverted = `reverted ${seconds(revert.ms)}, ${revert.stats.compiled} compiled`;
  return `${seconds(edit.ms)}, ${edit.stats.compiled} compiled (plain cargo ${seconds(bare.ms)}); ${reverted}`;
}

function table(headings, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)].join('\n');
}
