import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadNodeConfig } from '../../src/daemon/config/node.js';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'vrift-config-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const file = () => join(home, 'config.toml');
const load = (toml?: string, env: NodeJS.ProcessEnv = {}) => {
  if (toml !== undefined) writeFileSync(file(), toml);
  return loadNodeConfig({ home, env: { HOME: '/home/ann', ...env } });
};
const sourceOf = (config: ReturnType<typeof load>, key: string) =>
  config.settings.find((row) => row.key === key)?.source;

describe('the settings of a node', () => {
  it('have defaults', () => {
    const { settings, mesh, ...rest } = load();
    expect(rest).toEqual({
      enabled: true,
      observe: true,
      runScripts: [],
      share: true,
      exclude: [],
      buildScripts: true,
      localPath: join(home, 'l2'),
      maxLocalBytes: 50e9,
      verify: 0,
      cacheTargets: null,
      cacheExtensions: null,
      logLevel: 'info',
    });
    expect({ ...mesh, name: 'x' }).toEqual({
      name: 'x',
      port: 0,
      peers: [],
      interfaces: null,
      discovery: true,
      compress: 'auto',
      policy: 'any-member',
      share: true,
      exclude: [],
    });
    expect(mesh.name).toMatch(/^[\w.-]{1,63}$/);
    expect(settings.every(({ source }) => source === 'default')).toBe(true);
  });

  it('come from config.toml as the reference text writes it', () => {
    const config = load(`
      # what this machine keeps
      [l2_cache]
      enabled = true
      local_path = "~/.vrift/l2"
      max_local_size = "50GB"
      cache_targets = ["debug", "release"]
      cache_extensions = [".rlib", ".rmeta", ".o", ".a"]
      [mesh]
      name = "attic"
      port = 7717
      peers = ["10.0.0.2:7717", "[fe80::1%eth0]:1", "build-box.internal:80"]
      interfaces = ["eth0"]
      discovery = false
    `);
    expect(config).toMatchObject({
      enabled: true,
      localPath: '/home/ann/.vrift/l2',
      maxLocalBytes: 50e9,
      cacheTargets: ['debug', 'release'],
      cacheExtensions: ['.rlib', '.rmeta', '.o', '.a'],
      mesh: { name: 'attic', port: 7717, interfaces: ['eth0'], discovery: false },
    });
    expect(sourceOf(config, 'l2_cache.max_local_size')).toBe(`${file()}:6`);
  });

  it('are overruled by the environment', () => {
    const config = load('[l2_cache]\nenabled = true\nmax_local_size = 100_000_000\n', {
      VRIFT_L2_CACHE_ENABLED: '0',
      VRIFT_L2_CACHE_CACHE_TARGETS: 'debug, release',
      VRIFT_L2_CACHE_LOCAL_PATH: '~/store',
      VRIFT_L2_CACHE_VERIFY: '.25',
      VRIFT_MESH_PORT: '81',
      VRIFT_MESH_NAME: '',
      VRIFT_LOG: 'debug',
    });
    expect(config).toMatchObject({
      enabled: false,
      localPath: '/home/ann/store',
      maxLocalBytes: 100e6,
      verify: 0.25,
      cacheTargets: ['debug', 'release'],
      mesh: { port: 81 },
      logLevel: 'debug',
    });
    expect(sourceOf(config, 'l2_cache.enabled')).toBe('VRIFT_L2_CACHE_ENABLED');
    expect(sourceOf(config, 'l2_cache.max_local_size')).toBe(`${file()}:3`);
    expect(sourceOf(config, 'mesh.name')).toBe('default');
  });

  const broken: [string, string][] = [
    ['[l2_cache]\n\nenabeld = true', ':3: l2_cache.enabeld: unknown key; did you mean enabled?'],
    ['[l2cache]\nenabled = true', ':1: l2cache: unknown key; did you mean l2_cache?'],
    ['[mesh]\nleases = 1', ':2: mesh.leases: unknown key; known are name, port, peers'],
    ['[mesh]\npolicy = "x"', ':2: mesh.policy: expected "any-member", "role:ci"'],
    ['[mesh]\npolicy = 2', ':2: mesh.policy: expected "any-member", "role:ci"'],
    ['[mesh]\npolicy = "role:reader"', ':2: mesh.policy: a reader vouches for nothing'],
    ['[mesh]\npolicy = "role:boss"', ':2: mesh.policy: "boss" is no role'],
    ['[mesh]\npolicy = "nodes:"', ':2: mesh.policy: "" is neither a name nor a whole node id'],
    ['[mesh]\npolicy = "quorum:0"', ':2: mesh.policy: a quorum is of 1 to 64 nodes'],
    ['[mesh]\npolicy = "quorum:65"', ':2: mesh.policy: a quorum is of 1 to 64 nodes'],
    ['colour = 1', ':1: colour: unknown key; known are l2_cache, mesh'],
    ['mesh = 3', ':1: mesh: expected a table: [mesh]'],
    ['[[mesh]]\nport = 1', ':1: mesh: expected a table: [mesh]'],
    ['[l2_cache]\nenabled = "yes"', ':2: l2_cache.enabled: expected true or false, found "yes"'],
    ['[l2_cache]\nlocal_path = "l2"', ':2: l2_cache.local_path: expected an absolute path'],
    ['[l2_cache]\nmax_local_size = "50 gigs"', 'expected a size like "50GB" or "500MiB"'],
    ['[l2_cache]\nmax_local_size = "1KB"', 'a store needs 16MiB at least'],
    ['[l2_cache]\nverify = 1.01', 'l2_cache.verify: expected a part of all hits, from 0'],
    ['[l2_cache]\nverify = "1%"', 'l2_cache.verify: expected a part of all hits, from 0'],
    ['[l2_cache]\nmax_local_size = -1', 'l2_cache.max_local_size: expected a size'],
    ['[l2_cache]\ncache_targets = "debug"', 'expected a list of profile directories'],
    ['[l2_cache]\ncache_targets = ["../x"]', 'expected a list of profile directories'],
    [
      '[l2_cache]\ncache_extensions = [".rlbi"]',
      '".rlbi" is no kind of output; did you mean .rlib?',
    ],
    [
      '[l2_cache]\nextra_inputs = ["a"]',
      ":2: l2_cache.extra_inputs: only a project's velo.toml can declare these",
    ],
    ['[mesh]\nport = 65536', ':2: mesh.port: expected a port from 0'],
    ['[mesh]\nport = 1.5', ':2: mesh.port: expected a port from 0'],
    ['[mesh]\npeers = [\n  "a:1",\n  "b"\n]', ':2: mesh.peers: "b" is no host:port'],
    ['[mesh]\nname = "two words"', ':2: mesh.name: expected a name'],
    ['[mesh]\nname = 1979-05-27', ':2: mesh.name: expected a name'],
    ['[mesh]\nname = "a"\nname = "b"', ':3: not valid TOML (column 1)'],
    ['[mesh\n', ':1: not valid TOML'],
  ];
  it.each(broken)('name file, line and key of %j', (toml, message) => {
    expect(() => load(toml)).toThrow(message);
    try {
      load(toml);
    } catch (error) {
      expect(error).toMatchObject({
        code: 'VRIFT_CONFIG_INVALID',
        message: expect.stringContaining(file()),
      });
    }
  });

  it.each([
    ['VRIFT_MESH_PROT', '1', 'VRIFT_MESH_PROT: unknown key; did you mean VRIFT_MESH_PORT?'],
    ['VRIFT_MESH_PORT', 'x', 'VRIFT_MESH_PORT: expected a port'],
    ['VRIFT_L2_CACHE_ENABLED', 'jein', 'VRIFT_L2_CACHE_ENABLED: expected true or false'],
    ['VRIFT_L2_CACHE_EXTRA_INPUTS', 'a', "only a project's velo.toml can declare these"],
    ['VRIFT_MESH_POLICY', 'role:reader', 'VRIFT_MESH_POLICY: a reader vouches for nothing'],
    ['VRIFT_LOG', 'loud', 'VRIFT_LOG: expected error, warn, info, debug'],
  ])('name the variable %s', (name, value, message) => {
    expect(() => load(undefined, { [name]: value })).toThrow(message);
  });

  it.each(['s3://company-build-cache/velo-l2', 'http://build-cache.internal:8080'])(
    'take no remote yet (%s)',
    (url) => {
      const expected = { code: 'VRIFT_REMOTE_UNAVAILABLE' };
      expect(() => load(`[l2_cache]\nremote_url = "${url}"`)).toThrow(
        expect.objectContaining({ ...expected, message: expect.stringContaining(`${file()}:2: `) }),
      );
      rmSync(file());
      const env = { VRIFT_L2_CACHE_REMOTE_URL: url };
      expect(() => load(undefined, env)).toThrow(expect.objectContaining(expected));
    },
  );

  it('tell a remote that cannot be one from one that is not available yet', () => {
    const load1 = () => load('[l2_cache]\nremote_url = "ftp://x"');
    expect(load1).toThrow('the scheme ftp:// is unknown');
  });

  it('are not read from what is no small file', () => {
    mkdirSync(file());
    expect(() => load()).toThrow('not a regular file');
    rmSync(file(), { recursive: true });
    expect(() => load(`#${'x'.repeat(70_000)}`)).toThrow('larger than 65536 bytes');
  });
});
