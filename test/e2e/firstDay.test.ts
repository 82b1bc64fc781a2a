import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KnockInfo, MeshInfo } from '../../src/wire/control.js';
import { Developer } from '../harness/developer.js';
import { has } from '../harness/needs.js';
import { Lan, type LanHost } from '../harness/netns.js';
import { until } from '../harness/programs.js';

type Joined = MeshInfo & { via: string };

/** `vrift mesh join`, which shows a code and waits. */
function knockAs(developer: Developer, host: LanHost, ...more: string[]) {
  const program = join(developer.bin, 'vrift');
  const args = ['netns', 'exec', host.namespace, program, 'mesh', 'join', '--json', ...more];
  const child = spawn('ip', args, { env: developer.env, cwd: developer.checkout });
  const said = { stdout: '', stderr: '', code: undefined as number | null | undefined };
  child.stdout.on('data', (text: Buffer) => (said.stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (said.stderr += text.toString()));
  child.on('close', (code) => {
    said.code = code;
  });
  const code = () => until('the code', () => /code: (\S+)/.exec(said.stderr)?.[1], 15_000);
  const ended = () =>
    until('the end of join', () => (said.code === undefined ? undefined : said), 30_000);
  return { child, code, ended };
}

describe.skipIf(!has('netns') && process.env.CI !== 'true')('a first day in the office', () => {
  let lan: Lan;
  let alice: Developer;
  let bob: Developer;
  let carol: Developer;

  beforeAll(async () => {
    lan = await Lan.open([{}, {}, {}]);
    const [a, b, c] = lan.hosts;
    alice = await Developer.create('alice', { host: a! });
    bob = await Developer.create('bob', { host: b! });
    carol = await Developer.create('carol', { host: c! });
  });

  afterAll(async () => {
    for (const developer of [alice, bob, carol]) await developer?.dispose();
    await lan?.close();
  });

  it('begins with a mesh that the first one founds', async () => {
    const joined = await alice.vriftJson<Joined>(['mesh', 'join', '--mesh', 'office']);
    expect(joined).toMatchObject({ name: 'office', role: 'admin', via: 'founded' });
  });

  it('takes one command and one code for a colleague', async () => {
    const knocking = knockAs(bob, lan.hosts[1]!);
    const code = await knocking.code();
    const [knock] = (await alice.status()).mesh?.knocks ?? [];
    expect(knock?.node).toBe((await bob.status()).node);
    const added = await alice.vriftJson<KnockInfo[]>(['mesh', 'approve', code.toLowerCase()]);
    expect(added).toEqual([knock]);
    const { stdout, code: exit } = await knocking.ended();
    expect(JSON.parse(stdout)).toMatchObject({ name: 'office', role: 'member', via: 'approved' });
    expect(exit).toBe(0);
    await bob.meets(alice);
    await alice.meets(bob);
  });

  it('leaves nothing of a knock that is given up or denied', async () => {
    const first = knockAs(carol, lan.hosts[2]!);
    await first.code();
    first.child.kill('SIGINT');
    await until('the end of the knock', async () => {
      return (await alice.status()).mesh?.knocks.length === 0;
    });
    const second = knockAs(carol, lan.hosts[2]!);
    await second.code();
    expect(await alice.vriftJson<KnockInfo[]>(['mesh', 'deny', '--all'])).toHaveLength(1);
    const { stdout, code } = await second.ended();
    expect([code, JSON.parse(stdout).error.code]).toEqual([1, 'VRIFT_JOIN_REFUSED']);
    expect((await carol.status()).mesh).toBeNull();
  });

  it('asks for a name where two meshes are in sight', async () => {
    await carol.vrift(['mesh', 'create', 'attic']);
    const dave = await Developer.create('dave', { host: lan.hosts[1]! });
    try {
      const { stdout, code } = await knockAs(dave, lan.hosts[1]!).ended();
      expect([code, JSON.parse(stdout).error.code]).toEqual([1, 'VRIFT_JOIN_AMBIGUOUS']);
      const named = knockAs(dave, lan.hosts[1]!, '--mesh', 'attic');
      await carol.vrift(['mesh', 'approve', await named.code(), '--role', 'reader']);
      expect(JSON.parse((await named.ended()).stdout)).toMatchObject({
        name: 'attic',
        role: 'reader',
      });
    } finally {
      await dave.dispose();
    }
  });

  it('leaves a mesh of one for the one that everybody is in', async () => {
    await carol.vrift(['mesh', 'leave', '--force']);
    await carol.vrift(['mesh', 'create', 'mine']);
    const knocking = knockAs(carol, lan.hosts[2]!, '--mesh', 'office');
    await alice.vrift(['mesh', 'approve', await knocking.code(), '--role', 'admin']);
    expect(JSON.parse((await knocking.ended()).stdout)).toMatchObject({ name: 'office' });
    await carol.meets(bob);
  });

  it('ends for a lost laptop with one command, and it stays out', async () => {
    const { node } = await bob.status();
    await alice.vrift(['mesh', 'revoke', node.slice(0, 12)]);
    for (const left of [alice, carol]) {
      await until(
        `${left.name} drops bob`,
        async () => !(await left.peers()).some((peer) => peer.node === node),
        1_000,
      );
    }
    await carol.stop();
    await carol.start();
    await carol.meets(alice);
    expect((await carol.peers()).some((peer) => peer.node === node)).toBe(false);
    await until('bob sees nobody', async () => {
      return (await bob.peers()).every(({ state }) => state !== 'connected');
    });
  });

  it('keeps the key of an admin whom nobody hears: nobody would know the new one', async () => {
    const { node } = await carol.status();
    await alice.stop();
    await until('carol is alone', async () => {
      return (await carol.peers()).every(({ state }) => state !== 'connected');
    });
    const refused = await carol.vrift(['mesh', 'rotate', '--json'], { allowFailure: true });
    expect([refused.code, JSON.parse(refused.stdout).error.code]).toEqual([
      1,
      'VRIFT_MESH_FORBIDDEN',
    ]);
    expect((await carol.status()).node).toBe(node);
    await alice.start();
    await carol.meets(alice);
  });

  it('goes on for an admin with a new key, whom everybody knows again', async () => {
    const before = (await carol.status()).node;
    const info = await carol.vriftJson<MeshInfo>(['mesh', 'rotate']);
    expect(info).toMatchObject({ name: 'office', role: 'admin' });
    expect(info.node).not.toBe(before);
    await alice.meets(carol);
    const members = await alice.vriftJson<{ node: string; revoked: boolean }[]>([
      'mesh',
      'members',
    ]);
    expect(members.find(({ node }) => node === before)?.revoked).toBe(true);
  });
});
