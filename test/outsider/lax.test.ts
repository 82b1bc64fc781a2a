import { createServer as createHttp } from 'node:http';
import { createConnection, type Server } from 'node:net';
import { join } from 'node:path';
import { type ConnectionOptions, connect, createServer as createTls } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { NodeKey } from '../../src/identity/nodeKey.js';
import { ALPN_PEER } from '../../src/wire/join.js';
import { newNode, temporaryDir } from '../identity/support.js';
import { ATTEMPTS, PAGE, type Target } from './attempts.js';
import { type Naivety, naiveServer } from './naive.js';
import { CANARY, CLIMBING, SMUGGLED } from './requests.js';
import { HELLO, said } from './support.js';

/**
 * The other half of strangers.test.ts and shapes.test.ts: what is refused there is answered by a
 * server without these checks. So silence there is the checks', not an attempt's that never worked.
 */
async function listening(server: Server): Promise<string> {
  const path = join(temporaryDir(), 's');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => void server.close());
  return path;
}

/** HTTP for whoever comes, over any TLS. */
async function laxTarget(): Promise<Target> {
  const { key } = await newNode();
  const http = createHttp((request, response) => response.end(`hello, ${request.url}`));
  const server = createTls(
    {
      key: key.keyPem,
      cert: key.certPem,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      ALPNProtocols: [ALPN_PEER, 'h2'],
    },
    (socket) => http.emit('connection', socket),
  );
  const path = await listening(server);
  const dial = (identity: NodeKey | undefined, options: ConnectionOptions = {}) => {
    const socket = connect({
      path,
      rejectUnauthorized: false,
      ALPNProtocols: [ALPN_PEER],
      ...(identity && { key: identity.keyPem, cert: identity.certPem }),
      ...options,
    });
    socket.on('error', () => {});
    return socket;
  };
  return { dial, member: (await newNode()).key, revoked: (await newNode()).key };
}

describe('a server that checks nothing', () => {
  for (const [who, attempt] of Object.entries(ATTEMPTS)) {
    it(`answers whoever comes ${who}`, async () => {
      expect(await attempt(await laxTarget())).toContain('200 OK');
    });
  }

  it('answers plain HTTP, and a page', async () => {
    const path = await listening(createHttp((_, response) => response.end('hello')));
    for (const request of [HELLO, PAGE]) {
      expect(await said(createConnection({ path }), request)).toContain('200 OK');
    }
    const { dial } = await laxTarget();
    expect(await said(dial(undefined), PAGE)).toContain('200 OK');
  });

  const answers = async (naivety: Naivety, request: string) =>
    said(createConnection({ path: await listening(naiveServer(naivety)) }), request, 300);

  for (const [how, request] of Object.entries(SMUGGLED)) {
    it(`answers the request behind ${how}`, async () => {
      const each = [await answers('length', request), await answers('chunks', request)];
      expect(each.join()).toContain(CANARY);
    });
  }

  for (const [what, request] of Object.entries(CLIMBING)) {
    it(`gives out the file at ${what}`, async () => {
      expect(await answers('length', request)).toContain('root:');
    });
  }
});
