import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { again, built, builtAnew, first, isSilent, withScript } from './buildScriptSupport.js';
import { manifest, type Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

const sh = (project: Project, text: string, cwd = project.dir) =>
  project.developer.run('sh', ['-ec', text], { cwd });

/** Prints the number that a C library answers. */
const PRINTS_NUMBER = {
  'app/src/main.rs':
    'extern "C" { fn number() -> i32; }\nfn main() { print!("{}", unsafe { number() }); }\n',
};

describe('what a build script looked at is in the key', () => {
  it('worktrees of one repository with other commits', async () => {
    const body = `let git = std::process::Command::new("git").args(["rev-parse", "--short=40", "HEAD"])
        .output().unwrap();
      println!("cargo:rerun-if-changed=build.rs");
      String::from_utf8(git.stdout).unwrap()`;
    const project = await pair.one(withScript(body, { 'app/.gitignore': 'target\nCargo.lock\n' }));
    const git = (text: string) =>
      sh(project, text.replaceAll('git ', 'git -c user.name=a -c user.email=a@b.c '));
    await git('git init -q && git add . && git commit -qm one');
    await git(
      'git worktree add -q ../other/app && cd ../other/app && git commit -q --allow-empty -m two',
    );
    const other = Object.assign(Object.create(Object.getPrototypeOf(project) as object), project, {
      parent: join(project.parent, 'other'),
      dir: join(project.parent, 'other/app'),
    }) as Project;
    const headOf = async ({ dir }: Project) =>
      (await sh(project, 'git rev-parse HEAD', dir)).stdout.trim();
    const [here, there] = [await headOf(project), await headOf(other)];
    expect(here).not.toBe(there);
    expect(await builtAnew(project)).toEqual(first(here));
    expect(await builtAnew(other)).toEqual(first(there));
    expect(await builtAnew(project)).toEqual(again(here));
    expect(await builtAnew(other)).toEqual(again(there));
  });

  it('a header that the C compiler finds on the path of its system', async () => {
    const body = `let made = std::process::Command::new("cc").args(["-E", "-P", "asks.c"]).output().unwrap();
      println!("cargo:rerun-if-changed=asks.c");
      String::from_utf8(made.stdout).unwrap()`;
    const files = { 'app/asks.c': '#include <number.h>\nNUMBER\n' };
    const project = await pair.one(withScript(body, files));
    const options = { env: { C_INCLUDE_PATH: join(project.parent, 'system/include') } };
    await project.write({ 'system/include/number.h': '#define NUMBER one\n' });
    expect(await builtAnew(project, options)).toEqual(first('one'));
    expect(await builtAnew(project, options)).toEqual(again('one'));
    await project.write({ 'system/include/number.h': '#define NUMBER two\n' });
    expect(await builtAnew(project, options)).toEqual(first('two'));
  });

  it('pkg-config that one machine has and the other has not', async () => {
    const body = `println!("cargo:rerun-if-changed=build.rs");
      match std::process::Command::new("vr-config").output() {
        Ok(made) => String::from_utf8(made.stdout).unwrap(),
        Err(_) => "none".into(),
      }`;
    const { alice, bob } = await pair.both(withScript(body));
    const tools = join(alice.parent, 'tools');
    await alice.write({ 'tools/vr-config': '#!/bin/sh\nprintf found\n' });
    await chmod(join(tools, 'vr-config'), 0o755);
    const has = { env: { PATH: `${tools}:${process.env.PATH}` } };
    expect(await builtAnew(alice, has)).toEqual(first('found'));
    expect(await builtAnew(bob)).toEqual(first('none'));
    expect(await builtAnew(alice, has)).toEqual(again('found'));
    expect(await builtAnew(bob)).toEqual(again('none'));
  });

  it('an empty rerun-if-changed: all of the package', async () => {
    const body = 'println!("cargo:rerun-if-changed="); "any".into()';
    const files = withScript(body, { 'app/deep/data.txt': 'one' });
    const { 'app/Cargo.toml': toml, ...rest } = files;
    const moved = Object.fromEntries(
      Object.entries(rest).map(([path, text]) => [path.replace('app/', 'app/member/'), text]),
    );
    const project = await pair.one({
      ...moved,
      'app/Cargo.toml': '[workspace]\nmembers = ["member"]\nresolver = "2"\n',
      'app/member/Cargo.toml': toml!.replace('[workspace]\n', ''),
    });
    expect(await builtAnew(project)).toEqual(first('any'));
    expect(await builtAnew(project)).toEqual(again('any'));
    await project.write({ 'app/member/deep/data.txt': 'two' });
    expect(await builtAnew(project)).toEqual(first('any'));
  });

  it('an absolute rerun-if-changed, at whatever path the checkout lies', async () => {
    const body = `let data = env::current_dir().unwrap().join("data.txt");
      println!("cargo:rerun-if-changed={}", data.display());
      "any".into()`;
    const { alice, bob } = await pair.both(withScript(body, { 'app/data.txt': 'one' }));
    expect(await builtAnew(alice)).toEqual(first('any'));
    expect(await builtAnew(bob)).toEqual(again('any'));
    await isSilent(bob);
    await bob.write({ 'app/data.txt': 'two' });
    expect(await built(bob)).toEqual(first('any'));
    await isSilent(bob);
  });
});

describe('what a build script points to', () => {
  it('a library in the target directory, outside of OUT_DIR', async () => {
    const body = `let target = Path::new(&out).ancestors().nth(4).unwrap().display().to_string();
      println!("cargo:rerun-if-changed=build.rs");
      println!("cargo:rustc-link-search=native={target}/made");
      println!("cargo:rustc-link-lib=static=number");
      "".into()`;
    const project = await pair.one({ ...withScript(body), ...PRINTS_NUMBER });
    const anew = async (value: number) => {
      await project.clean();
      await sh(
        project,
        `mkdir -p target/made && cd target/made
         echo 'int number(void) { return ${value}; }' > n.c && cc -c n.c && ar rcs libnumber.a n.o`,
      );
      return built(project);
    };
    expect(await anew(1)).toEqual(first('1'));
    expect(await anew(1)).toEqual(again('1'));
    expect(await anew(2)).toEqual(again('2'));
  });

  it('a shared library that is upgraded with its file name unchanged', async () => {
    const body = `println!("cargo:rerun-if-changed=build.rs");
      println!("cargo:rustc-link-search=native={}", env::var("VR_LIBS").unwrap());
      println!("cargo:rustc-link-lib=dylib=number");
      "".into()`;
    const project = await pair.one({ ...withScript(body), ...PRINTS_NUMBER });
    const libs = join(project.parent, 'libs');
    const upgrade = (version: number) =>
      sh(
        project,
        `mkdir -p ../libs && cd ../libs && echo 'int number(void) { return ${version}; }' > n.c
         cc -shared -fPIC -Wl,-soname,libnumber.so.${version} n.c -o libnumber.so
         cp libnumber.so libnumber.so.${version}`,
      );
    const env = { VR_LIBS: libs, LD_LIBRARY_PATH: libs };
    const anew = async () => {
      await project.clean();
      const { scripts, compiled } = await project.count(['build'], { env });
      const program = join(project.dir, 'target/debug/app');
      const { stdout } = await project.developer.run(program, [], { cwd: libs, env });
      return { printed: stdout, ran: scripts.ran, compiled };
    };
    await upgrade(1);
    expect(await anew()).toEqual({ printed: '1', ran: 1, compiled: 2 });
    expect(await anew()).toEqual({ printed: '1', ran: 0, compiled: 0 });
    await upgrade(2);
    expect(await anew()).toEqual({ printed: '2', ran: 0, compiled: 1 });
  });

  it('DEP_ variables with ":" in their names reach the next script', async () => {
    const project = await pair.one({
      ...withScript('format!("{}", env::var("DEP_NUMBER_VR:NAME").unwrap())'),
      'app/Cargo.toml': `${manifest('app')}[dependencies]\nnumber-sys = { path = "sys" }\n[workspace]\n`,
      'app/sys/Cargo.toml': `${manifest('number-sys', 'links = "number"\n')}`,
      'app/sys/src/lib.rs': '',
      'app/sys/build.rs':
        'fn main() { println!("cargo:rerun-if-changed=name.txt");\n  println!("cargo:vr:name={}", std::fs::read_to_string("name.txt").unwrap()); }\n',
      'app/sys/name.txt': 'one',
    });
    expect(await builtAnew(project)).toEqual({ printed: 'one', ran: 2, replayed: 0 });
    expect(await builtAnew(project)).toEqual({ printed: 'one', ran: 0, replayed: 2 });
    await project.write({ 'app/sys/name.txt': 'two' });
    expect(await built(project)).toEqual({ printed: 'two', ran: 2, replayed: 0 });
  });
});

describe('a cargo inside of a build script', () => {
  it('does not wait for the one outside, and the run is counted as not recorded', async () => {
    const body = `let cargo = env::var("CARGO").unwrap();
      let made = std::process::Command::new(cargo)
        .args(["build", "--quiet", "--offline", "--manifest-path", "inner/Cargo.toml", "--target-dir"])
        .arg(format!("{out}/inner")).status().unwrap();
      assert!(made.success());
      println!("cargo:rerun-if-changed=inner/src/main.rs");
      let ran = std::process::Command::new(format!("{out}/inner/debug/inner")).output().unwrap();
      String::from_utf8(ran.stdout).unwrap()`;
    const project = await pair.one(
      withScript(body, {
        'app/inner/Cargo.toml': `${manifest('inner')}[workspace]\n`,
        'app/inner/Cargo.lock': 'version = 4\n\n[[package]]\nname = "inner"\nversion = "0.1.0"\n',
        'app/inner/src/main.rs': 'fn main() { print!("one"); }\n',
      }),
    );
    for (const word of ['one', 'two', 'two']) {
      await project.write({ 'app/inner/src/main.rs': `fn main() { print!("${word}"); }\n` });
      await project.clean();
      const { scripts } = await project.count(['build']);
      expect(await project.output()).toBe(word);
      expect(scripts).toMatchObject({ ran: 1, refused: { 'writes outside OUT_DIR': 1 } });
    }
  });
});

describe('a macro beside a build script', () => {
  it('reads a file that rerun-if-changed names, and the script prints the same as before', async () => {
    const project = await pair.one({
      'app/Cargo.toml': `${manifest('app')}[dependencies]\nmac = { path = "mac" }\n[workspace]\n`,
      'app/build.rs': 'fn main() { println!("cargo:rerun-if-changed=word.txt"); }\n',
      'app/src/main.rs': 'fn main() { print!("{}", mac::word!()); }\n',
      'app/word.txt': 'marmot',
      'app/mac/Cargo.toml': manifest('mac', '[lib]\nproc-macro = true\n'),
      'app/mac/src/lib.rs': `#[proc_macro]
        pub fn word(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
          let dir = std::env::var("CARGO_MANIFEST_DIR").unwrap();
          let text = std::fs::read_to_string(format!("{dir}/word.txt")).unwrap();
          format!("{text:?}").parse().unwrap()
        }\n`,
    });
    expect(await builtAnew(project)).toEqual(first('marmot'));
    expect(await builtAnew(project)).toEqual(again('marmot'));
    await project.write({ 'app/word.txt': 'badger' });
    expect(await built(project)).toMatchObject({ printed: 'badger' });
    expect(await builtAnew(project)).toEqual(again('badger'));
  });
});
