import {
  appendFileSync,
  lstatSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { isSound, oneDeveloper, passes } from './alone.js';
import { builds } from './builds.js';
import { COMPILED, FROM_DISK, kept, printed, rustc } from './calls.js';
import { answers, type Passing, Relay } from './relay.js';

const here = oneDeveloper();

afterEach(() => here.alice.endNode());

const hasRun = (frame: Passing) => 'kind' in frame && frame.kind === 'ran';

/** A program that takes a while to store, and prints its word. */
async function large() {
  await here.alice.start();
  const project = await here.project();
  return project.write({
    'app/main.rs': `
      static LARGE: [u8; 48 << 20] = [7; 48 << 20];
      fn main() { println!("${project.word}"); std::hint::black_box(&LARGE); }
    `,
  });
}

describe('what a compile made', () => {
  it('is removed at once by whoever called: it is stored all the same', async () => {
    const project = await large();
    {
      await using relay = await Relay.before(here.alice);
      relay.once(answers('kept'), () => {
        rmSync(join(project.dir, 'out'), { recursive: true });
        return 'whole';
      });
      const env = { CARGO_PRIMARY_PACKAGE: '1' };
      expect((await rustc(project, [], { env })).counted).toMatchObject(COMPILED);
      expect((await rustc(project, [], { env })).counted).toMatchObject(FROM_DISK);
    }
    expect(await printed(project)).toMatch(/^word/);
  });

  it('and what it was linked from go at once with the target directory: it is stored', async () => {
    const { alice } = here;
    await alice.start();
    const project = await here.project();
    await builds(project, ['build'], { compiled: 2 });
    // Both are compiled anew, from a warm state, and what is linked was made just now.
    const words = `pub fn word() -> &'static str { "${project.word}" }\npub fn more() {}\n`;
    await project.write({ 'app/lib/src/lib.rs': words });
    {
      await using relay = await Relay.before(alice);
      let gone = false;
      relay.once(answers('kept'), () => {
        rmSync(join(project.dir, 'target'), { recursive: true });
        gone = true;
        return 'whole';
      });
      await expect(project.cargo(['build'])).rejects.toThrow();
      expect(gone).toBe(true);
      await builds(project, ['build'], { disk: 2 });
      await passes(project);
    }
    alice.endNode();
  });

  it('is written into while it is stored, by strip or the like: it is not kept', async () => {
    const project = await large();
    const before = await kept(project);
    {
      await using relay = await Relay.before(here.alice);
      relay.once(hasRun, () => {
        appendFileSync(join(project.dir, 'out/app'), 'of somebody else');
        return 'whole';
      });
      expect((await rustc(project)).counted).toMatchObject(COMPILED);
      expect(await kept(project)).toBe(before);
    }
    here.alice.endNode();
    await here.alice.start();
    expect((await rustc(project)).counted).toMatchObject(COMPILED);
    expect((await rustc(project)).counted).toMatchObject(FROM_DISK);
    expect(readFileSync(join(project.dir, 'out/app')).includes('of somebody else')).toBe(false);
    expect(await printed(project)).toMatch(/^word/);
  });
});

describe('where a restore puts its files', () => {
  it('links that lead elsewhere are replaced, and nothing is written through them', async () => {
    const { alice } = here;
    await alice.start();
    const project = await here.project();
    await builds(project, ['build'], { compiled: 2 });
    await project.clean();
    const elsewhere = join(project.parent, 'elsewhere');
    writeFileSync(elsewhere, 'as it was');
    const placed: string[] = [];
    {
      await using relay = await Relay.before(alice);
      const hook = (frame: Passing) => {
        if (!('act' in frame) || frame.act !== 'hit') throw new Error('no hit');
        for (const { to } of frame.ops) {
          rmSync(to, { force: true });
          symlinkSync(elsewhere, to);
          placed.push(to);
        }
        relay.once(answers('hit'), hook);
        return 'whole' as const;
      };
      relay.once(answers('hit'), hook);
      await builds(project, ['build'], { disk: 2 });
    }
    expect(placed.length).toBeGreaterThan(3);
    for (const path of placed) {
      expect(path.startsWith(join(project.dir, 'target/'))).toBe(true);
      expect(lstatSync(path).isFile()).toBe(true);
    }
    expect(readFileSync(elsewhere, 'utf8')).toBe('as it was');
    alice.endNode();
    await alice.start();
    await passes(project);
    await isSound(alice);
  });
});
