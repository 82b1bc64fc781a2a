import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { needs } from '../harness/needs.js';
import type { Finished, RunOptions } from '../harness/programs.js';
import { until } from '../harness/programs.js';
import { builds, isFresh } from './builds.js';
import { ending, processesOf, start, untilFile } from './interrupted.js';
import { type Files, manifest, Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

/** A library and a program that uses it: two units, unlike those of any other test. */
const small = (seven: number): Files => ({
  'app/Cargo.toml': manifest('app', '[dependencies]\nlib = { path = "lib" }\n[workspace]\n'),
  'app/src/main.rs': 'fn main() { println!("{}", lib::seven()); }\n',
  'app/lib/Cargo.toml': manifest('lib'),
  'app/lib/src/lib.rs': `pub fn seven() -> u32 { ${seven} }\n`,
});

/** The launcher as cargo calls it. */
function wrapped(project: Project, args: string[], options: RunOptions = {}): Promise<Finished> {
  const launcher = join(project.developer.bin, 'vrift-rustc');
  return project.developer.run(launcher, ['rustc', ...args], { cwd: project.dir, ...options });
}

describe('the launcher', () => {
  it("hands the jobserver's descriptors on", async () => {
    const { alice } = await pair.both(small(30));
    const { stderr } = await builds(alice, ['build', '-j', '2'], { compiled: 2 });
    expect(stderr).not.toContain('jobserver');

    const flags = 'CARGO_MAKEFLAGS="-j --jobserver-fds=8,9 --jobserver-auth=8,9"';
    const words = [
      'rustc',
      '--crate-name=lib',
      '--crate-type=lib',
      '--out-dir=.',
      'lib/src/lib.rs',
    ];
    const compile = async (before: string, cfg: string) => {
      const script = `${before} ${flags} exec "$@"`;
      const launcher = join(alice.developer.bin, 'vrift-rustc');
      const args = ['-c', script, 'sh', launcher, ...words, '--emit=metadata,dep-info', cfg];
      return (await alice.developer.run('sh', args, { cwd: alice.dir })).stderr;
    };
    expect(await compile('exec 8>&- 9>&-;', '--cfg=none')).toContain('jobserver');
    expect(await compile('mkfifo jobs; exec 8<>jobs 9>&8;', '--cfg=open')).toBe('');
  });

  it('Ctrl-C ends a build at once and leaves no process behind', async () => {
    const { alice } = await pair.both({
      'app/Cargo.toml': manifest(
        'app',
        '[dependencies]\nwaits = { path = "waits" }\n[workspace]\n',
      ),
      'app/src/main.rs': 'waits::here!();\nfn main() {}\n',
      'app/waits/Cargo.toml': manifest('waits', '[lib]\nproc-macro = true\n'),
      'app/waits/src/lib.rs': `
        #[proc_macro]
        pub fn here(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
          std::fs::write(std::env::var("WAIT_MARK").unwrap(), "").unwrap();
          loop { std::thread::park(); }
        }
      `,
    });
    const mark = join(alice.parent, 'mark');
    const build = start(alice, ['build'], { WAIT_MARK: mark });
    await untilFile(mark);
    expect((await processesOf(alice.dir)).length).toBeGreaterThan(0);
    build.kill('SIGINT');
    const { signal, code, ms } = await ending(build);
    expect(signal === 'SIGINT' || code !== 0).toBe(true);
    expect(ms).toBeLessThan(5_000);
    await until(
      'no process is left',
      async () => (await processesOf(alice.dir)).length === 0,
      5_000,
    );
  });

  it('probes of build scripts get what rustc says', async () => {
    const { alice } = await pair.both(small(31));
    const PROBES: [args: string[], input?: string][] = [
      [['-vV']],
      [['--version']],
      [['--print', 'cfg']],
      [['--print=sysroot', '--print=file-names', '-', '--crate-name', '___', '--crate-type=lib']],
      [
        ['--crate-name=p', '--crate-type=lib', '--emit=metadata', '--out-dir=out', '-'],
        'pub fn x() {}',
      ],
      [['--crate-name=p', '--crate-type=lib', '--emit=metadata', '--out-dir=out', '-'], 'not rust'],
      [
        [
          '--crate-name=p',
          '--crate-type=lib',
          '--emit=metadata',
          '--out-dir=out',
          'lib/src/lib.rs',
        ],
      ],
    ];
    for (const [args, input = ''] of PROBES) {
      const options = { cwd: alice.dir, input, allowFailure: true };
      const through = await wrapped(alice, args, options);
      expect(through).toEqual(await alice.developer.run('rustc', args, options));
    }
    expect((await alice.developer.stats()).errors).toEqual({});
  });

  it('two cargos build the same thing at once: each unit is compiled once', async () => {
    const { alice } = await pair.both(small(32));
    await alice.developer.resetStats();
    await Promise.all(
      ['one', 'two'].map((dir) => alice.cargo(['build'], { env: { CARGO_TARGET_DIR: dir } })),
    );
    const { units, compiled, hits } = await until('four units are counted', async () => {
      const stats = await alice.developer.stats();
      return stats.units >= 4 ? stats : undefined;
    });
    expect({ units, compiled, hits }).toEqual({
      units: 4,
      compiled: 2,
      hits: { disk: 2, peer: 0, remote: 0 },
    });
    for (const dir of ['one', 'two']) {
      const { stdout } = await alice.developer.run(join(alice.dir, dir, 'debug/app'), []);
      expect(stdout).toBe('32\n');
    }
  });

  it('rm -rf target during a restore: an error at most, never a corrupt file', async () => {
    const { alice } = await pair.both(small(33));
    await builds(alice, ['build'], { compiled: 2 });
    for (const file of ['CACHEDIR.TAG', 'debug/deps', 'debug/.fingerprint']) {
      await alice.clean();
      const build = start(alice, ['build']);
      await until(`${file} is there`, () =>
        stat(join(alice.dir, 'target', file)).catch(() => null),
      );
      await rm(join(alice.dir, 'target'), { recursive: true, force: true, maxRetries: 9 });
      await ending(build);
      await alice.cargo(['build']);
      expect(await alice.output()).toBe('33');
      await isFresh(alice, ['build']);
    }
    await alice.developer.vrift(['verify']);
  });
});

describe('names of files', () => {
  for (const place of ['a b', `it's "so"`, 'c#d $HOME', 'ümläut 日本', 'e=f', '[x] {y} & ;']) {
    it(`a checkout in ‹${place}›`, async () => {
      const { alice } = await pair.both(small(34));
      const odd = new Project(pair.bob, join(pair.bob.root, 'odd', place));
      const loud = 'pub fn seven() -> u32 { let unused = 0; 34 }\n';
      for (const project of [alice, odd]) {
        await project.write({ ...small(34), 'app/lib/src/lib.rs': `// ${place}\n${loud}` });
        await project.write({ 'app/src/main.rs': `// ${place}\n${small(34)['app/src/main.rs']}` });
      }
      await builds(alice, ['build'], { compiled: 2 });
      const { stderr } = await builds(odd, ['build'], { peer: 2 });
      expect(stderr).toContain('--> lib/src/lib.rs:2:29');
      await isFresh(odd, ['build']);
      expect(await odd.output()).toBe('34');
      // What was compiled there is of use elsewhere too.
      await odd.write({ 'app/lib/src/lib.rs': `// again ${place}\n${loud}` });
      await builds(odd, ['build'], { compiled: 2 });
      await isFresh(odd, ['build']);
    });
  }

  it('bytes that are no UTF-8, in the environment and in an argument', async () => {
    const { alice } = await pair.both(small(35));
    await alice.developer.resetStats();
    const launcher = join(alice.developer.bin, 'vrift-rustc');
    const raw = (script: string, ...words: string[]) =>
      alice.developer.run('sh', ['-c', `raw=$(printf 'caf\\351'); ${script}`, 'sh', ...words], {
        cwd: alice.dir,
        allowFailure: true,
      });
    const flags = ['--crate-name=lib', '--crate-type=lib', '--emit=metadata,dep-info'];
    const words = ['rustc', ...flags, '--out-dir=.', 'lib/src/lib.rs'];
    for (const units of [1, 2]) {
      expect(await raw('RAW="$raw" exec "$@"', launcher, ...words)).toMatchObject({ code: 0 });
      await until('counted', async () => (await alice.developer.stats()).units === units);
    }
    expect(await alice.developer.stats()).toMatchObject({ compiled: 1, hits: { disk: 1 } });

    // rustc itself gives up on such an argument, and says so.
    const said = async (...program: string[]) => {
      const { code, stderr } = await raw('exec "$@" "$raw"', ...program);
      return { code, stderr: stderr.replace(/\(\d+\)/, '') };
    };
    expect(await said(launcher, ...words)).toEqual(await said(...words));
    const { bypassed } = await alice.developer.stats();
    expect(bypassed).toEqual({ 'raw bytes in arguments': 1 });
  });

  it('response files and very long command lines', async () => {
    const { alice } = await pair.both(small(36));
    await mkdir(join(alice.dir, 'out'));
    const flags = [
      '--crate-name=lib',
      '--crate-type=lib',
      '--emit=metadata,dep-info',
      '--out-dir=out',
    ];
    await writeFile(join(alice.dir, 'args'), [...flags, 'lib/src/lib.rs'].join('\n'));
    await alice.developer.resetStats();
    await wrapped(alice, ['@args']);
    expect(await readdir(join(alice.dir, 'out'))).toContain('liblib.rmeta');
    expect((await alice.developer.stats()).bypassed).toEqual({ 'response file': 1 });

    await alice.developer.resetStats();
    const many = Array.from(
      { length: 9_000 },
      (_, n) => `--cfg=has_a_rather_long_name_of_number_${n}`,
    );
    for (const counted of [{ compiled: 1 }, { hits: { disk: 1 } }]) {
      await rm(join(alice.dir, 'out'), { recursive: true });
      await mkdir(join(alice.dir, 'out'));
      await wrapped(alice, [...flags, ...many, 'lib/src/lib.rs']);
      expect(await readdir(join(alice.dir, 'out'))).toEqual(['lib.d', 'liblib.rmeta']);
      await until('the unit is counted', async () => {
        const stats = await alice.developer.stats();
        return stats.units >= ('hits' in counted ? 2 : 1);
      });
      expect(await alice.developer.stats()).toMatchObject(counted);
    }
  });
});

describe('where outputs go', () => {
  it('--emit=metadata=FILE and -o are written where asked', async () => {
    const { alice } = await pair.both(small(37));
    const flags = ['--crate-name=lib', '--crate-type=lib', 'lib/src/lib.rs'];
    const named = join(alice.dir, 'of-mine.rmeta');
    for (const units of [1, 2]) {
      await rm(named, { force: true });
      if (units === 1) await alice.developer.resetStats();
      await wrapped(alice, [...flags, `--emit=dep-info,metadata=${named}`, '--out-dir=.']);
      expect((await stat(named)).size).toBeGreaterThan(0);
      await until('counted', async () => (await alice.developer.stats()).units === units);
    }
    expect(await alice.developer.stats()).toMatchObject({ compiled: 1, hits: { disk: 1 } });
    await wrapped(alice, [...flags, '--emit=metadata', '-o', 'other.rmeta']);
    expect((await stat(join(alice.dir, 'other.rmeta'))).size).toBeGreaterThan(0);
    const { bypassed } = await alice.developer.stats();
    expect(Object.values(bypassed)).toEqual([1]);
  });

  it('a umask of 077 is honoured by restores, and by those of others after', async () => {
    const { alice } = await pair.both(small(38));
    await builds(alice, ['build'], { compiled: 2 });
    const modes = async (umask: string) => {
      await alice.clean();
      await alice.developer.resetStats();
      const command = `umask ${umask}; exec cargo build`;
      const env = { RUSTC_WRAPPER: join(alice.developer.bin, 'vrift-rustc') };
      await alice.developer.run('sh', ['-c', command], { cwd: alice.dir, env });
      expect(await alice.developer.stats()).toMatchObject({ compiled: 0, hits: { disk: 2 } });
      const deps = join(alice.dir, 'target/debug/deps');
      const stats = (await readdir(deps)).map(
        async (name) => (await stat(join(deps, name))).mode & 0o777,
      );
      return [...new Set(await Promise.all(stats))].sort();
    };
    expect(await modes('077')).toEqual([0o600, 0o700]);
    expect(await modes('022')).toEqual([0o644, 0o755]);
    expect(await modes('002')).toEqual([0o664, 0o775]);
  });

  it('a setgid directory gives its group to what is restored', async (context) => {
    needs(context, 'groups');
    const { alice } = await pair.both(small(39));
    await builds(alice, ['build'], { compiled: 2 });
    await alice.clean();
    const deps = join(alice.dir, 'target/debug/deps');
    await mkdir(deps, { recursive: true });
    await alice.developer.run('chgrp', ['1', deps]);
    await alice.developer.run('chmod', ['g+s', deps]);
    await builds(alice, ['build'], { disk: 2 });
    const groups = (await readdir(deps)).map(async (name) => (await stat(join(deps, name))).gid);
    expect([...new Set(await Promise.all(groups))]).toEqual([1]);
    expect(await readFile(join(deps, (await readdir(deps))[0]!))).not.toHaveLength(0);
  });
});
