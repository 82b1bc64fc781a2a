import { mkdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, it } from 'vitest';
import { attest } from '../../src/identity/attestation.js';
import { harmless } from '../../src/pipeline/harmless.js';
import type { Found } from '../../src/wire/http.js';
import { until } from '../harness/programs.js';
import { foundMesh } from '../identity/support.js';
import { digestOf } from '../mesh/support.js';
import { isSound } from '../traps/alone.js';
import { builds } from '../traps/builds.js';
import { outside, ROGUE_PORT } from './support.js';
import { HONEST, Turned } from './turned.js';

const config = `peers = ["10.77.0.3:${ROGUE_PORT}"]\ndiscovery = false\n`;
let mallory: Turned;
const before = async (office: Turned['office']) => {
  mallory = await Turned.open(office);
};
const each = (change: (found: Found) => Found) => (found: Found[][]) =>
  found.map((list) => list.map(change));

outside(
  'a member that turned',
  () => {
    beforeEach(() => {
      mallory.turn = HONEST();
    });
    afterAll(() => mallory?.[Symbol.asyncDispose]());

    it('is believed while she is honest', async () => {
      await builds(await mallory.project(), ['build'], { peer: 2 });
    });

    const LIES: Record<string, () => (found: Found[][]) => unknown> = {
      'an answer for one key under another': () => (found) =>
        found.map((list) => {
          const [own] = list;
          const others = [...mallory.known.values()];
          return others.filter(({ result }) => result.unitKey !== own?.result.unitKey);
        }),
      'another node’s statement with a change': () => (found) =>
        each((one) => ({ ...one, result: { ...one.result, target: 'x86_64-other' } }))(found),
      'somebody else’s name on her own statement': () =>
        each((one) => {
          const mine = mallory.vouched(one, () => {});
          const { signer } = one.attestations[0]!;
          return { ...mine, attestations: [{ ...mine.attestations[0]!, signer }] };
        }),
      'an output that climbs (../x)': () =>
        each((one) => mallory.vouched(one, add('dwo:/../../../x.dwo'))),
      'a file more than the call makes': () => each((one) => mallory.vouched(one, add('cdylib'))),
      'a set-uid bit': () =>
        each((one) =>
          mallory.vouched(one, ({ result }) => {
            Object.assign(result.outputs[0]!, { executable: 0o4755 });
          }),
        ),
      'an answer with a million entries': () => () => Array.from({ length: 1_000_000 }, () => []),
      'a result with a million inputs': () =>
        each((one) =>
          mallory.vouched(one, ({ manifest }) => {
            manifest.inputs = Array.from({ length: 60_000 }, () => ['./a', digestOf('a')]);
          }),
        ),
    };
    for (const [lie, make] of Object.entries(LIES)) {
      it(`is cut off with a reason for ${lie}`, async () => {
        mallory.turn.find = make();
        await isCutOff();
      });
    }

    it('is cut off with a reason for an attestation of another mesh', async () => {
      const { key, membership } = await foundMesh('cellar');
      mallory.turn.find = each((one) => {
        const { resultKey, resultDigest } = one.attestations[0]!;
        const word = { mesh: membership.meshId, resultKey, resultDigest, at: 1 };
        return { ...one, attestations: [attest(key, word)] };
      });
      await isCutOff();
    });

    it('is cut off with a reason for other bytes under a true attestation', async () => {
      mallory.turn.blobs = (bytes) =>
        Buffer.from(bytes.map((byte, at) => (at > 8 ? byte ^ 1 : byte)));
      await isCutOff();
    });

    it('learns nothing of private files by naming them as inputs', async () => {
      const { alice } = mallory.office;
      const secret = join(alice.home, '.ssh', 'id_ed25519');
      await mkdir(join(alice.home, '.ssh'), { mode: 0o700 });
      await writeFile(secret, 'private');
      const long = new Date('2001-01-01');
      await utimes(secret, long, new Date());
      await alice.run('mkfifo', [join(alice.home, 'pipe')]);
      for (const path of [
        secret,
        '/vr/home/.ssh/id_ed25519',
        join(alice.home, 'pipe'),
        '/dev/zero',
      ]) {
        mallory.turn.find = each((one) =>
          mallory.vouched(one, ({ manifest }) => {
            manifest.inputs = [...manifest.inputs, [path, digestOf('private')] as never].sort(
              ([a], [b]) => (a < b ? -1 : 1),
            );
          }),
        );
        const hers = await mallory.project();
        const { counted } = await builds(hers, ['build'], { compiled: 2 }, { timeoutMs: 30_000 });
        expect(counted.hits.peer).toBe(0);
        expect(mallory.passedOn).toBeGreaterThan(0);
        expect(counted.bytes.peerIn).toBe(0);
        // Right or wrong, the guess made no difference that she could see: nothing was fetched.
        expect(mallory.asked.filter((asked) => asked.startsWith('/v1/blob'))).toEqual([]);
      }
      expect((await stat(secret)).atime).toEqual(long);
    }, 90_000);

    it('writes nothing but text and colours on a terminal', async () => {
      const hostile = Buffer.from(
        '\u001b]0;owned\u0007\u001b[2J\u001b[31mwarning\u001b[0m: hers\n',
      );
      const digest = digestOf(hostile);
      mallory.turn.own.set(digest, hostile);
      mallory.turn.find = each((one) =>
        mallory.vouched(one, ({ result }) => {
          result.stderr = { digest, size: hostile.length };
        }),
      );
      mallory.turn.blobs = (bytes) => bytes;
      const { stderr } = await builds(await mallory.project(), ['build'], { peer: 2 });
      expect(stderr).toContain('hers');
      expect(stderr).toBe(harmless(stderr));
      expect(stderr).not.toContain('owned');
    });

    async function isCutOff(): Promise<void> {
      const { alice } = mallory.office;
      const hers = await mallory.project();
      const { rssBytes, pid } = await alice.status();
      const { counted } = await builds(hers, ['build'], { compiled: 2 }, { timeoutMs: 30_000 });
      expect(await hers.output()).toBe('truth');
      expect(counted.hits.peer).toBe(0);
      await until('a fault', async () => (await alice.stats()).errors.VRIFT_PEER_INVALID);
      expect((await alice.vrift(['log'])).stdout).toMatch(/peer .*VRIFT_PEER_INVALID/);
      const after = await alice.status();
      expect(after.pid).toBe(pid);
      expect(after.rssBytes! - rssBytes!).toBeLessThan(256 * 1024 * 1024);
      await isSound(alice);
    }
  },
  { config, before },
);

const add = (role: string) => (found: Found) => {
  const output = found.result.outputs.find(({ size }) => size > 0)!;
  found.result.outputs.push({ ...output, role: role as never });
};
