import { appendFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ErrorCode, HINTS } from '../../src/base/errors.js';
import { Developer, formMesh } from '../harness/developer.js';
import { installCopy } from '../harness/install.js';
import { type RunOptions, until } from '../harness/programs.js';

const LONG_MS = 300_000;
/** One small library with one dependency: enough to see whether a build runs. */
const SMALL = ['build', '-p', 'quill-value'];

/**
 * The command fails with this code, says what to do next, shows no stack, and in words for people
 * the same. Returns what it said.
 */
async function expectRefusal(
  who: Developer,
  args: string[],
  code: ErrorCode,
  options: RunOptions = {},
): Promise<string> {
  const forScripts = await who.vrift([...args, '--json'], { ...options, allowFailure: true });
  const { error } = JSON.parse(forScripts.stdout) as {
    error: { code: string; message: string; hint: string };
  };
  expect(error).toMatchObject({ code, hint: HINTS[code] });
  expect(forScripts.code).toBe(1);

  const forPeople = await who.vrift(args, { ...options, allowFailure: true });
  expect(forPeople.code).toBe(1);
  expect(forPeople.stdout).toBe('');
  expect(forPeople.stderr).toContain(HINTS[code]);
  expect(forPeople.stderr).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
  return error.message;
}

async function expectBuild(developer: Developer): Promise<void> {
  await developer.clean();
  await developer.cargo(SMALL);
  const made = await readdir(join(developer.targetDir, 'debug', 'deps'));
  expect(made.some((name) => /^libquill_value-\w+\.rlib$/.test(name))).toBe(true);
}

describe('tokens', () => {
  let alice: Developer;
  let bob: Developer;

  const invite = (...options: string[]) =>
    alice.vriftJson<{ token: string; expiresAt: number | string }>(['mesh', 'invite', ...options]);

  beforeAll(async () => {
    // One port for all meshes that she founds, so that an old token still reaches her.
    alice = await Developer.create('alice', { config: `[mesh]\nport = ${await freePort()}\n` });
    bob = await Developer.create('bob', { checkout: 'b' });
    await alice.start();
    await bob.start();
    await alice.createMesh('tokens');
  });

  afterAll(async () => {
    await alice?.dispose();
    await bob?.dispose();
  });

  it('that are none, or cut off, or changed, are refused', async () => {
    const { token } = await invite();
    const middle = Math.floor(token.length / 2);
    const other = token[middle] === 'b' ? 'c' : 'b';
    const changed = `${token.slice(0, middle)}${other}${token.slice(middle + 1)}`;
    for (const wrong of ['nonsense', token.slice(0, -3), `${token}x`, changed]) {
      await expectRefusal(bob, ['mesh', 'join', wrong], 'VRIFT_TOKEN_MALFORMED');
    }
    await expectRefusal(bob, ['mesh', 'join', '-'], 'VRIFT_TOKEN_MALFORMED', {
      input: 'nonsense\n',
    });
    expect((await bob.status()).mesh).toBeNull();
  });

  it('that are over are refused', async () => {
    const { token, expiresAt } = await invite('--ttl', '1s');
    await until('the token is over', () => Date.now() > new Date(expiresAt).getTime());
    await expectRefusal(bob, ['mesh', 'join', token], 'VRIFT_TOKEN_EXPIRED');
  });

  it('of a mesh that the inviter has left are refused', async () => {
    const { token } = await invite();
    await alice.vrift(['mesh', 'leave']);
    await alice.createMesh('another');
    await expectRefusal(bob, ['mesh', 'join', token], 'VRIFT_TOKEN_FOREIGN');
    expect((await bob.status()).mesh).toBeNull();
  });

  it('admit one node', async () => {
    const { token } = await invite();
    await bob.vrift(['mesh', 'join', token]);
    await using carol = await Developer.create('carol', { checkout: 'c' });
    await carol.start();
    await expectRefusal(carol, ['mesh', 'join', token], 'VRIFT_TOKEN_USED');
  });

  it('are of no use to a node that is in another mesh', async () => {
    await using carol = await Developer.create('carol', { checkout: 'c' });
    await carol.start();
    await carol.createMesh('third');
    const { token } = await carol.vriftJson<{ token: string }>(['mesh', 'invite']);
    await expectRefusal(bob, ['mesh', 'join', token], 'VRIFT_MESH_MEMBER');
  });

  it('for somebody who is not there say so', async () => {
    const { token } = await invite();
    await alice.stop();
    await using carol = await Developer.create('carol', { checkout: 'c' });
    await carol.start();
    await expectRefusal(carol, ['mesh', 'join', token], 'VRIFT_JOIN_UNREACHABLE');
  });
});

