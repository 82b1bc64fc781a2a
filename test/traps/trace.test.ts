import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { oneDeveloper } from './alone.js';

interface Event {
  name: string;
  cat?: string;
  ph: string;
  ts: number;
  dur: number;
  pid: number;
  tid: number;
}

const here = oneDeveloper();
beforeAll(() => here.alice.start());

/** As trace viewers read it: the closing bracket may be missing. */
function eventsIn(path: string): Event[] {
  return JSON.parse(`${readFileSync(path, 'utf8').replace(/,\n$/, '')}]`);
}

/** The stages of each call, in their order, by its name and outcome. */
function callsIn(path: string): Map<string, Event[]> {
  const calls = new Map<string, Event[]>();
  let stages: Event[] = [];
  for (const event of eventsIn(path).filter(({ ph, pid }) => ph === 'X' && pid === 1)) {
    if (event.cat === 'stage') stages.push(event);
    else {
      stages = [event];
      calls.set(`${event.name}, ${event.cat}`, stages);
    }
  }
  return calls;
}

describe('VRIFT_TRACE', () => {
  it('shows each call of a build with its stages, which fill it without a gap', async () => {
    const project = await here.project();
    const env = { VRIFT_TRACE: 'cold.json', PWD: project.dir };
    await project.cargo(['build'], { env });
    await project.clean();
    const warm = join(project.dir, 'warm.json');
    await project.cargo(['build'], { env: { VRIFT_TRACE: warm } });
    await here.alice.stats();

    const cold = callsIn(join(project.dir, 'cold.json'));
    const compiled = cold.get('lib rlib, miss, stored')?.map(({ name }) => name);
    expect(compiled?.slice(1, 4)).toEqual(['launcher spawn', 'connect', 'queue']);
    expect(compiled).toEqual(
      expect.arrayContaining(['dependencies', 'key', 'look-up', 'compiler']),
    );
    // The library is stored at once; the program, for which nobody waits, when the build is quiet.
    const behind = eventsIn(join(project.dir, 'cold.json')).filter(({ pid }) => pid === 2);
    expect(behind.filter(({ name }) => name === 'digests').length).toBeGreaterThan(1);
    expect(behind.filter(({ name }) => name === 'lull')).toHaveLength(1);
    const calls = callsIn(warm);
    const steps = calls.get('app bin, hit disk')?.map(({ name }) => name) ?? [];
    expect(steps.slice(-4)).toEqual([
      expect.stringMatching(/^write app-\w+\.d$/),
      expect.stringMatching(/^copy app-\w+$/),
      'messages',
      'report',
    ]);
    for (const [whole, ...stages] of calls.values()) {
      expect(stages[0]!.ts).toBe(whole!.ts);
      let end = whole!.ts;
      for (const { ts, dur, tid } of stages) {
        expect(ts).toBeCloseTo(end, 1);
        expect(dur).toBeGreaterThanOrEqual(0);
        expect(tid).toBe(whole!.tid);
        end = ts + dur;
      }
      expect(end).toBeCloseTo(whole!.ts + whole!.dur, 1);
    }
  });

  it('of a second build goes on in the same file', async () => {
    const project = await here.project();
    const path = join(project.parent, 'both.json');
    await project.cargo(['build'], { env: { VRIFT_TRACE: path } });
    const first = callsIn(path).size;
    await project.clean();
    await project.cargo(['build'], { env: { VRIFT_TRACE: path } });
    expect([...callsIn(path).keys()].slice(first)).toContain('app bin, hit disk');
  });

  it('touches no file that is none of its own', async () => {
    const project = await here.project();
    const foreign = join(project.parent, 'settings.json');
    const keys = join(project.parent, 'keys');
    const link = join(project.parent, 'link.json');
    const absent = join(project.parent, 'made.json');
    writeFileSync(foreign, '[1]');
    writeFileSync(keys, 'ssh-ed25519');
    symlinkSync(absent, link);
    for (const path of [foreign, keys, link, '/dev/full', join(project.parent, 'none/t.json')]) {
      await project.clean();
      await project.cargo(['build'], { env: { VRIFT_TRACE: path } });
      expect(await project.output()).toBe(project.word);
    }
    expect(readFileSync(foreign, 'utf8')).toBe('[1]');
    expect(readFileSync(keys, 'utf8')).toBe('ssh-ed25519');
    expect(() => readFileSync(absent)).toThrow('ENOENT');
  });
});
