import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../harness/programs.js';
import { isSound, oneDeveloper, passes } from './alone.js';
import { builds } from './builds.js';
import { answers, type Fate, Relay } from './relay.js';

const here = oneDeveloper();

afterEach(async () => {
  here.alice.endNode();
  await here.alice.configure('');
});

const SMALLEST = '[l2_cache]\nmax_local_size = "16MiB"\n';

/** A program of so many megabytes, and its library. */
async function large(megabytes: number) {
  const project = await here.project();
  await project.write({
    'app/src/main.rs': `
      static LARGE: [u8; ${megabytes} << 20] = [7; ${megabytes} << 20];
      fn main() { println!("{}", lib::word()); std::hint::black_box(&LARGE); }
    `,
  });
  return project;
}

/** Kilobytes that the blobs take on the disk. */
async function usedKb(): Promise<number> {
  const { alice } = here;
  const { stdout } = await alice.run('du', ['-sk', join(alice.vriftHome, 'l2', 'cas')]);
  return Number.parseInt(stdout, 10);
}

describe('eviction', () => {
  it('between the answer and the restore takes nothing away', async () => {
    const { alice } = here;
    await alice.start();
    const project = await here.project();
    await builds(project, ['build'], { compiled: 2 });
    await project.clean();
    await using relay = await Relay.before(alice);
    relay.once(answers('hit'), async (): Promise<Fate> => {
      await alice.vrift(['gc', '--all']);
      return 'whole';
    });
    const { counted } = await builds(project, ['build'], { compiled: 1, disk: 1 });
    expect(counted.errors).toEqual({});
    expect(await project.output()).toBe(project.word);
    await isSound(alice);
  });

  it('keeps the bound when the count was wrong', async () => {
    const { alice } = here;
    await alice.start();
    const project = await here.project();
    await builds(project, ['build'], { compiled: 2 });
    alice.endNode();
    // What a killed node may leave: blobs on the disk that no count knows.
    const folder = join(alice.vriftHome, 'l2', 'cas', 'ab');
    await mkdir(folder, { recursive: true });
    for (let n = 0; n < 24; n += 1) {
      const name = `ab${randomBytes(31).toString('hex')}`;
      await writeFile(join(folder, name), Buffer.alloc(1 << 20));
    }
    await alice.configure(SMALLEST);
    await alice.start();
    await until('the store is below its bound', async () => (await usedKb()) <= 16 * 1024);
    const { bytes, maxBytes } = (await alice.status()).store;
    expect(bytes).toBeLessThanOrEqual(maxBytes);
    await project.clean();
    await builds(project, ['build'], { disk: 2 });
  });

  it('in a store that holds one of two programs does not run in circles', async () => {
    const { alice } = here;
    await alice.configure(SMALLEST);
    await alice.start();
    await alice.vrift(['gc', '--all']);
    const [first, second] = [await large(9), await large(9)];
    for (const project of [first, second, first, second]) {
      await project.clean();
      const counted = await project.count(['build']);
      expect(counted.compiled).toBeGreaterThan(0);
      expect(counted.errors).toEqual({});
      expect(await project.output()).toBe(project.word);
      expect(await usedKb()).toBeLessThanOrEqual(16 * 1024);
    }
    await second.clean();
    await builds(second, ['build'], { disk: 2 });
  });

  it('cannot make room for what never fits: the build passes, and the reason is counted', async () => {
    const { alice } = here;
    await alice.configure(SMALLEST);
    await alice.start();
    await passes(await large(20));
    const { errors } = await alice.stats();
    expect(Object.keys(errors)).toEqual(['VRIFT_STORE_FULL']);
    expect((await alice.vrift(['stats'])).stdout).toContain('VRIFT_STORE_FULL');
    expect(await usedKb()).toBeLessThanOrEqual(16 * 1024);
  });
});
