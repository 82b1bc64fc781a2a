import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { loadNodeConfig } from '../../src/daemon/config/node.js';
import { ProjectConfigs } from '../../src/daemon/config/project.js';
import { openRules } from '../../src/daemon/config/rules.js';
import { openLog } from '../../src/daemon/lifecycle/log.js';
import { Stats } from '../../src/daemon/lifecycle/stats.js';

function rules() {
  const home = mkdtempSync(join(tmpdir(), 'vrift-rules-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  for (const dir of ['log', 'ours/target', 'theirs/lib']) {
    mkdirSync(join(home, dir), { recursive: true });
  }
  const log = openLog(home, 'error');
  onTestFinished(() => log.close());
  const projects = new ProjectConfigs(loadNodeConfig({ home, env: { HOME: home } }));
  const stats = new Stats(join(home, 'fallbacks'));
  const of = openRules({ projects, stats, log });
  const write = (file: string, text: string) => writeFileSync(join(home, file), text);
  return { write, call: () => of(join(home, 'ours/target'), home, join(home, 'theirs/lib')) };
}

it('a crate that is private where it belongs is so in every project that uses it', () => {
  const { write, call } = rules();
  expect(call()).toMatchObject({ share: true, exclude: [] });
  write('ours/velo.toml', '[mesh]\nexclude = ["a"]\n');
  write('theirs/velo.toml', '[mesh]\nexclude = ["b"]\n[l2_cache]\nenabled = false\n');
  expect(call()).toMatchObject({ enabled: true, share: true, exclude: ['a', 'b'] });
  write('theirs/velo.toml', '[mesh]\nshare = false\n');
  expect(call()).toMatchObject({ share: false, ownShare: false, exclude: ['a'] });
  write('theirs/velo.toml', '');
  write('ours/velo.toml', '[mesh]\nshare = false\n');
  expect(call()).toMatchObject({ share: false, ownShare: true });
});

it('nothing is cached while nobody can tell what either project keeps private', () => {
  const { write, call } = rules();
  write('theirs/velo.toml', '[mesh]\nshar = false\n');
  expect(call()).toContain('unknown key');
  write('theirs/velo.toml', '');
  write('ours/velo.toml', '[mesh]\nshar = false\n');
  expect(call()).toContain('unknown key');
});
