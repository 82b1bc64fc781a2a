import { chmodSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/base/clock.js';
import { hashId } from '../../src/identity/ids.js';
import { Invites } from '../../src/identity/invites.js';
import { formatToken, parseToken, splitAddress, type Token } from '../../src/identity/token.js';
import { failureOf, temporaryDir } from './support.js';

const MESH = hashId(Buffer.from('mesh'));
const [ANN, BOB] = [hashId(Buffer.from('ann')), hashId(Buffer.from('bob'))];
const TOKEN: Token = {
  meshId: MESH,
  inviter: hashId(Buffer.from('inviter')),
  secret: Buffer.alloc(16, 7),
  addresses: ['10.0.0.7:7447', '[fe80::1%eth0]:7447', 'attic.local:65535'],
};
const MALFORMED = { code: 'VRIFT_TOKEN_MALFORMED' };

describe('a token', () => {
  it('is one word that says where to go', () => {
    const text = formatToken(TOKEN);
    expect(text).toMatch(/^vrift1-[a-z2-7]+$/);
    expect(parseToken(text)).toEqual(TOKEN);
    expect(TOKEN.addresses.map(splitAddress)).toEqual([
      { host: '10.0.0.7', port: 7447 },
      { host: 'fe80::1%eth0', port: 7447 },
      { host: 'attic.local', port: 65535 },
    ]);
  });

  it('survives line breaks and capitals', () => {
    const text = formatToken(TOKEN);
    const mailed = `  ${text.slice(0, 60).toUpperCase()}\r\n ${text.slice(60)}\n`;
    expect(parseToken(mailed)).toEqual(TOKEN);
  });

  it('shows every typing error', async () => {
    const text = formatToken(TOKEN);
    for (let at = 0; at < text.length; at += 1) {
      const wrong = text[at] === 'a' ? 'b' : 'a';
      const typo = text.slice(0, at) + wrong + text.slice(at + 1);
      expect(await failureOf(() => parseToken(typo)), typo).toMatchObject(MALFORMED);
      const lost = text.slice(0, at) + text.slice(at + 1);
      expect(await failureOf(() => parseToken(lost)), lost).toMatchObject(MALFORMED);
    }
  });

  it('is not made for addresses that nobody could dial', async () => {
    const bad = [
      [],
      ['attic'],
      ['attic:0'],
      ['attic:70000'],
      ['a b:1'],
      ['-x:1'],
      ['[::1:5'],
      ['\u001b:1'],
    ];
    const many = Array.from({ length: 9 }, () => 'attic:1');
    for (const addresses of [...bad, many, [`${'a'.repeat(260)}:1`]]) {
      const failure = await failureOf(() => formatToken({ ...TOKEN, addresses }));
      expect(failure, String(addresses)).toMatchObject(MALFORMED);
    }
  });

  it('is read without harm from any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^vrift1-[a-z2-7]{0,400}$/)), (text) => {
        expect(() => parseToken(text)).toThrow(expect.objectContaining(MALFORMED));
      }),
    );
    expect(() => parseToken(`vrift1-${'a'.repeat(5_000_000)}`)).toThrow();
  });
});

describe('invitations', () => {
  function clockAt(start: number): Clock & { time: number } {
    return {
      time: start,
      now() {
        return this.time;
      },
      monotonic() {
        return this.time;
      },
    };
  }

  async function invited(ttlMs = 1000) {
    const dir = temporaryDir();
    const clock = clockAt(1_000_000);
    const invites = await Invites.open(dir, clock);
    const { inviter, addresses } = TOKEN;
    const issued = invites.issue({ meshId: MESH, inviter, role: 'ci', ttlMs, addresses });
    const { secret } = parseToken(issued.token);
    const burn = (from: Invites, node: string) => {
      const invite = from.find(MESH, (known) => known.equals(secret));
      if (invite === undefined) throw new Error('no such invitation');
      return from.burn(invite, node);
    };
    return { dir, clock, invites, burn, ...issued };
  }

  it('admit one node, with the role that the inviter chose', async () => {
    const { invites, burn, expiresAt } = await invited();
    expect(expiresAt).toBe(1_001_000);
    expect(burn(invites, ANN)).toBe('ci');
    expect(burn(invites, ANN)).toBe('ci');
    expect(await failureOf(() => burn(invites, BOB))).toMatchObject({ code: 'VRIFT_TOKEN_USED' });
  });

  it('stay used after a crash', async () => {
    const { dir, clock, invites, burn } = await invited();
    burn(invites, ANN);
    const reopened = await Invites.open(dir, clock);
    expect(await failureOf(() => burn(reopened, BOB))).toMatchObject({ code: 'VRIFT_TOKEN_USED' });
    expect(burn(reopened, ANN)).toBe('ci');
  });

  it('expire, also for the node that used them', async () => {
    const { clock, invites, burn } = await invited();
    burn(invites, ANN);
    clock.time += 1000;
    expect(await failureOf(() => burn(invites, ANN))).toMatchObject({
      code: 'VRIFT_TOKEN_EXPIRED',
    });
  });

  it('do not serve another mesh', async () => {
    const { invites } = await invited();
    expect(invites.find(ANN, () => true)).toBeUndefined();
    expect(invites.find(MESH, () => false)).toBeUndefined();
  });

  it('are secrets on disk, and a damaged file is not forgotten', async () => {
    const { dir } = await invited();
    const path = join(dir, 'invites.json');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    truncateSync(path, 30);
    await expect(Invites.open(dir)).rejects.toMatchObject({ code: 'VRIFT_MESH_DAMAGED' });
    chmodSync(path, 0o640);
    await expect(Invites.open(dir)).rejects.toMatchObject({ code: 'VRIFT_HOME_UNUSABLE' });
  });

  it('are bounded: old ones make room, open ones do not', async () => {
    const { clock, invites } = await invited();
    const { inviter, addresses } = TOKEN;
    const issue = (ttlMs: number) =>
      invites.issue({ meshId: MESH, inviter, role: 'member', ttlMs, addresses });
    for (let count = 1; count < 256; count += 1) issue(1000);
    expect(await failureOf(() => issue(1000))).toMatchObject({ code: 'VRIFT_USAGE' });
    clock.time += 1000;
    issue(1000);
    expect(await failureOf(() => issue(0))).toMatchObject({ code: 'VRIFT_USAGE' });
    expect(await failureOf(() => issue(Number.NaN))).toMatchObject({ code: 'VRIFT_USAGE' });
  });
});

describe('invitations of a node that gets another key, or leaves', () => {
  it('are void, of that mesh only, also after a restart', async () => {
    const dir = temporaryDir();
    const invites = await Invites.open(dir);
    const mesh = (name: string) => hashId(Buffer.from(name));
    const issue = (name: string) => {
      const more = { role: 'admin', ttlMs: 60_000, addresses: ['127.0.0.1:7391'] } as const;
      const made = invites.issue({
        meshId: mesh(name),
        inviter: mesh('inviter'),
        ...more,
        addresses: [...more.addresses],
      });
      return parseToken(made.token).secret;
    };
    const secrets = { attic: issue('attic'), cellar: issue('cellar') };
    invites.void(mesh('attic'));
    for (const records of [invites, await Invites.open(dir)]) {
      const knows = (name: 'attic' | 'cellar') =>
        records.find(mesh(name), (secret) => secret.equals(secrets[name])) !== undefined;
      expect([knows('attic'), knows('cellar')]).toEqual([false, true]);
    }
  });
});
