import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { addWrapper, wrapperIn } from '../../src/daemon/config/cargo.js';
import { loadNodeConfig } from '../../src/daemon/config/node.js';
import { isBroken, ProjectConfigs } from '../../src/daemon/config/project.js';
import { printable, printableLines } from '../../src/wire/printable.js';
import { temporaryDir } from '../identity/support.js';
import { always, failsOnlyWith, mutated } from './support.js';

const dir = temporaryDir();
const file = join(dir, 'velo.toml');
const node = loadNodeConfig({ home: dir, env: { HOME: dir } });
const SOUND = [
  '[l2_cache]\nenabled = true\ncache_targets = ["debug", "release"]\nextra_inputs = ["*.sql"]\n',
  '# comment\n[mesh]\npeers = ["10.0.0.1:7391"]\n"quoted key" = """long\n"""\n',
  'l2_cache = { run_scripts = ["a"], cache_extensions = ["rlib"] }\n[[x]]\na.b."c.d" = 1979-05-27\n',
].map((text) => Buffer.from(text));
const deep = (open: string, close: string) =>
  Buffer.from(`a = ${open.repeat(20_000)}${close.repeat(20_000)}`);

describe("a project's velo.toml", () => {
  always(
    'of any text narrows, or is broken',
    mutated(SOUND),
    (bytes) => {
      writeFileSync(file, bytes);
      const project = new ProjectConfigs(node).for(dir);
      if (isBroken(project)) {
        expect(project.error.code).toBe('VRIFT_CONFIG_INVALID');
        expect(printableLines(project.error.message)).toBe(project.error.message);
        return;
      }
      const widened = project.settings.filter(({ key }) => !key.startsWith('l2_cache.'));
      expect(widened).toEqual([]);
      for (const { message } of project.ignored) expect(printable(message)).toBe(message);
    },
    {
      examples: [
        deep('[', ']'),
        deep('{a=', '}'),
        Buffer.from('__proto__ = 1\n[constructor]\nx = 1'),
        Buffer.from('a = 1979-\n5-27\n'),
        Buffer.from(`${'a.'.repeat(30_000)}b = 1`),
        Buffer.from('a = 1\n'.repeat(10_000)),
        Buffer.from(Array.from({ length: 4_000 }, (_, n) => `[t${n}]\na = 1\n`).join('')),
      ],
    },
  );
});

describe('the configuration of cargo', () => {
  const sound = Buffer.from('[build]\nrustc-wrapper = "x" # why\n[target.\'cfg(unix)\']\na = 1\n');
  always('is edited as a whole, or left alone', mutated([sound, ...SOUND]), (bytes) => {
    const text = bytes.toString('utf8');
    const codes = ['VRIFT_CONFIG_INVALID', 'VRIFT_CARGO_CONFIG'];
    const edit = failsOnlyWith(codes, () => addWrapper(text, '/opt/vrift-rustc', 'config.toml'));
    if (edit) expect(wrapperIn(edit.text, 'config.toml')).toBe('/opt/vrift-rustc');
  });
});
