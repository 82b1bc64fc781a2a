import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { ask } from '../../src/wire/ask.js';
import { type Finished, type RunOptions, runProgram } from '../harness/programs.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/**
 * The real programs, sockets and locks around a node that opens nothing: no store, no mesh. What
 * a call does is its first argument; a few requests tell what this process is.
 */
const FAKE_MAIN = `
import { serve } from './lifecycle/serve.js';

const calls = {
  pass: (channel) => channel.send({ act: 'pass' }),
  hang: (channel) => new Promise((end) => channel.signal.addEventListener('abort', end)),
  throw: () => { throw new Error('a defect'); },
  slow: async (channel) => {
    await new Promise((resolve) => setTimeout(resolve, 1300));
    channel.send({ act: 'pass' });
  },
  run: async (channel, context) => {
    channel.send({ act: 'run', argv: ['true'], unmap: [], stat: [], mkdirs: [] });
    reports.push((await channel.next()) ?? 'gone');
    context.stats.compiled();
  },
};
const reports = [];

export function runNode(options) {
  return serve({ ...options, open: async (context) => {
    const wish = process.env.VRIFT_TEST_OPEN;
    if (wish === 'fail') throw new Error('nothing opens today');
    if (wish === 'exit') process.exit(3);
    if (wish === 'late') await new Promise((resolve) => setTimeout(resolve, 12_000));
    if (wish === 'slow') await new Promise((resolve) => setTimeout(resolve, 1500));
    if (wish === 'slower') await new Promise((resolve) => setTimeout(resolve, 5000));
    return {
      onCall: async (frame, channel) => calls[frame.argv[1] ?? 'pass'](channel, context),
      hurry: () => {},
      info: () => ({ node: 'fakenode', port: 4711 }),
      close: async () => {},
      rpc: {
        reports: () => reports,
        process: () => ({ env: process.env, cwd: process.cwd(), umask: process.umask(), pid: process.pid }),
        fault: () => { setTimeout(() => { throw new Error('nobody catches this'); }); return true; },
        rejection: () => { void Promise.reject(new Error('nor this')); return true; },
        count: ({ hits, misses }) => {
          for (let i = 0; i < hits; i += 1) context.stats.hit('peer', 2, 500);
          for (let i = 0; i < misses; i += 1) { context.stats.miss(); context.stats.compiled(); }
        },
        status: () => ({
          running: true, node: 'fakenode', name: 'attic', pid: process.pid, version: '0.1.0',
          uptimeMs: 1, rssBytes: 1, mesh: null, problems: [],
          store: { path: '/s', bytes: 1, maxBytes: 2, results: 3, blobs: 4 },
          config: context.config.settings,
        }),
        peers: () => [{
          name: 'evil\\u001b[31m\\nname', node: 'abcdefghijklmnop', address: '10.0.0.2:7', state: 'connected',
          via: 'mdns', rttMs: 0.4, version: '0.1.0', results: 7, bytesIn: 412000, bytesOut: 0, hits: 3,
          lastSeen: Date.now(),
        }],
        gc: (params) => { reports.push(params); return { freedBytes: 1500, results: 1, blobs: 2 }; },
        verify: ({ repair }) => ({ blobs: 9, bad: 2, dropped: repair ? 2 : 0 }),
        'mesh.create': ({ name }) => ({ mesh: 'm', name: name ?? 'unnamed', node: 'fakenode', role: 'admin' }),
        'mesh.invite': ({ role, ttlMs }) => ({ token: 'vrift1-' + (role ?? 'none'), expiresAt: Date.now() + ttlMs }),
        'mesh.join': ({ token }) => ({ mesh: 'm', name: token, node: 'fakenode', role: 'member' }),
        'mesh.members': () => [],
        'mesh.leave': () => ({ left: 'm' }),
      },
    };
  } });
}
`;

/** Prints its arguments and the variables that matter here. */
const FAKE_LAUNCHER = '#!/bin/sh\nexec "$@"\n';

/** An installed package in a directory of its own, with one home. */
export class FakePackage implements Disposable {
  readonly root: string;
  readonly home: string;

  private constructor(root: string) {
    this.root = root;
    this.home = join(root, 'h');
  }

  static build(): FakePackage {
    const root = mkdtempSync(join(tmpdir(), 'vrift-d-'));
    cpSync(built(), join(root, 'dist'), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
    writeFileSync(join(root, 'package.json'), '{"type":"module"}');
    mkdirSync(join(root, 'bin'));
    cpSync(join(ROOT, 'bin/vrift'), join(root, 'bin/vrift'));
    writeFileSync(join(root, 'bin/vrift-rustc'), FAKE_LAUNCHER, { mode: 0o755 });
    writeFileSync(join(root, 'dist/daemon/main.js'), FAKE_MAIN);
    return new FakePackage(root);
  }

  get bin(): string {
    return join(this.root, 'bin/vrift');
  }

  /** A login shell's variables, and this home. */
  env(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    return { PATH: process.env.PATH, HOME: this.root, VRIFT_HOME: this.home, ...more };
  }

  vrift(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    const env = this.env(options.env);
    return runProgram(this.bin, args, { allowFailure: true, cwd: this.root, ...options, env });
  }

  async json<T>(args: readonly string[], options: RunOptions = {}): Promise<T> {
    const { stdout } = await this.vrift([...args, '--json'], options);
    return JSON.parse(stdout) as T;
  }

  /** Forgets everything that a node left, but for its own processes. */
  async freshHome(): Promise<void> {
    await ask(this.home, 'stop').catch(() => {});
    rmSync(this.home, { recursive: true, force: true });
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

let compiled: string | undefined;

/** What the whole test run has built, or, when types are at odds somewhere, what comes out anyway. */
function built(): string {
  if (inject('buildError') === null) return join(ROOT, 'dist');
  if (compiled === undefined) {
    const directory = mkdtempSync(join(tmpdir(), 'vrift-dist-'));
    process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
    compiled = directory;
    const tsc = join(ROOT, 'node_modules/.bin/tsc');
    spawnSync(tsc, ['-p', join(ROOT, 'tsconfig.json'), '--outDir', compiled], { cwd: ROOT });
  }
  return compiled;
}
