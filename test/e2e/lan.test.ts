import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Developer, type DeveloperOptions, formMesh } from '../harness/developer.js';
import { has } from '../harness/needs.js';
import { Lan } from '../harness/netns.js';

const BUILD = ['build', '--workspace', '--all-targets'];

/** Two hosts on a switch where that is possible, one of them without a default route. */
const NETWORKS = [
  { network: 'one machine', capable: true, open: async () => undefined },
  {
    network: 'two hosts on a switch',
    capable: has('netns') || process.env.CI === 'true',
    open: () => Lan.open([{}, { defaultRoute: false }]),
  },
];

for (const { network, capable, open } of NETWORKS) {
  describe.skipIf(!capable)(`two developers, ${network}`, () => {
    let lan: Lan | undefined;
    let alice: Developer;
    let bob: Developer;

    beforeAll(async () => {
      lan = await open();
      const on = (host: number, options: DeveloperOptions): DeveloperOptions =>
        lan === undefined ? options : { ...options, host: lan.hosts[host]! };
      alice = await Developer.create('alice', on(0, { checkout: 'work' }));
      const elsewhere = { checkout: 'a/longer path/to/the checkout', ownToolchain: true };
      bob = await Developer.create('bob', on(1, elsewhere));
      await formMesh('office', alice, bob);
    });

    afterAll(async () => {
      await alice?.dispose();
      await bob?.dispose();
      await lan?.close();
    });

    it('find each other by mDNS alone', async () => {
      // The invitation's addresses are of no use any more: both come back on other ports.
      for (const developer of [alice, bob]) await developer.stop();
      for (const developer of [alice, bob]) await developer.start();
      const seen = [await bob.meets(alice), await alice.meets(bob)];
      expect(seen.map((peer) => peer.via)).toContain('mdns');
    });

    it('compile everything once: the first compiles', { timeout: 300_000 }, async () => {
      await alice.cargo(BUILD);
      const { units, compiled, hits, bypassed } = await alice.stats();
      expect(units).toBeGreaterThan(30);
      expect(compiled).toBe(units);
      expect(hits).toEqual({ disk: 0, peer: 0, remote: 0 });
      expect(bypassed).toEqual({});
    });

    it('… and the second compiles nothing', { timeout: 300_000 }, async () => {
      await bob.cargo(BUILD);
      const { units, compiled, hits, misses } = await bob.stats();
      expect({ compiled, misses }).toEqual({ compiled: 0, misses: 0 });
      expect(units).toBe((await alice.stats()).units);
      expect(hits).toEqual({ disk: 0, peer: units, remote: 0 });
    });

    it('… nor ever again: the next build is silent', async () => {
      const before = await bob.stats();
      const { stdout } = await bob.cargo([...BUILD, '--message-format=json', '-q']);
      const artifacts = stdout
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as { reason: string; fresh?: boolean; target?: unknown })
        .filter((message) => message.reason === 'compiler-artifact');
      expect(artifacts.length).toBeGreaterThan(30);
      expect(artifacts.filter((artifact) => !artifact.fresh)).toEqual([]);
      expect((await bob.stats()).units).toBe(before.units);
    });

    it('… and from his own disk once the target directory is gone', {
      timeout: 300_000,
    }, async () => {
      await bob.resetStats();
      await bob.clean();
      await bob.cargo(BUILD);
      const { units, compiled, hits } = await bob.stats();
      expect(compiled).toBe(0);
      expect(hits).toEqual({ disk: units, peer: 0, remote: 0 });
    });

    it('… and what he got runs, and passes its tests', { timeout: 300_000 }, async () => {
      const about = await bob.program('quill', ['about']);
      expect(about.stdout).toMatch(/^quill 0\.4\.2 .*\ncrates\/quill\/src\/lib\.rs:\d+\n$/);
      const answer = await bob.program('quill', ['select count() as pens']);
      expect(answer.stdout).toContain('500');
      const panic = await bob.program('quill', ['panic'], { allowFailure: true });
      expect(panic.stderr).toContain('crates/quill/src/main.rs:');

      // Cargo itself asks for a few other units here than for `build --all-targets`.
      await alice.cargo(['test', '--workspace', '--no-run']);
      await bob.resetStats();
      const { stdout } = await bob.cargo(['test', '--workspace']);
      const results = [...stdout.matchAll(/^test result: (\w+)\. (\d+) passed/gm)];
      expect(results.every(([, verdict]) => verdict === 'ok')).toBe(true);
      expect(results.reduce((sum, [, , passed]) => sum + Number(passed), 0)).toBeGreaterThan(50);
      expect((await bob.stats()).compiled).toBe(0);
    });

    it('… and builds on without vrift', { timeout: 300_000 }, async () => {
      const { stderr } = await bob.cargo(BUILD, { env: { VRIFT_DISABLE: '1' } });
      expect(stderr).not.toMatch(/^\s*Compiling/m);
      await bob.run('touch', ['crates/quill-value/src/lib.rs']);
      await bob.cargo(BUILD, { env: { VRIFT_DISABLE: '1' } });
    });

    it('share a warning with its place, once', { timeout: 300_000 }, async () => {
      await bob.clean();
      const { stderr } = await bob.cargo(['build', '-p', 'quill']);
      expect(stderr.match(/function `left_for_later` is never used/g)).toHaveLength(1);
      expect(stderr).toMatch(/--> crates\/quill\/src\/lib\.rs:\d+:\d+/);
    });

    it('show each other in `vrift peers`', async () => {
      const seen = (await bob.peers()).find((peer) => peer.state === 'connected')!;
      expect(seen.hits).toBeGreaterThan(30);
      expect(seen.bytesIn).toBeGreaterThan(1_000_000);
      const given = (await alice.peers()).find((peer) => peer.state === 'connected')!;
      expect(given.bytesOut).toBeGreaterThan(1_000_000);
    });
  });
}

