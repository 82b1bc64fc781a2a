import { chown, mkdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { HINTS } from '../../src/base/errors.js';
import { Disk } from '../harness/disks.js';
import { needs } from '../harness/needs.js';
import { isSound, oneDeveloper, passes } from './alone.js';
import { builds } from './builds.js';
import { answers, type Hook, type Passing, Relay } from './relay.js';

const here = oneDeveloper();

afterEach(async () => {
  const { alice } = here;
  alice.endNode();
  await rm(join(alice.vriftHome, 'run'), { recursive: true, force: true });
});

/** Builds with a node that meets `act` at the first such frame; then what the next node counts. */
async function struck(isMeant: (frame: Passing) => boolean, act: Hook) {
  const { alice } = here;
  await alice.start();
  const project = await here.project();
  if (isMeant === hit) {
    await builds(project, ['build'], { compiled: 2 });
    await project.clean();
  }
  let met = 0;
  {
    await using relay = await Relay.before(alice);
    relay.once(isMeant, (frame) => {
      met += 1;
      return act(frame);
    });
    await passes(project);
  }
  expect(met).toBe(1);
  await alice.start();
  await isSound(alice);
  const { errors } = await alice.stats();
  await project.clean();
  await passes(project);
  return errors;
}

const hit = answers('hit');
const run = answers('run');

const kills: Hook = () => {
  here.alice.endNode();
  return 'whole';
};

describe('the compiler runs and the build passes', () => {
  it('without a node', async () => {
    const { alice } = here;
    await alice.start();
    await alice.stop();
    const project = await here.project();
    const { stderr } = await passes(project);
    expect(stderr).not.toMatch(/warning|error|VRIFT/);
    await alice.start();
    const { errors, units } = await alice.stats();
    expect(units).toBe(0);
    expect(errors.VRIFT_NODE_ABSENT).toBeGreaterThanOrEqual(2);
    expect((await alice.vrift(['stats'])).stdout).toContain('VRIFT_NODE_ABSENT');
  });

  it('with a node that hangs, after one wait for all units', async () => {
    const { alice } = here;
    await alice.start();
    const project = await here.project();
    alice.signalNode('SIGSTOP');
    await passes(project);
    const reasons = (await readFile(join(alice.vriftHome, 'run/fallbacks'), 'utf8')).split('\n');
    expect(reasons.filter((reason) => reason === 'timeout')).toHaveLength(1);
    alice.signalNode('SIGCONT');
    const { errors } = await alice.stats();
    expect(errors.VRIFT_NODE_TIMEOUT).toBeGreaterThanOrEqual(2);
    expect((await alice.vrift(['stats'])).stdout).toContain('VRIFT_NODE_TIMEOUT');
  });

  it('with a node that is killed in the middle of its answer', async () => {
    const half: Hook = (frame) => {
      kills(frame);
      return 'half';
    };
    for (const kind of [run, hit]) {
      expect((await struck(kind, half)).VRIFT_NODE_ABSENT).toBeGreaterThanOrEqual(1);
    }
  });

  it('with a node that is killed after it said RUN and before it is done', async () => {
    expect((await struck(run, kills)).VRIFT_NODE_ABSENT).toBeGreaterThanOrEqual(1);
  });

  it('with a node that is killed after it said HIT and before it is done', async () => {
    expect((await struck(hit, kills)).VRIFT_NODE_ABSENT).toBeGreaterThanOrEqual(1);
  });

  it('with a socket in a directory that belongs to someone else, who hears nothing', async (context) => {
    needs(context, 'root');
    const { alice } = here;
    const run = join(alice.vriftHome, 'run');
    await mkdir(run, { mode: 0o700 });
    let called = 0;
    const stranger = createServer((socket) => {
      called += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => stranger.listen(join(run, 'node.sock'), resolve));
    await chown(run, 65_534, 65_534);
    try {
      const project = await here.project();
      await passes(project);
      expect(called).toBe(0);
      for (const command of ['start', 'stats']) {
        const refused = await alice.vrift([command], { allowFailure: true });
        expect(refused.stderr).toContain('belongs to another user');
        expect(refused.stderr).toContain(HINTS.VRIFT_HOME_UNUSABLE);
      }
      expect(called).toBe(0);
    } finally {
      await new Promise((resolve) => stranger.close(resolve));
    }
  });

  it('with a home that is read-only, before the node starts', async (context) => {
    needs(context, 'mounts');
    const { alice } = here;
    const project = await here.project();
    using _disk = Disk.readOnly(alice.vriftHome);
    await passes(project);
    const refused = await alice.vrift(['start'], { allowFailure: true });
    expect(refused.stderr).toContain(HINTS.VRIFT_HOME_UNUSABLE);
    await project.clean();
    const build = await alice.vrift(['run', 'cargo', 'build'], { cwd: project.dir });
    expect(build.stderr).toContain(HINTS.VRIFT_HOME_UNUSABLE);
    expect(await project.output()).toBe(project.word);
  });

  it('with a home that becomes read-only under a running node', async (context) => {
    needs(context, 'mounts');
    const { alice } = here;
    await mkdir(join(alice.vriftHome, 'run'), { recursive: true, mode: 0o700 });
    const project = await here.project();
    await alice.start();
    await builds(project, ['build'], { compiled: 2 });
    await project.clean();
    {
      using _disk = Disk.readOnly(alice.vriftHome);
      await builds(project, ['build'], { disk: 2 });
      const other = await here.project();
      const { counted } = await builds(other, ['build'], { compiled: 2 });
      expect(await other.output()).toBe(other.word);
      expect(Object.keys(counted.errors)).toEqual(['VRIFT_STORE_UNUSABLE']);
      expect((await alice.vrift(['stats'])).stdout).toContain('VRIFT_STORE_UNUSABLE');
    }
    await isSound(alice);
    await project.clean();
    await builds(project, ['build'], { disk: 2 });
  });
});
