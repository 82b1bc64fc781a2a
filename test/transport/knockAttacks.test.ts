import { connect } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Membership } from '../../src/identity/membership.js';
import type { NodeKey } from '../../src/identity/nodeKey.js';
import { Conversation } from '../../src/mesh/transport/conversation.js';
import { Knocks, knock } from '../../src/mesh/transport/join.js';
import { listenSecure } from '../../src/mesh/transport/secure.js';
import { tlsOptions } from '../../src/mesh/transport/tlsOptions.js';
import { isProof, proofOf, transcriptOf } from '../../src/mesh/transport/transcript.js';
import { welcomeTo } from '../../src/mesh/transport/welcomeTo.js';
import { ADMIN_PROOF_LABEL, ALPN_JOIN } from '../../src/wire/join.js';
import { until } from '../harness/programs.js';
import { foundMesh, newNode } from '../identity/support.js';
import { drawCode, rawKnock, startAdmin, startNewcomer } from './knockSupport.js';

/** Whoever listens and answers knocks as the test says. */
async function listen(
  key: NodeKey,
  answer: (
    talk: Conversation,
    transcript: (newcomer: Buffer) => Buffer,
    spki: Buffer,
  ) => Promise<void>,
  meshId: string,
): Promise<number> {
  const listener = await listenSecure({
    key,
    port: 0,
    isMember: () => false,
    onPeer: (socket) => void socket.destroy(),
    onJoin: (socket, spki) => {
      const talk = new Conversation(socket, { maxBytes: 4096, deadlineMs: 20_000 });
      const transcript = (newcomer: Buffer) =>
        transcriptOf(socket, { meshId, newcomer, member: key.spki });
      answer(talk, transcript, spki).catch(() => undefined);
    },
  });
  onTestFinished(() => listener.close());
  return listener.port;
}

describe('a mesh of strangers', () => {
  it.each([true, false])(
    'that welcomes without the code is not entered (waiting: %j)',
    async (waiting) => {
      const evil = await foundMesh();
      const node = await newNode();
      let welcomed = false;
      const port = await listen(
        evil.key,
        async (talk, _, spki) => {
          await talk.next();
          if (waiting) talk.send({ kind: 'waiting' });
          evil.membership.add(spki, 'member', 'ann-laptop');
          talk.send(welcomeTo(evil.membership));
          welcomed = true;
        },
        evil.membership.meshId,
      );
      const joined = knock({
        dir: node.dir,
        key: node.key,
        nodeName: 'ann-laptop',
        timeoutMs: 2_000,
        mesh: { id: evil.membership.meshId, name: evil.membership.name },
        doors: [{ host: '127.0.0.1', port }],
        onCode: () => undefined,
      });
      await expect(joined).rejects.toMatchObject({ code: 'VRIFT_JOIN_REFUSED' });
      expect(welcomed).toBe(true);
      expect(await Membership.open(node.dir, node.key)).toBeUndefined();
    },
  );

  it('that has proved nothing cannot send a large frame', async () => {
    const evil = await foundMesh();
    const node = await newNode();
    let sent = 0;
    const port = await listen(
      evil.key,
      async (talk) => {
        await talk.next();
        talk.send({ kind: 'waiting' });
        talk.send({ kind: 'proof', proof: 'A'.repeat(5_000) });
        sent += 1;
      },
      evil.membership.meshId,
    );
    const joined = knock({
      dir: node.dir,
      key: node.key,
      nodeName: 'ann-laptop',
      timeoutMs: 2_000,
      mesh: { id: evil.membership.meshId, name: evil.membership.name },
      doors: [{ host: '127.0.0.1', port }],
      onCode: () => undefined,
    });
    await expect(joined).rejects.toMatchObject({
      code: 'VRIFT_PEER_PROTOCOL',
      cause: { code: 'VRIFT_FRAME_INVALID' },
    });
    expect(sent).toBe(1);
  });

  it('gets three tries at the code, and learns nothing behind it', async () => {
    const evil = await foundMesh();
    const heard: unknown[] = [];
    const port = await listen(
      evil.key,
      async (talk, transcript, spki) => {
        await talk.next();
        talk.send({ kind: 'waiting' });
        for (let guess = 0; guess < 5; guess += 1) {
          const proof = proofOf(Buffer.alloc(32, guess), ADMIN_PROOF_LABEL, transcript(spki));
          talk.send({ kind: 'proof', proof: proof.toString('base64') });
          heard.push(await talk.next());
        }
      },
      evil.membership.meshId,
    );
    const ann = await startNewcomer([{ port, membership: evil.membership }]);
    await expect(ann.joined).rejects.toMatchObject({ code: 'VRIFT_KNOCK_FAILED' });
    expect(heard).toEqual([{ kind: 'wrong' }, { kind: 'wrong' }]);
  });

  it('cannot pass for another by its name', async () => {
    const [evil, real] = [await startAdmin(), await foundMesh()];
    const ann = await startNewcomer([evil], {
      mesh: { id: evil.membership.meshId, name: `${real.membership.name}-of-others` },
    });
    await evil.knocks.approve(ann.code, 'member');
    await expect(ann.joined).rejects.toMatchObject({ code: 'VRIFT_JOIN_REFUSED' });
    expect(await Membership.open(ann.dir, ann.key)).toBeUndefined();
  });
});