describe('other kinds of build', () => {
  let alice: Developer;
  let bob: Developer;

  beforeAll(async () => {
    alice = await Developer.create('alice', { checkout: 'work' });
    bob = await Developer.create('bob', { checkout: 'some/where/else' });
    await formMesh('kinds', alice, bob);
  });

  afterAll(async () => {
    await alice?.dispose();
    await bob?.dispose();
  });

  const KINDS: { kind: string; args: string[]; env?: NodeJS.ProcessEnv }[] = [
    { kind: 'check', args: ['check', '--workspace', '--all-targets'] },
    { kind: 'release', args: ['build', '--release', '--workspace'] },
    {
      kind: 'other features',
      args: ['build', '-p', 'quill', '--no-default-features', '--features', 'pretty'],
    },
    {
      kind: 'without incremental state',
      args: ['build', '--workspace'],
      env: { CARGO_INCREMENTAL: '0' },
    },
  ];

  for (const { kind, args, env } of KINDS) {
    it(`are shared: ${kind}`, { timeout: 300_000 }, async () => {
      await alice.cargo(args, { env: env ?? {} });
      await bob.resetStats();
      await bob.cargo(args, { env: env ?? {} });
      const { units, compiled, hits } = await bob.stats();
      expect(compiled).toBe(0);
      expect(hits.peer + hits.disk).toBe(units);
      expect(hits.peer).toBeGreaterThan(0);
      const again = await bob.cargo(args, { env: env ?? {} });
      expect(again.stderr).not.toMatch(/^\s*(Compiling|Checking)/m);
    });
  }
});

describe('what bakes a path in', () => {
  it('is compiled where it is used, and only that', { timeout: 300_000 }, async () => {
    await using alice = await Developer.create('alice', { workspace: 'bound', checkout: 'work' });
    await using bob = await Developer.create('bob', { workspace: 'bound', checkout: 'over/here' });
    await formMesh('bound', alice, bob);
    await alice.cargo(['build', '--workspace', '--all-targets']);
    await bob.cargo(['build', '--workspace', '--all-targets']);

    for (const developer of [alice, bob]) {
      const { stdout } = await developer.program('whereami');
      const [directory, last, , generated] = stdout.trim().split('\n');
      expect(directory).toBe(`${developer.checkout}/crates/anchor`);
      expect(last).toBe('anchor');
      expect(generated).toContain(developer.targetDir);
      await developer.cargo(['test', '--workspace']);
    }
    const { hits, compiled } = await bob.stats();
    expect(hits.peer).toBeGreaterThanOrEqual(3); // plain, its tests, the build script
    expect(compiled).toBeGreaterThanOrEqual(3); // anchor, whereami, its test

    await bob.clean();
    await bob.resetStats();
    await bob.cargo(['build', '--workspace', '--all-targets']);
    expect((await bob.stats()).compiled).toBe(0);
  });
});
