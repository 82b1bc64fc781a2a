import { existsSync, readFileSync } from 'node:fs';
import { appendFile, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../harness/programs.js';
import { oneDeveloper } from './alone.js';
import { withScript } from './buildScriptSupport.js';
import { COMPILED, FROM_DISK, kept, printed, runpath, rustc, script, tool } from './calls.js';
import { answers, type Fate, Relay } from './relay.js';
import { type Files, manifest, Project } from './support.js';

const here = oneDeveloper();
beforeEach(() => here.alice.start());
afterEach(() => here.alice.endNode());

let projects = 0;
const one = (files: Files) =>
  new Project(here.alice, join(here.alice.root, 'src', `own-${++projects}`)).write(files);

const LINKER = ['-C', 'linker=./cc'];
const says = (word: string) => ({ 'app/main.rs': `fn main() { println!("${word}"); }\n` });

/** A linker that says that it links, and waits for the file `go`. */
const WAITS = `case "$*" in *rcgu.o*)
    touch linking; while ! test -e go; do sleep 0.02; done;; esac
  exec cc "$@"`;

/** A call that nobody asks the node about: whoever asks has all that is put off done at once. */
async function quietly(project: Project, crate: string, flags: readonly string[], outDir = 'out') {
  const unit = ['rustc', '--crate-name', crate, '--edition=2021', 'main.rs'];
  const made = ['--emit=dep-info,link', '--out-dir', outDir, '-C', 'metadata=0123456789abcdef'];
  const launcher = join(project.developer.bin, 'vrift-rustc');
  await mkdir(join(project.dir, outDir), { recursive: true });
  return project.developer.run(launcher, [...unit, ...made, ...flags], { cwd: project.dir });
}

async function isLinking(project: Project): Promise<void> {
  await until('the linker waits', () => existsSync(join(project.dir, 'linking')));
}

describe('while a compiler runs', () => {
  it('its linker is replaced: the program is not stored under the other one', async () => {
    const alice = await one(says('linked'));
    for (const name of ['one', 'two', 'one']) {
      await script(alice, `app/cc.${name}`, `exec cc "$@" -Wl,-rpath,/opt/${name}`);
    }
    await tool(alice, 'cp', 'cc.one', 'cc');
    {
      await using relay = await Relay.before(alice.developer);
      relay.once(answers('run'), async (): Promise<Fate> => {
        await rename(join(alice.dir, 'cc.two'), join(alice.dir, 'cc'));
        return 'whole';
      });
      expect(await rustc(alice, LINKER)).toMatchObject({ code: 0, counted: COMPILED });
      expect(await runpath(alice)).toBe('/opt/two');
    }
    here.alice.endNode();
    await here.alice.start();
    await tool(alice, 'cp', '--remove-destination', 'cc.one', 'cc');
    expect((await rustc(alice, LINKER)).counted).toMatchObject(COMPILED);
    expect(await runpath(alice)).toBe('/opt/one');
    expect((await rustc(alice, LINKER)).counted).toMatchObject(FROM_DISK);
  });

  it('another build asks for the same program: it waits for no lull', async () => {
    const alice = await one(says('wanted'));
    await script(alice, 'app/cc', WAITS);
    const first = quietly(alice, 'app', LINKER);
    await isLinking(alice);
    const second = quietly(alice, 'app', LINKER, 'other');
    await sleep(300);
    await writeFile(join(alice.dir, 'go'), '');
    const began = performance.now();
    await Promise.all([first, second]);
    // A lull is waited for ten seconds, and none comes while the second one waits.
    expect(performance.now() - began).toBeLessThan(8_000);
    expect(await printed(alice, 'other/app')).toBe('wanted');
  });
});

describe('while another build goes on', () => {
  it('a program is patched, and its mtime set back: what is stored is the compiler’s', async () => {
    const alice = await one(says('AAAA of nobody else'));
    const slow = await one(says('slow'));
    await script(slow, 'app/cc', WAITS);
    const building = quietly(slow, 'slow', LINKER);
    await isLinking(slow);
    await quietly(alice, 'app', []);
    await sleep(1_000);
    const program = join(alice.dir, 'out/app');
    await tool(alice, 'touch', '-r', program, 'times');
    const file = await open(program, 'r+');
    await file.write('BBBB', (await readFile(program)).indexOf('AAAA of nobody else'));
    await file.close();
    await tool(alice, 'touch', '-r', 'times', program);
    expect(await printed(alice)).toBe('BBBB of nobody else');
    await writeFile(join(slow.dir, 'go'), '');
    await building;
    await kept(alice);
    await rm(join(alice.dir, 'out'), { recursive: true });
    await rustc(alice);
    expect(await printed(alice)).toBe('AAAA of nobody else');
  });

  it('and was stopped in the same place: the next build there comes to its end', async () => {
    const alice = await one(withScript('"told".into()'));
    const cc = join(alice.dir, 'cc');
    await script(
      alice,
      'app/cc',
      `case "$*" in *build_script_build*rcgu.o*)
        test -e ${cc}.armed && rm ${cc}.armed && echo $$ >${cc}.pid && kill -STOP $$;; esac
      exec cc "$@"`,
    );
    const env = { RUSTFLAGS: `-C linker=${cc}` };
    const original = await alice.read('app/build.rs');
    await alice.cargo(['build'], { env });
    await alice.write({ 'app/build.rs': `${original}// edited\n`, 'app/cc.armed': '' });
    const stopped = alice.cargo(['build'], { env, allowFailure: true });
    const pid = await until('the linker is stopped', () => {
      const path = `${cc}.pid`;
      return existsSync(path) ? Number(readFileSync(path, 'utf8')) : undefined;
    });
    try {
      await alice.write({ 'app/build.rs': original });
      await alice.clean();
      await alice.cargo(['build'], { env, timeoutMs: 90_000 });
      expect(await alice.output()).toBe('told');
    } finally {
      process.kill(pid, 'SIGCONT');
      await stopped;
    }
  }, 120_000);
});

it('a static library is written into in place: that of another target directory stays', async () => {
  const alice = await one({
    'app/Cargo.toml': manifest('app', '[lib]\ncrate-type = ["cdylib", "staticlib"]\n[workspace]\n'),
    'app/src/lib.rs': '#[no_mangle] pub extern "C" fn six() -> u32 { 6 }\n',
  });
  for (const target of ['one', 'two']) {
    await alice.cargo(['build'], { env: { CARGO_TARGET_DIR: target } });
    await alice.developer.stats();
  }
  const two = join(alice.dir, 'two/debug/libapp.a');
  const before = await readFile(two);
  // As `ar` and `strip` do it, where a file has several names.
  await appendFile(join(alice.dir, 'one/debug/libapp.a'), 'more');
  expect((await readFile(two)).equals(before)).toBe(true);
});
