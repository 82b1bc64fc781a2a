import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { needs } from '../harness/needs.js';
import { Lan } from '../harness/netns.js';
import { until } from '../harness/programs.js';
import { temporaryDir } from '../identity/support.js';
import { NodeProcess } from './processes.js';
import { newMesh } from './support.js';

describe('nodes find each other by mDNS', () => {
  it('on one machine that has no network', async (context) => {
    needs(context, 'netns');
    const members = await newMesh(2);
    await using lan = await Lan.open([{ network: 'loopback' }]);
    const nodes = members.map(({ dir }) => new NodeProcess(dir, {}, lan.hosts[0]));
    for (const node of nodes) await node.connected(1);
    const ports = nodes.map(({ state }) => state?.port);
    expect(ports[0]).not.toBe(ports[1]);
    expect(ports).toContain(7391);
  });

  it('across a LAN, one of them without a default route', async (context) => {
    needs(context, 'netns');
    const members = await newMesh(3);
    await using lan = await Lan.open([{}, { defaultRoute: false }, {}]);
    const nodes = members.map(({ dir }, index) => new NodeProcess(dir, {}, lan.hosts[index]));
    for (const node of nodes) await node.connected(2);
    const addresses = nodes[0]!.state!.peers.map(({ address }) => address);
    expect(addresses.toSorted()).toEqual(['10.77.0.2:7391', '10.77.0.3:7391']);
  });

  it('notices one that was killed, and one that comes back', async (context) => {
    needs(context, 'netns');
    const [a, b] = await newMesh(2);
    await using lan = await Lan.open(2);
    const stays = new NodeProcess(a!.dir, {}, lan.hosts[0]);
    const dies = new NodeProcess(b!.dir, {}, lan.hosts[1]);
    await stays.connected(1);
    dies.child.kill('SIGKILL');
    await stays.connected(0);
    expect(stays.state?.peers[0]?.state).toBe('unreachable');
    const back = new NodeProcess(b!.dir, {}, lan.hosts[1]);
    await back.connected(1);
    await stays.connected(1);
  });

  it('when the network comes after the start', async (context) => {
    needs(context, 'netns');
    const members = await newMesh(2);
    await using lan = await Lan.open([{ defaultRoute: false }, { defaultRoute: false }]);
    const host = lan.hosts[0]!;
    await host.run('ip', ['address', 'flush', 'dev', 'eth0']);
    const nodes = members.map(({ dir }, index) => new NodeProcess(dir, {}, lan.hosts[index]));
    await until('both listen', () => nodes.every(({ state }) => state?.port));
    await host.run('ip', ['address', 'add', `${host.address}/16`, 'dev', 'eth0']);
    for (const node of nodes) await node.connected(1);
  });

  it('never dials what is not announced by a member', async (context) => {
    needs(context, 'netns');
    const [ours] = await newMesh(1);
    const [foreign] = await newMesh(1);
    await using lan = await Lan.open(2);
    const node = new NodeProcess(ours!.dir, {}, lan.hosts[0]);
    const stranger = new NodeProcess(foreign!.dir, {}, lan.hosts[1]);
    await until('both run', () => node.state && stranger.state);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(node.state?.peers).toEqual([]);
    expect(stranger.state?.peers).toEqual([]);
  });
});

describe('beside avahi-daemon', () => {
  it('finds peers and is found, on the same host and port', async (context) => {
    needs(context, 'netns', 'avahi');
    const members = await newMesh(2);
    await using lan = await Lan.open(2);
    const browse = await startAvahi(lan);
    const nodes = members.map(({ dir }, index) => new NodeProcess(dir, {}, lan.hosts[index]));
    for (const node of nodes) await node.connected(1);
    const seen = await until('avahi sees both', async () => {
      const names = await browse();
      return names.length >= 2 ? names : undefined;
    });
    expect(seen.every((line) => /_vrift\._tcp/.test(line))).toBe(true);
  });
});

/** avahi-daemon and a bus for it on the first host, apart from the ones of this machine. */
async function startAvahi(lan: Lan): Promise<() => Promise<string[]>> {
  const host = lan.hosts[0]!;
  const dir = temporaryDir();
  const bus = `unix:path=${join(dir, 'bus')}`;
  const busConfig = join(dir, 'bus.conf');
  writeFileSync(
    busConfig,
    `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>${bus}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/><allow user="*"/></policy></busconfig>`,
  );
  const avahiConfig = join(dir, 'avahi.conf');
  writeFileSync(avahiConfig, '[server]\nallow-interfaces=eth0\nuse-ipv6=no\n[rlimits]\n');
  const env = { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: bus };
  host.spawn('dbus-daemon', ['--nofork', `--config-file=${busConfig}`], { stdio: 'ignore' });
  // Its pid file has one fixed place: a mount of its own keeps that to this test.
  const start = 'mkdir -p /run/avahi-daemon && mount -t tmpfs tmpfs /run/avahi-daemon && exec "$@"';
  const daemon = ['avahi-daemon', '--no-drop-root', '--no-chroot', '-f', avahiConfig];
  await until('the bus', async () => (await host.run('test', ['-S', join(dir, 'bus')])).code === 0);
  host.spawn('unshare', ['--mount', 'sh', '-c', start, 'sh', ...daemon], { env, stdio: 'ignore' });
  return async () => {
    const { stdout } = await host.run('avahi-browse', ['-prt', '_vrift._tcp'], { env });
    return stdout.split('\n').filter((line) => line.startsWith('='));
  };
}
