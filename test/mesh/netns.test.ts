import { expect, it } from 'vitest';
import { needs } from '../harness/needs.js';
import { Lan, type LanHost } from '../harness/netns.js';

const LISTEN = `require('net').createServer((s) => s.end('hi')).listen(4000, () => console.log('up'))`;
const CONNECT = (host: string) =>
  `require('net').connect(4000, '${host}').on('data', () => process.exit(0)).on('error', () => process.exit(1))`;

it('hosts of a test LAN reach each other, and one with only loopback nobody', async (context) => {
  needs(context, 'netns');
  await using lan = await Lan.open([{}, { defaultRoute: false }, { network: 'loopback' }]);
  const [a, b, c] = lan.hosts as [LanHost, LanHost, LanHost];
  const server = a.spawn('node', ['-e', LISTEN], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => server.stdout?.once('data', resolve));
  expect((await b.run('node', ['-e', CONNECT(a.address)])).code).toBe(0);
  expect((await c.run('node', ['-e', CONNECT(a.address)])).code).toBe(1);
});
