import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../../src/wire/ask.js';
import type { StartInfo, StatsInfo } from '../../src/wire/control.js';
import { encodeFrame, FrameDecoder } from '../../src/wire/frame.js';
import { homePaths } from '../../src/wire/home.js';
import { runProgram, until } from '../harness/programs.js';
import { FakePackage } from './package.js';

let vrift: FakePackage;
beforeAll(() => {
  vrift = FakePackage.build();
});
afterEach(() => vrift.freshHome());
afterAll(() => vrift[Symbol.dispose]());

const start = (env: NodeJS.ProcessEnv = {}) => vrift.json<StartInfo>(['start'], { env });
const stats = () => ask(vrift.home, 'stats') as Promise<StatsInfo>;

/** What a launcher would send first. */
function call(wish: string, change: object = {}): Buffer {
  const argv = ['rustc', wish];
  return encodeFrame({
    kind: 'call',
    v: 1,
    argv,
    cwd: '/',
    env: [],
    umask: 0o22,
    pid: 1,
    ...change,
  });
}

/** Sends bytes and collects what comes until the other side hangs up. */
class Caller {
  readonly socket: Socket;
  readonly frames: unknown[] = [];
  readonly #decoder = new FrameDecoder();
  readonly #closed: Promise<unknown>;

  constructor(bytes?: Buffer) {
    this.socket = createConnection(homePaths(vrift.home).socket);
    this.socket.on('data', (chunk) => this.frames.push(...this.#decoder.push(chunk)));
    this.socket.on('error', () => {});
    this.#closed = once(this.socket, 'close');
    if (bytes !== undefined) this.socket.write(bytes);
  }

  async all(): Promise<unknown[]> {
    await this.#closed;
    return this.frames;
  }

  frame(): Promise<unknown> {
    return until('a frame', () => this.frames[0]);
  }
}

describe('starting', () => {
  it('gives eight starters at once the same node', async () => {
    const infos = await Promise.all(Array.from({ length: 8 }, () => start()));
    expect(new Set(infos.map(({ pid }) => pid)).size).toBe(1);
    expect(infos[0]).toEqual({
      node: 'fakenode',
      pid: infos[0]?.pid,
      home: vrift.home,
      socket: join(vrift.home, 'run/node.sock'),
      port: 4711,
    });
    expect(readdirSync(join(vrift.home, 'run')).sort()).toEqual(['lock', 'node.sock']);
    await ask(vrift.home, 'stop');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(readdirSync(join(vrift.home, 'run'))).toEqual([]);
  });

  it('answers calls that came while the store was still being opened', async () => {
    const starting = start({ VRIFT_TEST_OPEN: 'slow' });
    await until('the socket', () => existsSync(homePaths(vrift.home).socket));
    const caller = new Caller(call('pass'));
    expect((await caller.all()).at(-1)).toEqual({ act: 'pass' });
    expect(caller.frames[0]).toEqual({ act: 'wait' });
    await starting;
  });

  it('lets calls go on that the store keeps waiting, and counts them', async () => {
    const starting = start({ VRIFT_TEST_OPEN: 'slower' });
    await until('the socket', () => existsSync(homePaths(vrift.home).socket));
    // Nothing else than the wait's end would answer these.
    for (let round = 0; round < 2; round += 1) {
      const answers = await new Caller(call('hang')).all();
      expect(answers.at(-1)).toEqual({ act: 'pass' });
    }
    await starting;
    expect((await stats()).errors).toEqual({ VRIFT_NODE_TIMEOUT: 2 });
    const log = readFileSync(homePaths(vrift.home).log, 'utf8');
    expect(log).toMatch(/warn {2}error +VRIFT_NODE_TIMEOUT a call went on: the node is opening/);
    const served = new Caller(call('run'));
    expect(await served.frame()).toMatchObject({ act: 'run' });
    served.socket.destroy();
  });

  it('ends, and says so, when the node takes too long to answer', async () => {
    const { code, stderr } = await vrift.vrift(['start'], {
      env: { VRIFT_TEST_OPEN: 'late' },
      timeoutMs: 30_000,
    });
    expect(code).toBe(1);
    expect(stderr).toContain('the node did not answer ping');
  });

  it('takes over from a node that was killed', async () => {
    const { pid } = await start();
    process.kill(pid, 'SIGKILL');
    writeFileSync(homePaths(vrift.home).hung, '\n');
    const restarted = await Promise.all([start(), start(), start()]);
    expect(new Set(restarted.map((info) => info.pid)).size).toBe(1);
    expect(restarted[0]?.pid).not.toBe(pid);
    expect(existsSync(homePaths(vrift.home).hung)).toBe(false);
  });

  it('refuses a second node in the foreground of the same home, also by another name', async () => {
    const { pid } = await start();
    const link = join(vrift.root, 'link');
    symlinkSync(vrift.home, link);
    const second = await vrift.vrift(['start', '--foreground'], { env: { VRIFT_HOME: link } });
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`error: a node runs already (pid ${pid})\n  next: `);
    const found = await vrift.json<StartInfo>(['start'], { env: { VRIFT_HOME: link } });
    expect(found.pid).toBe(pid);
  });

  it('lets `vrift start | cat` end, and keeps no pipe of it', async () => {
    const script = `"${vrift.bin}" start | cat`;
    const { stdout } = await runProgram('sh', ['-c', script], {
      env: vrift.env(),
      timeoutMs: 15_000,
    });
    const pid = Number(/pid (\d+)/.exec(stdout)?.[1]);
    const descriptors = [0, 1, 2].map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    const output = homePaths(vrift.home).output;
    expect(descriptors).toEqual(['/dev/null', output, output]);
    const session = Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[3]);
    expect(session).toBe(pid);
  });

  it('passes an allow-listed environment on to the node', async () => {
    await start({
      NODE_OPTIONS: '--no-warnings',
      LD_LIBRARY_PATH: '/nowhere',
      RUSTFLAGS: '-C debuginfo=0',
      AWS_SECRET_ACCESS_KEY: 'hush',
      VRIFT_READONLY: '1',
      VRIFT_RECACHE: '1',
      VRIFT_MESH_NAME: 'attic',
      LC_ALL: 'C',
    });
    const { env, cwd, umask } = (await ask(vrift.home, 'process')) as {
      env: Record<string, string>;
      cwd: string;
      umask: number;
    };
    // Where the toolchain lives comes from whoever runs the tests.
    const names = Object.keys(env).filter((name) => !/^(RUSTUP|CARGO)_HOME$/.test(name));
    expect(names.toSorted()).toEqual(['HOME', 'LC_ALL', 'PATH', 'VRIFT_HOME', 'VRIFT_MESH_NAME']);
    expect([cwd, umask]).toEqual([vrift.home, 0o077]);
  });

  it('takes no settings below cargo, where they may be those of a clone', async () => {
    const below = { CARGO_MANIFEST_DIR: '/home/alice/clone', VRIFT_MESH_PEERS: 'evil:1' };
    const refused = await vrift.vrift(['start'], { env: below });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('start it outside of cargo');
    expect(existsSync(vrift.home)).toBe(false);

    // A clone brings directories and files, but none that only its user can read.
    const key = join(vrift.home, 'identity/node.pem');
    mkdirSync(join(vrift.home, 'identity'), { recursive: true, mode: 0o755 });
    writeFileSync(key, 'a key', { mode: 0o644 });
    expect((await vrift.vrift(['start'], { env: below })).code).toBe(1);
    chmodSync(key, 0o600);
    await start(below);
    const { env } = (await ask(vrift.home, 'process')) as { env: Record<string, string> };
    expect(Object.keys(env).filter((name) => name.startsWith('VRIFT_'))).toEqual(['VRIFT_HOME']);
  });

  it('is not asked in a directory that others could write', async () => {
    await start();
    const run = join(vrift.home, 'run');
    for (const directory of [run, vrift.home]) {
      chmodSync(directory, 0o770);
      const { code, stderr } = await vrift.vrift(['status']);
      expect([code, stderr]).toEqual([1, expect.stringContaining(`${directory} is writable by`)]);
      chmodSync(directory, 0o700);
    }
    expect((await vrift.vrift(['status'])).code).toBe(0);
  });

  it.each([
    ['fail', 'nothing opens today', 'VRIFT_INTERNAL'],
    ['exit', 'the node ended while it started', 'VRIFT_NODE_START'],
  ])('says why the node did not start (%s)', async (wish, message, code) => {
    const { error } = await vrift.json<{ error: Record<string, string> }>(['start'], {
      env: { VRIFT_TEST_OPEN: wish },
    });
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
    expect(existsSync(homePaths(vrift.home).lock)).toBe(wish === 'exit');
  });

  it('names file, line and key of a broken configuration', async () => {
    mkdirSync(vrift.home, { mode: 0o700 });
    writeFileSync(join(vrift.home, 'config.toml'), '[mesh]\nname = "a"\nprot = 1\n');
    const { code, stderr } = await vrift.vrift(['start']);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `error: ${vrift.home}/config.toml:3: mesh.prot: unknown key; did you mean port?\n` +
        '  next: Correct the named line; docs/configuration.md lists every key.\n',
    );
  });
});

