import { describe, expect, it } from 'vitest';
import { COMPILED, FROM_DISK, kept, printed, runpath, rustc, script, tool } from './calls.js';
import { manifest, type Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

const HELLO = 'fn main() { println!("hello"); }\n';

describe('what a link reads', () => {
  it('a C file behind a -sys crate changes: the program two crates down is linked anew', async () => {
    const files = {
      'app/Cargo.toml': `${manifest('app')}[dependencies]\nmid = { path = "mid" }\n[workspace]\n`,
      'app/src/main.rs': 'fn main() { println!("{}", mid::answer()); }\n',
      'app/mid/Cargo.toml': manifest('mid', '[dependencies]\nc-sys = { path = "../c-sys" }\n'),
      'app/mid/src/lib.rs': 'pub fn answer() -> i32 { unsafe { c_sys::answer() } }\n',
      'app/c-sys/Cargo.toml': manifest('c-sys', 'links = "answer"\n'),
      'app/c-sys/src/lib.rs': 'extern "C" { pub fn answer() -> i32; }\n',
      'app/c-sys/answer.c': 'int answer(void) { return 41; }\n',
      'app/c-sys/build.rs': `use std::process::Command;
        fn main() {
          let out = std::env::var("OUT_DIR").unwrap();
          let run = |program: &str, args: &[&str]| {
            assert!(Command::new(program).args(args).status().unwrap().success());
          };
          run("cc", &["-c", "answer.c", "-o", &format!("{out}/answer.o")]);
          run("ar", &["crs", &format!("{out}/libanswer.a"), &format!("{out}/answer.o")]);
          println!("cargo:rerun-if-changed=answer.c");
          println!("cargo:rustc-link-lib=static=answer");
          println!("cargo:rustc-link-search=native={out}");
        }\n`,
    };
    const { alice, bob } = await pair.both(files);
    // What is compiled from a warm incremental state stays on its machine.
    const plain = { env: { CARGO_INCREMENTAL: '0' } };
    await alice.cargo(['build'], plain);
    expect(await alice.output()).toBe('41');

    const edited = { 'app/c-sys/answer.c': 'int answer(void) { return 42; }\n' };
    await alice.write(edited);
    // The build script's program and mid stay as they are.
    expect(await alice.count(['build'], plain)).toMatchObject({ compiled: 2, hits: { disk: 1 } });
    expect(await alice.output()).toBe('42');

    expect(await bob.count(['build'], plain)).toMatchObject({ compiled: 0, hits: { peer: 4 } });
    expect(await bob.output()).toBe('41');
    await bob.write(edited);
    expect((await bob.count(['build'], plain)).compiled).toBe(0);
    expect(await bob.output()).toBe('42');
  });

  it('a cc on PATH that adds a linker flag: a new program, and again when it is edited', async () => {
    const alice = await pair.one({ 'app/main.rs': HELLO });
    const env = { PATH: `${alice.dir}/bin:${process.env.PATH}` };
    const adding = (path: string) =>
      script(alice, 'app/bin/cc', `exec ${'$'}{REAL:-/usr/bin/cc} "$@" -Wl,-rpath,${path}`);
    await rustc(alice);
    expect(await runpath(alice)).toBeUndefined();
    await adding('/opt/one');
    expect((await rustc(alice, [], { env })).counted).toMatchObject(COMPILED);
    expect(await runpath(alice)).toBe('/opt/one');
    await adding('/opt/two');
    expect((await rustc(alice, [], { env })).counted).toMatchObject(COMPILED);
    expect(await runpath(alice)).toBe('/opt/two');
    await adding('/opt/one');
    expect((await rustc(alice, [], { env })).counted).toMatchObject(FROM_DISK);
    expect(await runpath(alice)).toBe('/opt/one');
  });

  const STATIC = ['-C', 'relocation-model=static'];
  const SCRIPT = ['-C', 'link-arg=-Wl,-T,answer.x'];
  const ANSWER = `extern "C" { static answer: u8; }
    fn main() { println!("{}", unsafe { &answer as *const u8 as usize }); }\n`;
  const cases = [
    {
      what: 'a linker script named among the inputs',
      source: ANSWER,
      file: 'answer.ld',
      texts: ['answer = 41;\n', 'answer = 42;\n'],
      flags: ['-C', 'relocation-model=static', '-C', 'link-arg=answer.ld'],
      look: printed,
      seen: ['41', '42'],
    },
    {
      what: 'a list of exported symbols',
      source: `#[no_mangle] pub extern "C" fn first() {}
        #[no_mangle] pub extern "C" fn second() {}
        fn main() { first(); second(); }\n`,
      file: 'exports.txt',
      texts: ['{ first; };\n', '{ second; };\n'],
      flags: ['-C', 'link-arg=-Wl,--dynamic-list=exports.txt'],
      look: async (project: Project) =>
        /first|second/.exec(await tool(project, 'readelf', '--dyn-syms', '-W', 'out/app'))?.[0],
      seen: ['first', 'second'],
    },
    {
      what: 'a version script',
      source: `#[no_mangle] pub extern "C" fn first() {}
        #[no_mangle] pub extern "C" fn second() {}
        fn main() { first(); second(); }\n`,
      file: 'versions.map',
      texts: ['{ global: first; local: *; };\n', '{ global: second; local: *; };\n'],
      flags: ['-C', 'link-args=-rdynamic -Wl,--version-script=versions.map'],
      look: async (project: Project) =>
        /first|second/.exec(await tool(project, 'readelf', '--dyn-syms', '-W', 'out/app'))?.[0],
      seen: ['first', 'second'],
    },
    {
      what: 'a response file for the linker driver',
      source: HELLO,
      file: 'link.args',
      texts: ['-Wl,-rpath,/opt/one\n', '-Wl,-rpath,/opt/two\n'],
      flags: ['-C', 'link-arg=@link.args'],
      look: runpath,
      seen: ['/opt/one', '/opt/two'],
    },
    {
      what: 'a response file for the linker',
      source: HELLO,
      file: 'link.args',
      texts: ['-rpath=/opt/one\n', '-rpath=/opt/two\n'],
      flags: ['-C', 'link-arg=-Wl,@link.args'],
      look: runpath,
      seen: ['/opt/one', '/opt/two'],
    },
    {
      what: 'a specs file of the linker driver',
      source: HELLO,
      file: 'my.specs',
      texts: ['*link:\n+ -rpath /opt/one\n\n', '*link:\n+ -rpath /opt/two\n\n'],
      flags: ['-C', 'link-arg=-specs=my.specs'],
      look: runpath,
      seen: ['/opt/one', '/opt/two'],
    },
    {
      what: 'a list of symbols to keep, which GNU ld does not name among its inputs',
      source: `#[no_mangle] pub extern "C" fn first() {}
        #[no_mangle] pub extern "C" fn second() {}
        fn main() { first(); second(); }\n`,
      file: 'keep.txt',
      texts: ['main\nfirst\n', 'main\nsecond\n'],
      flags: ['-C', 'link-arg=-fuse-ld=bfd', '-C', 'link-arg=-Wl,--retain-symbols-file=keep.txt'],
      look: async (project: Project) =>
        / T (first|second)$/m.exec(await tool(project, 'nm', 'out/app'))?.[1],
      seen: ['first', 'second'],
    },
  ];
  for (const { what, source, file, texts, flags, look, seen } of cases) {
    it(`${what} is edited: a new link`, async () => {
      const alice = await pair.one({ 'app/main.rs': source, [`app/${file}`]: texts[0]! });
      expect(await rustc(alice, flags)).toMatchObject({ code: 0 });
      expect(await look(alice)).toBe(seen[0]);
      await alice.write({ [`app/${file}`]: texts[1]! });
      expect((await rustc(alice, flags)).counted.compiled).toBe(1);
      expect(await look(alice)).toBe(seen[1]);
    });
  }

  it('an object named in link arguments is compiled anew: a new link', async () => {
    const alice = await pair.one({
      'app/main.rs': `extern "C" { fn answer() -> i32; }
        fn main() { println!("{}", unsafe { answer() }); }\n`,
    });
    const object = async (answer: number) => {
      await alice.write({ 'app/answer.c': `int answer(void) { return ${answer}; }\n` });
      await tool(alice, 'cc', '-c', 'answer.c', '-o', 'answer.o');
    };
    for (const answer of [41, 42]) {
      await object(answer);
      const { counted } = await rustc(alice, ['-C', 'link-arg=answer.o']);
      expect(counted).toMatchObject(COMPILED);
      expect(await printed(alice)).toBe(`${answer}`);
    }
    await object(41);
    const { counted } = await rustc(alice, ['-C', 'link-arg=answer.o']);
    expect(counted).toMatchObject(FROM_DISK);
    expect(await printed(alice)).toBe('41');
  });

  it('a file that the linker writes beside the program is there every time', async () => {
    const alice = await pair.one({ 'app/main.rs': HELLO });
    const maps = [
      ['-C', 'link-arg=-Wl,-Map=app.map'],
      ['-C', 'link-args=-Xlinker -Map -Xlinker app.map'],
      ['-C', 'link-arg=-Wl,--why-extract=app.map'],
    ];
    for (const flags of [...maps, ...maps]) {
      await alice.remove('app/app.map');
      expect((await rustc(alice, flags)).counted.compiled).toBe(1);
      expect(await tool(alice, 'ls')).toContain('app.map');
    }
  });

  it('another library than the one that was found, when it appears: a new link', async () => {
    const alice = await pair.one({
      'app/main.rs': `extern "C" { fn answer() -> i32; }
        fn main() { println!("{}", unsafe { answer() }); }\n`,
      'app/early/README': '',
      'app/late/README': '',
    });
    const flags = ['-L', 'native=early', '-L', 'native=late', '-l', 'answer'];
    const link = () => rustc(alice, [...flags, '-C', `link-arg=-Wl,-rpath,${alice.dir}/late`]);
    const archive = async (dir: string, answer: number) => {
      await alice.write({ 'app/answer.c': `int answer(void) { return ${answer}; }\n` });
      await tool(alice, 'cc', '-c', 'answer.c', '-o', `${dir}/answer.o`);
      await tool(alice, 'ar', 'crs', `${dir}/libanswer.a`, `${dir}/answer.o`);
    };
    await archive('late', 41);
    await link();
    expect(await printed(alice)).toBe('41');
    // Earlier on the search path.
    await archive('early', 42);
    expect((await link()).counted).toMatchObject(COMPILED);
    expect(await printed(alice)).toBe('42');
    await alice.remove('app/early/libanswer.a');
    expect((await link()).counted).toMatchObject(FROM_DISK);
    expect(await printed(alice)).toBe('41');
    // Beside the archive, and preferred to it.
    await alice.write({ 'app/answer.c': 'int answer(void) { return 43; }\n' });
    await tool(alice, 'cc', '-shared', '-fPIC', 'answer.c', '-o', 'late/libanswer.so');
    expect((await link()).counted).toMatchObject(COMPILED);
    expect(await printed(alice)).toBe('43');
  });

  it('another file of the very name that the linker looks for, when it appears: a new link', async () => {
    const alice = await pair.one({
      'app/main.rs': `extern "C" { fn answer() -> i32; }
        fn main() { println!("{}", unsafe { answer() }); }\n`,
      'app/early/README': '',
      'app/late/README': '',
    });
    const search = ['-L', 'native=early', '-L', 'native=late'];
    const link = () => rustc(alice, [...search, '-C', 'link-arg=-l:answer.lib']);
    const archive = async (dir: string, answer: number) => {
      await alice.write({ 'app/answer.c': `int answer(void) { return ${answer}; }\n` });
      await tool(alice, 'cc', '-c', 'answer.c', '-o', `${dir}/answer.o`);
      await tool(alice, 'ar', 'crs', `${dir}/answer.lib`, `${dir}/answer.o`);
    };
    await archive('late', 41);
    await link();
    expect(await printed(alice)).toBe('41');
    await archive('early', 42);
    expect((await link()).counted).toMatchObject(COMPILED);
    expect(await printed(alice)).toBe('42');
    await alice.remove('app/early/answer.lib');
    expect((await link()).counted).toMatchObject(FROM_DISK);
    expect(await printed(alice)).toBe('41');
  });

  it('a linker script is found by search, and another one appears before it: a new link', async () => {
    const alice = await pair.one({ 'app/main.rs': ANSWER, 'app/early/README': '' });
    const link = () =>
      rustc(alice, [...STATIC, '-L', 'native=early', '-L', 'native=late', ...SCRIPT]);
    // With INSERT it adds to the linker's own script.
    const says = (answer: number) =>
      `SECTIONS { .vr_none : { *(.vr_none) } } INSERT AFTER .text;\nanswer = ${answer};\n`;
    await alice.write({ 'app/late/answer.x': says(41) });
    expect(await link()).toMatchObject({ code: 0 });
    expect(await printed(alice)).toBe('41');
    await alice.write({ 'app/early/answer.x': says(42) });
    expect((await link()).counted).toMatchObject(COMPILED);
    expect(await printed(alice)).toBe('42');
    // Where the linker runs it looks first.
    await alice.write({ 'app/answer.x': says(43) });
    expect((await link()).counted).toMatchObject(COMPILED);
    expect(await printed(alice)).toBe('43');
    await alice.remove('app/answer.x');
    await alice.remove('app/early/answer.x');
    expect((await link()).counted).toMatchObject(FROM_DISK);
    expect(await printed(alice)).toBe('41');
  });

  it('a library appears in a directory that a link argument names: a new link', async () => {
    const alice = await pair.one({
      'app/main.rs': `extern "C" { fn answer() -> i32; }
        fn main() { println!("{}", unsafe { answer() }); }\n`,
      'app/early/README': '',
      'app/late/README': '',
    });
    const link = () => rustc(alice, ['-C', 'link-args=-Learly -Wl,-L,late -lanswer']);
    for (const [dir, answer] of [
      ['late', 41],
      ['early', 42],
    ] as const) {
      await alice.write({ 'app/answer.c': `int answer(void) { return ${answer}; }\n` });
      await tool(alice, 'cc', '-c', 'answer.c', '-o', `${dir}/answer.o`);
      await tool(alice, 'ar', 'crs', `${dir}/libanswer.a`, `${dir}/answer.o`);
      expect((await link()).counted).toMatchObject(COMPILED);
      expect(await printed(alice)).toBe(`${answer}`);
    }
  });

  it('by a linker that does not say what it read: not kept', async () => {
    const alice = await pair.one({ 'app/main.rs': HELLO });
    await script(
      alice,
      'app/bin/cc',
      `for word do
        shift
        case "$word" in
          --dependency-file=*) set -- "$@" --eh-frame-hdr ;;
          *) set -- "$@" "$word" ;;
        esac
      done
      exec /usr/bin/cc "$@"`,
    );
    const env = { PATH: `${alice.dir}/bin:${process.env.PATH}` };
    const before = await kept(alice);
    for (const _ of ['once', 'again']) {
      expect(await rustc(alice, [], { env })).toMatchObject({ code: 0, counted: COMPILED });
      expect(await printed(alice)).toBe('hello');
    }
    expect(await kept(alice)).toBe(before);
  });
});
