#!/usr/bin/env node
// npm run bench:link [-- PROJECT] [--mbits LIST] [--rounds N]: the first build of a second machine over
// links of these speeds, with what goes between the nodes as it is and compressed. Linux, as root.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from '../../bin/build.mjs';
import { formatTable, seconds } from '../../bin/lib/table.mjs';
import { meet } from '../edit/contestants.mjs';
import { median } from '../hit/numbers.mjs';
import { untilInterrupted } from '../interrupted.mjs';
import { beginAnew } from '../lan/anew.mjs';
import { openProject } from '../rivals/projects.mjs';
import { Rival } from '../rivals/rival.mjs';
import { Cable } from './network.mjs';

const SETTINGS = ['never', 'always'];

const signal = untilInterrupted();
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mbits: { type: 'string', default: '100,300,1000' },
    rounds: { type: 'string', default: '3' },
  },
});
const name = positionals[0] ?? 'ripgrep';
const speeds = values.mbits.split(',').map(Number);
const rounds = Math.max(1, Number(values.rounds));
const say = (line) => process.stderr.write(`${line}\n`);

const scratch = await mkdtemp(join(tmpdir(), 'vrift-link-'));
let cable;
let rival;
try {
  await build();
  cable = new Cable();
  const project = await openProject(name, join(scratch, 'project'), { say, signal });
  rival = new Rival('vrift', join(scratch, 'r'), { programs: {}, signal });
  await mkdir(rival.root);
  await rival.moveIn(project);
  const { first, second } = rival.people;
  [first.prefix, second.prefix] = cable.ends;
  await set('never');
  await first.start();
  await second.start();
  await meet(first, second);
  await rival.build('here');
  const warm = [await rival.build('here'), await rival.build('here')].map(({ ms }) => ms);
  rival.joined = true;
  const times = new Map();
  for (let round = 1; round <= rounds; round += 1) {
    for (const mbits of speeds) {
      cable.setSpeed(mbits);
      for (const setting of round % 2 === 0 ? SETTINGS : SETTINGS.toReversed()) {
        const configure = () => set(setting);
        await beginAnew([first, second], { emptied: second, signal, configure });
        const { ms, cpuMs } = await rival.build('home');
        const { bytes } = await second.vrift(['stats']);
        say(`${mbits} Mbit/s, ${setting}: ${seconds(ms)}, ${Math.round(bytes.peerIn / 1e6)} MB`);
        const key = `${mbits} ${setting}`;
        times.set(key, [...(times.get(key) ?? []), { ms, cpuMs }]);
      }
    }
  }
  print(times, Math.min(...warm));
} catch (error) {
  console.error(signal.aborted ? 'Interrupted.' : error.message);
  process.exitCode = signal.aborted ? 130 : 1;
} finally {
  await rival?.stop();
  cable?.cut();
  await rm(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

async function set(setting) {
  const config = `[mesh]\ndiscovery = false\ncompress = "${setting}"\n`;
  for (const { vriftHome } of Object.values(rival.people)) {
    await writeFile(join(vriftHome, 'config.toml'), config);
  }
}

function print(times, warmMs) {
  const typical = (mbits, setting, what) =>
    median(times.get(`${mbits} ${setting}`).map((each) => each[what]));
  const rows = speeds.map((mbits) => {
    const ratios = times
      .get(`${mbits} always`)
      .map(({ ms }, at) => ms / times.get(`${mbits} never`)[at].ms);
    return [
      `${mbits} Mbit/s`,
      ...SETTINGS.map((setting) => seconds(typical(mbits, setting, 'ms'))),
      `${median(ratios).toFixed(2)} ×`,
      ...SETTINGS.map((setting) => seconds(typical(mbits, setting, 'cpuMs'))),
    ];
  });
  console.log(`\n${name}, ${rounds} rounds, medians; a local warm build: ${seconds(warmMs)}\n`);
  const head = ['link', 'as it is', 'compressed', 'ratio', 'processor', 'compressed'];
  console.log(formatTable(head, rows));
}
