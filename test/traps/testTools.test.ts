import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { builds, isFresh } from './builds.js';
import { type Files, manifest, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

const LIB = "pub fn word() -> &'static str { WORD }\n";

const crate = (word: string): Files => ({
  'app/Cargo.toml': manifest('app', '[workspace]\n'),
  'app/src/lib.rs': LIB.replace('WORD', JSON.stringify(word)),
});

describe('a test that compares with files', () => {
  /** As `insta` finds its snapshots: from the manifest's directory and from `file!()`. */
  it('of its own checkout finds those, and writes new ones there', async () => {
    const files: Files = {
      ...crate('seen'),
      'app/tests/snapshots.rs': `
        use std::{env, fs, path::Path};
        #[test] fn word() {
          let here = Path::new(env!("CARGO_MANIFEST_DIR")).join(file!());
          let snapshot = here.parent().unwrap().join("snapshots/word.snap");
          let word = app::word();
          if fs::read_to_string(&snapshot).ok().as_deref() == Some(word) { return }
          fs::create_dir_all(snapshot.parent().unwrap()).unwrap();
          fs::write(snapshot.with_extension("snap.new"), word).unwrap();
          panic!("snapshot differs: {}", snapshot.display());
        }\n`,
    };
    const { alice, bob } = await pair.both(files);
    const snapshots = async (dir: string) => readdir(join(dir, 'tests/snapshots')).catch(() => []);
    await alice.write({ 'app/tests/snapshots/word.snap': 'seen' });
    expect(await alice.count(['test', '--tests'])).toMatchObject({ compiled: 3 });

    // Bob has accepted something else, so his fails; his checkout alone gets the new one.
    await bob.write({ 'app/tests/snapshots/word.snap': 'accepted' });
    await bob.developer.resetStats();
    const failed = await bob.cargo(['test', '--tests'], { allowFailure: true });
    expect(failed.code).toBe(101);
    expect(failed.stdout).toContain(`snapshot differs: ${bob.dir}/tests/snapshots/word.snap`);
    expect(await snapshots(bob.dir)).toEqual(['word.snap', 'word.snap.new']);
    expect(await snapshots(alice.dir)).toEqual(['word.snap']);
    // The test holds a path, the library and its own tests do not.
    expect(await bob.developer.stats()).toMatchObject({ compiled: 1, hits: { peer: 2 } });

    await bob.write({ 'app/tests/snapshots/word.snap': 'seen' });
    const passed = await bob.cargo(['test', '--tests']);
    expect(passed.stdout).toContain('test word ... ok');
    await bob.clean();
    expect(await bob.count(['test', '--tests'])).toMatchObject({ compiled: 0, hits: { disk: 3 } });
  });

  /** As `trybuild`: a project of its own below the target directory, checked by cargo. */
  it('what the compiler says of another project sees the same, compiled or restored', async () => {
    const files: Files = {
      ...crate('checked'),
      'app/tests/ui/fail.rs': 'fn main() { let _: u32 = app::word(); }\n',
      'app/tests/ui/fail.stderr': `error[E0308]: mismatched types
 --> $DIR/fail.rs:1:26
  |
1 | fn main() { let _: u32 = app::word(); }
  |                    ---   ^^^^^^^^^^^ expected \`u32\`, found \`&str\`
  |                    |
  |                    expected due to this
`,
      'app/tests/ui.rs': `
        use std::{env, fs, path::{Path, PathBuf}, process::Command};
        #[test] fn fails_as_it_should() {
          let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap());
          let ui = root.join("tests/ui");
          let project = Path::new(env!("CARGO_TARGET_TMPDIR")).join("trial");
          fs::create_dir_all(&project).unwrap();
          fs::write(project.join("Cargo.toml"), format!(
            "[package]\\nname = 'trial'\\nversion = '0.0.0'\\nedition = '2021'\\n\\
             [[bin]]\\nname = 'trial'\\npath = {:?}\\n\\
             [dependencies]\\napp = {{ path = {:?} }}\\n[workspace]\\n",
            ui.join("fail.rs"), root,
          )).unwrap();
          let done = Command::new(env::var("CARGO").unwrap())
            .args(["check", "-q", "--offline", "--color=never"])
            .env("CARGO_TARGET_DIR", project.join("target"))
            .current_dir(&project).output().unwrap();
          let said = String::from_utf8(done.stderr).unwrap();
          let said = said.replace(ui.to_str().unwrap(), "$DIR");
          let wanted = fs::read_to_string(ui.join("fail.stderr")).unwrap();
          assert!(said.starts_with(&wanted), "{said}");
        }\n`,
    };
    const { alice, bob } = await pair.both(files);
    for (const project of [alice, bob]) {
      for (const _ of ['compiled or had from a peer', 'restored']) {
        const { stdout } = await project.cargo(['test', '--test', 'ui']);
        expect(stdout).toContain('test fails_as_it_should ... ok');
        await project.clean();
      }
    }
    // The library and its check; the test itself holds the path of Bob's target directory.
    await bob.developer.resetStats();
    await bob.cargo(['test', '--test', 'ui']);
    expect((await bob.developer.stats()).hits).toMatchObject({ disk: 3 });
    await isFresh(bob, ['test', '--test', 'ui', '--no-run']);
  });
});

describe('a test binary', () => {
  it('from a peer finds the program that it runs', async () => {
    const { alice, bob } = await pair.both({
      'app/Cargo.toml': manifest('app', '[workspace]\n'),
      'app/src/main.rs': 'fn main() { println!("run by its test"); }\n',
      'app/tests/runs.rs': `#[test] fn runs() {
        let program = env!("CARGO_BIN_EXE_app");
        let done = std::process::Command::new(program).output().unwrap();
        assert_eq!(done.stdout, b"run by its test\\n");
        println!("ran {program}");
      }\n`,
    });
    await builds(alice, ['test', '--test', 'runs', '--no-run'], { compiled: 2 });
    await builds(bob, ['test', '--test', 'runs', '--no-run'], { compiled: 1, peer: 1 });
    for (const project of [alice, bob]) {
      const { stdout } = await project.cargo(['test', '--test', 'runs', '--', '--nocapture']);
      expect(stdout).toContain(`ran ${project.dir}/target/debug/app`);
    }
  });
});
