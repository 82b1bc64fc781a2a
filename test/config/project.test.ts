import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadNodeConfig } from '../../src/daemon/config/node.js';
import { cachesExtension, cachesTarget } from '../../src/daemon/config/policy.js';
import {
  effectiveSettings,
  isBroken,
  type ProjectConfig,
  ProjectConfigs,
} from '../../src/daemon/config/project.js';

let root: string;
let work: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'vrift-project-'));
  work = join(root, 'work/crates/deep');
  mkdirSync(work, { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const velo = () => join(root, 'work/velo.toml');
const nodeConfig = (toml = '') => {
  writeFileSync(join(root, 'config.toml'), toml);
  return loadNodeConfig({ home: root, env: { HOME: root } });
};
const configs = (toml?: string) => new ProjectConfigs(nodeConfig(toml));

function read(text: string, projects = configs()): ProjectConfig {
  writeFileSync(velo(), text);
  const project = projects.for(work);
  if (isBroken(project)) throw project.error;
  return project;
}

describe("a project's velo.toml", () => {
  it('is not needed', () => {
    expect(configs().for(work)).toEqual({
      enabled: true,
      cacheTargets: null,
      cacheExtensions: null,
      file: null,
      ignored: [],
      extraInputs: [],
      runScripts: [],
      share: true,
      exclude: [],
      verify: 0,
      trust: { allowed: false, widens: false },
      settings: [],
    });
  });

  it('declares what its macros read, which needs no trust', () => {
    const { extraInputs, ignored, settings } = read(
      '[l2_cache]\nextra_inputs = [\n  "crates/app/schema.json",\n  "**/*.sql",\n]',
    );
    const value = ['crates/app/schema.json', '**/*.sql'];
    expect([extraInputs, ignored]).toEqual([value, []]);
    expect(settings).toEqual([{ key: 'l2_cache.extra_inputs', value, source: `${velo()}:2` }]);
  });

  it('is found upwards from the first place that has one', () => {
    writeFileSync(velo(), '[l2_cache]\nenabled = false');
    const other = join(root, 'registry/serde');
    mkdirSync(other, { recursive: true });
    expect(configs().for(other)).toMatchObject({ file: null, enabled: true });
    expect(configs().for(undefined, other, work)).toMatchObject({ file: velo(), enabled: false });
    expect(configs().for('relative')).toMatchObject({ file: null });
  });

  it('narrows what the node allows, and never widens it', () => {
    const node = '[l2_cache]\ncache_targets = ["debug", "bench"]\n';
    const narrowed = read('[l2_cache]\ncache_targets = ["debug", "release"]', configs(node));
    expect(narrowed.cacheTargets).toEqual(['debug']);
    expect(narrowed.settings).toEqual([
      { key: 'l2_cache.cache_targets', value: ['debug'], source: `${velo()}:2` },
    ]);
    const off = configs('[l2_cache]\nenabled = false');
    expect(read('[l2_cache]\nenabled = true', off)).toMatchObject({ enabled: false, settings: [] });
    const only = read('[l2_cache]\ncache_extensions = [".rlib", ".rmeta"]');
    expect(only.cacheExtensions).toEqual(['.rlib', '.rmeta']);
  });

  it('cannot set what sends data elsewhere or moves the store', () => {
    const { ignored, enabled } = read(
      [
        '[l2_cache]',
        'local_path = "/tmp/evil"',
        'max_local_size = "900GB"',
        'remote_url = "http://evil.example"',
        'verify = 1',
        '[mesh]',
        'peers = ["evil:1"]',
        'discovery = false',
      ].join('\n'),
    );
    expect(enabled).toBe(true);
    const never = 'no project can set what concerns the whole node, `vrift allow` or not';
    expect(ignored.map(({ code, message }) => `${code} ${message}`)).toEqual([
      `VRIFT_CONFIG_UNTRUSTED ${velo()}:2: l2_cache.local_path: ignored: a clone could have files written anywhere that you can write; ${never}`,
      `VRIFT_CONFIG_UNTRUSTED ${velo()}:3: l2_cache.max_local_size: ignored: a clone could fill this disk, or empty the cache; ${never}`,
      `VRIFT_REMOTE_UNAVAILABLE ${velo()}:4: l2_cache.remote_url: remotes are not available yet; ignored`,
      `VRIFT_CONFIG_UNTRUSTED ${velo()}:5: l2_cache.verify: ignored: a clone could make this machine compile what it has; if you trust the file as it is, run \`vrift allow\``,
      `VRIFT_CONFIG_UNTRUSTED ${velo()}:7: mesh.peers: ignored: a clone could make this node call addresses that it chooses; ${never}`,
      `VRIFT_CONFIG_UNTRUSTED ${velo()}:8: mesh.discovery: ignored: a clone could hide this node from others, or show it; ${never}`,
    ]);
  });

  it('keeps a project or some of its crates off the mesh, which needs no trust', () => {
    const { share, exclude, ignored, settings } = read(
      '[mesh]\nshare = false\nexclude = ["secret-*"]',
      configs('[mesh]\nexclude = ["mine"]'),
    );
    expect([share, exclude, ignored]).toEqual([false, ['mine', 'secret-*'], []]);
    expect(settings).toEqual([
      { key: 'mesh.share', value: false, source: `${velo()}:2` },
      { key: 'mesh.exclude', value: ['mine', 'secret-*'], source: `${velo()}:3` },
    ]);
  });

  it('cannot share what the user keeps off the mesh', () => {
    const off = configs('[mesh]\nshare = false\nexclude = ["mine"]');
    const project = read('[mesh]\nshare = true\nexclude = []', off);
    expect(project).toMatchObject({ share: false, exclude: ['mine'] });
  });

  it('may repeat what the node has anyway, as the reference text does', () => {
    const text = `[l2_cache]\nenabled = true\nlocal_path = "${root}/l2"\nmax_local_size = "50GB"`;
    expect(read(text).ignored).toEqual([]);
  });

  it.each([
    ['[l2_cache]\nenabeld = true', ':2: l2_cache.enabeld: unknown key; did you mean enabled?'],
    ['[l2_cache]\nmax_local_size = "much"', ':2: l2_cache.max_local_size: expected a size'],
    ['[l2_cache]\nremote_url = "s3://"', ':2: l2_cache.remote_url: the bucket is missing'],
    ['[l2_cache', ':1: not valid TOML'],
    ['[l2_cache]\nextra_input = []', 'extra_input: unknown key; did you mean extra_inputs?'],
    ['[l2_cache]\nextra_inputs = "a"', ':2: l2_cache.extra_inputs: expected a list of paths'],
    ['[l2_cache]\n\nextra_inputs = ["a", 1]', ':3: l2_cache.extra_inputs: expected a list'],
    ['[l2_cache]\nextra_inputs = ["/etc"]', 'inputs: "/etc" is not relative to the directory of'],
    ['[l2_cache]\nextra_inputs = ["a/../.."]', ':2: l2_cache.extra_inputs: "a/../.." leaves the'],
    ['[l2_cache]\nextra_inputs = ["*.{a,b}"]', '"*.{a,b}" holds "{", and only *, ? and ** have'],
    ['[l2_cache]\nextra_inputs = ["a**"]', '"a**": ** stands alone between slashes'],
    ['[mesh]\nshar = false', ':2: mesh.shar: unknown key; did you mean share?'],
    ['[mesh]\nexclude = "a"', ':2: mesh.exclude: expected a list of package names'],
    ['["\\u001b[31m"]', 'unknown key'],
  ])('is named with line and key when it is broken: %j', (text, message) => {
    writeFileSync(velo(), text);
    const project = configs().for(work);
    expect(project).toMatchObject({ file: velo(), error: { code: 'VRIFT_CONFIG_INVALID' } });
    expect(isBroken(project) && project.error.message).toContain(message);
    expect(isBroken(project) && project.error.message).not.toContain('\u001b');
    expect(() => read('')).not.toThrow();
  });

  it('is read again when it changes, and only then', () => {
    const projects = configs();
    const first = read('[l2_cache]\nenabled = false', projects);
    expect(first.enabled).toBe(false);
    expect(read('[l2_cache]\nenabled = true ', projects).enabled).toBe(true);
    const settled = () => projects.for(work);
    execFileSync('sleep', ['0.1']);
    expect(settled()).toBe(settled());
    utimesSync(velo(), 1, 1);
    execFileSync('sleep', ['0.1']);
    const again = settled();
    expect(settled()).toBe(again);
    rmSync(velo());
    expect(settled()).toMatchObject({ file: null });
  });

  it('hangs nobody when it is a pipe, and needs to be a file', () => {
    execFileSync('mkfifo', [velo()]);
    expect(configs().for(work)).toMatchObject({
      error: { message: expect.stringContaining('not a regular file') },
    });
    rmSync(velo());
    symlinkSync(velo(), velo());
    expect(configs().for(work)).toMatchObject({ file: null });
  });

  it('shows in the settings that hold there', () => {
    const node = nodeConfig();
    const rows = effectiveSettings(node.settings, read('[l2_cache]\nenabled = false'));
    expect(rows.find(({ key }) => key === 'l2_cache.enabled')).toEqual({
      key: 'l2_cache.enabled',
      value: false,
      source: `${velo()}:2`,
    });
    expect(rows.length).toBe(node.settings.length);
  });
});

it('says what a policy covers', () => {
  const policy = {
    enabled: true,
    cacheTargets: ['debug'],
    cacheExtensions: null,
    runScripts: [],
    share: true,
    exclude: [],
  };
  expect([cachesTarget(policy, 'debug'), cachesTarget(policy, 'release')]).toEqual([true, false]);
  expect(cachesExtension(policy, '.rlib')).toBe(true);
  expect(cachesExtension({ ...policy, cacheExtensions: ['.a'] }, '')).toBe(false);
  expect(cachesExtension({ ...policy, enabled: false }, '.rlib')).toBe(false);
});
