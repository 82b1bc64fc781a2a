import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openHasher } from '../../src/store/hashing.js';
import type { WhyInfo } from '../../src/wire/control.js';
import type { Developer } from '../harness/developer.js';
import { until } from '../harness/programs.js';
import { Spy } from './spy.js';
import { type Files, manifest, type Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();
let spy: Spy;
beforeAll(async () => {
  spy = await Spy.join(pair.alice);
}, 60_000);
afterAll(() => spy?.[Symbol.asyncDispose]());
beforeEach(() => spy.forget());

/** Two programs; one of them uses a crate that is to stay private. */
const files = (canary: string): Files => ({
  'app/Cargo.toml':
    '[workspace]\nmembers = ["secret-algo", "plain", "user", "tool"]\nresolver = "2"\n',
  'app/secret-algo/Cargo.toml': manifest('secret-algo'),
  'app/secret-algo/build.rs': `fn main() {
    let dir = std::env::var("OUT_DIR").unwrap();
    std::fs::write(format!("{dir}/made.txt"), "${canary}_MADE").unwrap();
}\n`,
  'app/secret-algo/src/lib.rs': `#[inline(never)] pub fn word() -> &'static str { "${canary}" }
pub fn made() -> &'static str { include_str!(concat!(env!("OUT_DIR"), "/made.txt")) }\n`,
  'app/plain/Cargo.toml': manifest('plain'),
  'app/plain/src/lib.rs': `pub fn word() -> &'static str { "plain_${canary.toLowerCase()}" }\n`,
  'app/user/Cargo.toml': manifest(
    'user',
    '[dependencies]\nsecret-algo = { path = "../secret-algo" }\nplain = { path = "../plain" }\n',
  ),
  'app/user/src/main.rs':
    'fn main() { println!("{}{}{}", secret_algo::word(), secret_algo::made(), plain::word()); }\n',
  'app/tool/Cargo.toml': manifest('tool', '[dependencies]\nplain = { path = "../plain" }\n'),
  'app/tool/src/main.rs': 'fn main() { println!("{}", plain::word()); }\n',
});

/** Units in one question. */
const MOST = 32;

/** As units are called between nodes. */
const NAMES = ['rlib', 'bin'].flatMap((type) =>
  ['secret_algo', 'plain', 'user', 'tool', 'app', 'lib', 'build_script_build'].flatMap((crate) =>
    ['', '/secret-algo', '/plain', '/user', '/tool', '/lib'].map(
      (place) => `/vr/ws${place}|${crate}||${type}|debug`,
    ),
  ),
);

async function ask(developer: Developer) {
  const units = await developer.vriftJson<WhyInfo[]>(['why']);
  // What a node remembers is seen by its other thread a moment later.
  await sleep(300);
  const got = await spy.askForAll(units, NAMES.slice(0, MOST));
  for (let at = MOST; at < NAMES.length; at += MOST) await spy.askWhy(NAMES.slice(at, at + MOST));
  return got;
}

const isTold = (word: string) => spy.told.includes(word);

async function rebuild(project: Project, options = {}) {
  await project.clean();
  return project.count(['build'], { ...options });
}

describe('a crate that the project keeps off the mesh', () => {
  it('is served no more from the moment of its key, though it was stored before', async () => {
    const { alice } = await pair.both(files('CANARY_ONE'));
    await alice.count(['build']);
    await ask(pair.alice);
    for (const word of ['CANARY_ONE', 'CANARY_ONE_MADE', 'secret_algo', 'plain_canary_one']) {
      expect([word, isTold(word)]).toEqual([word, true]);
    }
    await alice.write({ 'app/velo.toml': '[mesh]\nexclude = ["secret-*"]\n' });
    const counted = await rebuild(alice);
    expect(counted).toMatchObject({ compiled: 0, misses: 0 });
    spy.forget();
    const got = await ask(pair.alice);
    for (const word of ['CANARY_ONE', 'secret_algo', 'secret-algo']) {
      expect([word, isTold(word)]).toEqual([word, false]);
    }
    // Not because nothing is told any more.
    expect(isTold('plain_canary_one')).toBe(true);
    expect(got.length).toBeGreaterThan(3);

    // Without the setting it is shared again.
    await alice.remove('app/velo.toml');
    await rebuild(alice);
    spy.forget();
    await ask(pair.alice);
    expect(isTold('CANARY_ONE_MADE')).toBe(true);
  });

  it('is never named or asked for, and what it is not in is shared as ever', async () => {
    const off = { 'app/velo.toml': '[mesh]\nexclude = ["secret-*"]\n' };
    const { alice, bob } = await pair.both({ ...files('CANARY_TWO'), ...off });
    const counted = await alice.count(['build']);
    expect(counted.localOnly['kept off the mesh']).toBe(4);
    await ask(pair.alice);
    const seen = spy.asked + spy.told;
    for (const word of ['CANARY_TWO', 'secret_algo', 'secret-algo']) {
      expect([word, seen.includes(word)]).toEqual([word, false]);
    }
    const units = await pair.alice.vriftJson<WhyInfo[]>(['why']);
    const keyOf = (unit: string) => units.find((entry) => entry.unit === unit)?.key ?? '';
    for (const unit of ['secret_algo', 'user']) expect(spy.asked).not.toContain(keyOf(unit));
    for (const unit of ['plain', 'tool']) expect(spy.asked).toContain(keyOf(unit));
    const own = units.find(({ unit }) => unit === 'user');
    expect(own?.local).toEqual(['kept off the mesh: secret_algo']);

    const his = await bob.count(['build', '-p', 'tool']);
    expect(his.hits.peer).toBe(2);
    const here = await readFile(join(pair.bob.vriftHome, 'log/node.log'), 'utf8');
    const said = await Promise.all(
      [['why'], ['stats'], ['peers'], ['status'], ['log']].map(async (words) => {
        return (await pair.bob.vrift([...words, '--json'])).stdout;
      }),
    );
    expect(here + said.join('')).not.toMatch(/CANARY_TWO|secret[-_]algo/);
    const compared = await pair.alice.vriftJson<WhyInfo[]>(['why', 'user', '--peer', 'bob']);
    expect(compared[0]?.peer).toBeNull();
  });

  it('is in nothing that a build script makes with it, nor in the crate that takes that in', async () => {
    const { alice } = await pair.both({
      ...files('CANARY_SIX'),
      'app/Cargo.toml': '[workspace]\nmembers = ["secret-algo", "front"]\nresolver = "2"\n',
      'app/front/Cargo.toml': manifest(
        'front',
        '[build-dependencies]\nsecret-algo = { path = "../secret-algo" }\n',
      ),
      'app/front/build.rs': `fn main() {
    let dir = std::env::var("OUT_DIR").unwrap();
    std::fs::write(dir + "/word.txt", secret_algo::word()).unwrap();
}\n`,
      'app/front/src/main.rs':
        'fn main() { println!("{}", include_str!(concat!(env!("OUT_DIR"), "/word.txt"))); }\n',
    });
    await alice.count(['build']);
    await ask(pair.alice);
    expect(isTold('CANARY_SIX')).toBe(true);
    await alice.write({ 'app/velo.toml': '[mesh]\nexclude = ["secret-*"]\n' });
    for (let round = 0; round < 2; round += 1) {
      await rebuild(alice);
      expect(await alice.output('front')).toBe('CANARY_SIX');
      spy.forget();
      await ask(pair.alice);
      expect(spy.told).not.toMatch(/CANARY_SIX|secret[-_]algo/);
    }
  });

  it('is in nothing above it, whatever name its library has and through whichever script', async () => {
    const { alice } = await pair.both({
      ...files('CANARY_SEVEN'),
      'app/Cargo.toml':
        '[workspace]\nmembers = ["secret-algo", "plain", "user", "front", "tool"]\nresolver = "2"\n',
      'app/velo.toml': '[mesh]\nexclude = ["secret-*"]\n',
      'app/secret-algo/Cargo.toml': manifest('secret-algo', '[lib]\nname = "algo"\n'),
      'app/user/src/main.rs':
        'fn main() { println!("{}{}{}", algo::word(), algo::made(), plain::word()); }\n',
      'app/front/Cargo.toml': manifest(
        'front',
        '[build-dependencies]\nsecret-algo = { path = "../secret-algo" }\n',
      ),
      'app/front/build.rs': `fn main() {
    let dir = std::env::var("OUT_DIR").unwrap();
    std::fs::write(dir + "/word.txt", algo::word()).unwrap();
}\n`,
      'app/front/src/lib.rs':
        '#[inline(never)] pub fn word() -> &\'static str { include_str!(concat!(env!("OUT_DIR"), "/word.txt")) }\n',
      'app/tool/Cargo.toml': manifest('tool', '[dependencies]\nfront = { path = "../front" }\n'),
      'app/tool/src/main.rs': 'fn main() { println!("{}", front::word()); }\n',
    });
    for (let round = 0; round < 2; round += 1) {
      await rebuild(alice);
      expect(await alice.output('tool')).toBe('CANARY_SEVEN');
      await ask(pair.alice);
      expect(spy.told).not.toMatch(/CANARY_SEVEN|secret[-_]algo/);
      expect(isTold('plain_canary_seven')).toBe(true);
    }
  });

  it('is in nothing that reads a file of that name, nor in what is compiled against it', async () => {
    const { alice } = await pair.both({
      'app/Cargo.toml': '[workspace]\nmembers = ["notes", "plain", "tool"]\nresolver = "2"\n',
      'app/notes/Cargo.toml': manifest('notes'),
      'app/notes/src/secret-words.txt': 'CANARY_EIGHT',
      'app/notes/src/lib.rs':
        '#[inline(always)] pub fn word() -> &\'static str { include_str!("secret-words.txt") }\n',
      'app/plain/Cargo.toml': manifest('plain'),
      'app/plain/src/lib.rs': 'pub fn word() -> &\'static str { "plain_canary_eight" }\n',
      'app/tool/Cargo.toml': manifest('tool', '[dependencies]\nnotes = { path = "../notes" }\n'),
      'app/tool/src/main.rs': 'fn main() { println!("{}", notes::word()); }\n',
    });
    await alice.count(['build']);
    await ask(pair.alice);
    for (const word of ['CANARY_EIGHT', 'secret-words', 'plain_canary_eight']) {
      expect([word, isTold(word)]).toEqual([word, true]);
    }
    // From the store, where it stood before; then compiled anew.
    await alice.write({ 'app/velo.toml': '[mesh]\nexclude = ["secret-*"]\n' });
    for (const env of [{}, { VRIFT_RECACHE: '1' }]) {
      await rebuild(alice, { env });
      expect(await alice.output('tool')).toBe('CANARY_EIGHT');
      spy.forget();
      await ask(pair.alice);
      expect(spy.told).not.toMatch(/CANARY_EIGHT|secret-words/);
      expect(isTold('plain_canary_eight')).toBe(true);
    }
    const units = await pair.alice.vriftJson<WhyInfo[]>(['why']);
    const local = (unit: string) => units.find((entry) => entry.unit === unit)?.local;
    expect(local('notes')).toEqual(['kept off the mesh: a name in its files or messages']);
    expect(local('tool')).toEqual(['kept off the mesh: notes']);
  });

  it('is in no older version either, of what reads it or is compiled against that', async () => {
    const { alice } = await pair.both({
      'app/Cargo.toml': '[workspace]\nmembers = ["notes", "plain", "tool"]\nresolver = "2"\n',
      'app/notes/Cargo.toml': manifest('notes'),
      'app/notes/src/secret-words.txt': 'CANARY_NINE',
      'app/notes/src/lib.rs':
        '#[inline(always)] pub fn word() -> &\'static str { include_str!("secret-words.txt") }\n',
      'app/plain/Cargo.toml': manifest('plain'),
      'app/plain/src/lib.rs': 'pub fn word() -> &\'static str { "plain_canary_nine" }\n',
      'app/tool/Cargo.toml': manifest('tool', '[dependencies]\nnotes = { path = "../notes" }\n'),
      'app/tool/src/main.rs': 'fn main() { println!("{}", notes::word()); }\n',
    });
    const env = { CARGO_INCREMENTAL: '0' };
    await alice.count(['build'], { env });
    await alice.write({
      'app/velo.toml': '[mesh]\nexclude = ["secret-*"]\n',
      'app/notes/src/secret-words.txt': 'CANARY_NINE_LATER',
    });
    expect(await alice.count(['build'], { env })).toMatchObject({ compiled: 2 });
    spy.forget();
    await ask(pair.alice);
    expect(spy.told).not.toMatch(/CANARY_NINE|secret-words/);
    expect(isTold('plain_canary_nine')).toBe(true);
  });

  it('is not in a run of a build script that reads a file of that name, nor in what takes that in', async () => {
    const { alice } = await pair.both({
      'app/Cargo.toml': '[workspace]\nmembers = ["front", "plain"]\nresolver = "2"\n',
      'app/secret-words.txt': 'CANARY_TEN',
      'app/front/Cargo.toml': manifest('front'),
      'app/front/build.rs': `fn main() {
    let path = std::fs::read_to_string("where.txt").unwrap();
    println!("cargo:rerun-if-changed=where.txt\\ncargo:rerun-if-changed={path}");
    let dir = std::env::var("OUT_DIR").unwrap();
    std::fs::copy(path, dir + "/word.txt").unwrap();
}\n`,
      'app/front/where.txt': '../secret-words.txt',
      'app/front/src/lib.rs':
        '#[inline(never)] pub fn word() -> &\'static str { include_str!(concat!(env!("OUT_DIR"), "/word.txt")) }\n',
      'app/plain/Cargo.toml': manifest('plain'),
      'app/plain/src/lib.rs': 'pub fn word() -> &\'static str { "plain_canary_ten" }\n',
    });
    await alice.count(['build']);
    await ask(pair.alice);
    expect(isTold('CANARY_TEN')).toBe(true);
    await alice.write({ 'app/velo.toml': '[mesh]\nexclude = ["secret-*"]\n' });
    for (const env of [{}, { VRIFT_RECACHE: '1' }]) {
      await rebuild(alice, { env });
      spy.forget();
      await ask(pair.alice);
      expect(spy.told).not.toMatch(/CANARY_TEN|secret-words/);
      expect(isTold('plain_canary_ten')).toBe(true);
    }
  });

  it("is not found at peers either: a colleague's copy stays the colleague's", async () => {
    const { alice, bob } = await pair.both(files('CANARY_THREE'));
    await bob.count(['build']);
    await alice.write({ 'app/velo.toml': '[mesh]\nexclude = ["secret_algo"]\n' });
    const counted = await alice.count(['build']);
    // plain and tool; of the rest the build script's program as well is compiled here.
    expect(counted).toMatchObject({ hits: { peer: 2 }, compiled: 3 });
  });
});

it('a project that shares nothing tells nothing and asks nothing', async () => {
  const off = { 'app/velo.toml': '[mesh]\nshare = false\n' };
  const { alice, bob } = await pair.both({ ...files('CANARY_FOUR'), ...off });
  await bob.remove('app/velo.toml');
  await bob.count(['build']);
  expect(spy.asked).not.toBe('');
  spy.forget();
  await alice.count(['build']);
  expect(await pair.alice.stats()).toMatchObject({ hits: { peer: 0 }, compiled: 5 });
  await ask(pair.alice);
  expect(spy.told).not.toMatch(/CANARY_FOUR|plain_canary_four/);
  const units = await pair.alice.vriftJson<WhyInfo[]>(['why']);
  const keys = units.slice(0, 5).map(({ key }) => key);
  expect(keys.filter((key) => spy.asked.includes(key))).toEqual([]);
});

it('config.toml keeps off the mesh what was stored before the node started with it', async () => {
  const { alice } = await pair.both(files('CANARY_FIVE'));
  await alice.count(['build']);
  await ask(pair.alice);
  expect(isTold('CANARY_FIVE')).toBe(true);
  const units = await pair.alice.vriftJson<WhyInfo[]>(['why']);
  const before = await spy.results();
  await pair.alice.configure('[mesh]\nname = "alice"\nexclude = ["secret-*"]\n');
  await pair.alice.stop();
  const { port } = await pair.alice.start();
  spy.moved(port!);
  await sleep(1_000);
  spy.forget();
  await until('nothing of it is told', async () => {
    spy.forget();
    await spy.askForAll(units, NAMES.slice(0, 32));
    return !isTold('CANARY_FIVE') && !isTold('secret_algo');
  });
  expect(isTold('plain_canary_five')).toBe(true);
  await until('it is not counted', async () => (await spy.results()) < before);
  await pair.alice.configure('[mesh]\nname = "alice"\nshare = false\n');
  await pair.alice.stop();
  spy.moved((await pair.alice.start()).port!);
  spy.forget();
  expect(await spy.askForAll(units, NAMES.slice(0, MOST))).toEqual([]);
  expect(spy.told).not.toMatch(/CANARY|canary|secret_algo/);
  await pair.alice.configure('[mesh]\nname = "alice"\n');
  await pair.alice.stop();
  spy.moved((await pair.alice.start()).port!);
});

/** Its metadata is there long before its code. */
function slowToCompile(): string {
  const bodies = Array.from({ length: 1_500 }, (_, n) => {
    return `pub fn f${n}(x: u64) -> String { format!("{} {:?}", x.wrapping_mul(${n}), vec![x; ${n % 7}]) }`;
  });
  return bodies.join('\n');
}

describe('a secret variable', () => {
  const TOKEN = 'CANARY_TOKEN_9f27';
  const env = { API_TOKEN: TOKEN, CARGO_INCREMENTAL: '0' };

  it.each<[string, Files]>([
    [
      'that a library reads',
      { 'app/lib/src/lib.rs': `pub fn word() -> &'static str { env!("API_TOKEN") }\n` },
    ],
    [
      'that a crate is compiled against before all is known',
      {
        'app/lib/Cargo.toml': manifest('lib', '[dependencies]\nlow = { path = "low" }\n'),
        'app/lib/src/lib.rs': "pub fn word() -> &'static str { low::WORD }\n",
        'app/lib/low/Cargo.toml': manifest('low'),
        'app/lib/low/src/lib.rs': `pub const WORD: &str = env!("API_TOKEN");\n${slowToCompile()}`,
      },
    ],
    [
      'that a build script writes down',
      {
        'app/lib/build.rs': `fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    std::fs::write(out + "/t.txt", std::env::var("API_TOKEN").unwrap()).unwrap();
}\n`,
        'app/lib/src/lib.rs': `pub fn word() -> &'static str { include_str!(concat!(env!("OUT_DIR"), "/t.txt")) }\n`,
      },
    ],
  ])('%s is in no byte that a peer gets, in no log, and in no JSON', async (_what, reads) => {
    const { alice } = await pair.both({
      'app/Cargo.toml': manifest('app', '[dependencies]\nlib = { path = "lib" }\n[workspace]\n'),
      'app/src/main.rs': 'fn main() { println!("{}", lib::word()); }\n',
      'app/lib/Cargo.toml': manifest('lib'),
      ...reads,
    });
    for (let round = 0; round < 2; round += 1) {
      await rebuild(alice, { env });
      expect(await alice.output()).toBe(TOKEN);
      await ask(pair.alice);
    }
    expect(spy.told.length).toBeGreaterThan(1_000);
    const digest = (await openHasher()).hash(TOKEN);
    for (const word of [TOKEN, digest]) expect([word, isTold(word)]).toEqual([word, false]);
    const logs = await readFile(join(pair.alice.vriftHome, 'log/node.log'), 'utf8');
    const said = await Promise.all(
      [['why'], ['stats'], ['status'], ['log']].map(async (words) => {
        return (await pair.alice.vrift([...words, '--json'])).stdout;
      }),
    );
    expect(logs + said.join('')).not.toContain(TOKEN);
  });
});
