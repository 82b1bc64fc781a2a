import { describe, expect, it } from 'vitest';
import { builds } from './builds.js';
import { type Files, manifest, type Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

/** Below `app/`: a macro that expands to what `expression`, a `String`, is just then. */
const macro = (expression: string, way: string): Files => ({
  'app/says/Cargo.toml': manifest('says', '[lib]\nproc-macro = true\n'),
  'app/says/src/lib.rs': `// ${way}
    #[proc_macro]
    pub fn says(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
      let text: String = { ${expression} };
      format!("{text:?}").parse().unwrap()
    }\n`,
});

/** Whose macro `app` uses: its own dependency's, or what a library passes on. */
const WAYS: Record<string, { units: number; dependency: string; files: Files }> = {
  'of a dependency': { units: 2, dependency: 'says', files: {} },
  'that a library re-exports': {
    units: 3,
    dependency: 'through',
    files: {
      'app/through/Cargo.toml': manifest(
        'through',
        '[dependencies]\nsays = { path = "../says" }\n',
      ),
      'app/through/src/lib.rs': 'pub use says::says;\n',
    },
  },
};

for (const [way, { units, dependency, files }] of Object.entries(WAYS)) {
  /** A member `app` that prints what the macro says. */
  const expanding = (expression: string, more = ''): Files => ({
    'app/Cargo.toml': '[workspace]\nmembers = ["app", "says"]\nresolver = "2"\n',
    'app/app/Cargo.toml': manifest(
      'app',
      `${more}[dependencies]\n${dependency} = { path = "../${dependency}" }\n`,
    ),
    'app/app/src/main.rs': `fn main() { println!("{}", ${dependency}::says!()); }\n`,
    ...macro(expression, way),
    ...files,
  });

  /** `app` alone is compiled anew, and prints that. */
  const isCompiled = async (project: Project, expected: string): Promise<void> => {
    await project.clean();
    await builds(project, ['build'], { compiled: 1, disk: units - 1 });
    expect(await project.output()).toBe(expected);
  };

  describe(`a macro ${way} reads, when it expands,`, () => {
    it('a variable that cargo takes from elsewhere than Cargo.toml', async () => {
      const inherited = 'description.workspace = true\n';
      const member = expanding('std::env::var("CARGO_PKG_DESCRIPTION").unwrap()', inherited);
      const top = (description: string) => ({
        'app/Cargo.toml': `${member['app/Cargo.toml']}[workspace.package]\ndescription = "${description}"\n`,
      });
      const alice = await pair.one({ ...member, ...top('one') });
      await builds(alice, ['build'], { compiled: units });
      expect(await alice.output()).toBe('one');
      await alice.write(top('two'));
      await isCompiled(alice, 'two');
    });

    it('Cargo.toml itself', async () => {
      const read = `let path = std::env::var("CARGO_MANIFEST_PATH").unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().find(|line| line.starts_with("word")).unwrap().to_owned()`;
      const word = (text: string) => expanding(read, `[package.metadata]\nword = "${text}"\n`);
      const alice = await pair.one(word('one'));
      await builds(alice, ['build'], { compiled: units });
      expect(await alice.output()).toBe('word = "one"');
      await alice.write(word('two'));
      await isCompiled(alice, 'word = "two"');
    });
  });

  it(`a macro ${way} whose C code alone changes is expanded anew`, async () => {
    const c = (word: number) => ({
      'app/says/part.c': `unsigned part(void) { return ${word}; }\n`,
    });
    const expression = 'extern "C" { fn part() -> u32; } unsafe { part() }.to_string()';
    const alice = await pair.one({
      ...expanding(expression),
      'app/Cargo.toml': '[workspace]\nmembers = ["app", "says", "user"]\nresolver = "2"\n',
      'app/app/Cargo.toml': manifest('app', '[dependencies]\nuser = { path = "../user" }\n'),
      'app/app/src/main.rs': 'fn main() { println!("{}", user::word()); }\n',
      'app/user/Cargo.toml': manifest(
        'user',
        `[dependencies]\n${dependency} = { path = "../${dependency}" }\n`,
      ),
      'app/user/src/lib.rs': `pub fn word() -> &'static str { ${dependency}::says!() }\n`,
      'app/says/build.rs': `fn main() {
        let out = std::env::var("OUT_DIR").unwrap();
        let run = |program: &str, args: &[&str]| {
          assert!(std::process::Command::new(program).args(args).status().unwrap().success());
        };
        println!("cargo:rerun-if-changed=part.c");
        run("cc", &["-c", "-fPIC", "part.c", "-o", &format!("{out}/part.o")]);
        run("ar", &["crsD", &format!("{out}/libpart.a"), &format!("{out}/part.o")]);
        println!("cargo:rustc-link-search=native={out}");
        println!("cargo:rustc-link-lib=static=part");
      }\n`,
      ...c(1),
    });
    const plain = { env: { CARGO_INCREMENTAL: '0' } };
    for (const word of [1, 2]) {
      await alice.write(c(word));
      await alice.cargo(['build'], plain);
      expect(await alice.output()).toBe(`${word}`);
    }
    // The first again, under the file names of other settings, for a library that is new.
    const user = `pub fn word() -> &'static str { concat!("again ", ${dependency}::says!()) }\n`;
    await alice.write({ ...c(1), 'app/user/src/lib.rs': user });
    await alice.cargo(['build']);
    expect(await alice.output()).toBe('again 1');
  });
}
