import {
  mkdir,
  open,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isSound, oneDeveloper } from './alone.js';
import { builds } from './builds.js';
import { COMPILED, FROM_DISK, printed, rustc } from './calls.js';

const here = oneDeveloper();

const cas = () => join(here.alice.vriftHome, 'l2', 'cas');

/** The blobs with something in them, by size. */
async function blobs(): Promise<string[]> {
  const names = await readdir(cas(), { recursive: true });
  const files = names
    .filter((name) => /\/[0-9a-f]{64}$/.test(name))
    .map((name) => join(cas(), name));
  const sizes = new Map<string, number>();
  for (const file of files) sizes.set(file, (await stat(file)).size);
  return files.filter((file) => sizes.get(file)).sort((a, b) => sizes.get(a)! - sizes.get(b)!);
}

async function flipBit(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  const { size } = await handle.stat();
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, size >> 1);
  byte[0]! ^= 1;
  await handle.write(byte, 0, 1, size >> 1);
  await handle.close();
}

/** A project that was built, whose blobs are all that the store holds; its target is gone. */
async function stored() {
  const { alice } = here;
  await alice.start();
  await alice.vrift(['gc', '--all']);
  const project = await here.project();
  await builds(project, ['build'], { compiled: 2 });
  await project.clean();
  return project;
}

/** A miss, counted with its reason; the compile replaces the entry, and that one is served. */
async function isMissed(project: Awaited<ReturnType<typeof stored>>): Promise<void> {
  const { alice } = here;
  const { counted } = await builds(project, ['build'], { compiled: 2 });
  expect(await project.output()).toBe(project.word);
  expect(counted.errors.VRIFT_STORE_CORRUPT).toBeGreaterThan(0);
  expect(Object.keys(counted.errors)).toEqual(['VRIFT_STORE_CORRUPT']);
  expect((await alice.vrift(['stats'])).stdout).toContain('VRIFT_STORE_CORRUPT');
  expect((await alice.vrift(['log'])).stdout).toContain('VRIFT_STORE_CORRUPT');
  await isSound(alice);
  await project.clean();
  await builds(project, ['build'], { disk: 2 });
  expect(await project.output()).toBe(project.word);
}

describe('a miss, and the entry is dropped', () => {
  const each =
    (damage: (blob: string) => Promise<void>) =>
    async (all: string[]): Promise<void> => {
      for (const blob of all) await damage(blob);
    };
  const DAMAGES: Record<string, (all: string[]) => Promise<void>> = {
    'a flipped bit in a blob': each(flipBit),
    'a truncated blob': each(async (blob) => truncate(blob, (await stat(blob)).size >> 1)),
    'a missing blob': each((blob) => rm(blob)),
    'a link to another file in the place of a blob': each(async (blob) => {
      await rm(blob);
      await symlink(here.alice.vriftHome, blob);
    }),
    'blobs that have swapped places': async (all) => {
      await rename(all[0]!, `${all[0]}.aside`);
      for (let at = 1; at < all.length; at += 1) await rename(all[at]!, all[at - 1]!);
      await rename(`${all[0]}.aside`, all.at(-1)!);
    },
  };
  for (const [name, damage] of Object.entries(DAMAGES)) {
    it(name, async () => {
      const project = await stored();
      await damage(await blobs());
      await isMissed(project);
    });
  }

  it('programs of one size that have swapped places', async () => {
    const { alice } = here;
    await alice.start();
    await alice.vrift(['gc', '--all']);
    const words = ['one', 'two'];
    const projects = await Promise.all(words.map(() => here.project()));
    for (const [index, project] of projects.entries()) {
      await project.write({ 'app/main.rs': `fn main() { println!("${words[index]}"); }\n` });
      expect((await rustc(project)).counted).toMatchObject(COMPILED);
    }
    const [first, second] = (await blobs()).slice(-2);
    expect((await stat(first!)).size).toBe((await stat(second!)).size);
    await rename(first!, `${first}.aside`);
    await rename(second!, first!);
    await rename(`${first}.aside`, second!);
    for (const [index, project] of projects.entries()) {
      const { counted } = await rustc(project);
      expect(counted).toMatchObject(COMPILED);
      expect(counted.errors.VRIFT_STORE_CORRUPT).toBeGreaterThan(0);
      expect(await printed(project)).toBe(words[index]);
      expect((await rustc(project)).counted).toMatchObject(FROM_DISK);
    }
    await isSound(alice);
  });

  const MANGLED: Record<string, (file: string) => Promise<void>> = {
    'an index of garbage': async (file) =>
      writeFile(file, Buffer.alloc((await stat(file)).size, 'garbage ')),
    'an index that was cut short': async (file) => truncate(file, (await stat(file)).size >> 1),
    'an empty index': (file) => truncate(file),
  };
  for (const [name, mangle] of Object.entries(MANGLED)) {
    it(name, async () => {
      const { alice } = here;
      const project = await stored();
      await alice.stop();
      await mangle(join(alice.vriftHome, 'l2', 'index', 'data.mdb'));
      await alice.start();
      expect((await alice.vrift(['stats'])).stdout).toContain('VRIFT_STORE_CORRUPT');
      await builds(project, ['build'], { compiled: 2 });
      expect(await project.output()).toBe(project.word);
      await project.clean();
      await builds(project, ['build'], { disk: 2 });
      await isSound(alice);
    });
  }
});

describe('a foreign file in the store', () => {
  it('is neither served nor touched', async () => {
    const { alice } = here;
    const project = await stored();
    await alice.stop();
    const stray = '5'.repeat(64);
    const notes = join(cas(), '55', 'notes.txt');
    await mkdir(join(cas(), '55'), { recursive: true });
    await writeFile(notes, 'mine');
    await symlink(notes, join(cas(), '55', stray));
    await writeFile(join(cas(), '55', `${stray.slice(1)}6`), 'not what its name says');
    await alice.start();
    await builds(project, ['build'], { disk: 2 });
    expect(await project.output()).toBe(project.word);
    await alice.vrift(['verify', '--repair'], { allowFailure: true });
    await alice.vrift(['gc', '--all']);
    expect((await readdir(join(cas(), '55'))).sort()).toEqual([stray, 'notes.txt']);
    await isSound(alice);
  });
});