describe('a home', () => {
  it('is made private, and tightened inside', async () => {
    mkdirSync(vrift.home, { mode: 0o755 });
    mkdirSync(join(vrift.home, 'run'), { mode: 0o777 });
    chmodSync(join(vrift.home, 'run'), 0o777);
    await start();
    await until('the log', () => existsSync(homePaths(vrift.home).log));
    const modes = ['run', 'log', 'run/node.sock', 'run/lock', 'log/node.log'];
    const found = modes.map((name) => (statSync(join(vrift.home, name)).mode & 0o777).toString(8));
    expect(found).toEqual(['700', '700', '600', '600', '600']);
  });

  const refusals: [string, (home: string) => void, string][] = [
    ['is a file', (home) => writeFileSync(home, ''), 'is not a directory'],
    [
      'others can write',
      (home) => {
        mkdirSync(home);
        chmodSync(home, 0o777);
      },
      'is writable by others',
    ],
    [
      'holds a file named run',
      (home) => {
        mkdirSync(home, { mode: 0o700 });
        writeFileSync(join(home, 'run'), '');
      },
      'is not a directory',
    ],
    [
      'has its run elsewhere',
      (home) => {
        mkdirSync(home, { mode: 0o700 });
        symlinkSync('/tmp', join(home, 'run'));
      },
      'is not a directory',
    ],
  ];
  it.each(refusals)('is refused when it %s', async (_, prepare, message) => {
    prepare(vrift.home);
    const { code, stderr } = await vrift.vrift(['start']);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
    expect(stderr).toContain('  next: Choose a writable directory of your own with VRIFT_HOME');
  });

  it.runIf(process.getuid?.() === 0)('is refused when it belongs to another user', async () => {
    mkdirSync(vrift.home, { mode: 0o700 });
    chownSync(vrift.home, 4711, 4711);
    expect((await vrift.vrift(['start'])).stderr).toContain('belongs to another user');
  });

  it('is refused where nothing can be written', async () => {
    const { stderr, code } = await vrift.vrift(['start'], { env: { VRIFT_HOME: '/proc/vrift' } });
    expect(code).toBe(1);
    expect(stderr).toContain('error: cannot use /proc/vrift: ENOENT');
  });

  it('is refused when the socket path would be too long', async () => {
    const home = join(vrift.root, 'x'.repeat(90));
    const { error } = await vrift.json<{ error: Record<string, string> }>(['start'], {
      env: { VRIFT_HOME: home },
    });
    expect(error.code).toBe('VRIFT_SOCKET_PATH_TOO_LONG');
    expect(existsSync(home)).toBe(false);
  });
});