describe('configuration', () => {
  it('of a project that is broken switches the cache off for it, visibly', async () => {
    await using alice = await Developer.create('alice');
    await alice.start();
    const file = join(alice.checkout, 'velo.toml');
    await writeFile(file, '[l2_cache]\nenabled = true\nmax_local_sise = "5GB"\n');
    await expectBuild(alice);
    const { hits, errors } = await alice.stats();
    expect(hits.disk).toBe(0);
    expect(errors.VRIFT_CONFIG_INVALID).toBeGreaterThan(0);
    const log = await readFile(join(alice.vriftHome, 'log', 'node.log'), 'utf8');
    expect(log).toContain(`${file}:3`);
    expect(log).toContain('max_local_sise');

    await rm(file);
    await expectBuild(alice);
    await alice.resetStats();
    await expectBuild(alice);
    expect((await alice.stats()).compiled).toBe(0);
  }, 120_000);

  it('of a project cannot send data elsewhere', async () => {
    await using alice = await Developer.create('alice');
    await alice.start();
    await writeFile(
      join(alice.checkout, 'velo.toml'),
      '[l2_cache]\nremote_url = "http://127.0.0.1:1/steal"\n',
    );
    await expectBuild(alice);
    const keys = (await alice.status()).config.filter(({ key }) => key.includes('remote_url'));
    expect(keys.filter(({ value }) => value !== null && value !== undefined)).toEqual([]);
  }, 120_000);

  const BROKEN: [text: string, line: number, key: string][] = [
    ['[l2_cache]\nenabled = "yes"\n', 2, 'enabled'],
    ['[l2_cache]\n\nmax_local_size = "lots"\n', 3, 'max_local_size'],
    ['[mesh]\nprot = 7\n', 2, 'prot'],
    ['[l2_cache\n', 1, ''],
  ];

  it('of the user that is broken is an error with file, line and key', async () => {
    await using alice = await Developer.create('alice');
    for (const [text, line, key] of BROKEN) {
      await alice.configure(text);
      const message = await expectRefusal(alice, ['start'], 'VRIFT_CONFIG_INVALID');
      expect(message).toContain(`config.toml:${line}`);
      expect(message).toContain(key);
    }
    await expectBuild(alice);
  }, 120_000);

  it('with a remote is refused as long as there is none', async () => {
    await using alice = await Developer.create('alice', {
      config: '[l2_cache]\nremote_url = "s3://company-build-cache/velo-l2"\n',
    });
    await expectRefusal(alice, ['start'], 'VRIFT_REMOTE_UNAVAILABLE');
  });

  it('in the environment is checked like a file', async () => {
    await using alice = await Developer.create('alice');
    const env = { VRIFT_L2_CACHE_MAX_LOCAL_SIZE: 'lots' };
    const message = await expectRefusal(alice, ['start'], 'VRIFT_CONFIG_INVALID', { env });
    expect(message).toContain('VRIFT_L2_CACHE_MAX_LOCAL_SIZE');
  });
});

