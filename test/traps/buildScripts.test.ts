import { existsSync } from 'node:fs';
import { chmod, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ScriptInfo } from '../../src/wire/control.js';
import { again, builtAnew, first, isSilent, withScript } from './buildScriptSupport.js';
import { type Files, manifest, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

/** Bytes. */
const LARGE = 32 << 20;

describe('a build script is not run again', () => {
  it('here, where all that it read is the same; the next build finds nothing to do', async () => {
    const body = 'println!("cargo:rerun-if-changed=build.rs"); "one".into()';
    const project = await pair.one(withScript(body));
    expect(await builtAnew(project)).toEqual(first('one'));
    expect(await builtAnew(project)).toEqual(again('one'));
    await isSilent(project);
    const [told] = await project.developer.vriftJson<ScriptInfo[]>([
      'why',
      'app',
      '--build-script',
    ]);
    expect(told).toMatchObject({ package: 'app', outcome: 'replayed', from: 'disk' });
  });

  it('in another checkout and home, over the LAN, with paths that are right there', async () => {
    const body = `
      fs::write(format!("{out}/place.rs"), format!("const PLACE: &str = {out:?};")).unwrap();
      println!("cargo:rustc-env=TOLD_AT={out}/told.txt");
      fs::canonicalize(env::var("RUSTC_WRAPPER").unwrap()).unwrap();
      fs::canonicalize(&out).unwrap();
      println!("cargo:rerun-if-changed=build.rs");
      "shared".into()`;
    const files = {
      ...withScript(body),
      'app/src/main.rs': `include!(concat!(env!("OUT_DIR"), "/place.rs"));
fn main() { print!("{} {}", std::fs::read_to_string(env!("TOLD_AT")).unwrap(), PLACE); }\n`,
    };
    const { alice, bob } = await pair.both(files);
    const made = await builtAnew(alice);
    expect(made).toMatchObject({ ran: 1, replayed: 0 });
    expect(made.printed).toMatch(new RegExp(`^shared ${alice.dir}/target/`));
    const got = await builtAnew(bob);
    expect(got).toMatchObject({ ran: 0, replayed: 1 });
    expect(got.printed).toMatch(new RegExp(`^shared ${bob.dir}/target/`));
    await isSilent(bob);
  });

  it('in another home, by a program that holds the path of its package', async () => {
    const body = `
      let here = concat!(env!("CARGO_MANIFEST_DIR"), "/data.txt");
      println!("cargo:rerun-if-changed={here}");
      fs::read_to_string(here).unwrap()`;
    const { alice, bob } = await pair.both(withScript(body, { 'app/data.txt': 'one' }));
    expect(await builtAnew(alice)).toEqual(first('one'));
    expect(await builtAnew(bob)).toEqual(again('one'));
    await isSilent(bob);
    await bob.write({ 'app/data.txt': 'two' });
    expect(await builtAnew(bob)).toEqual(first('two'));
    await alice.write({ 'app/data.txt': 'two' });
    expect(await builtAnew(alice)).toEqual(again('two'));
  });

  it.each([
    ['that its program knows', 'Path::new(env!("CARGO_MANIFEST_DIR"))'],
    ['that it is told', 'Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap())'],
  ])('but not in another checkout, where it reads beside the path %s', async (_, dir) => {
    const body = `
      let beside = ${dir}.parent().unwrap().join("beside.txt");
      println!("cargo:rerun-if-changed={}", beside.display());
      fs::read_to_string(beside).unwrap()`;
    const [one, two] = [await pair.one(withScript(body)), await pair.one(withScript(body))];
    await one.write({ 'beside.txt': 'one' });
    await two.write({ 'beside.txt': 'two' });
    expect(await builtAnew(one)).toEqual(first('one'));
    expect(await builtAnew(one)).toEqual(again('one'));
    expect(await builtAnew(two)).toEqual(first('two'));
    await two.write({ 'beside.txt': 'three' });
    expect(await builtAnew(two)).toEqual(first('three'));
    expect(await builtAnew(one)).toEqual(again('one'));
  });

  it('but not in another checkout, where it names the directory above', async () => {
    const body = `
      println!("cargo:rerun-if-changed=build.rs");
      Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap()).parent().unwrap().display().to_string()`;
    const [one, two] = [await pair.one(withScript(body)), await pair.one(withScript(body))];
    expect(await builtAnew(one)).toEqual(first(one.parent));
    expect(await builtAnew(one)).toEqual(again(one.parent));
    expect(await builtAnew(two)).toEqual(first(two.parent));
  });

  it('with everything that OUT_DIR held: modes, links, empty directories, any name', async () => {
    const body = `{
      use std::os::unix::{ffi::OsStrExt, fs::{symlink, PermissionsExt}};
      let odd = Path::new(&out).join(std::ffi::OsStr::from_bytes(b"odd \\xff name"));
      fs::write(&odd, b"odd").unwrap();
      fs::create_dir_all(format!("{out}/deep/empty")).unwrap();
      fs::write(format!("{out}/deep/run.sh"), "#!/bin/sh\\necho ran\\n").unwrap();
      fs::set_permissions(format!("{out}/deep/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
      symlink("deep/run.sh", format!("{out}/link")).unwrap();
      println!("cargo:rerun-if-changed=build.rs");
      "kept".into()
    }`;
    const project = await pair.one(withScript(body));
    const listing = async () => {
      const { stdout } = await project.developer.run(
        'sh',
        ['-c', 'cd target/debug/build/*/out && ls -lARb --time-style=+ . && ./link'],
        { cwd: project.dir },
      );
      return stdout.replace(/^total.*$/gm, '');
    };
    expect(await builtAnew(project)).toEqual(first('kept'));
    const before = await listing();
    expect(before).toContain('ran');
    expect(await builtAnew(project)).toEqual(again('kept'));
    expect(await listing()).toBe(before);
  });

  it('with large files that other runs made as well: each is kept and fetched once', async () => {
    const body = `
      println!("cargo:rerun-if-env-changed=VR_WHICH");
      println!("cargo:rerun-if-changed=build.rs");
      let large: Vec<u8> = (0..2_097_152u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
      let large = large.repeat(4);
      fs::write(format!("{out}/large.bin"), &large).unwrap();
      fs::create_dir(format!("{out}/copies")).unwrap();
      fs::write(format!("{out}/copies/same.bin"), &large).unwrap();
      env::var("VR_WHICH").unwrap()`;
    const { alice, bob } = await pair.both(withScript(body));
    const of = (which: string) => ({ env: { VR_WHICH: which } });
    const kept = async () => (await alice.developer.status()).store.bytes;
    const sizes = async (project: typeof alice) => {
      const sh =
        'cd target/debug/build/*/out && stat -c %s large.bin copies/same.bin && cmp large.bin copies/same.bin';
      const { stdout } = await project.developer.run('sh', ['-ec', sh], { cwd: project.dir });
      return stdout.split('\n').filter(Boolean).map(Number);
    };
    const empty = await kept();
    expect(await builtAnew(alice, of('one'))).toEqual(first('one'));
    const once = await kept();
    expect(once - empty).toBeGreaterThan(LARGE);
    expect(once - empty).toBeLessThan(2 * LARGE);
    expect(await builtAnew(alice, of('two'))).toEqual(first('two'));
    expect((await kept()) - once).toBeLessThan(LARGE);
    expect(await builtAnew(bob, of('one'))).toEqual(again('one'));
    expect(await sizes(bob)).toEqual([LARGE, LARGE]);
    await bob.developer.resetStats();
    expect(await builtAnew(bob, of('two'))).toEqual(again('two'));
    expect(await sizes(bob)).toEqual([LARGE, LARGE]);
    expect((await bob.developer.stats()).bytes.peerIn).toBeLessThan(LARGE);
  });

  it('in another home, with debug information of C in it', async () => {
    // What the crate cc does of it: it takes the first of these variables that is set.
    const body = `{
      let target = env::var("TARGET").unwrap();
      let names = [format!("CFLAGS_{target}"), format!("CFLAGS_{}", target.replace('-', "_")), "CFLAGS".into()];
      let flags = names.iter().find_map(|name| env::var(name).ok()).unwrap_or_default();
      let source = env::current_dir().unwrap().join("c/number.c");
      let object = format!("{out}/number.o");
      let mut cc = std::process::Command::new("cc");
      cc.args(flags.split_whitespace()).args(["-g", "-c"]).arg(&source).args(["-o", &object]);
      assert!(cc.status().unwrap().success());
      assert!(std::process::Command::new("ar").args(["rcsD", &format!("{out}/libnumber.a"), &object]).status().unwrap().success());
      println!("cargo:rerun-if-changed=c/number.c");
      println!("cargo:rustc-link-search=native={out}");
      println!("cargo:rustc-link-lib=static=number");
      flags
    }`;
    const files = {
      ...withScript(body, {
        'app/c/number.c': 'int number(int n) { return n * 7; }\n',
      }),
      'app/src/main.rs': `extern "C" { fn number(n: i32) -> i32; }
fn main() { print!("{}", unsafe { number(6) }); }\n`,
    };
    const { alice, bob } = await pair.both(files);
    expect(await builtAnew(alice)).toEqual(first('42'));
    expect(await builtAnew(bob)).toEqual(again('42'));
    const own = await alice.developer.run('sh', ['-c', 'cat target/debug/build/*/out/told.txt'], {
      cwd: alice.dir,
    });
    expect(own.stdout).toContain(`-ffile-prefix-map=${alice.dir}=/vr-src/ws`);
    const flagged = await builtAnew(alice, { env: { CFLAGS: '-DNUMBER=1' } });
    expect(flagged).toEqual(first('42'));
    const users = await alice.developer.run('sh', ['-c', 'cat target/debug/build/*/out/told.txt'], {
      cwd: alice.dir,
    });
    expect(users.stdout).toMatch(/^-DNUMBER=1 -ffile-prefix-map=/);
  });

  it('and goes on without vrift', async () => {
    const body =
      'println!("cargo:rerun-if-changed=data.txt"); fs::read_to_string("data.txt").unwrap()';
    const project = await pair.one(withScript(body, { 'app/data.txt': 'one' }));
    await builtAnew(project);
    await builtAnew(project);
    await project.write({ 'app/data.txt': 'two' });
    await project.cargo(['build'], { env: { RUSTC_WRAPPER: '' } });
    expect(await project.output()).toBe('two');
  });
});

describe('a build script runs again', () => {
  it('when a file changes that it read and did not name', async () => {
    const body =
      'println!("cargo:rerun-if-changed=build.rs"); fs::read_to_string("data.txt").unwrap_or("none".into())';
    const project = await pair.one(withScript(body, { 'app/data.txt': 'one' }));
    expect(await builtAnew(project)).toEqual(first('one'));
    await project.write({ 'app/data.txt': 'two' });
    expect(await builtAnew(project)).toEqual(first('two'));
    const { stdout } = await project.developer.vrift(['why', 'app', '--build-script']);
    expect(stdout).toMatch(/app +ran +file \.?\/?.*data\.txt.* +stored/);
    await project.remove('app/data.txt');
    expect(await builtAnew(project)).toEqual(first('none'));
    await project.write({ 'app/data.txt': 'one' });
    expect(await builtAnew(project)).toEqual(again('one'));
  });

  it('when a file appears in a directory that it listed', async () => {
    const body = `println!("cargo:rerun-if-changed=build.rs");
      let mut names: Vec<_> = fs::read_dir("parts").unwrap()
        .map(|part| part.unwrap().file_name().into_string().unwrap()).collect();
      names.sort();
      names.join(" ")`;
    const project = await pair.one(withScript(body, { 'app/parts/a': '' }));
    expect(await builtAnew(project)).toEqual(first('a'));
    await project.write({ 'app/parts/b': '' });
    expect(await builtAnew(project)).toEqual(first('a b'));
  });

  it('when a variable that it asked for is set, changed, unset', async () => {
    const body =
      'println!("cargo:rerun-if-changed=build.rs"); env::var("VR_TOLD").unwrap_or("unset".into())';
    const project = await pair.one(withScript(body));
    const set = (value: string) => ({ env: { VR_TOLD: value } });
    expect(await builtAnew(project)).toEqual(first('unset'));
    expect(await builtAnew(project, set('one'))).toEqual(first('one'));
    expect(await builtAnew(project, set('two'))).toEqual(first('two'));
    expect(await builtAnew(project)).toEqual(again('unset'));
  });

  it.each([
    ['vars', 'env::vars().filter(|(name, _)| name == "VR_TOLD").map(|(_, value)| value)'],
    [
      'vars_os, of a script that also starts programs',
      `{ std::process::Command::new("true").status().unwrap();
         env::vars_os().filter(|(name, _)| name == "VR_TOLD")
           .map(|(_, value)| value.into_string().unwrap()) }`,
    ],
  ])('when a variable changes that it finds in a list: %s', async (_, list) => {
    const body = `println!("cargo:rerun-if-changed=build.rs");
      ${list}.collect::<Vec<String>>().join(" ")`;
    const project = await pair.one(withScript(body));
    const set = (value: string) => ({ env: { VR_TOLD: value } });
    expect(await builtAnew(project, set('one'))).toEqual(first('one'));
    expect(await builtAnew(project, set('two'))).toEqual(first('two'));
    expect(await builtAnew(project, set('one'))).toEqual(again('one'));
    expect(await builtAnew(project)).toEqual(first(''));
  });

  it('when a variable changes that only a shell script looks at', async () => {
    const body = `println!("cargo:rerun-if-changed=build.rs");
      let made = std::process::Command::new("sh").arg("make.sh").output().unwrap();
      String::from_utf8(made.stdout).unwrap()`;
    const project = await pair.one(withScript(body, { 'app/make.sh': 'printf %s "$VR_TOLD"\n' }));
    const set = (value: string) => ({ env: { VR_TOLD: value } });
    expect(await builtAnew(project, set('one'))).toEqual(first('one'));
    expect(await builtAnew(project, set('two'))).toEqual(first('two'));
    expect(await builtAnew(project, set('one'))).toEqual(again('one'));
  });

  it('when a program that it started is another one, or found somewhere else', async () => {
    const body = `println!("cargo:rerun-if-changed=build.rs");
      let made = std::process::Command::new("teller").output().unwrap();
      String::from_utf8(made.stdout).unwrap()`;
    const project = await pair.one(withScript(body));
    const place = async (name: string, text: string) => {
      await project.write({ [`${name}/teller`]: `#!/bin/sh\nprintf ${text}\n` });
      await chmod(join(project.parent, name, 'teller'), 0o755);
    };
    const path = (...names: string[]) => ({
      env: {
        PATH: [...names.map((name) => join(project.parent, name)), process.env.PATH].join(':'),
      },
    });
    await place('late', 'one');
    expect(await builtAnew(project, path('early', 'late'))).toEqual(first('one'));
    expect(await builtAnew(project, path('early', 'late'))).toEqual(again('one'));
    await place('early', 'two');
    expect(await builtAnew(project, path('early', 'late'))).toEqual(first('two'));
    await place('early', 'three');
    expect(await builtAnew(project, path('early', 'late'))).toEqual(first('three'));
  });

  it('when a shared library changes that a program began with', async () => {
    const body = `println!("cargo:rerun-if-changed=build.rs");
      let made = std::process::Command::new("bin/tool").output().unwrap();
      String::from_utf8(made.stdout).unwrap()`;
    const tool =
      '#include <stdio.h>\nint n(void);\nint main(void) { printf("%d", n()); return 0; }\n';
    const project = await pair.one(withScript(body, { 'app/tool.c': tool }));
    const sh = (text: string) => project.developer.run('sh', ['-ec', text], { cwd: project.dir });
    const library = (value: number) =>
      sh(`mkdir -p bin; echo 'int n(void) { return ${value}; }' > n.c
        cc -shared -fPIC n.c -o bin/libn.so`);
    await library(1);
    await sh('cc tool.c -Lbin -ln -Wl,-rpath,"$PWD/bin" -o bin/tool');
    expect(await builtAnew(project)).toEqual(first('1'));
    expect(await builtAnew(project)).toEqual(again('1'));
    await library(2);
    expect(await builtAnew(project)).toEqual(first('2'));
  });

  it.each([
    ['opened while it ran', ''],
    ['opened and closed again', 'dlclose(library);'],
  ])('when a shared library changes that it %s', async (_, close) => {
    const body = `println!("cargo:rerun-if-changed=build.rs");
      extern "C" {
        fn dlopen(path: *const u8, flags: i32) -> *mut u8;
        fn dlsym(library: *mut u8, name: *const u8) -> *mut u8;
        fn dlclose(library: *mut u8) -> i32;
      }
      unsafe {
        let _ = dlclose as unsafe extern "C" fn(*mut u8) -> i32;
        let library = dlopen(b"bin/libn.so\\0".as_ptr(), 2);
        assert!(!library.is_null());
        let n: extern "C" fn() -> i32 = std::mem::transmute(dlsym(library, b"n\\0".as_ptr()));
        let told = n().to_string();
        ${close}
        told
      }`;
    const project = await pair.one(withScript(body));
    const library = (value: number) =>
      project.developer.run(
        'sh',
        [
          '-ec',
          `mkdir -p bin; echo 'int n(void) { return ${value}; }' > n.c
          cc -shared -fPIC n.c -o bin/new.so; mv bin/new.so bin/libn.so`,
        ],
        { cwd: project.dir },
      );
    await library(1);
    expect(await builtAnew(project)).toEqual(first('1'));
    expect(await builtAnew(project)).toEqual(again('1'));
    await library(2);
    expect(await builtAnew(project)).toEqual(first('2'));
    expect(await builtAnew(project)).toEqual(again('2'));
  });

  it('when a header changes that only the C compiler read', async () => {
    const body = `println!("cargo:rerun-if-changed=build.rs");
      let run = |program: &str, args: &[&str]| {
        assert!(std::process::Command::new(program).args(args).status().unwrap().success());
      };
      run("cc", &["-c", "c/number.c", "-Ic", "-o", &format!("{out}/number.o")]);
      run("ar", &["rcs", &format!("{out}/libnumber.a"), &format!("{out}/number.o")]);
      println!("cargo:rustc-link-search=native={out}");
      println!("cargo:rustc-link-lib=static=number");
      "".into()`;
    const files = {
      ...withScript(body, {
        'app/c/number.c': '#include "number.h"\nint number(void) { return NUMBER; }\n',
        'app/c/number.h': '#define NUMBER 1\n',
      }),
      'app/src/main.rs':
        'extern "C" { fn number() -> i32; }\nfn main() { print!("{}", unsafe { number() }); }\n',
    };
    const { alice, bob } = await pair.both(files);
    expect(await builtAnew(alice)).toEqual(first('1'));
    expect(await builtAnew(bob)).toMatchObject({ printed: '1', ran: 0, replayed: 1 });
    await bob.write({ 'app/c/number.h': '#define NUMBER 2\n' });
    expect(await builtAnew(bob)).toMatchObject({ printed: '2', ran: 1, replayed: 0 });
  });

  it('with another number of jobs only if it asked for that', async () => {
    const jobs = (count: number) => ({ env: { CARGO_BUILD_JOBS: String(count) } });
    const asks = await pair.one(
      withScript('println!("cargo:rerun-if-changed=build.rs"); env::var("NUM_JOBS").unwrap()'),
    );
    expect(await builtAnew(asks, jobs(1))).toEqual(first('1'));
    expect(await builtAnew(asks, jobs(2))).toEqual(first('2'));
    const ignores = await pair.one(
      withScript('println!("cargo:rerun-if-changed=build.rs"); "any".into()'),
    );
    expect(await builtAnew(ignores, jobs(1))).toEqual(first('any'));
    expect(await builtAnew(ignores, jobs(2))).toEqual(again('any'));
  });
});

describe('a run is not recorded, and counted', () => {
  const refusedFor = async (body: string, more: Files = {}) => {
    const project = await pair.one(withScript(body, more));
    for (let round = 0; round < 2; round++) {
      await project.clean();
      const { scripts } = await project.count(['build']);
      expect(scripts).toMatchObject({ ran: 1, replayed: { disk: 0, peer: 0 } });
      if (round === 1) return Object.keys(scripts.refused);
    }
    return [];
  };

  it('when it writes outside OUT_DIR', async () => {
    const body = 'fs::write("src/made.txt", "made").unwrap(); "one".into()';
    expect(await refusedFor(body)).toEqual(['writes outside OUT_DIR']);
  });

  it('when it edits what it declares', async () => {
    const body = `println!("cargo:rerun-if-changed=data.txt");
      fs::write("data.txt", "edited").unwrap(); "one".into()`;
    expect(await refusedFor(body, { 'app/data.txt': 'one' })).toEqual(['writes outside OUT_DIR']);
  });

  it('when it uses the network', async () => {
    const body = 'let _ = std::net::TcpStream::connect("127.0.0.1:9"); "one".into()';
    expect(await refusedFor(body)).toEqual(['network']);
  });

  it('when it asks what time it is', async () => {
    const body = `format!("{:?}", std::time::SystemTime::now())`;
    expect(await refusedFor(body)).toEqual(['reads the clock']);
  });

  it('when it names something inside OUT_DIR to watch', async () => {
    const body = 'println!("cargo:rerun-if-changed={out}/told.txt"); "one".into()';
    expect(await refusedFor(body)).toEqual(['rerun-if-changed inside OUT_DIR']);
  });

  it('when it fails: cargo says what it says without vrift', async () => {
    const project = await pair.one(withScript('eprintln!("because"); std::process::exit(3)'));
    const failure = async (env: Record<string, string> = {}) => {
      await project.clean();
      const error = await project.cargo(['build'], { env }).catch((reason: Error) => reason);
      return String(error).replace(/[0-9.]+s\b/g, '');
    };
    const plain = await failure({ RUSTC_WRAPPER: '' });
    expect(plain).toContain('because');
    const through = await failure();
    expect(through.replaceAll(/\/[^`\s]*build-script-build/g, 'SCRIPT')).toBe(
      plain.replaceAll(/\/[^`\s]*build-script-build/g, 'SCRIPT'),
    );
  });
});

describe('where a build script is and is called', () => {
  it('build = "x.rs"', async () => {
    const files = withScript('println!("cargo:rerun-if-changed=other.rs"); "named".into()');
    const { 'app/build.rs': script, ...rest } = files;
    const project = await pair.one({
      ...rest,
      'app/Cargo.toml': `${manifest('app', 'build = "other.rs"\n')}[workspace]\n`,
      'app/other.rs': script!,
    });
    expect(await builtAnew(project)).toEqual(first('named'));
    expect(await builtAnew(project)).toEqual(again('named'));
  });

  it('a program called build_script_x is none', async () => {
    const project = await pair.one({
      'app/Cargo.toml': `${manifest('app')}[[bin]]\nname = "build_script_x"\npath = "src/x.rs"\n[workspace]\n`,
      'app/src/main.rs': 'fn main() { print!("app"); }\n',
      'app/src/x.rs': 'fn main() { print!("x"); }\n',
    });
    await project.cargo(['build']);
    expect(await project.output('build_script_x')).toBe('x');
    const names = await readdir(join(project.dir, 'target/debug'));
    expect(names.filter((name) => name.endsWith('.vrift'))).toEqual([]);
  });

  it('a target directory behind a symlink', async () => {
    const body = 'println!("cargo:rerun-if-changed=build.rs"); "linked".into()';
    const project = await pair.one({ ...withScript(body), 'elsewhere/keep': '' });
    const relink = async () => {
      await project.clean();
      await project.remove('elsewhere');
      await project.write({ 'elsewhere/keep': '' });
      await symlink(join(project.parent, 'elsewhere'), join(project.dir, 'target'));
    };
    const counts = async () => {
      await relink();
      const { scripts } = await project.count(['build']);
      return [await project.output(), scripts.ran];
    };
    expect(await counts()).toEqual(['linked', 1]);
    expect(await counts()).toEqual(['linked', 0]);
    expect(existsSync(join(project.parent, 'elsewhere/debug/app'))).toBe(true);
  });
});