describe('a running node', () => {
  it('answers a call, and runs the compiler for one that it fails', async () => {
    await start();
    expect(await new Caller(call('pass')).all()).toEqual([{ act: 'pass' }]);
    expect(await new Caller(call('throw')).all()).toEqual([{ act: 'pass' }]);
    expect((await stats()).errors).toEqual({ VRIFT_INTERNAL: 1 });
  });

  it('says that it is alive while it thinks', async () => {
    await start();
    const frames = await new Caller(call('slow')).all();
    expect(frames.length).toBeGreaterThan(2);
    expect(frames.slice(0, -1).every((frame) => (frame as { act: string }).act === 'wait')).toBe(
      true,
    );
    expect(frames.at(-1)).toEqual({ act: 'pass' });
  });

  it('takes the report of a launcher that is gone already', async () => {
    await start();
    const caller = new Caller(call('run'));
    await caller.frame();
    const report = { kind: 'ran', code: 0, signal: null, stdout: '', stderr: '', made: [], ms: 1 };
    caller.socket.end(encodeFrame({ ...report, startedNs: '1' }));
    await caller.all();
    expect(await ask(vrift.home, 'reports')).toMatchObject([{ kind: 'ran', code: 0 }]);
    const silent = new Caller(call('run'));
    await silent.frame();
    silent.socket.destroy();
    await until('the end of the call', async () => {
      return ((await ask(vrift.home, 'reports')) as unknown[]).includes('gone');
    });
  });

  it('lets a launcher of another version compile for itself', async () => {
    await start();
    expect(await new Caller(call('pass', { v: 2 })).all()).toEqual([{ act: 'pass' }]);
    expect((await stats()).errors).toEqual({ VRIFT_FRAME_INVALID: 1 });
  });

  it('survives silence, half a frame, nonsense and announcements of gigabytes', async () => {
    await start();
    const silent = [
      new Caller(),
      new Caller(call('pass').subarray(0, 9)),
      new Caller(call('hang')),
    ];
    const header = Buffer.alloc(4);
    header.writeUInt32BE(0xffff_fff0);
    const nonsense = [
      header,
      Buffer.from('\0\0\0\x03abc'),
      encodeFrame([1]),
      encodeFrame({ kind: 'x' }),
    ];
    for (const bytes of nonsense) {
      const [answer] = await new Caller(bytes).all();
      expect(answer).toMatchObject({ kind: 'error', code: 'VRIFT_FRAME_INVALID' });
    }
    const chatty = new Caller(call('run'));
    await chatty.frame();
    chatty.socket.write(encodeFrame({ kind: 'ran', code: 'zero' }));
    await chatty.all();
    expect(await new Caller(call('pass')).all()).toEqual([{ act: 'pass' }]);
    expect((await stats()).errors).toEqual({ VRIFT_FRAME_INVALID: 5 });
    for (const { socket } of silent) socket.destroy();
  });

  it('says which request it does not know', async () => {
    await start();
    const unknown = ask(vrift.home, 'constructor');
    await expect(unknown).rejects.toThrow('this node (0.1.0) cannot do "constructor"');
  });

  it('logs and counts what nobody caught, and goes on', async () => {
    const { pid } = await start();
    await ask(vrift.home, 'fault');
    await ask(vrift.home, 'rejection');
    await until('both counts', async () => (await stats()).errors.VRIFT_INTERNAL === 2);
    expect((await start()).pid).toBe(pid);
    const log = readFileSync(homePaths(vrift.home).log, 'utf8');
    expect(log).toMatch(/warn {2}error +VRIFT_INTERNAL Error: nobody catches this \| at /);
  });

  it('counts the builds that went on without it, until the reset', async () => {
    await start();
    writeFileSync(homePaths(vrift.home).fallbacks, 'no-node\nno-node\ntimeout\nno-cwd\nhalf');
    const expected = { VRIFT_NODE_ABSENT: 2, VRIFT_NODE_TIMEOUT: 1 };
    expect((await stats()).errors).toEqual(expected);
    expect((await vrift.json<StatsInfo>(['stats', '--reset'])).errors).toEqual(expected);
    expect((await stats()).errors).toEqual({});
  });
});

