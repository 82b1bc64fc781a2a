import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMPILED, FROM_DISK, runpath, rustc, script, tool } from './calls.js';
import { manifest, type Project, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

const HELLO = 'fn main() { println!("hello"); }\n';

describe('which linker links', () => {
  const GNU = ['-C', 'link-arg=-fuse-ld=bfd'];
  const places = [
    { what: 'on PATH', flags: GNU, env: (dir: string) => `${dir}/tools:${process.env.PATH}` },
    { what: 'below -B', flags: ['-C', 'link-arg=-Btools', ...GNU], env: () => process.env.PATH },
  ];
  for (const { what, flags, env } of places) {
    it(`an ld ${what} appears, is edited and goes, behind an unchanged cc: new links`, async () => {
      const alice = await pair.one({ 'app/main.rs': HELLO, 'app/tools/README': '' });
      const link = () => rustc(alice, flags, { env: { PATH: env(alice.dir) } });
      await link();
      expect(await runpath(alice)).toBeUndefined();
      for (const path of ['/opt/one', '/opt/two']) {
        await script(alice, 'app/tools/ld.bfd', `exec /usr/bin/ld.bfd "$@" -rpath ${path}`);
        expect((await link()).counted).toMatchObject(COMPILED);
        expect(await runpath(alice)).toBe(path);
      }
      await alice.remove('app/tools/ld.bfd');
      expect((await link()).counted).toMatchObject(FROM_DISK);
      expect(await runpath(alice)).toBeUndefined();
    });
  }

  it('-C linker= names a driver that is edited: a new link', async () => {
    const alice = await pair.one({ 'app/main.rs': HELLO });
    for (const path of ['/opt/one', '/opt/two']) {
      await script(alice, 'app/tools/my-cc', `exec cc "$@" -Wl,-rpath,${path}`);
      const { counted } = await rustc(alice, ['-C', 'linker=tools/my-cc']);
      expect(counted).toMatchObject(COMPILED);
      expect(await runpath(alice)).toBe(path);
    }
  });

  it('LD_RUN_PATH, which the linker reads, is another: a new link', async () => {
    const alice = await pair.one({ 'app/main.rs': HELLO });
    const link = (env: NodeJS.ProcessEnv) => rustc(alice, GNU, { env });
    await link({});
    expect(await runpath(alice)).toBeUndefined();
    for (const path of ['/opt/one', '/opt/two']) {
      expect((await link({ LD_RUN_PATH: path })).counted).toMatchObject(COMPILED);
      expect(await runpath(alice)).toBe(path);
    }
    expect((await link({})).counted).toMatchObject(FROM_DISK);
    expect(await runpath(alice)).toBeUndefined();
  });

  it('a library is preloaded that may start another one, or comes from elsewhere: a new link', async () => {
    const alice = await pair.one({ 'app/main.rs': HELLO });
    const preload = async (text: string) => {
      await alice.write({ 'app/other.c': text });
      await tool(alice, 'cc', '-shared', '-fPIC', '-o', 'other.new', 'other.c');
      await tool(alice, 'mv', 'other.new', 'other.so');
      return rustc(alice, GNU, { env: { LD_PRELOAD: join(alice.dir, 'other.so') } });
    };
    await rustc(alice, GNU);
    expect((await preload('int one;\n')).counted).toMatchObject(COMPILED);
    expect((await preload('int two;\n')).counted).toMatchObject(COMPILED);
    expect((await preload('int two;\n')).counted).toMatchObject(FROM_DISK);
    expect((await rustc(alice, GNU)).counted).toMatchObject(FROM_DISK);
  });

  it('LIBRARY_PATH names a directory in which a library appears: a new link', async () => {
    const alice = await pair.one({
      'app/hello.rs': HELLO,
      'app/main.rs': 'extern "C" { fn answer() -> i32; } fn main() { unsafe { answer(); } }\n',
      'app/answer.c': 'int answer(void) { return 1; }\n',
      'app/early/README': '',
      'app/late/README': '',
    });
    const library = (place: string) => {
      const made = ['-o', `${place}/libanswer.so`, `-Wl,-soname,${place}.so`];
      return tool(alice, 'cc', '-shared', '-fPIC', ...made, 'answer.c');
    };
    const needed = async () =>
      /NEEDED.*\[((?:early|late)\.so)\]/.exec(await tool(alice, 'readelf', '-d', 'out/app'))?.[1];
    const env = { LIBRARY_PATH: `${alice.dir}/early:${alice.dir}/late` };
    await library('late');
    await rustc(alice, GNU, { source: 'hello.rs' });
    await rustc(alice, [...GNU, '-l', 'answer'], { env });
    expect(await needed()).toBe('late.so');
    await library('early');
    expect((await rustc(alice, [...GNU, '-l', 'answer'], { env })).counted).toMatchObject(COMPILED);
    expect(await needed()).toBe('early.so');
  });

  it('a script reads a variable: its value is a key', async () => {
    const alice = await pair.one({ 'app/main.rs': HELLO });
    await script(alice, 'app/tools/my-cc', 'exec cc "$@" $MY_FLAGS');
    const flags = ['-C', 'linker=tools/my-cc'];
    const adding = (path: string) => ({ env: { MY_FLAGS: `-Wl,-rpath,${path}` } });
    for (const [path, counted] of [
      ['/opt/one', COMPILED],
      ['/opt/two', COMPILED],
      ['/opt/one', FROM_DISK],
    ] as const) {
      expect((await rustc(alice, flags, adding(path))).counted).toMatchObject(counted);
      expect(await runpath(alice)).toBe(path);
    }
  });

  it('-rpath into the checkout: two paths, two programs', async () => {
    const files = {
      'app/Cargo.toml': `${manifest('app')}[workspace]\n`,
      'app/src/main.rs': HELLO,
      'app/build.rs': `fn main() {
        let dir = std::env::var("CARGO_MANIFEST_DIR").unwrap();
        println!("cargo:rustc-link-arg=-Wl,-rpath,{dir}/lib");
      }\n`,
    };
    const { alice, bob } = await pair.both(files);
    const found = (project: Project) => runpath(project, 'target/debug/app');
    await alice.cargo(['build']);
    expect(await found(alice)).toBe(`${alice.dir}/lib`);
    expect(await bob.count(['build'])).toMatchObject({ compiled: 1, hits: { peer: 1 } });
    expect(await found(bob)).toBe(`${bob.dir}/lib`);
    await bob.clean();
    expect((await bob.count(['build'])).compiled).toBe(0);
    expect(await found(bob)).toBe(`${bob.dir}/lib`);
  });
});
