import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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

const NOTHING = 'vrift: 0 units: 0 from the LAN, 0 from disk, 0 compiled, 0 ms saved\n';

/** A command that makes the node count as a build would. */
function build(hits: number, misses: number): string[] {
  const ask = join(vrift.root, 'dist/wire/ask.js');
  const script = `const { ask } = await import(${JSON.stringify(ask)});
    await ask(process.env.VRIFT_HOME, 'count', { hits: ${hits}, misses: ${misses} });`;
  return [process.execPath, '--input-type=module', '-e', script];
}

describe('vrift run', () => {
  it('starts the node, sets the wrapper, and passes everything else through', async () => {
    const script = 'read line; echo "$line $RUSTC_WRAPPER $VRIFT_HOME $1"; echo err >&2; exit 7';
    const done = await vrift.vrift(['run', 'sh', '-c', script, 'sh', '--json'], { input: 'in\n' });
    expect(done.code).toBe(7);
    expect(done.stdout).toBe(`in ${vrift.root}/bin/vrift-rustc ${vrift.home} --json\n`);
    expect(done.stderr).toBe(`err\n${NOTHING}`);
    expect(await vrift.json(['status'])).toMatchObject({ running: true });
  });

  it('sums up what the build got, and only that', async () => {
    await vrift.vrift(['run', '--', ...build(5, 1)]);
    const done = await vrift.vrift(['run', '--', ...build(98, 2)]);
    expect(done.stderr).toBe(
      'vrift: 100 units: 98 from the LAN, 0 from disk, 2 compiled, 49 s saved\n',
    );
    const json = await vrift.vrift(['run', '--json', '--', ...build(1, 0)]);
    expect(JSON.parse(json.stderr)).toEqual({
      units: 1,
      hits: { disk: 0, peer: 1, remote: 0 },
      compiled: 0,
      savedMs: 500,
      errors: {},
    });
    expect(json.stdout).toBe('');
  });

  it('makes a relative home absolute for the compilers', async () => {
    const script = 'echo $VRIFT_HOME';
    const options = { env: { VRIFT_HOME: 'h' } };
    expect((await vrift.vrift(['run', 'sh', '-c', script], options)).stdout).toBe(
      `${vrift.home}\n`,
    );
  });

  it('reports a command as a shell does', async () => {
    const missing = await vrift.vrift(['run', 'no-such-command']);
    expect([missing.code, missing.stderr]).toEqual([
      127,
      'error: no-such-command: command not found\n',
    ]);
    expect((await vrift.vrift(['run', '/etc/passwd'])).code).toBe(126);
    expect((await vrift.vrift(['run', 'sh', '-c', 'kill -9 $$'])).code).toBe(128 + 9);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('passes %s on to the command', async (signal) => {
    const script = 'trap "echo got; exit 3" TERM INT; echo ready; while :; do sleep 0.05; done';
    const run = spawn(vrift.bin, ['run', 'sh', '-c', script], {
      env: vrift.env(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    run.stdout.on('data', (text) => {
      said += text;
    });
    await until('ready', () => said.includes('ready'));
    run.kill(signal);
    expect(await once(run, 'exit')).toEqual([3, null]);
    await until('the output', () => said === 'ready\ngot\n');
  });

  it("keeps make's jobserver open for the command", async () => {
    const makefile = join(vrift.root, 'Makefile');
    writeFileSync(
      makefile,
      `all:\n\t+@${vrift.bin} run sh -c 'head -c 1 <&3 >&4 && echo "$$MAKEFLAGS"'\n`,
    );
    const args = ['-j2', '-f', makefile];
    const make = runProgram('make', args, { env: vrift.env(), allowFailure: true });
    const { stdout, stderr } = await make;
    if (!stdout.includes('jobserver-auth=3,4')) return;
    expect(stderr).toBe(NOTHING);
  });

  it('runs the command when the node cannot start, and says why', async () => {
    await vrift.freshHome();
    mkdirSync(vrift.home, { mode: 0o700 });
    writeFileSync(join(vrift.home, 'config.toml'), '[mesh]\nport = -1\n');
    const done = await vrift.vrift(['run', 'echo', 'built']);
    await vrift.freshHome();
    expect([done.code, done.stdout]).toEqual([0, 'built\n']);
    expect(done.stderr).toMatch(/^error: .*config\.toml:2: mesh\.port: expected a port from 0/);
    expect(done.stderr).toContain('  next: Correct the named line');
    expect(done.stderr).toContain('vrift: no node answers');
  });

  it('runs the command without the wrapper when the launcher is missing', async () => {
    const launcher = join(vrift.root, 'bin/vrift-rustc');
    rmSync(launcher);
    const done = await vrift.vrift(['run', 'sh', '-c', 'echo "<$RUSTC_WRAPPER>"']);
    writeFileSync(launcher, '#!/bin/sh\nexec "$@"\n', { mode: 0o755 });
    expect([done.code, done.stdout]).toEqual([0, '<>\n']);
    expect(done.stderr).toContain(`error: the launcher is missing: ${launcher}`);
  });

  it('shows a broken velo.toml first, and goes on', async () => {
    const project = join(vrift.root, 'broken');
    mkdirSync(project, { recursive: true });
    writeFileSync(join(project, 'velo.toml'), '[l2_cache]\nmax_local_size = "lots"\n');
    const done = await vrift.vrift(['run', 'echo', 'built'], { cwd: project });
    expect([done.code, done.stdout]).toEqual([0, 'built\n']);
    expect(done.stderr).toMatch(
      /^error: .*velo\.toml:2: l2_cache\.max_local_size: expected a size/,
    );
    expect(done.stderr).toContain('this build goes on without the cache');
  });
});