describe('a stranger that knocks', () => {
  it('with a code that it overheard is not added: its key makes another', async () => {
    const admin = await startAdmin();
    const [ann, eve] = [await newNode(), await newNode()];
    const { code, nonce } = await drawCode(ann.key, admin.membership);
    const { talk } = await rawKnock(admin, eve.key, { nonce });
    const approved = admin.knocks.approve(code, 'member');
    expect(await talk.next()).toMatchObject({ kind: 'proof' });
    talk.send({ kind: 'open', nonce: nonce.toString('base64') });
    await expect(approved).rejects.toMatchObject({ code: 'VRIFT_KNOCK_NONE' });
    expect(admin.membership.members()).toHaveLength(1);
    expect(admin.knocks.list()).toEqual([]);
  });

  it('with a number that it chose after the code was typed is not added', async () => {
    const admin = await startAdmin();
    const eve = await newNode();
    const { code, nonce } = await drawCode(eve.key, admin.membership);
    const { talk } = await rawKnock(admin, eve.key, { nonce: Buffer.alloc(16, 1) });
    const approved = admin.knocks.approve(code, 'member');
    await talk.next();
    talk.send({ kind: 'open', nonce: nonce.toString('base64') });
    await expect(approved).rejects.toMatchObject({ code: 'VRIFT_KNOCK_NONE' });
    expect(admin.membership.members()).toHaveLength(1);
  });

  it('is not kept for ever once it was sent away, though it does not hang up', async () => {
    const admin = await startAdmin();
    const { key } = await newNode();
    const first = await rawKnock(admin, key, { stays: true });
    await rawKnock(admin, key, { stays: true });
    expect(await first.talk.next()).toMatchObject({ kind: 'refused' });
    await until('its end', () => admin.outcomes.length > 0, 8_000);
  });

  it('and has gone, or was denied, while others are slow to answer is not added', async () => {
    const admin = await startAdmin();
    const [ann, silent] = [await newNode(), await newNode()];
    const { code, nonce } = await drawCode(ann.key, admin.membership);
    const { talk } = await rawKnock(admin, ann.key, { nonce });
    await rawKnock(admin, silent.key);
    const approved = admin.knocks.approve(code, 'member');
    await talk.next();
    talk.send({ kind: 'open', nonce: nonce.toString('base64') });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(admin.knocks.deny(ann.key.nodeId)).toHaveLength(1);
    await expect(approved).rejects.toMatchObject({ code: 'VRIFT_KNOCK_NONE' });
    expect(admin.membership.members()).toHaveLength(1);
  }, 15_000);

  it('does not keep the real one out, though seven of them wait beside it', async () => {
    const admin = await startAdmin();
    const ann = await startNewcomer([admin]);
    for (let n = 0; n < 7; n += 1) {
      const { key } = await newNode();
      const { talk, heard } = await rawKnock(admin, key, { from: `127.0.0.${2 + n}` });
      expect(heard).toEqual({ kind: 'waiting' });
      void talk
        .next()
        .then(() => talk.send({ kind: 'open', nonce: Buffer.alloc(16, n).toString('base64') }))
        .catch(() => undefined);
    }
    const { heard } = await rawKnock(admin, (await newNode()).key, { from: '127.0.0.99' });
    expect(heard).toMatchObject({ kind: 'refused' });
    await admin.knocks.approve(ann.code, 'member');
    await ann.joined;
    expect(admin.membership.members()).toHaveLength(2);
  });

  it('waits twice from one address at most', async () => {
    const admin = await startAdmin();
    const heard = [];
    for (let n = 0; n < 3; n += 1) {
      heard.push((await rawKnock(admin, (await newNode()).key)).heard);
    }
    expect(heard).toEqual([
      { kind: 'waiting' },
      { kind: 'waiting' },
      { kind: 'refused', code: 'VRIFT_JOIN_REFUSED' },
    ]);
    expect(admin.knocks.list()).toHaveLength(2);
  });

  it('that opens to the same code as another gets neither in', async () => {
    const mesh = await foundMesh();
    const knocks = new Knocks({ ...mesh, challenge: async () => 'opened' });
    const admin = await startAdmin({ mesh, knocks });
    const [ann, eve] = [await newNode(), await newNode()];
    const talks = [await rawKnock(admin, ann.key), await rawKnock(admin, eve.key)];
    await expect(knocks.approve('00000000', 'member')).rejects.toMatchObject({
      code: 'VRIFT_KNOCK_FAILED',
    });
    expect(mesh.membership.members()).toHaveLength(1);
    for (const { talk } of talks) expect(await talk.next()).toMatchObject({ kind: 'refused' });
  });
});

