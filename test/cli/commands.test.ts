import { spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask } from '../../src/wire/ask.js';
import { homePaths } from '../../src/wire/home.js';
import { FakePackage } from '../daemon/package.js';
import { runProgram, until } from '../harness/programs.js';

let vrift: FakePackage;
beforeAll(() => {
  vrift = FakePackage.build();
});
afterAll(async () => {
  await vrift.freshHome();
  vrift[Symbol.dispose]();
});

const reports = () => ask(vrift.home, 'reports') as Promise<unknown[]>;

describe('without a node', () => {
  beforeEach(() => vrift.freshHome());

  it('status says so, in both languages', async () => {
    const { code, stdout, stderr } = await vrift.vrift(['status']);
    expect([code, stdout]).toEqual([0, `node  not running\nhome  ${vrift.home}\n`]);
    expect(stderr).toContain('vrift start');
    expect(await vrift.json(['status'])).toMatchObject({
      running: false,
      home: vrift.home,
      pid: null,
    });
  });

  it.each([['stats'], ['peers'], ['gc'], ['verify']])('%s names the next step', async (command) => {
    const human = await vrift.vrift([command]);
    expect([human.code, human.stdout]).toEqual([1, '']);
    expect(human.stderr).toBe(
      `error: no node runs for ${vrift.home}\n` +
        '  next: Start the node with `vrift start`, or build with `vrift run -- cargo build`.\n',
    );
    const json = await vrift.vrift([command, '--json']);
    expect([json.code, json.stderr]).toEqual([1, '']);
    expect(JSON.parse(json.stdout)).toEqual({
      error: {
        code: 'VRIFT_NODE_ABSENT',
        message: `no node runs for ${vrift.home}`,
        hint: expect.stringContaining('vrift start'),
      },
    });
  });

  it('the commands of the mesh start one', async () => {
    const founded = await vrift.json(['mesh', 'create', 'office']);
    expect(founded).toEqual({ mesh: 'm', name: 'office', node: 'fakenode', role: 'admin' });
    expect(await vrift.json(['status'])).toMatchObject({ running: true });
  });

  it('log is empty, and stop has nothing to do', async () => {
    expect(await vrift.json(['log'])).toEqual([]);
    expect((await vrift.vrift(['stop'])).stdout).toBe('no node was running\n');
  });
});

