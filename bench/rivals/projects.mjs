import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openWorkspace, sampleWorkspace } from '../../bin/demo/workspace.mjs';
import { fetchCrate } from '../real/fetch.mjs';

/**
 * What is built when nothing is named. `edits`: the sources that an item is appended to, by what
 * hangs from them: nothing (`leaf`) or much of the workspace (`root`).
 */
const PROJECTS = {
  ripgrep: { crate: 'ripgrep@15.2.0', edits: { leaf: 'crates/core/main.rs' } },
  bat: { crate: 'bat@0.26.1', edits: { leaf: 'src/bin/bat/main.rs', root: 'src/lib.rs' } },
  sample: { edits: {} },
  thousand: {
    makes: (root) => makeMany(root, 1000),
    edits: { leaf: 'c999/src/lib.rs', root: 'c500/src/lib.rs' },
  },
  hundred: {
    makes: (root) => makeMany(root, 100),
    edits: { leaf: 'c99/src/lib.rs', root: 'c50/src/lib.rs' },
  },
};

export const DEFAULT_PROJECTS = ['ripgrep', 'bat', 'sample', 'thousand'];

/** @param name of the list, or a crate of the registry as `NAME@VERSION` */
export async function openProject(name, scratch, options) {
  const known = PROJECTS[name];
  if (known === undefined && !name.includes('@')) {
    throw new Error(`no project ${name}: ${Object.keys(PROJECTS).join(', ')}, or NAME@VERSION`);
  }
  const { edits } = known ?? { edits: {} };
  if (name === 'sample') return { name, edits, workspace: sampleWorkspace() };
  const root = known?.makes
    ? await known.makes(join(scratch, name))
    : await fetchCrate(known?.crate ?? name, options);
  return { name, edits, workspace: await openWorkspace(root, options) };
}

/** Appends an item that metadata and code hold; `text` undefined takes it back. */
export async function edit(path, text) {
  const source = await readFile(path, 'utf8');
  const original = source.split(MARK)[0];
  const item = `${MARK}#[doc(hidden)]\npub static VRIFT_BENCH: &str = "${text}";\n`;
  await writeFile(path, text === undefined ? original : original + item);
}

const MARK = '\n// added by the benchmark\n';

/** Small libraries, each of which needs up to three of those before it. */
async function makeMany(root, count) {
  const write = async (path, text) => {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), text);
  };
  const members = Array.from({ length: count }, (_, n) => `"c${n}"`).join(', ');
  await write('Cargo.toml', `[workspace]\nresolver = "2"\nmembers = [${members}]\n`);
  for (let n = 0; n < count; n += 1) {
    const needs = [...new Set([n - 1, n >> 1, n >> 2])].filter((m) => m >= 0 && m < n);
    const lines = needs.map((m) => `c${m} = { path = "../c${m}" }\n`).join('');
    const calls = needs.map((m) => `c${m}::value(x)`).join(' ^ ') || 'x';
    await write(
      `c${n}/Cargo.toml`,
      `[package]\nname = "c${n}"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\n${lines}`,
    );
    await write(
      `c${n}/src/lib.rs`,
      `/// Of ${n}.\npub fn value(x: u64) -> u64 {\n    if x > 3 { return x; }\n    (${calls}).wrapping_add(${n})\n}\n`,
    );
  }
  return root;
}