describe('an admin', () => {
  it('tries five codes a minute at most', async () => {
    const admin = await startAdmin();
    await rawKnock(admin, (await newNode()).key).then(({ talk }) => {
      const refuse = async (): Promise<void> => {
        await talk.next();
        talk.send({ kind: 'wrong' });
        return refuse();
      };
      refuse().catch(() => undefined);
    });
    for (let n = 0; n < 5; n += 1) {
      await expect(admin.knocks.approve(`0000000${n}`, 'member')).rejects.toMatchObject({
        code: 'VRIFT_KNOCK_NONE',
      });
    }
    const sixth = () => admin.knocks.approve('00000005', 'member');
    await expect(sixth()).rejects.toMatchObject({ code: 'VRIFT_KNOCK_FAILED' });
    admin.clock.time += 60_001;
    await expect(sixth()).rejects.toMatchObject({ code: 'VRIFT_KNOCK_NONE' });
  });

  it('that is none any more, or never was, lets nobody in', async () => {
    const founder = await foundMesh();
    const other = await newNode();
    founder.membership.add(other.key.spki, 'member', 'bob');
    const membership = await Membership.accept(other.dir, other.key, {
      meshId: founder.membership.meshId,
      genesis: founder.membership.genesis,
      statements: founder.membership.statements(),
      secret: founder.membership.secret,
    });
    const member = await startAdmin({ mesh: { ...other, membership } });
    const { heard } = await rawKnock(member, (await newNode()).key);
    expect(heard).toEqual({ kind: 'refused', code: 'VRIFT_JOIN_REFUSED' });
    await expect(member.knocks.approve('00000000', 'member')).rejects.toMatchObject({
      code: 'VRIFT_MESH_FORBIDDEN',
    });
  });
});

describe('a man in the middle', () => {
  it('of a knock cannot pass the admin’s proof on: it is made for his key', async () => {
    const admin = await startAdmin();
    const { meshId } = admin.membership;
    const eve = await newNode();
    const toAdmin = await rawKnock(admin, eve.key);
    let passed: unknown;
    const port = await listen(
      eve.key,
      async (talk) => {
        await talk.next();
        talk.send({ kind: 'waiting' });
        talk.send(await toAdmin.talk.next());
        passed = await talk.next();
        toAdmin.talk.send(passed);
      },
      meshId,
    );
    const ann = await startNewcomer([{ port, membership: admin.membership }]);
    await expect(admin.knocks.approve(ann.code, 'member')).rejects.toMatchObject({
      code: 'VRIFT_KNOCK_NONE',
    });
    expect(passed).toEqual({ kind: 'wrong' });
    expect(admin.membership.members()).toHaveLength(1);
    expect(await Membership.open(ann.dir, ann.key)).toBeUndefined();
  });

  it('of a knock cannot use the opened number either, were he told the code', async () => {
    const admin = await startAdmin();
    const [ann, eve] = [await newNode(), await newNode()];
    const { code, secret, nonce } = await drawCode(ann.key, admin.membership);
    const { talk, socket, spki } = await rawKnock(admin, eve.key, { nonce });
    const approved = admin.knocks.approve(code, 'member');
    const frame = (await talk.next()) as { proof: string };
    const transcript = transcriptOf(socket, {
      meshId: admin.membership.meshId,
      newcomer: ann.key.spki,
      member: spki,
    });
    const proof = Buffer.from(frame.proof, 'base64');
    expect(isProof(proof, { secret, label: ADMIN_PROOF_LABEL, transcript })).toBe(false);
    talk.send({ kind: 'open', nonce: nonce.toString('base64') });
    await expect(approved).rejects.toMatchObject({ code: 'VRIFT_KNOCK_NONE' });
  });
});

describe('a connection that only waits', () => {
  it('is not pushed out by a crowd of others once it knocks', async () => {
    const admin = await startAdmin();
    const { socket } = await rawKnock(admin, (await newNode()).key);
    const stranger = await newNode();
    for (let n = 0; n < 40; n += 1) {
      const crowd = connect({
        ...tlsOptions(stranger.key),
        host: '127.0.0.1',
        port: admin.port,
        ALPNProtocols: [ALPN_JOIN],
      });
      crowd.on('error', () => undefined);
      onTestFinished(() => void crowd.destroy());
      await new Promise((resolve) => crowd.once('secureConnect', resolve));
    }
    await until('the crowd', () => admin.outcomes.length > 0, 5_000);
    expect(socket.destroyed).toBe(false);
    expect(admin.knocks.list()).toHaveLength(1);
  });
});