describe('a node', () => {
  it('without a home that it can write is refused, and builds go on', async () => {
    await using alice = await Developer.create('alice');
    const env = { VRIFT_HOME: '/proc/vrift' };
    await expectRefusal(alice, ['start'], 'VRIFT_HOME_UNUSABLE', { env });
    await alice.cargo(SMALL, { env });
  }, 120_000);

  it('whose socket path would be too long is refused, and builds go on', async () => {
    await using alice = await Developer.create('alice');
    const env = { VRIFT_HOME: join(alice.root, 'x'.repeat(120)) };
    await expectRefusal(alice, ['start'], 'VRIFT_SOCKET_PATH_TOO_LONG', { env });
    await alice.cargo(SMALL, { env });
  }, 120_000);

  it('is alone on its home', async () => {
    await using alice = await Developer.create('alice');
    const first = await alice.start();
    const second = await alice.vrift(['start', '--foreground'], { allowFailure: true });
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(HINTS.VRIFT_NODE_RUNNING);
    expect(second.stderr).toContain(String(first.pid));
    expect((await alice.start()).pid).toBe(first.pid);
  });

  it('whose port is taken works without peers, and says so', async () => {
    const other = createServer();
    const port = await listen(other);
    try {
      await using alice = await Developer.create('alice', { config: `[mesh]\nport = ${port}\n` });
      await alice.start();
      await alice.createMesh('busy');
      const problems = await until('the node reports the port', async () => {
        const found = (await alice.status()).problems;
        return found.length > 0 ? found : undefined;
      });
      expect(problems.map((problem) => problem.code)).toContain('VRIFT_PORT_IN_USE');
      await expectBuild(alice);
      await expectBuild(alice);
      expect((await alice.stats()).hits.disk).toBeGreaterThan(0);
    } finally {
      await new Promise((resolve) => other.close(resolve));
    }
  }, 120_000);
});

describe('a peer', () => {
  it('of another protocol version is shown and never asked', async () => {
    const copy = await mkdtemp(join(tmpdir(), 'vrift-old-'));
    try {
      const bin = await installCopy(copy, {
        'wire/version.js': ['MESH_PROTOCOL = 2', 'MESH_PROTOCOL = 999'],
      });
      await using alice = await Developer.create('alice', { bin });
      await using bob = await Developer.create('bob', { checkout: 'b' });
      await alice.start();
      await bob.start();
      await alice.createMesh('versions');
      await alice.cargo(SMALL);
      const { token } = await alice.vriftJson<{ token: string }>(['mesh', 'invite']);
      await bob.vrift(['mesh', 'join', token]);
      await until('bob knows that alice is incompatible', async () =>
        (await bob.peers()).some((peer) => peer.state === 'incompatible'),
      );
      await expectBuild(bob);
      expect((await bob.stats()).hits.peer).toBe(0);
    } finally {
      await rm(copy, { recursive: true, force: true });
    }
  }, 180_000);

  const DAMAGES: [how: string, damage: (path: string, size: number) => Promise<void>][] = [
    ['wrong bytes', (path, size) => flipMiddle(path, size)],
    ['too few bytes', (path, size) => truncate(path, Math.floor(size / 2))],
    ['too many bytes', (path) => appendFile(path, 'more')],
  ];

  for (const [how, damage] of DAMAGES) {
    it(
      `that sends ${how} costs a miss and nothing else`,
      async () => {
        await using alice = await Developer.create('alice');
        await using bob = await Developer.create('bob', { checkout: 'b' });
        await formMesh('damage', alice, bob);
        await alice.cargo(SMALL);
        const whole = new Set(await blobs(alice));
        for (const path of whole) await damage(path, (await readFile(path)).length);

        await expectBuild(bob);
        expect((await bob.stats()).compiled).toBeGreaterThan(0);
        await bob.cargo(['test', '-p', 'quill-value', '--test', 'derive']);
        const { bad } = await bob.vriftJson<{ bad: number }>(['verify']);
        expect(bad).toBe(0);

        // What its owner is served from then on is right as well.
        await alice.clean();
        await alice.cargo(['test', '-p', 'quill-value', '--test', 'derive']);
      },
      LONG_MS,
    );
  }
});

