import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inProject } from '../harness/project.js';

// Plain JavaScript without types: what `npm run bench:real` judges by.
const { compareNames, compareTargets, isLike } = await import(inProject('bench/real/compare.mjs'));
const { compareMessages } = await import(inProject('bench/real/messages.mjs'));
const { resultsIn } = await import(inProject('bench/real/tests.mjs'));

describe('the comparison of real projects', () => {
  let scratch: string;
  let targets = 0;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'vrift-compare-'));
  });
  afterAll(() => rm(scratch, { recursive: true, force: true }));

  async function target(files: Record<string, string | Buffer>): Promise<string> {
    const directory = join(scratch, `t${++targets}`);
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), content);
    }
    return directory;
  }

  const compare = async (
    cached: Record<string, string | Buffer>,
    compiled: Record<string, string | Buffer>,
    suffixes: string[] = [],
  ) => {
    const facts = { suffixes: new Set(suffixes) };
    const targets = [await target(cached), await target(compiled)];
    return (await compareTargets(...targets, facts)).differences;
  };

  it('finds a byte, a mode, and a file that only one side has', async () => {
    expect(await compare({ 'debug/app': 'aaaa' }, { 'debug/app': 'aaaa' })).toEqual([]);
    const byte = await compare({ 'debug/app': 'aaaa' }, { 'debug/app': 'aaba' });
    expect(byte).toEqual([{ path: 'debug/app', what: '4 bytes, 4 without the cache' }]);

    const [left, right] = [await target({ app: '' }), await target({ app: '' })];
    await chmod(join(left, 'app'), 0o755);
    await chmod(join(right, 'app'), 0o644);
    const { differences } = await compareTargets(left, right, { suffixes: new Set() });
    expect(differences).toEqual([{ path: 'app', what: 'mode 755 instead of 644' }]);

    const more = await compare({ a: '', b: '' }, { b: '', c: '' });
    expect(more.map(({ path }: { path: string }) => path)).toEqual(['a', 'c']);
    const names = [await target({ a: '1', b: '' }), await target({ a: '2' })];
    expect((await compareNames(...names)).differences).toHaveLength(1);
  });

  it("lets go another hash in a crate's metadata, and nothing that is text or longer", async () => {
    const metadata = (middle: string | Buffer, length = 40) =>
      Buffer.concat([Buffer.from('rust\0\0\0\x09'), Buffer.from(middle), Buffer.alloc(length)]);
    const hash = (byte: number) => Buffer.from(Array.from({ length: 16 }, (_, n) => n * 13 + byte));
    const causes = async (left: Buffer, right: Buffer) =>
      (await compare({ 'a.rmeta': left }, { 'a.rmeta': right })).map(
        ({ cause }: { cause?: string }) => cause,
      );
    expect(await causes(metadata(hash(1)), metadata(hash(2)))).toEqual([
      expect.stringMatching(/^crate hash/),
    ]);
    const no = [undefined];
    expect(await causes(metadata('/home/alice-here'), metadata('/srv/of-bob-there'))).toEqual(no);
    expect(
      await causes(metadata('/home/alice-here'), metadata('/mnts/boxes/there'.slice(0, 16))),
    ).toEqual(no);
    const twice = (byte: number) =>
      metadata(Buffer.concat([hash(byte), Buffer.alloc(8), hash(byte)]));
    expect(await causes(twice(1), twice(2))).toEqual(no);
    expect(await causes(metadata(hash(1)), metadata(hash(1), 41))).toEqual(no);
    const other = (byte: number) => Buffer.concat([Buffer.alloc(8), hash(byte)]);
    expect(await causes(other(1), other(2))).toEqual(no);
  });

  it('lets go lines that a build script printed again, with what cargo wrote down of them', async () => {
    const book = (hash: string, vars: string[], path = '18446744073709551615') =>
      `{"path":${path},"deps":[[17,"dep",false,${hash}]],"local":[${vars
        .map((name) => `{"RerunIfEnvChanged":{"var":"${name}","val":null}}`)
        .join(',')}]}`;
    const target = (output: string, json: string, hash: string) => ({
      'debug/build/sys-1/output': output,
      'debug/.fingerprint/sys-1/run-build-script': hash,
      'debug/.fingerprint/sys-1/run-build-script.json': json,
    });
    const first = target('A\nB\nA\n', book('1', ['A', 'B', 'A']), 'aa');
    const again = await compare(first, target('A\nB\n', book('2', ['A', 'B']), 'bb'));
    expect(again.map(({ cause }: { cause?: string }) => cause !== undefined)).toEqual([
      true,
      true,
      true,
    ]);
    const other = await compare(first, target('A\nB\n', book('2', ['A', 'C']), 'bb'));
    expect(other.map(({ cause }: { cause?: string }) => cause !== undefined)).toEqual([
      false,
      false,
      true,
    ]);
    const moved = book('2', ['A', 'B'], '18446744073709551614');
    const elsewhere = await compare(first, target('A\nB\n', moved, 'bb'));
    expect(elsewhere.map(({ cause }: { cause?: string }) => cause !== undefined)).toEqual([
      false,
      false,
      true,
    ]);
    const lines = await compare(first, target('A\nC\n', book('2', ['A', 'B']), 'bb'));
    expect(lines.some(({ cause }: { cause?: string }) => cause !== undefined)).toBe(false);
  });

  it("lets go the order in cargo's list of a unit's inputs, and no other input", async () => {
    const book = (...paths: string[]) => ({ 'dep-lib-x': bookOf(paths) });
    const other = await compare(book('src/lib.rs', 'src/a.rs'), book('src/a.rs', 'src/lib.rs'));
    expect(other).toMatchObject([{ cause: "order in which cargo's books list a unit's inputs" }]);
    const wrong = await compare(book('src/lib.rs', 'src/a.rs'), book('src/b.rs', 'src/lib.rs'));
    expect(wrong[0]).not.toHaveProperty('cause');
  });

  it('knows a file again whose name holds another hash each time', () => {
    expect(isLike('out/probe_f32d42b3_0.ll', 'out/probe_54a79fda_0.ll')).toBe(true);
    expect(isLike('out/probe_f32d42b3_0.ll', 'out/probe_54a79fda_1.ll')).toBe(false);
    expect(isLike('out/probe_f32d42b3_0.ll', 'other/probe_54a79fda_0.ll')).toBe(false);
  });

  it("lets go the name of an incremental session, and nothing of an archive's content", async () => {
    const members = (session: string, body: string) => ({
      'libx.rlib': archive([
        ['lib.rmeta/', 'm'],
        [`x.0a.${session}.rcgu.o/`, body],
      ]),
    });
    const renamed = await compare(members('0q', 'object'), members('1z', 'object'));
    expect(renamed).toMatchObject([{ cause: 'names of members: the incremental session' }]);
    const changed = await compare(members('0q', 'object'), members('1z', 'obiect'));
    expect(changed[0]).not.toHaveProperty('cause');
  });

  it('lets go the file-name hashes of outside crates, and no other', async () => {
    const left = { 'libx.rmeta': 'uses y-0123456789abcdef and z-00000000000000ff' };
    const right = { 'libx.rmeta': 'uses y-fedcba9876543210 and z-00000000000000ff' };
    const known = ['-0123456789abcdef', '-fedcba9876543210'];
    expect((await compare(left, right, known))[0]).toHaveProperty('cause');
    expect((await compare(left, right, known.slice(1)))[0]).not.toHaveProperty('cause');
  });

  it('counts messages, and reads the results of tests by program', () => {
    const event = (text: string) => ({
      package_id: 'path+file:///x#app@1.0.0',
      target: { kind: ['bin'], name: 'app' },
      message: { rendered: text },
    });
    const phase = (...texts: string[]) => ({
      build: { messages: texts.map(event), artifacts: [], scripts: [] },
    });
    expect(compareMessages(phase('a', 'b'), phase('b', 'a'))).toEqual([]);
    expect(compareMessages(phase('a', 'a'), phase('a'))).toHaveLength(1);

    const output = 'running 1 test\ntest one ... ok\n\nrunning 1 test\ntest one ... FAILED\n';
    expect([...resultsIn(output)]).toEqual([
      ['1: one', 'ok'],
      ['2: one', 'failed'],
    ]);
  });
});

/** As cargo writes `.fingerprint/…/dep-lib-x`: no checksums, no variables. */
function bookOf(paths: string[]): Buffer {
  const sized = (text: string) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    return Buffer.concat([length, Buffer.from(text)]);
  };
  const count = Buffer.alloc(4);
  count.writeUInt32LE(paths.length);
  const inputs = paths.map((path) => Buffer.concat([Buffer.of(0), sized(path), Buffer.of(0)]));
  return Buffer.concat([Buffer.of(1, 0, 0, 0, 0xff, 1), count, ...inputs, Buffer.alloc(4)]);
}

/** Short names only; bodies are padded to even lengths as `ar` does. */
function archive(members: [name: string, body: string][]): Buffer {
  const parts = members.map(([name, body]) => {
    const header = `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(12)}${'644'.padEnd(8)}`;
    return `${header}${String(body.length).padEnd(10)}\`\n${body}${body.length % 2 === 1 ? '\n' : ''}`;
  });
  return Buffer.from(`!<arch>\n${parts.join('')}`, 'latin1');
}
