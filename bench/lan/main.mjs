#!/usr/bin/env node
// npm run bench:lan [-- PROJECT] [--rounds N]: where the processor time of a second machine's first
// build goes, beside a program that does nothing but send the same bytes over TLS, hash and write them.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from '../../bin/build.mjs';
import { formatTable, seconds } from '../../bin/lib/table.mjs';
import { meet } from '../edit/contestants.mjs';
import { median } from '../hit/numbers.mjs';
import { untilInterrupted } from '../interrupted.mjs';
import { openProject } from '../rivals/projects.mjs';
import { Rival } from '../rivals/rival.mjs';
import { beginAnew } from './anew.mjs';
import { filesBelow, transfer } from './floor.mjs';
import { spent, ticksOf } from './threads.mjs';

const signal = untilInterrupted();
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' } },
});
const name = positionals[0] ?? 'ripgrep';
const wanted = Math.max(1, Number(values.rounds));
const say = (line) => process.stderr.write(`${line}\n`);

const scratch = await mkdtemp(join(tmpdir(), 'vrift-lan-'));
let rival;
try {
  await build();
  const project = await openProject(name, join(scratch, 'project'), { say, signal });
  rival = new Rival('vrift', join(scratch, 'r'), { programs: {}, signal });
  await mkdir(rival.root);
  await rival.moveIn(project);
  const { first, second } = rival.people;
  await first.start();
  await second.start();
  await meet(first, second);
  await rival.build('here');
  rival.joined = true;
  const rounds = [];
  while (rounds.length < wanted) {
    await beginAnew([first, second], { emptied: second, signal });
    const round = await play(first, second, join(scratch, `t${rounds.length}`));
    say(`second node ${seconds(round.lanMs)}, then ${seconds(round.warmMs)}`);
    rounds.push(round);
  }
  print(rounds);
} catch (error) {
  console.error(signal.aborted ? 'Interrupted.' : error.message);
  process.exitCode = signal.aborted ? 130 : 1;
} finally {
  await rival?.stop();
  await rm(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

async function play(first, second, scratchDir) {
  const before = { holder: ticksOf(first.node.pid), taker: ticksOf(second.node.pid) };
  const lan = await rival.build('home');
  const holder = spent(before.holder, ticksOf(first.node.pid));
  const taker = spent(before.taker, ticksOf(second.node.pid));
  const warm = await rival.build('home');
  const { bytes } = await second.vrift(['stats']);
  await beginAnew([first, second], { signal });
  const fresh = await rival.build('home');
  const files = await filesBelow(join(second.vriftHome, 'l2', 'cas'));
  const bare = await transfer(files, scratchDir);
  return {
    lanMs: lan.ms,
    lanCpu: lan.cpuMs,
    warmMs: warm.ms,
    warmCpu: warm.cpuMs,
    freshMs: fresh.ms,
    freshCpu: fresh.cpuMs,
    bytes: bytes.peerIn,
    holder: holder.all,
    answering: taker.main,
    receiving: taker.workers,
    helping: taker.helpers,
    cargo: lan.cpuMs - holder.all - taker.all,
    bareMs: bare.ms,
    bareBytes: bare.bytes,
    bareSends: bare.sendsMs,
    bareTakes: bare.takesMs,
  };
}

function print(rounds) {
  const typical = (of) => median(rounds.map(of));
  const time = (of) => seconds(typical(of));
  const megabytes = (of) => `${Math.round(typical(of) / 1e6)} MB`;
  const rows = [
    ['a local warm build', time((r) => r.warmMs), time((r) => r.warmCpu), ''],
    ['the same after a start of the node', time((r) => r.freshMs), time((r) => r.freshCpu), ''],
    ['the first from the other node', time((r) => r.lanMs), time((r) => r.lanCpu), ''],
    ['  cargo and launchers', '', time((r) => r.cargo), ''],
    ['  the holder', '', time((r) => r.holder), megabytes((r) => r.bytes)],
    ['  the taker: receives, hashes, writes', '', time((r) => r.receiving), ''],
    ['  the taker: answers launchers', '', time((r) => r.answering), ''],
    ['  the taker: V8 and file system', '', time((r) => r.helping), ''],
    ['the same files over TLS, no more', time((r) => r.bareMs), '', megabytes((r) => r.bareBytes)],
    ['  sends', '', time((r) => r.bareSends), ''],
    ['  receives, hashes, writes', '', time((r) => r.bareTakes), ''],
  ];
  console.log(`\n${name}, ${rounds.length} rounds, medians\n`);
  console.log(formatTable(['', 'time', 'processor', 'bytes'], rows));
  const over = typical((r) => r.lanMs / r.warmMs).toFixed(2);
  const floor = typical((r) => (r.warmMs + r.bareMs) / r.warmMs).toFixed(2);
  console.log(`\nBy the local warm build: ${over} ×; that and the bare transfer: ${floor} ×`);
}
