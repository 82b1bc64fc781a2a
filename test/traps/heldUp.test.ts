import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { until } from '../harness/programs.js';
import { printed, rustc, script } from './calls.js';
import { pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

const MAIN = { 'app/main.rs': 'fn main() { println!("hello"); }\n' };
const LINKER = ['-C', 'linker=./cc'];

describe('a build is not held up', () => {
  it('by another one of the same unit that was stopped', async () => {
    const alice = await pair.one({ 'app/main.rs': 'fn main() {}\n' });
    await script(
      alice,
      'app/cc',
      `case "$*" in *rcgu.o*) test -e armed && rm armed && echo $$ >pid && kill -STOP $$;; esac
      exec cc "$@"`,
    );
    // Only now does the node know how long it should take.
    expect(await rustc(alice, LINKER)).toMatchObject({ code: 0 });
    await alice.write({ ...MAIN, 'app/armed': '' });
    const pid = join(alice.dir, 'pid');
    const first = rustc(alice, LINKER);
    await until('the first is stopped', () => existsSync(pid) && readFileSync(pid).length > 0);
    try {
      expect(await rustc(alice, LINKER, { outDir: 'other' })).toMatchObject({ code: 0 });
      expect(await printed(alice, 'other/app')).toBe('hello');
    } finally {
      process.kill(Number(readFileSync(pid, 'utf8')), 'SIGCONT');
    }
    expect((await first).code).toBe(0);
  });

  it('by a linker that does not say what it is and does not want to end', async () => {
    const alice = await pair.one(MAIN);
    await script(
      alice,
      'app/cc',
      `case "$*" in *--help*) trap '' TERM; sleep 40; sleep 40;; esac\nexec cc "$@"`,
    );
    const { code, counted } = await rustc(alice, LINKER);
    expect(code).toBe(0);
    expect(counted.bypassed).toEqual({ linker: 1 });
    expect(await printed(alice)).toBe('hello');
  });
});
