import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Developer, formMesh } from '../harness/developer.js';
import { Disk } from '../harness/disks.js';
import { needs } from '../harness/needs.js';
import { until } from '../harness/programs.js';
import { isSound, oneDeveloper, passes, small } from './alone.js';
import { builds } from './builds.js';
import { answers, Relay } from './relay.js';
import { Project } from './support.js';

const here = oneDeveloper();

/** Makes room, and waits until the index has been written again: results are taken from then on. */
async function relieve(disk: Disk, { vriftHome }: Developer): Promise<void> {
  const written = async () => (await stat(join(vriftHome, 'l2/index/data.mdb'))).mtimeMs;
  const before = await written();
  disk.relieve();
  await until('the index is written', async () => (await written()) > before);
}

describe('a full disk', () => {
  it('while storing: the build passes, and nothing half-written is ever served', async (context) => {
    needs(context, 'mounts');
    const { alice } = here;
    using disk = Disk.small(alice.vriftHome, 40);
    await alice.start();
    const project = await here.project();
    disk.fill();
    const { counted } = await builds(project, ['build'], { compiled: 2 });
    expect(await project.output()).toBe(project.word);
    expect(counted.errors.VRIFT_STORE_FULL).toBeGreaterThan(0);
    expect(Object.keys(counted.errors)).toEqual(['VRIFT_STORE_FULL']);
    expect((await alice.vrift(['stats'])).stdout).toContain('VRIFT_STORE_FULL');
    expect((await alice.status()).store.results).toBe(0);

    await relieve(disk, alice);
    await project.clean();
    await builds(project, ['build'], { compiled: 2 });
    await project.clean();
    await builds(project, ['build'], { disk: 2 });
    expect(await project.output()).toBe(project.word);

    disk.fill();
    await project.clean();
    await builds(project, ['build'], { disk: 2 });
    disk.relieve();
    await isSound(alice);
    await alice.stop();
  });

  it('before the node starts: it says so, and the build passes', async (context) => {
    needs(context, 'mounts');
    const { alice } = here;
    using disk = Disk.small(alice.vriftHome, 8);
    disk.fill();
    const project = await here.project();
    const { stderr } = await alice.vrift(['run', 'cargo', 'build'], { cwd: project.dir });
    expect(stderr).toContain('error: the node ended while it started: the disk of');
    expect(stderr).toContain('is full');
    expect(await project.output()).toBe(project.word);
  });

  it('while restoring: the compiler runs, and no half of a file stays', async (context) => {
    needs(context, 'mounts');
    const { alice } = here;
    await alice.start();
    const project = await here.project();
    await builds(project, ['build'], { compiled: 2 });
    await project.clean();
    const target = join(project.dir, 'target');
    await mkdir(target);
    using disk = Disk.small(target, 64);
    await using relay = await Relay.before(alice);
    relay.once(answers('hit'), () => {
      disk.fill();
      relay.once(
        (frame) => 'kind' in frame && frame.kind === 'failed',
        () => {
          disk.relieve();
          return 'whole';
        },
      );
      return 'whole';
    });
    const { counted } = await builds(project, ['build'], { compiled: 1, disk: 1 });
    expect(counted.errors).toEqual({ VRIFT_RESTORE_FAILED: 1 });
    expect(await project.output()).toBe(project.word);
    const { stdout } = await alice.vrift(['log']);
    expect(stdout).toContain('VRIFT_RESTORE_FAILED');
    expect(stdout).toMatch(/No space left/);
    const made = await readdir(target, { recursive: true });
    expect(made.filter((name) => name.includes('.vrift-'))).toEqual([]);
    await isSound(alice);
    await alice.stop();
  });

  it('while taking from a peer: the build passes', async (context) => {
    needs(context, 'mounts');
    const { alice } = here;
    await using bob = await Developer.create('bob', { workspace: 'bound' });
    using disk = Disk.small(bob.vriftHome, 40);
    await formMesh('full', alice, bob);
    const hers = await here.project();
    await builds(hers, ['build'], { compiled: 2 });
    const his = new Project(bob, join(bob.root, 'p'));
    await his.write(small(hers.word));
    disk.fill();
    const { counted } = await builds(his, ['build'], { compiled: 2 });
    expect(await his.output()).toBe(hers.word);
    expect(counted.errors.VRIFT_STORE_FULL).toBeGreaterThan(0);
    await relieve(disk, bob);
    await his.clean();
    await builds(his, ['build'], { peer: 2 });
    await isSound(bob);
    await alice.stop();
  });

  it('of the target directory: cargo fails as without vrift, and recovers', async (context) => {
    needs(context, 'mounts');
    const { alice } = here;
    await alice.start();
    const project = await here.project();
    await builds(project, ['build'], { compiled: 2 });
    await project.clean();
    await mkdir(join(project.dir, 'target'));
    using disk = Disk.small(join(project.dir, 'target'), 64);
    disk.fill();
    const failed = await project.cargo(['build'], { allowFailure: true });
    expect(failed.code).toBe(101);
    expect(failed.stderr).toMatch(/No space left/);
    expect(failed.stderr).not.toMatch(/VRIFT|vrift:/);
    disk.relieve();
    await passes(project);
  });
});