describe('a call', () => {
  /** Bytes that are in no UTF-8 text, as `$raw`: only a shell can pass them on. */
  const rawBytes = (...lines: string[]) =>
    ['set -e', 'raw="$(printf "raw\\377")"', 'mkdir -p raw/out', 'cd raw', ...lines].join('\n');
  const COMPILE =
    'rustc --crate-name one --crate-type lib --emit=dep-info,metadata,link --out-dir out';

  it('with a variable that is not UTF-8 compiles, and hits', async () => {
    await using alice = await Developer.create('alice');
    await alice.start();
    const script = rawBytes(
      'echo "pub fn one() -> u32 { 1 }" > one.rs',
      // What was written within the clock's grain of the compile is not trusted.
      'sleep 0.1',
      'export RAW="$raw"',
      'for round in 1 2; do',
      '  rm -f out/*',
      `  "$LAUNCHER" ${COMPILE} one.rs`,
      '  test -s out/libone.rlib && test -s out/libone.rmeta && test -s out/one.d',
      'done',
    );
    // A package that the user asked for: its outputs are safe before the script removes them.
    const env = { LAUNCHER: join(alice.bin, 'vrift-rustc'), CARGO_PRIMARY_PACKAGE: '1' };
    await alice.run('sh', ['-c', script], { env });
    const { errors, hits } = await alice.stats();
    expect(errors).toEqual({});
    expect(hits.disk).toBe(1);
  });

  it('whose argv is not UTF-8 ends as it does without vrift', async () => {
    await using alice = await Developer.create('alice');
    await alice.start();
    const script = rawBytes('echo > "$raw.rs"', `exec $LAUNCHER ${COMPILE} "$raw.rs"`);
    const [plain, wrapped] = await Promise.all(
      ['', join(alice.bin, 'vrift-rustc')].map((launcher) =>
        alice.run('sh', ['-c', script], { allowFailure: true, env: { LAUNCHER: launcher } }),
      ),
    );
    const withoutThread = (text: string) => text.replace(/ \(\d+\)/g, '');
    expect(wrapped!.code).toBe(plain!.code);
    expect(withoutThread(wrapped!.stderr)).toBe(withoutThread(plain!.stderr));
    expect((await alice.status()).running).toBe(true);
  });

  it('that does not compile fails the same with and without vrift, and stores nothing', async () => {
    await using alice = await Developer.create('alice');
    await alice.start();
    await alice.cargo(['build', '-p', 'quill-arena']);
    const file = join(alice.checkout, 'crates/quill-arena/src/bits.rs');
    await appendFile(file, '\npub fn wrong() -> u32 { "text" }\n');

    const plain = await alice.cargo(['build', '-p', 'quill-arena'], {
      allowFailure: true,
      env: { VRIFT_DISABLE: '1' },
    });
    const { results } = (await alice.status()).store;
    for (let round = 0; round < 2; round += 1) {
      const wrapped = await alice.cargo(['build', '-p', 'quill-arena'], { allowFailure: true });
      expect(wrapped.code).toBe(101);
      expect(diagnostics(wrapped.stderr)).toBe(diagnostics(plain.stderr));
    }
    expect((await alice.status()).store.results).toBe(results);
    expect((await alice.stats()).hits.disk).toBe(0);
  }, 120_000);
});

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '0.0.0.0', () => resolve((server.address() as AddressInfo).port));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** What the compiler said, without cargo's own lines, which name processes and times. */
function diagnostics(stderr: string): string {
  const from = stderr.indexOf('error[');
  expect(from).toBeGreaterThanOrEqual(0);
  return stderr.slice(from, stderr.indexOf('error: could not compile'));
}

async function blobs(developer: Developer): Promise<string[]> {
  const cas = join(developer.vriftHome, 'l2', 'cas');
  const entries = await readdir(cas, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  expect(files.length).toBeGreaterThan(5);
  return files.map((entry) => join(entry.parentPath, entry.name));
}

async function flipMiddle(path: string, size: number): Promise<void> {
  const bytes = await readFile(path);
  const middle = Math.floor(size / 2);
  if (size > 0) bytes[middle] = bytes[middle]! ^ 0x10;
  // A new file: what the first developer's build hard-linked stays as it was.
  await rm(path);
  await writeFile(path, bytes);
}
