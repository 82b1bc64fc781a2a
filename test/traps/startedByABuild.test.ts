import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../harness/programs.js';
import { oneDeveloper, passes } from './alone.js';
import { builds } from './builds.js';

const here = oneDeveloper();

afterEach(() => here.alice.stop());

/** The process of the node that a command started; asking starts none. */
async function nodeOf(): Promise<number> {
  const { running, pid } = await here.alice.status();
  expect(running).toBe(true);
  return pid;
}

/** What a shell in a terminal does: the command in a process group of its own. */
function inTerminal(script: string, cwd: string) {
  const { alice } = here;
  const env = { ...alice.env, PATH: `${alice.bin}:${alice.env.PATH}` };
  const child = spawn('/bin/sh', ['-c', script], { cwd, env, detached: true, stdio: 'pipe' });
  child.stdin.end();
  child.stdout.resume();
  return { child, group: -child.pid!, closed: once(child, 'close') };
}

describe('a node that a build started', () => {
  it('`vrift run cargo build | cat` ends when the build ends', async () => {
    const project = await here.project();
    const { child, closed } = inTerminal('vrift run cargo build 2>&1 | cat', project.dir);
    let said = '';
    child.stdout.on('data', (text) => {
      said += text;
    });
    await closed;
    expect(said).toMatch(/vrift: 2 units: .*2 compiled/);
    expect(await project.output()).toBe(project.word);
    const pid = await nodeOf();
    for (const fd of [0, 1, 2]) {
      expect(readlinkSync(`/proc/${pid}/fd/${fd}`)).not.toMatch(/pipe|pts/);
    }
  });

  it('outlives Ctrl-C and the terminal, and the build ends at once', async () => {
    const { alice } = here;
    const project = await here.project();
    await project.write({ 'app/build.rs': 'fn main() { loop { std::thread::park() } }\n' });
    for (const signal of ['SIGINT', 'SIGHUP'] as const) {
      const { group, closed } = inTerminal('vrift run cargo build', project.dir);
      const running = `${project.dir}/target/debug/build/.*/build-script-build$`;
      await until('the build script runs', async () => {
        const { stdout } = await alice.run('pgrep', ['-f', running], { allowFailure: true });
        return stdout !== '';
      });
      const pid = await nodeOf();
      process.kill(group, signal);
      await closed;
      expect(await nodeOf()).toBe(pid);
      await until('no process of the build is left', async () => {
        const { code } = await alice.run('pgrep', ['-f', running], { allowFailure: true });
        return code === 1;
      });
    }
    await project.remove('app/build.rs');
    await passes(project);
  });

  it("keeps nothing of the first caller's environment, limits or read-only wish", async () => {
    const { alice } = here;
    const project = await here.project();
    const odd = 'VRIFT_READONLY=1 NODE_OPTIONS=--no-warnings SECRET_TOKEN=x CARGO_HOME=/nowhere';
    const script = `umask 000; ulimit -S -f 40; ulimit -S -n 64; ${odd} vrift run true`;
    await inTerminal(script, project.dir).closed;
    const pid = await nodeOf();
    const env = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    for (const word of odd.split(' ')) expect(env).not.toContain(word);
    expect(readlinkSync(`/proc/${pid}/cwd`)).toBe(alice.vriftHome);
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^Umask:\s+0077$/m);
    const limits = readFileSync(`/proc/${pid}/limits`, 'utf8');
    expect(limits).toMatch(/^Max file size\s+(\S+)\s+\1\s/m);
    expect(limits).toMatch(/^Max open files\s+(\S+)\s+\1\s/m);
    await builds(project, ['build'], { compiled: 2 });
    await project.clean();
    await builds(project, ['build'], { disk: 2 });
    expect(await project.output()).toBe(project.word);
  });
});