describe('stopping', () => {
  it('ends on SIGTERM: open calls are answered, socket and lock go away', async () => {
    const { pid } = await start();
    const slow = new Caller(call('slow'));
    await slow.frame();
    process.kill(pid, 'SIGTERM');
    expect((await slow.all()).at(-1)).toEqual({ act: 'pass' });
    await until('the end', () => !existsSync(`/proc/${pid}`));
    expect(readdirSync(join(vrift.home, 'run'))).toEqual([]);
    expect(readFileSync(homePaths(vrift.home).log, 'utf8')).toMatch(/stop +SIGTERM open=1/);
  });

  it('does not wait for ever for a call', async () => {
    await start();
    const hanging = new Caller(call('hang'));
    await hanging.frame();
    const before = performance.now();
    expect(await vrift.json(['stop'])).toEqual({ stopped: true });
    expect(performance.now() - before).toBeLessThan(12_000);
    expect((await hanging.all()).at(-1)).toEqual({ act: 'pass' });
  });

  it('is over when `vrift stop` returns, and nothing to do when no node runs', async () => {
    for (let round = 0; round < 3; round += 1) {
      await start();
      expect(await vrift.json(['stop'])).toEqual({ stopped: true });
      expect(existsSync(homePaths(vrift.home).lock)).toBe(false);
    }
    expect(await vrift.json(['stop'])).toEqual({ stopped: false });
  });

  it('ends when its home was removed, and leaves the socket of the next node alone', async () => {
    const old = await start();
    rmSync(vrift.home, { recursive: true });
    const { pid } = await start();
    process.kill(old.pid, 'SIGTERM');
    await until('the end', () => !existsSync(`/proc/${old.pid}`));
    expect((await start()).pid).toBe(pid);
    rmSync(vrift.home, { recursive: true });
    await until('the end of the other', () => !existsSync(`/proc/${pid}`));
  });

  it('ends a node in the foreground on Ctrl-C', async () => {
    const node = spawn(vrift.bin, ['start', '--foreground'], { env: vrift.env(), stdio: 'pipe' });
    let said = '';
    node.stderr.on('data', (text) => {
      said += text;
    });
    await until('ready', () => said.includes(' ready '));
    node.kill('SIGINT');
    const [code] = await once(node, 'exit');
    expect(code).toBe(0);
    expect(said).toMatch(/info {2}stop +SIGINT open=0/);
  });
});

it('clears away what killed starters left', async () => {
  mkdirSync(join(vrift.home, 'run'), { recursive: true, mode: 0o700 });
  chmodSync(vrift.home, 0o700);
  const stray = `${homePaths(vrift.home).lock}.0123456789abcdef.new`;
  writeFileSync(stray, '{}');
  utimesSync(stray, 1, 1);
  await start();
  expect(existsSync(stray)).toBe(false);
});
