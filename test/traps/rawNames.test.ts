import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { until } from '../harness/programs.js';
import { pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

/** Runs `script` in a directory whose name is no UTF-8, made anew. */
const inRawPlace =
  'dir=$(printf "caf\\351"); rm -rf "$dir"; mkdir "$dir"; cp *.rs "$dir"; cd "$dir"';

describe('a directory whose name is no UTF-8', () => {
  it('is compiled in as without vrift, and counted', async () => {
    const alice = await pair.one({
      'app/main.rs': 'mod part;\nfn main() { let unused = 1; println!("{}", part::WORD); }\n',
      'app/part.rs': 'pub const WORD: &str = "raw";\n',
    });
    const launcher = join(alice.developer.bin, 'vrift-rustc');
    const flags = '--crate-name app --edition=2021 main.rs --emit=dep-info,link -C metadata=1';
    const compiled = async (compiler: string) => {
      const script = `${inRawPlace}; ${compiler} ${flags} && ./app && ls`;
      const done = await alice.developer.run('sh', ['-c', script], { cwd: alice.dir });
      expect(done.stdout).toMatch(/^raw\n/);
      return done;
    };
    const plain = await compiled('rustc');
    expect(plain.stderr).toContain('unused variable');
    await alice.developer.resetStats();
    for (const times of [1, 2]) {
      expect(await compiled(`${launcher} rustc`)).toEqual(plain);
      const stats = await until('it is counted', async () => {
        const counted = await alice.developer.stats();
        return counted.units === times ? counted : undefined;
      });
      expect(stats.bypassed).toEqual({ 'raw bytes in arguments': times });
    }
  });
});
