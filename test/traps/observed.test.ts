import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { WhyInfo } from '../../src/wire/control.js';
import { Developer } from '../harness/developer.js';
import { installCopy } from '../harness/install.js';
import { HELD, held } from './held.js';
import { type Files, manifest, Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

/** A program that prints what `told!()` made of the world when it expanded. */
const withMacro = (body: string, more: Files = {}): Files => ({
  'app/Cargo.toml': `${manifest('app')}[dependencies]\nteller = { path = "teller" }\n[workspace]\n`,
  'app/src/main.rs': 'fn main() { println!("{}", teller::told!()); }\n',
  'app/teller/Cargo.toml': manifest('teller', '[lib]\nproc-macro = true\n'),
  'app/teller/src/lib.rs': `use proc_macro::TokenStream;
#[proc_macro]
pub fn told(_: TokenStream) -> TokenStream {
    let dir = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    let text: String = { let _ = &dir; ${body} };
    format!("{text:?}").parse().unwrap()
}\n`,
  ...more,
});

/** Builds from nothing: cargo does not know of the input, so it would not call the compiler. */
async function prints(project: Project, expected: string): Promise<{ compiled: number }> {
  await project.clean();
  const { compiled } = await project.count(['build']);
  expect(await project.output()).toBe(expected);
  return { compiled };
}

describe('what a macro reads and nobody declares', () => {
  it('a file: edited, removed, created again', async () => {
    const body = 'std::fs::read_to_string(format!("{dir}/data.txt")).unwrap_or("none".into())';
    const { alice, bob } = await pair.both(withMacro(body, { 'app/data.txt': 'one' }));
    expect(await prints(alice, 'one')).toEqual({ compiled: 2 });
    expect(await prints(bob, 'one')).toEqual({ compiled: 0 });
    for (const project of [alice, bob]) {
      await project.write({ 'app/data.txt': 'two' });
      expect(await prints(project, 'two')).toEqual({ compiled: project === alice ? 1 : 0 });
      await project.remove('app/data.txt');
      expect(await prints(project, 'none')).toEqual({ compiled: project === alice ? 1 : 0 });
      await project.write({ 'app/data.txt': 'one' });
      expect(await prints(project, 'one')).toEqual({ compiled: 0 });
    }
  });

  it('a directory that it lists: a new file appears in migrations/', async () => {
    const body = `{
      let mut names: Vec<String> = std::fs::read_dir(format!("{dir}/migrations")).unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
      names.sort();
      names.join(" ")
    }`;
    const { alice, bob } = await pair.both(withMacro(body, { 'app/migrations/1.sql': '' }));
    expect(await prints(alice, '1.sql')).toEqual({ compiled: 2 });
    expect(await prints(bob, '1.sql')).toEqual({ compiled: 0 });
    await bob.write({ 'app/migrations/2.sql': '' });
    expect(await prints(bob, '1.sql 2.sql')).toEqual({ compiled: 1 });
    await bob.remove('app/migrations/2.sql');
    expect(await prints(bob, '1.sql')).toEqual({ compiled: 0 });
  });

  it('whether a file exists', async () => {
    const body = 'std::path::Path::new(&dir).join("switch").exists().to_string()';
    const project = await pair.one(withMacro(body));
    expect(await prints(project, 'false')).toEqual({ compiled: 2 });
    await project.write({ 'app/switch': '' });
    expect(await prints(project, 'true')).toEqual({ compiled: 1 });
    await project.remove('app/switch');
    expect(await prints(project, 'false')).toEqual({ compiled: 0 });
  });

  it('a variable: set, changed, unset', async () => {
    const body = 'std::env::var("VR_UNDECLARED").unwrap_or("unset".into())';
    const project = await pair.one(withMacro(body));
    const built = async (value: string | undefined) => {
      await project.clean();
      const env = value === undefined ? {} : { VR_UNDECLARED: value };
      const { compiled } = await project.count(['build'], { env });
      return [await project.output(), compiled];
    };
    expect(await built(undefined)).toEqual(['unset', 2]);
    expect(await built('one')).toEqual(['one', 1]);
    expect(await built('two')).toEqual(['two', 1]);
    expect(await built(undefined)).toEqual(['unset', 0]);
  });

  it.each(['CI', 'LANG', 'TZ', 'SOURCE_DATE_EPOCH', 'NO_COLOR'])(
    'a variable that the compiler asks for as well: %s',
    async (name) => {
      const body = `std::env::var("${name}").unwrap_or("unset".into())`;
      const project = await pair.one(withMacro(body));
      const built = async (value: string) => {
        await project.clean();
        const { compiled } = await project.count(['build'], { env: { [name]: value } });
        return [await project.output(), compiled];
      };
      expect(await built('1')).toEqual(['1', 2]);
      expect(await built('2')).toEqual(['2', 1]);
    },
  );

  it.each([
    ['vars', 'std::env::vars().filter(|(name, _)| name == "VR_LISTED").map(|(_, value)| value)'],
    [
      'vars, of a macro that also starts programs',
      `{ std::process::Command::new("true").status().unwrap();
         std::env::vars().filter(|(name, _)| name == "VR_LISTED").map(|(_, value)| value) }`,
    ],
    [
      'vars_os, of a macro that also starts programs',
      `{ std::process::Command::new("true").status().unwrap();
         std::env::vars_os().filter(|(name, _)| name == "VR_LISTED")
           .map(|(_, value)| value.into_string().unwrap()) }`,
    ],
  ])('all variables, as a list: not stored (%s)', async (_, list) => {
    const project = await pair.one(withMacro(`${list}.collect::<Vec<_>>().join(" ")`));
    const built = async (value: string) => {
      await project.clean();
      const { compiled } = await project.count(['build'], { env: { VR_LISTED: value } });
      return [await project.output(), compiled];
    };
    expect(await built('one')).toEqual(['one', 2]);
    expect(await built('two')).toEqual(['two', 1]);
    expect(await built('two')).toEqual(['two', 1]);
  });

  it('a file beside the outputs', async () => {
    const body = 'std::fs::read_to_string(format!("{dir}/target/debug/deps/a.note")).unwrap()';
    const project = await pair.one(withMacro(body));
    const built = async (note: string) => {
      await project.clean();
      await project.write({ 'app/target/debug/deps/a.note': note });
      await project.cargo(['build']);
      return project.output();
    };
    expect(await built('one')).toBe('one');
    expect(await built('two')).toBe('two');
  });

  it.each(['.tmpAbC123', 'rustcAbC123', 'rmetaAbC123'])(
    'a file of a project below a directory that is called as rustc calls its own: %s',
    async (name) => {
      const body = `/* ${name} */ std::fs::read_to_string(format!("{dir}/data.txt")).unwrap()`;
      const temporary = join(pair.alice.root, 'temporary');
      const project = new Project(pair.alice, join(temporary, name));
      await project.write(withMacro(body));
      const built = async (text: string) => {
        await project.clean();
        await project.write({ 'app/data.txt': text });
        const { compiled } = await project.count(['build'], { env: { TMPDIR: temporary } });
        return [await project.output(), compiled];
      };
      expect(await built('one')).toEqual(['one', 2]);
      expect(await built('two')).toEqual(['two', 1]);
      expect(await built('two')).toEqual(['two', 0]);
    },
  );

  it('a file in a temporary directory that is called as rustc calls its own, and stays', async () => {
    const temporary = join(pair.alice.root, 'lasting');
    const body = `std::fs::read_to_string("${temporary}/.tmpAbC123/data.txt").unwrap()`;
    const project = await pair.one(withMacro(body));
    const apart = new Project(pair.alice, temporary);
    for (const text of ['one', 'two']) {
      await project.clean();
      await apart.write({ '.tmpAbC123/data.txt': text });
      await project.cargo(['build'], { env: { TMPDIR: temporary } });
      expect(await project.output()).toBe(text);
    }
  });

  it('a file that a program reads for it', async () => {
    const body = `{
      let mut shell = std::process::Command::new("sh");
      let made = shell.arg("-c").arg("cat data.txt").current_dir(&dir).output().unwrap();
      String::from_utf8(made.stdout).unwrap()
    }`;
    const project = await pair.one(withMacro(body, { 'app/data.txt': 'one' }));
    expect(await prints(project, 'one')).toEqual({ compiled: 2 });
    expect(await prints(project, 'one')).toEqual({ compiled: 0 });
    await project.write({ 'app/data.txt': 'two' });
    expect(await prints(project, 'two')).toEqual({ compiled: 1 });
  });

  it('a shared library that it opens, and one that a program of its own begins with', async () => {
    const body = `{
      extern "C" {
        fn dlopen(path: *const u8, flags: i32) -> *mut u8;
        fn dlsym(library: *mut u8, name: *const u8) -> *mut u8;
      }
      let own = unsafe {
        let library = dlopen(format!("{dir}/bin/libown.so\\0").as_ptr(), 2);
        let n: extern "C" fn() -> i32 = std::mem::transmute(dlsym(library, b"own\\0".as_ptr()));
        n()
      };
      let tool = std::process::Command::new(format!("{dir}/bin/tool")).output().unwrap();
      format!("{own} {}", String::from_utf8(tool.stdout).unwrap())
    }`;
    const tool =
      '#include <stdio.h>\nint its(void);\nint main(void) { printf("%d", its()); return 0; }\n';
    const project = await pair.one(withMacro(body, { 'app/tool.c': tool }));
    const sh = (text: string) => project.developer.run('sh', ['-ec', text], { cwd: project.dir });
    const library = (name: string, value: number) =>
      sh(`mkdir -p bin; echo 'int ${name}(void) { return ${value}; }' > n.c
        cc -shared -fPIC n.c -o bin/new.so; mv bin/new.so bin/lib${name}.so`);
    await library('own', 1);
    await library('its', 1);
    await sh('cc tool.c -Lbin -lits -Wl,-rpath,"$PWD/bin" -o bin/tool');
    expect(await prints(project, '1 1')).toEqual({ compiled: 2 });
    expect(await prints(project, '1 1')).toEqual({ compiled: 0 });
    await library('own', 2);
    expect(await prints(project, '2 1')).toEqual({ compiled: 1 });
    await library('its', 2);
    expect(await prints(project, '2 2')).toEqual({ compiled: 1 });
    expect(await prints(project, '2 2')).toEqual({ compiled: 0 });
  });

  it('the network: what came from there is not stored', async () => {
    const server = createServer((socket) => socket.end(String(++asked)));
    let asked = 0;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const body = `{
      let mut text = String::new();
      let mut stream = std::net::TcpStream::connect("127.0.0.1:${port}").unwrap();
      std::io::Read::read_to_string(&mut stream, &mut text).unwrap();
      text
    }`;
    const project = await pair.one(withMacro(body));
    expect(await prints(project, '1')).toEqual({ compiled: 2 });
    expect(await prints(project, '2')).toEqual({ compiled: 1 });
    const told = await project.developer.vriftJson<WhyInfo[]>(['why', 'app']);
    expect(told[0]?.from).toBe('a macro uses the network');
    server.close();
  });

  it('what cargo says of the package, through a library that hands the macro on', async () => {
    const body = 'std::env::var("CARGO_PKG_DESCRIPTION").unwrap()';
    const app = (says: string) =>
      `${manifest('app', `description = "${says}"\n`)}[dependencies]\nfront = { path = "front" }\n[workspace]\n`;
    const front = `${manifest('front')}[dependencies]\nteller = { path = "../teller" }\n`;
    const project = await pair.one({
      ...withMacro(body),
      'app/Cargo.toml': app('first'),
      'app/src/main.rs': 'fn main() { println!("{}", front::told!()); }\n',
      'app/front/Cargo.toml': front,
      'app/front/src/lib.rs': 'pub use teller::told;\n',
    });
    expect(await prints(project, 'first')).toEqual({ compiled: 3 });
    await project.write({ 'app/Cargo.toml': app('second') });
    expect(await prints(project, 'second')).toEqual({ compiled: 1 });
  });

  it('nothing of what cargo looks for when a macro asks it for the workspace', async () => {
    const body = `{
      let cargo = std::env::var("CARGO").unwrap();
      let mut asked = std::process::Command::new(cargo);
      let made = asked.args(["locate-project", "--workspace", "--message-format=plain"])
        .current_dir(&dir).output().unwrap();
      let found = String::from_utf8(made.stdout).unwrap();
      std::fs::read_to_string(found.trim()).unwrap().lines().nth(1).unwrap().to_string()
    }`;
    const { alice, bob } = await pair.both(withMacro(body));
    expect(await prints(alice, 'name = "app"')).toEqual({ compiled: 2 });
    expect(await prints(bob, 'name = "app"')).toEqual({ compiled: 0 });
  });

  it('a file that changes while the macro runs: the result is not stored', async () => {
    const project = await pair.one({
      ...HELD,
      'app/src/main.rs': 'hold::hold!(here);\nfn main() {}\n',
    });
    const building = project.cargo(['build']);
    await held(project);
    await project.write({ 'app/go-here': '' });
    await building;
    const [entry] = await project.developer.vriftJson<WhyInfo[]>(['why', 'app']);
    expect(entry?.from).toBe(`input changed during the compile: ${project.dir}/go-here`);
  });
});

describe('a node whose install was taken away under it', () => {
  it('preloads nothing that is gone, and stores nothing that should have been watched', async () => {
    const copy = await mkdtemp(join(tmpdir(), 'vrift-gone-'));
    const bin = await installCopy(copy, {});
    await using dave = await Developer.create('dave', { workspace: 'bound', bin });
    await dave.start();
    const files = withMacro('std::fs::read_to_string(format!("{dir}/data.txt")).unwrap()');
    const project = await new Project(dave, join(dave.root, 'p')).write(files);
    await project.write({ 'app/data.txt': 'one' });
    await rm(join(bin, 'vrift-observer.so'));
    const { stderr } = await project.cargo(['build']);
    expect(stderr).not.toContain('ld.so');
    expect(await project.output()).toBe('one');
    await project.write({ 'app/data.txt': 'two' });
    expect(await prints(project, 'two')).toEqual({ compiled: 1 });
    await rm(copy, { recursive: true, force: true });
  });
});
