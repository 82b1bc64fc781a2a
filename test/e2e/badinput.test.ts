import { appendFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ErrorCode, HINTS } from '../../src/base/errors.js';
import { Developer, formMesh } from '../harness/developer.js';
import { installCopy } from '../harness/install.js';
import { type Finished, until } from '../harness/programs.js';

const LONG_MS = 300_000;
/** One small library with one dependency: enough to see whether a build runs. */
const SMALL = ['build', '-p', 'quill-value'];

/** A failed command says what happened, with its code, and what to do next. */
function expectRefusal(finished: Finished, code: ErrorCode): void {
  const said = finished.stderr + finished.stdout;
  expect(said).toContain(code);
  expect(said).toContain(HINTS[code]);
  expect(said).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m); // no stack trace
  expect(finished.code).toBe(1);
}

async function expectBuild(developer: Developer): Promise<void> {
  await developer.clean();
  await developer.cargo(SMALL);
  const made = await readdir(join(developer.targetDir, 'debug', 'deps'));
  expect(made.some((name) => /^libquill_value-\w+\.rlib$/.test(name))).toBe(true);
}

const failing = (who: Developer, args: string[], input?: string) =>
  who.vrift(args, { allowFailure: true, ...(input === undefined ? {} : { input }) });

describe('tokens', () => {
  let alice: Developer;
  let bob: Developer;

  const invite = (...options: string[]) =>
    alice.vriftJson<{ token: string; expiresAt: number | string }>(['mesh', 'invite', ...options]);

  beforeAll(async () => {
    alice = await Developer.create('alice');
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
      expectRefusal(await failing(bob, ['mesh', 'join', wrong]), 'VRIFT_TOKEN_MALFORMED');
    }
    expectRefusal(await failing(bob, ['mesh', 'join', '-'], '\n'), 'VRIFT_TOKEN_MALFORMED');
    expect((await bob.status()).mesh).toBeNull();
  });

  it('that are over are refused', async () => {
    const { token, expiresAt } = await invite('--ttl', '1s');
    await until('the token is over', () => Date.now() > new Date(expiresAt).getTime());
    expectRefusal(await failing(bob, ['mesh', 'join', token]), 'VRIFT_TOKEN_EXPIRED');
  });

  it('of a mesh that the inviter has left are refused', async () => {
    const { token } = await invite();
    await alice.vrift(['mesh', 'leave']);
    await alice.createMesh('another');
    expectRefusal(await failing(bob, ['mesh', 'join', token]), 'VRIFT_TOKEN_FOREIGN');
    expect((await bob.status()).mesh).toBeNull();
  });

  it('admit one node', async () => {
    const { token } = await invite();
    await bob.vrift(['mesh', 'join', token]);
    await using carol = await Developer.create('carol', { checkout: 'c' });
    await carol.start();
    expectRefusal(await failing(carol, ['mesh', 'join', token]), 'VRIFT_TOKEN_USED');
  });

  it('are of no use to a node that is in a mesh', async () => {
    const { token } = await invite();
    expectRefusal(await failing(bob, ['mesh', 'join', token]), 'VRIFT_MESH_MEMBER');
  });

  it('for somebody who is not there say so', async () => {
    const { token } = await invite();
    await alice.stop();
    await using carol = await Developer.create('carol', { checkout: 'c' });
    await carol.start();
    expectRefusal(await failing(carol, ['mesh', 'join', token]), 'VRIFT_JOIN_UNREACHABLE');
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
      const started = await alice.vrift(['start'], { allowFailure: true });
      expectRefusal(started, 'VRIFT_CONFIG_INVALID');
      expect(started.stderr).toContain(`config.toml:${line}`);
      expect(started.stderr).toContain(key);
    }
    await expectBuild(alice);
  }, 120_000);

  it('with a remote is refused as long as there is none', async () => {
    await using alice = await Developer.create('alice', {
      config: '[l2_cache]\nremote_url = "s3://company-build-cache/velo-l2"\n',
    });
    const started = await alice.vrift(['start'], { allowFailure: true });
    expectRefusal(started, 'VRIFT_REMOTE_UNAVAILABLE');
  });

  it('in the environment is checked like a file', async () => {
    await using alice = await Developer.create('alice');
    const started = await alice.vrift(['start'], {
      allowFailure: true,
      env: { VRIFT_L2_CACHE_MAX_LOCAL_SIZE: 'lots' },
    });
    expectRefusal(started, 'VRIFT_CONFIG_INVALID');
    expect(started.stderr).toContain('VRIFT_L2_CACHE_MAX_LOCAL_SIZE');
  });
});

