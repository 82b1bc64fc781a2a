import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inProject } from '../harness/project.js';

/** What a folder of src/ may import: other folders, and packages from outside. */
interface Rule {
  folders: readonly string[];
  packages?: readonly string[];
  /** Node's own modules; left out: all of them. */
  builtins?: readonly string[];
  /** Folders that only the named files may import. */
  only?: Readonly<Record<string, readonly string[]>>;
}

const EVERYTHING = ['wire', 'compilers', 'keying', 'store', 'identity', 'mesh', 'remote', 'server'];

/**
 * The architecture as a table (docs/architecture.md, "Folders"). A new line here is a decision:
 * write its reason there.
 */
const RULES: Readonly<Record<string, Rule>> = {
  base: { folders: [] },
  wire: { folders: ['base'] },
  compilers: { folders: ['base'] },
  keying: { folders: ['base', 'compilers'] },
  store: { folders: ['base'], packages: ['lmdb', '@napi-rs/blake-hash', 'blake3-wasm'] },
  identity: { folders: ['base'], packages: ['@peculiar/x509', 'reflect-metadata'] },
  mesh: { folders: ['base', 'wire', 'identity'], packages: ['bonjour-service', 'undici'] },
  remote: { folders: ['base', 'wire'] },
  server: { folders: ['base', 'wire', 'identity'], packages: ['fastify'] },
  // The story of one call: whatever touches disk, network, processes or time is passed in.
  pipeline: {
    folders: ['base', 'wire', 'compilers', 'keying'],
    builtins: ['node:path', 'node:buffer'],
  },
  daemon: { folders: ['base', ...EVERYTHING, 'pipeline', 'dashboard'], packages: ['smol-toml'] },
  cli: {
    folders: ['base', 'wire', 'daemon'],
    packages: ['commander'],
    only: { daemon: ['cli/serve.ts', 'cli/commands/serve.ts'] },
  },
  dashboard: { folders: ['base', 'wire'] },
  launcher: { folders: [] },
  observer: { folders: [] },
};

interface Import {
  file: string;
  folder: string;
  specifier: string;
}

const SOURCE = inProject('src');
const FROM = /^\s*(?:import|export)\b[^'";]*?\bfrom\s+'([^']+)'/gm;
const BARE = /^\s*import\s+'([^']+)'/gm;
const DYNAMIC = /\bimport\(\s*'([^']+)'/g;

function importsOf(file: string): Import[] {
  const text = readFileSync(join(SOURCE, file), 'utf8');
  const folder = file.split(sep)[0]!;
  return [FROM, BARE, DYNAMIC].flatMap((pattern) =>
    [...text.matchAll(pattern)].map((match) => ({ file, folder, specifier: match[1]! })),
  );
}

function sources(): string[] {
  return readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
}

/** Why an import breaks the table, or undefined. */
function complaint({ file, folder, specifier }: Import): string | undefined {
  const rule = RULES[folder];
  if (rule === undefined) return `${file}: src/${folder} is not in the table`;
  if (specifier.startsWith('.')) {
    const target = relative(SOURCE, resolve(SOURCE, dirname(file), specifier));
    const other = target.split(sep)[0]!;
    if (other === '..') return `${file}: ${specifier} is outside src/`;
    if (other === folder) return undefined;
    if (!rule.folders.includes(other)) return `${file}: ${folder}/ may not import ${other}/`;
    const only = rule.only?.[other];
    if (only && !only.includes(file))
      return `${file}: only ${only.join(', ')} may import ${other}/`;
    return undefined;
  }
  if (isBuiltin(specifier)) {
    if (!specifier.startsWith('node:')) return `${file}: write node:${specifier}`;
    if (rule.builtins && !rule.builtins.includes(specifier)) {
      return `${file}: ${folder}/ is pure and may not import ${specifier}`;
    }
    return undefined;
  }
  const name = packageOf(specifier);
  return rule.packages?.includes(name) ? undefined : `${file}: ${folder}/ may not import ${name}`;
}

function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0]!;
}

const at = (file: string, specifier: string) =>
  complaint({ file, folder: file.split('/')[0]!, specifier });

describe('the import table', () => {
  it('has one line for each folder of src/', () => {
    const folders = readdirSync(SOURCE, { withFileTypes: true });
    expect(folders.filter((entry) => !entry.isDirectory())).toEqual([]);
    expect(folders.map((entry) => entry.name).sort()).toEqual(Object.keys(RULES).sort());
  });

  it('finds the imports of every form', () => {
    const all = sources().flatMap(importsOf);
    expect(all.length).toBeGreaterThan(sources().length);
    expect(all).toContainEqual({
      file: join('wire', 'frame.ts'),
      folder: 'wire',
      specifier: '../base/errors.js',
    });
    expect(all.some((found) => found.specifier === 'lmdb')).toBe(true);
  });

  it('is kept by every file', () => {
    const complaints = sources().flatMap(importsOf).map(complaint);
    expect(complaints.filter((text) => text !== undefined)).toEqual([]);
  });

  it('notices what it forbids', () => {
    expect(at('store/blobs.ts', '../mesh/peers.js')).toMatch('store/ may not import mesh/');
    expect(at('pipeline/call.ts', 'node:fs')).toMatch('pure');
    expect(at('pipeline/call.ts', 'undici')).toMatch('may not import undici');
    expect(at('mesh/a/b.ts', '../../server/routes.js')).toMatch('mesh/ may not import server/');
    expect(at('cli/main.ts', '../daemon/node.js')).toMatch('only');
    expect(at('server/routes.ts', 'fs')).toMatch('node:fs');
    expect(at('server/routes.ts', 'fastify')).toBeUndefined();
  });

  it('names every outside package that package.json installs for users', () => {
    const { dependencies } = JSON.parse(readFileSync(inProject('package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const named = Object.values(RULES).flatMap((rule) => rule.packages ?? []);
    expect(named.sort()).toEqual(Object.keys(dependencies).sort());
  });

  it('explains each folder that holds no code of its own yet', () => {
    for (const folder of Object.keys(RULES)) {
      const holdsCode = readdirSync(join(SOURCE, folder), { recursive: true }).some((name) =>
        /\.(ts|rs|c)$/.test(String(name)),
      );
      const explained = existsSync(join(SOURCE, folder, 'README.md'));
      expect(holdsCode || explained, `src/${folder}`).toBe(true);
    }
  });
});
