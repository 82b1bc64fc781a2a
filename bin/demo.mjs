#!/usr/bin/env node
// npm start [-- PATH [CARGO BUILD ARGUMENTS]]: two developers on this machine, each with a home,
// a CARGO_HOME and a checkout of their own. The first builds; the second compiles nothing.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { build } from './build.mjs';
import { furnishCargoHome } from './demo/cargoHome.mjs';
import { connection } from './demo/meeting.mjs';
import { Person } from './demo/person.mjs';
import { Advice, checkOut, openWorkspace, sampleWorkspace } from './demo/workspace.mjs';
import { CommandFailed, run } from './lib/run.mjs';
import { formatTable, seconds } from './lib/table.mjs';

const USAGE = `npm start                       shows vrift with the sample workspace
npm start -- PATH [ARGUMENTS]   … with your own; ARGUMENTS go to \`cargo build\`
`;
/** Of units that Bob compiled. */
const MAX_NAMES = 12;

async function demo(args, signal) {
  const [path, ...cargoArgs] = args;
  await build();
  await requireTools(signal);
  const workspace =
    path === undefined
      ? sampleWorkspace()
      : await openWorkspace(resolve(process.env.INIT_CWD ?? '.', path), { cargoArgs, signal });

  const scratch = await mkdtemp(join(tmpdir(), 'vrift-'));
  const people = [];
  try {
    const alice = new Person('Alice', join(scratch, 'alice'), ALICE, { signal });
    const bob = new Person('Bob', join(scratch, 'bob'), BOB, { signal });
    people.push(alice, bob);
    for (const person of people) {
      await person.moveIn();
      await furnishCargoHome(person.cargoHome, workspace.packages);
      person.checkout = await checkOut(workspace, person.work, { signal });
      await person.start();
    }
    await meet(alice, bob);
    await compare(workspace, alice, bob);
  } finally {
    for (const person of people) await person.leave();
    await rm(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

/** No place of one person is named like the other's, or stands as deep. */
const ALICE = { home: 'home', cargoHome: 'home/.cargo', vriftHome: 'v', work: 'work' };
const BOB = { home: 'h', cargoHome: 'cargo', vriftHome: 'v', work: 'src/checked out/here' };

async function requireTools(signal) {
  const tools = [
    ['cargo', 'Install Rust: https://rustup.rs'],
    ['cc', 'Install a C compiler: it links Rust programs (Debian: apt install build-essential).'],
  ];
  for (const [tool, advice] of tools) {
    await run([tool, '--version'], { signal }).catch((error) => {
      throw new Advice(`${tool} does not work: ${error.message}\n${advice}`);
    });
  }
}

async function meet(alice, bob) {
  await alice.vrift(['mesh', 'create', 'demo']);
  const { token } = await alice.vrift(['mesh', 'invite']);
  await bob.vrift(['mesh', 'join', '-'], { input: `${token}\n` });
  // The token held Alice's address. As on any other morning, only mDNS can help them now: both
  // nodes come back on other ports.
  for (const person of [alice, bob]) await person.leave();
  for (const person of [alice, bob]) await person.start();
  const ways = [await connection(alice, bob), await connection(bob, alice)].map(({ via }) => via);
  const how = ways.includes('mdns') ? 'by mDNS' : `by ${ways.join(' and ')}`;
  say(`Two nodes in one mesh, which found each other ${how}:`);
  say(`  Alice   ${alice.checkout}`);
  say(`  Bob     ${bob.checkout}\n`);
}

async function compare(workspace, alice, bob) {
  say(`cargo ${workspace.buildArgs.join(' ')}`);
  const builds = [];
  for (const person of [alice, bob]) builds.push(await measure(workspace, person));
  const rows = builds.map(({ person, stats, ms }) => [
    person.name,
    stats.units,
    stats.compiled,
    stats.hits.disk,
    stats.hits.peer,
    `${stats.scripts.ran} ran, ${stats.scripts.replayed.disk + stats.scripts.replayed.peer} replayed`,
    seconds(ms),
  ]);
  say(
    `\n${formatTable(['developer', 'units', 'compiled', 'from disk', 'from the LAN', 'build scripts', 'wall time'], rows)}\n`,
  );

  const [first, second] = builds;
  if (second.stats.compiled > 0) {
    const why = await explain(first, second);
    if (workspace.isSample) {
      throw new Error(
        `Bob compiled ${second.stats.compiled} units that should have come over the LAN.\n${why}`,
      );
    }
    say(why);
  }
  await checkNothingIsDirty(workspace, first, second);
  if (workspace.isSample) await showProgram(bob);
}

async function measure(workspace, person) {
  await person.vrift(['stats', '--reset']);
  const startedMs = performance.now();
  await person.cargo(workspace.buildArgs, { cwd: person.checkout });
  const ms = performance.now() - startedMs;
  return { person, ms, stats: await person.vrift(['stats']) };
}

/** Which units the second developer compiled, and why, as far as the two nodes say it. */
async function explain(first, second) {
  const { compiled, misses, bypassed, errors } = second.stats;
  const missed = (await second.person.vrift(['why'])).filter(({ outcome }) => outcome === 'miss');
  const probes = missed.filter(({ from }) => from === 'compile failed');
  const lines = [`Bob's compiler ran for ${compiled} units:`];
  const count = (n, what) => n > 0 && lines.push(`${String(n).padStart(6)}  ${what}`);
  for (const [reason, n] of Object.entries(bypassed)) count(n, `not cacheable: ${reason}`);
  count(probes.length, "failed, as a build script's question to the compiler may: never cached");
  count(
    misses - probes.length,
    'found nothing of Alice that fits: they bake a path in or read generated files that differ',
  );
  for (const [reason, n] of Object.entries(first.stats.localOnly)) {
    count(n, `of Alice's stayed on her machine: ${reason}`);
  }
  for (const [code, n] of Object.entries(errors)) count(n, `errors ${code}`);
  const units = missed.filter((entry) => !probes.includes(entry)).map(({ unit }) => unit);
  const shown = units.slice(0, MAX_NAMES).join(', ');
  if (units.length > 0) lines.push(units.length > MAX_NAMES ? `${shown}, …` : shown);
  return lines.join('\n');
}

/** Some projects rebuild something every time; Alice, who compiled, shows which. */
async function checkNothingIsDirty(workspace, first, second) {
  const dirtyOf = async ({ person }) => {
    const { stderr } = await person.cargo(workspace.buildArgs, { cwd: person.checkout });
    return [...stderr.matchAll(/^\s*Compiling (\S+ \S+)/gm)].map((match) => match[1]);
  };
  const always = await dirtyOf(first);
  const dirty = (await dirtyOf(second)).filter((name) => !always.includes(name));
  if (dirty.length > 0) throw new Error(`Bob's next build was not silent: ${dirty.join(', ')}`);
  say("Bob's next `cargo build` finds nothing to do.");
}

async function showProgram(bob) {
  const { stdout } = await bob.run([join(bob.checkout, 'target', 'debug', 'quill')], {
    cwd: bob.checkout,
  });
  const text = process.stdout.isTTY ? stdout : stripVTControlCharacters(stdout);
  say(`\nThe program that Bob did not compile:\n\n${text.trimEnd()}`);
}

function say(text) {
  console.log(text);
}

function describeFailure(error) {
  if (error instanceof Advice || error instanceof CommandFailed) return error.message;
  return error.code === 'ENOENT' ? `${error.path ?? error.message} was not found` : error.message;
}

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(name, () => interrupted.abort(new Error(`ended by ${name}`)));
}
// A reader that went away (`npm start | head`) must not keep us from cleaning up.
process.stdout.on('error', () => interrupted.abort(new Error('nobody reads the output')));
process.stderr.on('error', () => interrupted.abort(new Error('nobody reads the output')));
const args = process.argv.slice(2);
if (args[0] === '--help' || args[0] === '-h') {
  process.stdout.write(USAGE);
} else {
  try {
    await demo(args, interrupted.signal);
  } catch (error) {
    console.error(interrupted.signal.aborted ? 'Interrupted.' : describeFailure(error));
    process.exitCode = interrupted.signal.aborted ? 130 : 1;
  }
}
