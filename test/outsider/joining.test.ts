import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { createServer } from 'node:tls';
import { afterEach, expect, it, onTestFinished } from 'vitest';
import { NodeKey } from '../../src/identity/nodeKey.js';
import { parseToken } from '../../src/identity/token.js';
import { proofOf, transcriptOf } from '../../src/mesh/transport/transcript.js';
import { encodeFrame } from '../../src/wire/frame.js';
import { ALPN_JOIN } from '../../src/wire/join.js';
import { Developer } from '../harness/developer.js';
import { until } from '../harness/programs.js';
import { newNode, type TestNode } from '../identity/support.js';
import { outside, said } from './support.js';

outside('joining by token', (at) => {
  const newcomers: Developer[] = [];
  afterEach(async () => {
    for (const each of newcomers.splice(0)) await each.dispose();
  });

  /** Somebody with a node of their own, on the second host. */
  async function newcomer(): Promise<Developer> {
    const host = at.office.lan.hosts[1]!;
    const developer = await Developer.create('carol', { host, workspace: 'bound' });
    newcomers.push(developer);
    await developer.start();
    return developer;
  }
  const invite = async () =>
    (await at.office.alice.vriftJson<{ token: string }>(['mesh', 'invite'])).token;
  const members = () => at.office.alice.vriftJson<{ node: string }[]>(['mesh', 'members']);
  const tries = (who: Developer, token: string) =>
    who.vrift(['mesh', 'join', '-'], { input: token, allowFailure: true, timeoutMs: 40_000 });

  /** Nothing is kept of a join that failed, and Alice knows nobody more. */
  async function isRefused(token: string, code: RegExp): Promise<void> {
    const [carol, before] = [await newcomer(), await members()];
    const { code: exit, stderr } = await tries(carol, token);
    expect(exit).toBe(1);
    expect(stderr).toMatch(code);
    expect(existsSync(join(carol.vriftHome, 'identity', 'mesh.json'))).toBe(false);
    expect(await members()).toEqual(before);
  }

  /** The join protocol by hand, from the outsider's host or through `path`. */
  async function dial(node: TestNode, path?: string): Promise<TLSSocket> {
    const socket = at.office.dial(node.key, { ALPNProtocols: [ALPN_JOIN], ...(path && { path }) });
    await once(socket, 'secureConnect');
    return socket;
  }
  function redeem(socket: TLSSocket, token: string, node: TestNode, member: Buffer): Buffer {
    const { meshId: mesh, secret } = parseToken(token);
    const transcript = transcriptOf(socket, { meshId: mesh, newcomer: node.key.spki, member });
    const proof = proofOf(secret, 'token', transcript).toString('base64');
    return encodeFrame({ kind: 'token', v: 1, mesh, name: 'dave', proof });
  }
  const founder = () => at.office.founder.key.spki;

  it('works once, for one machine: a replayed token admits nobody', async () => {
    const token = await invite();
    expect((await tries(await newcomer(), token)).code).toBe(0);
    await at.office.unharmed(() => isRefused(token, /another node used the token/));
  });

  it('burns the token before it answers, so that a crash between gives no second use', async () => {
    const token = await invite();
    const dave = await newNode();
    const socket = await dial(dave);
    socket.pause();
    socket.write(redeem(socket, token, dave, founder()));
    const invites = join(at.office.alice.vriftHome, 'identity', 'invites.json');
    await until('a burnt token', () => readFileSync(invites, 'utf8').includes(dave.key.nodeId));
    at.office.alice.signalNode('SIGKILL');
    socket.destroy();
    await at.office.alice.start();
    await isRefused(token, /another node used the token/);
    // Whoever it was burnt for may ask again, and learns what it did not hear.
    const again = await dial(dave);
    expect(await said(again, redeem(again, token, dave, founder()))).toContain('welcome');
  }, 60_000);

  it('has burnt it when the answer is heard: a crash right then gives no second use', async () => {
    const token = await invite();
    const dave = await newNode();
    const socket = await dial(dave);
    const heard = once(socket, 'data');
    socket.write(redeem(socket, token, dave, founder()));
    await heard;
    at.office.alice.signalNode('SIGKILL');
    socket.destroy();
    await at.office.alice.start();
    await isRefused(token, /another node used the token/);
  }, 60_000);

  it('is the inviter’s alone: another admin does not redeem its tokens', async () => {
    const token = await invite();
    const bob = await newcomer();
    const args = ['mesh', 'invite', '--role', 'admin'];
    const own = await at.office.alice.vriftJson<{ token: string }>(args);
    expect((await tries(bob, own.token)).code).toBe(0);
    const { port } = await bob.start();
    const way = await at.office.wayTo(at.office.outsider, at.office.lan.hosts[1]!.address, port!);
    const dave = await newNode();
    await at.office.lan.setLink(0, 'down');
    onTestFinished(() => at.office.lan.setLink(0, 'up'));
    const socket = await dial(dave, way);
    const { spki } = await NodeKey.open(join(bob.vriftHome, 'identity'));
    expect(await said(socket, redeem(socket, token, dave, spki))).toContain('VRIFT_JOIN_REFUSED');
    const known = await bob.vriftJson<{ node: string }[]>(['mesh', 'members']);
    expect(known.map(({ node }) => node)).not.toContain(dave.key.nodeId);
  }, 60_000);

  it('tells an impostor at the inviter’s address nothing', async () => {
    const token = await invite();
    const evil = await newNode();
    const heard: Buffer[] = [];
    const server = createServer(
      {
        key: evil.key.keyPem,
        cert: evil.key.certPem,
        ALPNProtocols: [ALPN_JOIN],
        requestCert: true,
        rejectUnauthorized: false,
      },
      (socket) => {
        socket.on('error', () => {});
        socket.on('data', (chunk: Buffer) => void heard.push(chunk));
      },
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    await at.office.serveAsOutsider(`127.0.0.1:${(server.address() as { port: number }).port}`);
    await at.office.impersonate(at.office.lan.hosts[0]!.address, at.office.port);
    await isRefused(token, /another machine answers/);
    expect(heard).toEqual([]);
  }, 60_000);
});
