import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Developer } from '../harness/developer.js';
import { needs } from '../harness/needs.js';
import { vendor } from './fetched.js';
import { type Files, manifest, Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

/** Warns in the caller's code, in the macro's own, and of what the macro calls. */
const LOUD_MACRO = `#[macro_export] macro_rules! warns {
  ($i:ident) => { let $i = 1; let in_macro = 1; $crate::old(); }
}
#[deprecated] pub fn old() { let in_library = 1; }
`;

/** Warnings in every kind of crate and target, and about macros of every kind of crate. */
const loud = (word: string): Files => ({
  'app/Cargo.toml': manifest(
    'app',
    `[dependencies]
member = { path = "member" }
outer = { path = "../out 'er" }
fetched = "0.1"
derives = "0.1"
[workspace]
`,
  ),
  'app/build.rs': `fn main() {
    let in_build_script = 1;
    let file = std::path::Path::new(&std::env::var("OUT_DIR").unwrap()).join("gen.rs");
    std::fs::write(file, "pub fn generated() { let in_generated = 1; }").unwrap();
    println!("cargo::warning=said by the script");
  }\n`,
  'app/src/main.rs': `include!(concat!(env!("OUT_DIR"), "/gen.rs"));
    mod deep;
    #[derive(derives::Nothing)]
    struct Unused;
    fn main() {
      member::warns!(x); outer::warns!(y); fetched::warns!(z);
      member::old(); outer::old(); fetched::must_use();
      let mut mutable = "${word}"; format!("{}", mutable);
      unreachable!(); deep::f();
    }\n`,
  'app/src/deep/mod.rs': 'pub fn f() { let tab\u{e9}\t= "\\"\u{1f980}\\\\"; }\n',
  'app/tests/whole.rs': '#[test] fn t() { let in_test = 1; member::warns!(x); }\n',
  'app/examples/shown.rs': 'fn main() { let in_example = 1; fetched::warns!(x); }\n',
  'app/benches/fast.rs': 'fn main() { let in_bench = 1; outer::warns!(x); }\n',
  'app/member/Cargo.toml': manifest('member'),
  'app/member/src/lib.rs': `${LOUD_MACRO}
    #[cfg(test)] mod tests { #[test] fn t() { let in_unit_test = 1; } }\n`,
  "out 'er/Cargo.toml": manifest('outer'),
  "out 'er/src/lib.rs": `mod below;\n${LOUD_MACRO}pub fn calls() { below::f() }\n`,
  "out 'er/src/below.rs": 'pub fn f() { let in_module = 1; }\n',
});

const REGISTRY: Readonly<Record<string, Files>> = {
  fetched: { 'src/lib.rs': `${LOUD_MACRO}#[must_use] pub fn must_use() -> u8 { 1 }\n` },
  derives: {
    'Cargo.toml': manifest('derives', '[lib]\nproc-macro = true\n'),
    'src/lib.rs': `use proc_macro::TokenStream;
      #[proc_macro_derive(Nothing)] pub fn derive(_: TokenStream) -> TokenStream {
        "fn derived() { let in_derive = 1; }".parse().unwrap()
      }\n`,
  },
};

/** All that cargo tells an IDE in a build from nothing, but whether it had something already. */
async function told(
  project: Project,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<unknown[]> {
  await project.clean();
  await project.developer.resetStats();
  const { stdout } = await project.cargo(args, { env });
  const lines = stdout.split('\n').filter((line) => line !== '');
  const messages = lines.map((line) => ({ ...JSON.parse(line), fresh: undefined }));
  return messages.map((message) => JSON.stringify(message)).sort();
}

const PLAIN = { VRIFT_DISABLE: '1' };

describe('what an IDE is told, message by message, is what it is told without vrift', () => {
  const everything = ['--all-targets', '--keep-going'];
  const commands = [
    ['check', '--message-format=json', ...everything],
    ['check', '--message-format=json-diagnostic-rendered-ansi', ...everything],
    ['clippy', '--message-format=json', ...everything],
    ['build', '--message-format=json-diagnostic-short', '--all-targets'],
  ];
  for (const args of commands) {
    it(args.join(' '), async (context) => {
      if (args[0] === 'clippy') needs(context, 'clippy');
      const { alice, bob } = await pair.both(loud(args.join(' ')));
      for (const { developer } of [alice, bob]) await vendor(developer, REGISTRY);
      const expected = await told(alice, args, PLAIN);
      const text = expected.join('\n');
      for (const where of ['main', 'member', 'library', 'macro', 'generated', 'build_script']) {
        expect(text).toContain(where);
      }
      expect(await told(alice, args)).toEqual(expected);
      const { units } = await alice.developer.stats();
      expect(await told(alice, args)).toEqual(expected);
      expect(await alice.developer.stats()).toMatchObject({ units, compiled: 0 });

      const hers = await told(bob, args, PLAIN);
      expect(await told(bob, args)).toEqual(hers);
      expect(await bob.developer.stats()).toMatchObject({ units, compiled: 0 });
    });
  }

  it("with the standard library's sources here and not there", async () => {
    const carol = await Developer.create('carol', { workspace: 'bound', ownToolchain: true });
    try {
      const library = join(carol.root, 'toolchain/lib/rustlib/src/rust/library');
      for (const file of ['std/src/lib.rs', 'core/src/macros/mod.rs', 'core/src/panic.rs']) {
        await mkdir(join(library, file, '..'), { recursive: true });
        await writeFile(join(library, file), '');
      }
      await carol.start();
      await carol.join(pair.alice);
      await carol.meets(pair.alice);
      const files = {
        'app/Cargo.toml': manifest('app', '[workspace]\n'),
        'app/src/main.rs': 'fn main() { unreachable!(); let never = 1; }\n',
      };
      const { alice } = await pair.both(files);
      const hers = await new Project(carol, join(carol.root, 'far/away')).write(files);
      const args = ['check', '--message-format=json'];
      for (const project of [alice, hers]) {
        const expected = await told(project, args, PLAIN);
        const here = project === hers ? library : '/rustc/';
        expect(expected.join('\n')).toContain(`"file_name":"${here}`);
        for (const compiled of [1, 0]) {
          expect(await told(project, args)).toEqual(expected);
          expect(await project.developer.stats()).toMatchObject({ units: 1, compiled });
        }
      }
    } finally {
      await carol.dispose();
    }
  });
});
