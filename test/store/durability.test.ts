import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { open } from 'lmdb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Compiled, compileStore } from './compiled.js';
import { atEnd, bytes, hasher, makeResult, openStore, temporaryFolder } from './fixture.js';

let compiled: Compiled;
beforeAll(() => {
  compiled = compileStore();
});
afterAll(() => compiled.remove());

/** Runs a script with `Store`, `hasher` and `clock` at hand, in a process of its own. */
function inProcess(body: string, ...args: string[]): ChildProcess {
  return inQuietProcess('inherit', body, ...args);
}

function inQuietProcess(
  stderr: 'inherit' | 'ignore',
  body: string,
  ...args: string[]
): ChildProcess {
  const script = `
    import { Store } from '${compiled.url('store.js')}';
    import { openHasher, digestOf } from '${compiled.url('hashing.js')}';
    import { writeFileSync, readdirSync, readFileSync } from 'node:fs';
    const hasher = await openHasher();
    const clock = { now: () => Date.now(), monotonic: () => performance.now() };
    const args = process.argv.slice(1);
    const open = (path) => Store.open({ path, maxBytes: 64 << 20, hasher, clock });
    ${body}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, ...args], {
    stdio: ['ignore', 'pipe', stderr],
  });
  atEnd(() => child.kill('SIGKILL'));
  return child;
}

const WRITER = `
  const [path, shape] = args;
  const { stored } = JSON.parse(shape);
  const store = await open(path);
  for (let round = 0; ; round++) {
    const text = Buffer.alloc(3000 + round, 'r' + process.pid + '.' + round);
    const blob = await store.putBytes(text);
    const unitKey = hasher.hash('unit' + process.pid + round);
    const resultKey = hasher.hash('key' + process.pid + round);
    const outputs = [{ role: 'rlib', executable: false, ...blob }];
    const result = { ...stored.result, unitKey, resultKey, outputs, stdout: blob, stderr: blob };
    store.putResult({ ...stored, result, resultDigest: digestOf(hasher, result) });
    if (round % 20 === 19) {
      await store.flush();
      process.stdout.write(unitKey + ' ' + resultKey + '\\n');
    }
  }`;

function exited(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('exit', resolve));
}

describe('a process that is killed in the middle of writes', () => {
  it('leaves a store in which every result is whole and nothing flushed is lost', async () => {
    const path = join(temporaryFolder(), 'l2');
    const flushed: string[][] = [];
    for (let round = 0; round < 4; round++) {
      const child = inProcess(WRITER, path, JSON.stringify({ stored: makeResult() }));
      let output = '';
      child.stdout?.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
      await expect.poll(() => output.length, { timeout: 10_000 }).toBeGreaterThan(130 * 2);
      await sleep(round * 7);
      child.kill('SIGKILL');
      await exited(child);
      flushed.push(
        ...output
          .trim()
          .split('\n')
          .map((line) => line.split(' ')),
      );
      if (round % 2 === 0) writeFileSync(join(path, 'tmp', `${child.pid}-1-abc`), 'half a blob');
    }
    const { store, events } = await openStore({ path });
    const all = [...store.allResults()];
    expect(all.length).toBeGreaterThanOrEqual(flushed.length * 20);
    for (const { result } of all) {
      for (const { digest, size } of result.outputs) expect(store.check(digest, size)).toBe('ok');
    }
    const keys = new Set(all.map(({ result }) => `${result.unitKey} ${result.resultKey}`));
    for (const line of flushed.slice(0, -1)) expect(keys).toContain(line.join(' '));
    await expect.poll(() => readdirSync(join(path, 'tmp')), { timeout: 5_000 }).toEqual([]);
    expect(events).toEqual([]);
    await store.gc();
    const counted = store.stats();
    expect(counted.results).toBe(all.length);
    await store.gc();
    expect(store.stats()).toEqual(counted);
    expect((await store.verify({ repair: false })).bad).toBe(0);
  });

  it('has its unsynced blobs hashed again at first use', async () => {
    const path = join(temporaryFolder(), 'l2');
    const child = inProcess(
      `const store = await open(args[0]);
       for (const text of ['good', 'torn']) {
         const blob = await store.putBytes(Buffer.from(text));
         const stored = JSON.parse(args[1]);
         const result = { ...stored.result, unitKey: hasher.hash('u' + text), resultKey: hasher.hash('k' + text),
           outputs: [{ role: 'rlib', executable: false, ...blob }], stdout: blob, stderr: blob };
         store.putResult({ ...stored, result, resultDigest: digestOf(hasher, result) });
       }
       await store.flush();
       process.kill(process.pid, 'SIGKILL');`,
      path,
      JSON.stringify(makeResult()),
    );
    await exited(child);
    // Same size, same mtime: what a power cut leaves when data blocks did not make it.
    const torn = join(path, 'cas', hasher.hash('torn').slice(0, 2), hasher.hash('torn'));
    execFileSync('sh', [
      '-c',
      'touch -r "$1" "$2" && printf ZZZZ > "$1" && touch -r "$2" "$1"',
      'sh',
      torn,
      join(path, 'stamp'),
    ]);
    const { store, clock, events } = await openStore({ path });
    clock.aheadMs += 10_000;
    expect(store.check(hasher.hash('good'), 4)).toBe('ok');
    expect(store.check(hasher.hash('torn'), 4)).toBe('gone');
    expect(store.resultsOf(hasher.hash('ktorn'))).toEqual([]);
    expect(store.resultsOf(hasher.hash('kgood'))).toHaveLength(1);
    expect(events).toHaveLength(1);
  });
});

it('eight processes that put one blob end with one whole file', async () => {
  const path = join(temporaryFolder(), 'l2');
  const content = bytes(300_000, 5);
  const source = join(temporaryFolder(), 'source');
  writeFileSync(source, content);
  const children = Array.from({ length: 8 }, (_, at) =>
    inProcess(
      `const store = await open(args[0]);
       const link = args[2] === 'link';
       const put = await store.putFile(args[1], { link });
       if (hasher.hash(readFileSync(store.blobPath(put.digest))) !== put.digest) process.exit(4);
       await store.flush();
       process.exit(0);`,
      path,
      source,
      at % 2 === 0 ? 'link' : 'copy',
    ),
  );
  expect(await Promise.all(children.map(exited))).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  const { store } = await openStore({ path });
  expect(await store.putBytes(content)).toEqual({ digest: hasher.hash(content), size: 300_000 });
  expect(await store.verify({ repair: false })).toEqual({ blobs: 1, bad: 0, dropped: 0 });
  await expect.poll(() => readdirSync(join(path, 'tmp')), { timeout: 5_000 }).toEqual([]);
}, 20_000);

describe('a mangled index', () => {
  it.each([
    ['overwritten with garbage', (file: string) => writeFileSync(file, bytes(100_000, 1))],
    ['emptied', (file: string) => truncateSync(file, 0)],
    ['cut short', (file: string) => truncateSync(file, 8192)],
    ['gone', (file: string) => unlinkSync(file)],
  ])('that is %s becomes an empty one', async (_, damage) => {
    const { store, path } = await openStore();
    const blob = await store.putBytes(bytes(50_000, 1));
    const stored = makeResult({ outputs: [blob] });
    store.putResult(stored);
    await store.close();
    damage(join(path, 'index', 'data.mdb'));
    const { store: again, events } = await openStore({ path });
    expect(again.resultsOf(stored.result.resultKey)).toEqual([]);
    expect(again.stats().results).toBe(0);
    expect(events.length).toBeLessThanOrEqual(1);
    const back = await again.putBytes(bytes(50_000, 1));
    again.putResult(makeResult({ outputs: [back] }));
    expect(again.resultsOf(stored.result.resultKey)).toHaveLength(1);
  });

  it('that ends the process twice during open is put aside at the third', async () => {
    const { store, path } = await openStore();
    store.putResult(makeResult({ outputs: [await store.putBytes(bytes(500, 1))] }));
    await store.close();
    const crashInOpen = `
      const { default: fs } = await import('node:fs');
      const { syncBuiltinESMExports } = await import('node:module');
      // It looks for leftovers in tmp/ on the way.
      const { readdirSync: list } = fs;
      fs.readdirSync = (path) => {
        if (path.endsWith('/tmp')) process.kill(process.pid, 'SIGKILL');
        return list(path);
      };
      syncBuiltinESMExports();
      await open(args[0]);`;
    for (let round = 0; round < 2; round++) await exited(inProcess(crashInOpen, path));
    const { store: again, events } = await openStore({ path });
    expect(again.stats().results).toBe(0);
    expect(events).toMatchObject([{ code: 'VRIFT_STORE_CORRUPT' }]);
    await again.close();
    expect(readdirSync(join(path, 'crashes'))).toEqual([]);
  });

  it('with scribbled pages never throws into a call, whatever it answers', async () => {
    const path = join(temporaryFolder(), 'l2');
    const script = `
      const store = await open(args[0]);
      for (let at = 0; at < 300; at++) {
        const blob = await store.putBytes(Buffer.from('x' + at));
        const stored = JSON.parse(args[1]);
        const result = { ...stored.result, unitKey: hasher.hash('u' + at), resultKey: hasher.hash('k' + at),
          outputs: [{ role: 'rlib', executable: false, ...blob }], stdout: blob, stderr: blob };
        store.putResult({ ...stored, result, resultDigest: digestOf(hasher, result) });
      }
      for (let at = 0; at < 300; at++) {
        for (const { result } of store.resultsOf(hasher.hash('k' + at))) {
          for (const { digest, size } of result.outputs) store.check(digest, size);
        }
      }
      await store.close();`;
    const shape = JSON.stringify(makeResult());
    expect(await exited(inProcess(script, path, shape))).toBe(0);
    const file = openSync(join(path, 'index', 'data.mdb'), 'r+');
    const pages = readFileSync(join(path, 'index', 'data.mdb')).length / 4096;
    for (let page = 3; page < pages; page += 2)
      writeSync(file, bytes(2000, page), 0, 2000, page * 4096 + 1000);
    // A crash inside LMDB cannot be caught and ends by a signal; an exception would be a 1.
    const codes = [];
    for (let round = 0; round < 3; round++)
      codes.push(await exited(inQuietProcess('ignore', script, path, shape)));
    expect(codes).not.toContain(1);
  }, 30_000);

  it('with undecodable values drops those', async () => {
    const { store, path } = await openStore();
    const stored = makeResult({ outputs: [await store.putBytes(bytes(500, 1))] });
    store.putResult(stored);
    await store.close();
    await scribble(path, 'results', stored.result.resultKey, '{"half": ');
    const { store: again } = await openStore({ path });
    expect(again.manifestsOf(stored.result.unitKey)).toEqual([]);
    expect(again.resultsOf(stored.result.resultKey)).toEqual([]);
    await again.gc();
    expect(again.stats()).toMatchObject({ results: 0 });
  });
});

describe('a restart', () => {
  it('does not keep blobs whose result never came', async () => {
    const { store, path } = await openStore();
    const { digest } = await store.putBytes(bytes(5000, 1));
    const file = store.blobPath(digest);
    await store.close();
    expect(existsSync(file)).toBe(false);
    const { store: again } = await openStore({ path });
    expect(again.stats()).toMatchObject({ blobs: 0, bytes: 0 });
  });

  it('remembers recency', async () => {
    const { store, path, clock } = await openStore();
    const units = [];
    for (const unit of 'abc') {
      const stored = makeResult({ unit, outputs: [await store.putBytes(Buffer.from(unit))] });
      store.putResult(stored);
      units.push(stored.result.resultKey);
      clock.aheadMs += 60_000;
    }
    store.touch(units[0]!);
    await store.close();
    const later = { now: () => Date.now() + 190_000, monotonic: () => performance.now() };
    const { store: again } = await openStore({ path, clock: later });
    expect(await again.gc({ olderThanMs: 100_000 })).toMatchObject({ results: 1 });
    expect(units.map((key) => again.resultsOf(key).length)).toEqual([1, 0, 1]);
  });

  it('counts anew when the count it finds leaves no room for anything', async () => {
    const { store, path } = await openStore();
    store.putResult(makeResult({ outputs: [await store.putBytes(bytes(5000, 1))] }));
    const right = store.stats();
    await store.close();
    await scribble(path, 'meta', 'totals', '{"bytes":1000000000000,"blobs":7,"results":7}');
    const { store: again } = await openStore({ path });
    const pin = again.pin([hasher.hash(bytes(5000, 1))]);
    await expect(again.putBytes(bytes(100, 2))).rejects.toMatchObject({ code: 'VRIFT_STORE_FULL' });
    await expect.poll(() => again.stats()).toEqual(right);
    pin[Symbol.dispose]();
    await again.putBytes(bytes(100, 2));
  });
});

/** Writes behind the back of a closed store. */
async function scribble(path: string, database: string, key: string, text: string): Promise<void> {
  const raw = open<string, string>({ path: join(path, 'index'), maxDbs: 16 });
  await raw.openDB<string, string>(database, { encoding: 'string' }).put(key, text);
  await raw.close();
}
