import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { Developer } from '../harness/developer.js';

/** A port that nobody listens on now. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' ? address?.port : undefined;
      server.close(() => (port === undefined ? reject(new Error('no port')) : resolve(port)));
    });
  });
}

it('members meet again after a restart where multicast does not pass', async () => {
  const config = async () => `[mesh]\ndiscovery = false\nport = ${await freePort()}\n`;
  const options = { workspace: 'bound' } as const;
  await using alice = await Developer.create('alice', { ...options, config: await config() });
  await using bob = await Developer.create('bob', { ...options, config: await config() });
  await alice.start();
  await bob.start();
  await alice.createMesh('quiet');
  await bob.join(alice);
  await bob.meets(alice);
  await alice.meets(bob);

  for (const developer of [alice, bob]) await developer.stop();
  for (const developer of [alice, bob]) await developer.start();
  expect(await bob.meets(alice)).toMatchObject({ via: 'exchange' });
  expect(await alice.meets(bob)).toMatchObject({ via: 'exchange' });
});