describe('a node', () => {
  it('without a home that it can write is refused, and builds go on', async () => {
    await using alice = await Developer.create('alice');
    const env = { VRIFT_HOME: '/proc/vrift' };
    const started = await alice.vrift(['start'], { env, allowFailure: true });
    expectRefusal(started, 'VRIFT_HOME_UNUSABLE');
    await alice.cargo(SMALL, { env });
  }, 120_000);

  it('whose socket path would be too long is refused, and builds go on', async () => {
    await using alice = await Developer.create('alice');
    const env = { VRIFT_HOME: join(alice.root, 'x'.repeat(120)) };
    const started = await alice.vrift(['start'], { env, allowFailure: true });
    expectRefusal(started, 'VRIFT_SOCKET_PATH_TOO_LONG');
    await alice.cargo(SMALL, { env });
  }, 120_000);

  it('is alone on its home', async () => {
    await using alice = await Developer.create('alice');
    const first = await alice.start();
    const second = await alice.vrift(['start', '--foreground'], { allowFailure: true });
    expectRefusal(second, 'VRIFT_NODE_RUNNING');
    expect((await alice.start()).pid).toBe(first.pid);
  });

  it('whose port is taken works without peers, and says so', async () => {
    const other = createServer();
    const port = await new Promise<number>((resolve) => {
      other.listen(0, '0.0.0.0', () => {
        const address = other.address();
        if (address === null || typeof address === 'string') throw new Error('no port');
        resolve(address.port);
      });
    });
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
        'wire/version.js': ['MESH_PROTOCOL = 1', 'MESH_PROTOCOL = 999'],
      });
      await using alice = await Developer.create('alice', { bin });
      await using bob = await Developer.create('bob', { checkout: 'b' });
      await alice.start();
      await bob.start();
      await alice.createMesh('versions');
      await alice.cargo(SMALL);
      const { token } = await alice.vriftJson<{ token: string }>(['mesh', 'invite']);
      const joined = await bob.vrift(['mesh', 'join', token], { allowFailure: true });
      if (joined.code === 0) {
        await until('bob knows that alice is incompatible', async () =>
          (await bob.peers()).some((peer) => peer.state === 'incompatible'),
        );
      } else {
        expectRefusal(joined, 'VRIFT_PEER_PROTOCOL');
      }
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
  it('whose argv is not UTF-8 compiles what it names', async () => {
    await using alice = await Developer.create('alice');
    await alice.start();
    const script = [
      'set -e',
      'name="$(printf "raw\\\\377.rs")"',
      'mkdir -p out && printf "pub fn seven() -> u32 { 7 }\\n" > "$name"',
      'for round in 1 2; do',
      '  rm -f out/*',
      '  "$VRIFT_RUSTC" rustc --crate-name raw --crate-type lib --emit=dep-info,metadata,link \\',
      '    --out-dir out "$name"',
      '  test -s out/libraw.rlib',
      'done',
    ].join('\n');
    const env = { VRIFT_RUSTC: join(alice.bin, 'vrift-rustc') };
    await alice.run('sh', ['-c', script], { env });
    expect((await alice.stats()).errors).toEqual({});
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
