import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AllowedProjects } from '../../src/daemon/config/allowed.js';
import { loadNodeConfig } from '../../src/daemon/config/node.js';
import { permissionMethods } from '../../src/daemon/config/permissions.js';
import { isBroken, ProjectConfigs } from '../../src/daemon/config/project.js';
import type { AllowedInfo, AllowInfo } from '../../src/wire/settings.js';

const CHECKS = '[l2_cache]\nverify = 0.5\n';

let root: string;
let work: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'vrift-allow-'));
  work = join(root, 'work');
  mkdirSync(work);
  writeFileSync(velo(), CHECKS);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const velo = () => join(work, 'velo.toml');
const list = () => join(root, 'allowed.json');

/** A node that starts now. */
function node() {
  const allowed = new AllowedProjects(list());
  const config = loadNodeConfig({ home: root, env: { HOME: root } });
  const projects = new ProjectConfigs(config, allowed);
  const methods = permissionMethods(projects, allowed);
  const call = { progress() {}, signal: new AbortController().signal };
  const ask = (method: string, path = work) => methods[method]!({ path }, call);
  const here = () => {
    const project = projects.for(work);
    if (isBroken(project)) throw project.error;
    return project;
  };
  return { here, ask, allow: (path?: string) => ask('project.allow', path) as AllowInfo };
}

describe('vrift allow', () => {
  it('gives effect to what touches only that project, and says what that is', () => {
    const { here, allow } = node();
    expect(here()).toMatchObject({ verify: 0, trust: { allowed: false, widens: true } });
    expect(here().ignored.map(({ code }) => code)).toEqual(['VRIFT_CONFIG_UNTRUSTED']);
    const digest = createHash('sha256').update(CHECKS).digest('hex');
    expect(allow()).toEqual({
      file: velo(),
      digest,
      widens: [{ key: 'l2_cache.verify', value: 0.5, source: `${velo()}:2` }],
      ignored: [],
    });
    expect(here()).toMatchObject({ verify: 0.5, ignored: [], trust: { allowed: true } });
    expect(node().here().verify).toBe(0.5);
  });

  it.each([['[l2_cache]\nverify = 0.6\n'], [`${CHECKS}#`], [`${CHECKS}max_local_size = "1TB"\n`]])(
    'ends with any change of the file: %j',
    (text) => {
      const { here, allow } = node();
      allow();
      expect(here().verify).toBe(0.5);
      writeFileSync(velo(), text);
      expect(here().verify).toBe(0);
      writeFileSync(velo(), CHECKS);
      expect(here().verify).toBe(0.5);
    },
  );

  it('is for one place: not for a copy of the file, nor for another file at a link', () => {
    const { allow } = node();
    allow();
    const clone = join(root, 'clone');
    renameSync(work, clone);
    mkdirSync(work);
    symlinkSync(join(clone, 'velo.toml'), velo());
    expect(node().here().verify).toBe(0);
  });

  it('never lets a project set what concerns the whole node', () => {
    writeFileSync(
      velo(),
      `${CHECKS}local_path = "/tmp/x"\nmax_local_size = "1TB"\nobserve = false\n[mesh]\npeers = ["a:1"]\nport = 1\nname = "x"\ndiscovery = false\n`,
    );
    const { here, allow } = node();
    expect(allow().ignored).toHaveLength(7);
    expect(allow().ignored.every((text) => text.includes('no project can set'))).toBe(true);
    expect(here().settings.map(({ key }) => key)).toEqual(['l2_cache.verify']);
  });

  it('is taken back by --undo, also where the file is gone, and listed with its state', () => {
    const { here, allow, ask } = node();
    allow();
    expect(ask('project.allowed')).toMatchObject([{ file: velo(), state: 'holds' }]);
    writeFileSync(velo(), `${CHECKS}\n`);
    const state = () => (ask('project.allowed') as AllowedInfo[]).map((one) => one.state);
    expect(state()).toEqual(['changed']);
    rmSync(velo());
    expect(state()).toEqual(['gone']);
    expect(ask('project.disallow')).toMatchObject({ file: velo() });
    writeFileSync(velo(), CHECKS);
    expect(here().verify).toBe(0);
    expect(ask('project.disallow')).toBeNull();
    expect(ask('project.allowed')).toEqual([]);
  });

  it('is asked for a directory below, or the file itself, and finds nothing elsewhere', () => {
    const { allow } = node();
    mkdirSync(join(work, 'crates/deep'), { recursive: true });
    expect(allow(join(work, 'crates/deep')).file).toBe(velo());
    expect(allow(velo()).file).toBe(velo());
    expect(() => allow('/proc/self')).toThrow(/no velo.toml at or above/);
    expect(() => allow(join(work, 'none'))).toThrow(/neither a directory nor a velo.toml/);
    writeFileSync(velo(), '[mesh]\nnonsense = 1\n');
    expect(() => allow()).toThrow(/unknown key/);
  });

  it('keeps its list for its user alone, and believes none that others could read or write', () => {
    node().allow();
    expect((statSync(list()).mode & 0o777).toString(8)).toBe('600');
    expect(readFileSync(list(), 'utf8')).not.toContain('0.5');
    chmodSync(list(), 0o666);
    expect(node().here().verify).toBe(0);
    expect(() => node().allow()).toThrow(/open to other users/);
    chmodSync(list(), 0o600);
    writeFileSync(list(), '{"allowed":[{"file":1}, null]}');
    expect(node().here().verify).toBe(0);
    expect(node().allow().digest).toHaveLength(64);
  });

  it('forgets the oldest beyond a thousand', () => {
    const allowed = new AllowedProjects(list());
    for (let n = 0; n < 1030; n += 1) {
      writeFileSync(join(root, `${n}.toml`), '');
      if (n >= 1020) allowed.allow(join(root, `${n}.toml`), '', n);
    }
    const many = Array.from({ length: 1024 }, (_, n) => ({
      file: join(root, `${n}.toml`),
      digest: 'x',
      at: n,
    }));
    writeFileSync(list(), JSON.stringify({ allowed: many }));
    const again = new AllowedProjects(list());
    again.allow(join(root, '1029.toml'), '', 1);
    expect(again.list()).toHaveLength(1024);
    expect(again.list()[0]?.file).toBe(join(root, '1.toml'));
  });
});
