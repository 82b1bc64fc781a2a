import { expect, it } from 'vitest';
import { areShared, builds } from './builds.js';
import { manifest, type Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

/** What cargo-nextest does: asks cargo for the test programs, then runs each test by itself. */
async function testsOneByOne(project: Project, stdout: string): Promise<Record<string, boolean>> {
  const passed: Record<string, boolean> = {};
  for (const line of stdout.split('\n').filter((text) => text.startsWith('{'))) {
    const { executable, target, profile } = JSON.parse(line) as Artifact;
    if (!profile?.test || !executable) continue;
    const run = (...args: string[]) =>
      project.developer.run(executable, args, {
        cwd: project.dir,
        allowFailure: true,
        env: { NEXTEST: '1', NEXTEST_EXECUTION_MODE: 'process-per-test' },
      });
    const listed = (await run('--list', '--format', 'terse')).stdout;
    for (const [, name] of listed.matchAll(/^(.*): test$/gm)) {
      const { code, stdout: said } = await run('--exact', name!, '--nocapture');
      passed[`${target.name} ${name}`] = code === 0 && said.includes('1 passed');
    }
  }
  return passed;
}

interface Artifact {
  executable?: string | null;
  target: { name: string };
  profile?: { test: boolean };
}

it('nextest: test programs from the store list their tests, and run each by itself', async () => {
  const both = await pair.both({
    'app/Cargo.toml': manifest('app', '[workspace]\n'),
    'app/src/lib.rs': `pub fn seven() -> u32 { 7 }
      #[cfg(test)] mod tests {
        #[test] fn first() { assert_eq!(super::seven(), 7); }
        #[test] fn second() { assert_eq!(super::seven(), 8); }
      }\n`,
    'app/src/main.rs': 'fn main() { println!("{}", app::seven()); }\n',
    'app/tests/place.rs': `#[test] fn finds_the_program() {
        let program = std::process::Command::new(env!("CARGO_BIN_EXE_app")).output().unwrap();
        assert_eq!(program.stdout, b"7\\n");
        assert!(env!("CARGO_BIN_EXE_app").starts_with(env!("CARGO_MANIFEST_DIR")));
        assert!(std::env::current_dir().unwrap().ends_with("app"));
        assert_eq!(std::env::var("NEXTEST").as_deref(), Ok("1"));
      }\n`,
  });
  const args = ['test', '--no-run', '--message-format', 'json-render-diagnostics'];
  const expected = {
    'app tests::first': true,
    'app tests::second': false,
    'place finds_the_program': true,
  };
  const unit = ['--lib', '--bins'];
  await areShared(both, [...args, ...unit], 3);
  for (const project of [both.alice, both.bob]) {
    // The test that holds the place of its program is each developer's own.
    const { stdout } = await builds(project, args, {
      compiled: project === both.alice ? 2 : 1,
      peer: project === both.alice ? 0 : 1,
    });
    expect(await testsOneByOne(project, stdout)).toEqual(expected);
    const again = await builds(project, args, {});
    expect(await testsOneByOne(project, again.stdout)).toEqual(expected);
  }
});
