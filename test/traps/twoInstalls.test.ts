import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HINTS } from '../../src/base/errors.js';
import { installCopy } from '../harness/install.js';
import { isSound, oneDeveloper, passes } from './alone.js';
import { builds } from './builds.js';

const here = oneDeveloper();

afterEach(() => here.alice.stop());

describe('two versions of vrift on one machine', () => {
  let copy: string;
  let other: string;

  beforeAll(async () => {
    copy = await mkdtemp(join(tmpdir(), 'vrift-other-'));
    other = await installCopy(copy, {
      'wire/launcher.js': ['LAUNCHER_PROTOCOL = 1', 'LAUNCHER_PROTOCOL = 2'],
    });
  });

  afterAll(() => rm(copy, { recursive: true, force: true }));

  it('do not replace each other in a loop', async () => {
    const { alice } = here;
    const { pid } = await alice.start();
    for (const bin of [other, alice.bin, other]) {
      await alice.run(join(bin, 'vrift'), ['start']);
      await alice.run(join(bin, 'vrift'), ['run', 'true']);
    }
    expect((await alice.status()).pid).toBe(pid);
  });

  it('build past each other when launcher and node differ, and say so', async () => {
    const { alice } = here;
    await alice.run(join(other, 'vrift'), ['start']);
    const project = await here.project();
    await alice.resetStats();
    const build = await alice.vrift(['run', 'cargo', 'build'], { cwd: project.dir });
    expect(build.stderr).toContain('VRIFT_FRAME_INVALID');
    expect(await project.output()).toBe(project.word);
    const { errors, units } = await alice.stats();
    expect(Object.keys(errors)).toEqual(['VRIFT_FRAME_INVALID']);
    expect(units).toBe(0);
    expect((await alice.vrift(['stats'])).stdout).toContain('VRIFT_FRAME_INVALID');
  });

  it('do not call each other for ever, however their launchers are stacked', async () => {
    const { alice } = here;
    await alice.start();
    const launchers = [other, alice.bin].map((bin) => join(bin, 'vrift-rustc'));
    const project = await here.project();
    const stacked = { RUSTC_WRAPPER: launchers[0], RUSTC_WORKSPACE_WRAPPER: launchers[1] };
    await passes(project, { env: stacked, timeoutMs: 20_000 });

    // A launcher under the compiler's name, found before the compiler.
    const shims = join(alice.root, 'shims');
    await mkdir(shims);
    await symlink(launchers[1]!, join(shims, 'rustc'));
    await symlink(launchers[0]!, join(shims, 'vrift-rustc'));
    const shadowed = await project.cargo(['build'], {
      env: { PATH: `${shims}:${alice.env.PATH}` },
      allowFailure: true,
      timeoutMs: 20_000,
    });
    expect(shadowed.stderr).toContain('usage: vrift-rustc COMPILER');
  });
});

describe('a home', () => {
  it('whose socket path is over 107 bytes: the build passes, and the reason is shown', async () => {
    const { alice } = here;
    const env = { VRIFT_HOME: join(alice.root, 'x'.repeat(107)) };
    // As a version without the check would have left it.
    await mkdir(join(env.VRIFT_HOME, 'run'), { recursive: true, mode: 0o700 });
    const project = await here.project();
    const build = await alice.vrift(['run', 'cargo', 'build'], { cwd: project.dir, env });
    expect(await project.output()).toBe(project.word);
    expect(build.stderr).toContain(HINTS.VRIFT_SOCKET_PATH_TOO_LONG);
  });

  it('that is reached by a symlink is the same home', async () => {
    const { alice } = here;
    const { pid } = await alice.start();
    const link = join(alice.root, 'link');
    await symlink(alice.vriftHome, link);
    const env = { VRIFT_HOME: link };
    const { stdout } = await alice.vrift(['start', '--json'], { env });
    expect(JSON.parse(stdout).pid).toBe(pid);
    const project = await here.project();
    await builds(project, ['build'], { compiled: 2 }, { env });
    await project.clean();
    await builds(project, ['build'], { disk: 2 });

    await alice.stop();
    await alice.vrift(['start'], { env });
    await project.clean();
    await builds(project, ['build'], { disk: 2 });
    await isSound(alice);
  });
});
