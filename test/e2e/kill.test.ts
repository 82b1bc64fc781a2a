import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Developer, formMesh } from '../harness/developer.js';

const BUILD = ['build', '--workspace'];

/** Long enough for the sample without any cache, and for a node that hangs in between. */
const GREEN_MS = 180_000;

interface Moment {
  signal: 'SIGKILL' | 'SIGSTOP';
  /** Sent when cargo has announced this many packages. */
  afterPackages: number;
}

const MOMENTS: Moment[] = [
  { signal: 'SIGKILL', afterPackages: 1 },
  { signal: 'SIGKILL', afterPackages: 8 },
  { signal: 'SIGSTOP', afterPackages: 1 },
  { signal: 'SIGSTOP', afterPackages: 6 },
];

/** Builds, and strikes a node when cargo has come so far. */
async function buildAndStrike(builder: Developer, struck: Developer, moment: Moment) {
  let announced = 0;
  let sent = false;
  await builder.cargo(BUILD, {
    timeoutMs: GREEN_MS,
    onLine: (line) => {
      if (/^\s*Compiling /.test(line)) announced += 1;
      if (sent || announced < moment.afterPackages) return;
      sent = true;
      struck.signalNode(moment.signal);
    },
  });
  expect(sent).toBe(true);
}

/** What counts in the end: the program works, nothing is dirty, and nothing wrong was stored. */
async function expectSound(builder: Developer, struck: Developer) {
  expect((await builder.program('quill', ['select count() as pens'])).stdout).toContain('500');
  struck.endNode();
  await struck.start();
  const again = await builder.cargo(BUILD);
  expect(again.stderr).not.toMatch(/^\s*Compiling/m);

  await builder.clean();
  await builder.cargo(BUILD);
  expect((await builder.program('quill', ['about'])).stdout).toContain('quill 0.4.2');
  for (const developer of new Set([builder, struck])) {
    const { bad } = await developer.vriftJson<{ bad: number }>(['verify']);
    expect(bad).toBe(0);
  }
}

describe("a developer's build stays green", () => {
  for (const moment of MOMENTS) {
    const { signal, afterPackages } = moment;
    it(`when the own node gets ${signal} after ${afterPackages} packages`, async () => {
      await using alice = await Developer.create('alice');
      await alice.start();
      await buildAndStrike(alice, alice, moment);
      await expectSound(alice, alice);
    }, 400_000);
  }
});

describe("the second developer's build stays green", () => {
  let alice: Developer;

  beforeAll(async () => {
    alice = await Developer.create('alice');
    await alice.start();
    await alice.createMesh('kill');
    await alice.cargo(BUILD);
  }, GREEN_MS);

  afterAll(() => alice?.dispose());

  for (const moment of MOMENTS) {
    const { signal, afterPackages } = moment;
    for (const who of ['giving', 'taking'] as const) {
      it(`when the ${who} node gets ${signal} after ${afterPackages} packages`, async () => {
        await using bob = await Developer.create('bob', { checkout: 'over/there' });
        await bob.start();
        await bob.join(alice);
        await bob.meets(alice);
        const struck = who === 'giving' ? alice : bob;
        await buildAndStrike(bob, struck, moment);
        await expectSound(bob, struck);
      }, 400_000);
    }
  }
});

it('two nodes that meet later share what each compiled alone', async () => {
  await using alice = await Developer.create('alice');
  await using bob = await Developer.create('bob', { checkout: 'over/there' });
  await alice.start();
  await alice.cargo(BUILD);
  await formMesh('later', alice, bob);
  await bob.cargo(BUILD);
  const { compiled, hits } = await bob.stats();
  expect(compiled).toBe(0);
  expect(hits.peer).toBeGreaterThan(15);
}, 400_000);
