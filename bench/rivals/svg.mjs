import { COMPARED, typical } from './report.mjs';

const COLOURS = {
  replay: '#9aa0a6',
  kache: '#e8710a',
  mbx: '#9334e6',
  sccache: '#d93025',
  vrift: '#1a73e8',
};
const STEPS = [...COMPARED, 'LAN'];
const BAR_HEIGHT = 14;
const WIDTH = 760;
const LABELS = 150;

/** Bars of all tools for the steps that restore, one group per project and step. */
export function drawing(reports) {
  const rows = [];
  for (const { project, rounds } of reports) {
    const groups = STEPS.map((step) => ({
      step,
      bars: Object.keys(COLOURS).flatMap((name) => {
        const ms = typical(rounds, name, step);
        return ms === undefined ? [] : [{ name, ms }];
      }),
    })).filter(({ bars }) => bars.length > 0);
    const longest = Math.max(...groups.flatMap(({ bars }) => bars.map(({ ms }) => ms)));
    for (const { step, bars } of groups) {
      rows.push({ text: `${project}: ${step}` });
      for (const bar of bars) rows.push({ ...bar, part: bar.ms / longest });
    }
  }
  const height = rows.length * (BAR_HEIGHT + 4) + 10;
  const body = rows.map((row, at) => shape(row, 10 + at * (BAR_HEIGHT + 4))).join('\n');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="11">
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
${body}
</svg>
`;
}

function shape({ text, name, ms, part }, y) {
  const line = y + BAR_HEIGHT - 3;
  if (text !== undefined)
    return `<text x="4" y="${line}" font-weight="bold">${escaped(text)}</text>`;
  const width = Math.max(1, Math.round(part * (WIDTH - LABELS - 90)));
  return [
    `<text x="20" y="${line}">${escaped(name)}</text>`,
    `<rect x="${LABELS}" y="${y}" width="${width}" height="${BAR_HEIGHT}" fill="${COLOURS[name]}"/>`,
    `<text x="${LABELS + width + 6}" y="${line}">${(ms / 1000).toFixed(2)} s</text>`,
  ].join('');
}

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