describe('with a node', () => {
  beforeAll(() => vrift.vrift(['start']));

  it.each([
    [['bogus'], "unknown command 'bogus'"],
    [['stats', '--frob'], "unknown option '--frob'"],
    [['mesh', 'approve'], 'give a code, or --list'],
    [['mesh', 'approve', '4F7K', '--list'], 'give a code, or --list'],
    [['mesh', 'deny'], 'give a node, or --all'],
    [['mesh', 'revoke'], "missing required argument 'node'"],
    [
      ['mesh', 'revoke', 'x', '--keep-added', '--drop-added'],
      '--keep-added or --drop-added, not both',
    ],
    [['mesh', 'join', 'TOKEN', '--mesh', 'x'], 'a token names its mesh'],
    [['mesh', 'invite', '--ttl', 'soon'], '--ttl takes a time like 15m or 2h, not "soon"'],
    [['gc', '--max-size', 'big'], '--max-size takes a size like 10GB, not "big"'],
    [['gc', '--older-than', '30'], '--older-than takes an age like 30d, not "30"'],
    [['log', '-f', '--json'], '--json does not go with --follow'],
    [['log', '-n', '-3'], '--lines takes a number, not "-3"'],
    [['start', '--foreground', '--json'], '--json does not go with --foreground'],
    [['run'], "missing required argument 'command'"],
  ])('tells wrong usage by exit code 2: %j', async (args, message) => {
    const human = await vrift.vrift(args.filter((arg) => arg !== '--json' || args.length === 3));
    expect(human.code).toBe(2);
    const shown = args.includes('--json') ? human.stdout : human.stderr;
    expect(shown).toContain(args.includes('--json') ? message : `error: ${message}`);
    expect(shown).toContain('Run the command with --help.');
  });

  it('shows its help with an example, and as usage when no command is named', async () => {
    const help = await vrift.vrift(['mesh', 'invite', '--help']);
    expect([help.code, help.stderr]).toEqual([0, '']);
    expect(help.stdout).toContain('Example:\n  vrift mesh invite --ttl 1h');
    const bare = await vrift.vrift([]);
    expect([bare.code, bare.stdout]).toEqual([2, '']);
    expect(bare.stderr).toContain('First day:');
    expect((await vrift.vrift(['--version'])).stdout).toBe('0.1.0\n');
  });

  it('hands gc over in bytes and milliseconds', async () => {
    const args = ['gc', '--max-size', '10GB', '--older-than', '30d'];
    expect((await vrift.vrift(args)).stdout).toBe('freed 1.5 kB: 1 result and 2 blobs\n');
    expect((await reports()).at(-1)).toEqual({
      maxBytes: 10e9,
      olderThanMs: 2_592_000_000,
      all: false,
    });
  });

  it('fails verify while something damaged is left', async () => {
    const found = await vrift.vrift(['verify']);
    expect([found.code, found.stdout]).toEqual([1, '9 blobs: 2 damaged, 0 results dropped\n']);
    expect(found.stderr).toContain('vrift verify --repair');
    expect((await vrift.vrift(['verify', '--repair'])).code).toBe(0);
    expect(await vrift.json(['verify'])).toEqual({ blobs: 9, bad: 2, dropped: 0 });
  });

  it('shows peers as a table that obeys no name', async () => {
    const { stdout } = await vrift.vrift(['peers']);
    const [head, row, end] = stdout.split('\n');
    expect(head).toMatch(/^name +node +address +state +via +rtt +results +hits +given to me/);
    expect(row).toMatch(
      /^evil\ufffd\[31m\ufffdname +abcdefghijkl +10\.0\.0\.2:7 +connected +mdns +0\.4 ms/,
    );
    expect(end).toBe('');
    const [peer] = await vrift.json<Record<string, unknown>[]>(['peers']);
    expect(peer).toMatchObject({ name: 'evil\u001b[31m\nname', bytesIn: 412_000 });
  });

  it('prints an invitation for a person and a script', async () => {
    const { stdout, stderr } = await vrift.vrift(['mesh', 'invite', '--role', 'ci']);
    expect(stdout).toBe('vrift1-ci\n');
    expect(stderr).toContain('Good for one node, for 15 min.');
    const info = await vrift.json<{ token: string; expiresAt: number }>([
      'mesh',
      'invite',
      '--ttl',
      '1h',
    ]);
    expect(info.expiresAt).toBeGreaterThan(Date.now() + 3_500_000);
  });

  it('reads a token from stdin', async () => {
    const joined = await vrift.json(['mesh', 'join', '-'], { input: '  vrift1-abc\n\n' });
    expect(joined).toMatchObject({ name: 'vrift1-abc', role: 'member' });
    expect((await vrift.vrift(['mesh', 'join', '-'], { input: '\n' })).code).toBe(2);
  });

  it('says what set each setting, the project included', async () => {
    const project = join(vrift.root, 'project');
    mkdirSync(project, { recursive: true });
    writeFileSync(join(project, 'velo.toml'), '[l2_cache]\nremote_url = "s3://abc"\n');
    const { stdout, stderr } = await vrift.vrift(['status'], { cwd: project });
    expect(stdout).toMatch(/l2_cache\.enabled +true +default/);
    expect(stdout).toMatch(/^wrapper +not set/m);
    expect(stderr).toContain('velo.toml:2: l2_cache.remote_url: remotes are not available yet');
    const json = await vrift.json<{ problems: unknown[]; config: unknown[] }>(['status'], {
      cwd: project,
    });
    expect(json.problems).toMatchObject([{ code: 'VRIFT_REMOTE_UNAVAILABLE' }]);
    expect(json.config).toContainEqual({ key: 'mesh.port', value: 0, source: 'default' });
  });

  it('shows the log, and follows it over a rotation', async () => {
    const log = homePaths(vrift.home).log;
    const lines = await vrift.json<{ event: string }[]>(['log', '-n', '1000']);
    expect(lines.map(({ event }) => event)).toContain('ready');
    const args = ['log', '-n', '0', '-f'];
    const following = spawn(vrift.bin, args, {
      env: vrift.env(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    following.stdout.on('data', (text) => {
      said += text;
    });
    await until('the first line', () => {
      appendFileSync(log, 'one\n');
      return said.includes('one\n');
    });
    appendFileSync(log, 'last\n');
    renameSync(log, `${log}.1`);
    writeFileSync(log, 'two\n');
    await until('the second file', () => said.endsWith('last\ntwo\n'));
    following.kill();
  });

  it('takes a closed pipe for an answer', async () => {
    const script = `set -o pipefail; ${vrift.bin} log -n 1000 | true`;
    const ended = await runProgram('bash', ['-c', script], { env: vrift.env() });
    expect([ended.code, ended.stderr]).toEqual([0, '']);
  });
});

describe('init', () => {
  const config = () => join(vrift.root, '.cargo/config.toml');
  const wrapper = () => join(vrift.root, 'bin/vrift-rustc');
  beforeEach(() => rmSync(join(vrift.root, '.cargo'), { recursive: true, force: true }));

  it("adds one line to the user's configuration, and takes it out again", async () => {
    const done = { file: config(), before: null, after: wrapper() };
    expect(await vrift.json(['init'])).toEqual(done);
    expect(readFileSync(config(), 'utf8')).toBe(
      `[build] # vrift init\nrustc-wrapper = "${wrapper()}"\n`,
    );
    expect(await vrift.json(['init'])).toEqual({ ...done, before: wrapper() });
    expect((await vrift.vrift(['status'])).stdout).toContain(`${wrapper()} (${config()})`);
    expect(await vrift.json(['init', '--undo'])).toEqual({
      ...done,
      before: wrapper(),
      after: null,
    });
    expect(existsSync(config())).toBe(false);
    expect(await vrift.json(['init', '--undo'])).toEqual({ ...done, before: null, after: null });
  });

  it('keeps link, mode and text of the file, under its old name too', async () => {
    mkdirSync(dirname(config()));
    const real = join(vrift.root, 'dotfile');
    writeFileSync(real, '# mine\n[net]\nretry = 2\n', { mode: 0o640 });
    chmodSync(real, 0o640);
    const old = join(vrift.root, '.cargo/config');
    symlinkSync(real, old);
    const { stdout } = await vrift.vrift(['init']);
    expect(stdout).toBe(`${old}\n+ build.rustc-wrapper = "${wrapper()}"\n`);
    expect(readFileSync(old, 'utf8')).toMatch(/^# mine\n\[net\]\nretry = 2\n\n\[build\] /);
    expect(statSync(real).mode & 0o777).toBe(0o640);
    await vrift.vrift(['init', '--undo']);
    expect(readFileSync(real, 'utf8')).toBe('# mine\n[net]\nretry = 2\n');
  });

  it('leaves another wrapper alone, and says what wins over the file', async () => {
    mkdirSync(dirname(config()));
    writeFileSync(config(), '[build]\nrustc-wrapper = "sccache"\n');
    const refused = await vrift.vrift(['init']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`${config()} sets build.rustc-wrapper to "sccache"`);
    expect(readFileSync(config(), 'utf8')).toBe('[build]\nrustc-wrapper = "sccache"\n');
    rmSync(config());
    const { stderr } = await vrift.vrift(['init'], { env: { RUSTC_WRAPPER: 'sccache' } });
    expect(stderr).toContain('warning: RUSTC_WRAPPER is set here and wins over the file');
  });

  it("writes into the workspace's own configuration", async () => {
    const root = join(vrift.root, 'workspace');
    const member = join(root, 'crates/member/src');
    mkdirSync(member, { recursive: true });
    writeFileSync(join(root, 'Cargo.toml'), '[workspace]\nmembers = ["crates/*"]\n');
    writeFileSync(
      join(root, 'crates/member/Cargo.toml'),
      '[package]\nname = "member"\nversion = "0.1.0"\n',
    );
    writeFileSync(join(member, 'lib.rs'), '');
    const env = { RUSTUP_HOME: process.env.RUSTUP_HOME ?? join(process.env.HOME ?? '', '.rustup') };
    const { stdout, stderr } = await vrift.vrift(['init', '--project'], { cwd: member, env });
    expect(stdout).toContain(join(root, '.cargo/config.toml'));
    expect(stderr).toContain('do not commit it');
    const outside = await vrift.vrift(['init', '--project'], { env });
    expect(outside.code).toBe(1);
    expect(outside.stderr).toContain('cannot find the workspace: could not find `Cargo.toml`');
  });

  it('needs the launcher', async () => {
    const path = wrapper();
    rmSync(path);
    const { error } = await vrift.json<{ error: { code: string } }>(['init']);
    writeFileSync(path, '#!/bin/sh\nexec "$@"\n', { mode: 0o755 });
    expect(error.code).toBe('VRIFT_LAUNCHER_MISSING');
  });
});

it('says how to build it when it is not built', async () => {
  const main = join(vrift.root, 'dist/cli/main.js');
  const text = readFileSync(main);
  rmSync(main);
  const { code, stderr } = await vrift.vrift(['status']);
  writeFileSync(main, text);
  expect([code, stderr]).toEqual([
    1,
    'error: vrift is not built yet\n  next: Run `npm run build` in its directory.\n',
  ]);
});
