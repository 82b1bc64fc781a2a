import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'smol-toml';
import { openWorkspace } from '../../bin/demo/workspace.mjs';
import { fetchCrate } from '../real/fetch.mjs';

/**
 * What is edited. A place is a function that the program calls: each edit puts another statement
 * with another text in front of its body, so that metadata, code and program change.
 *
 * `root` has dependents that are compiled again, `leaf` only the program, `program` nothing.
 */
export const PROJECTS = {
  small: {
    makes: makeSmall,
    places: {
      leaf: { file: 'words/src/lib.rs', after: 'pub fn shout(text: &str) -> String {' },
      root: { file: 'base/src/lib.rs', after: 'pub fn mix(n: u64) -> u64 {' },
      program: { file: 'app/src/main.rs', after: 'fn main() {' },
    },
  },
  middle: {
    makes: (_, options) => fetchCrate('ripgrep@15.2.0', options),
    places: {
      program: {
        file: 'crates/core/main.rs',
        after: 'fn run(result: crate::flags::ParseResult<HiArgs>) -> anyhow::Result<ExitCode> {',
      },
    },
  },
  large: {
    makes: makeLarge,
    places: {
      leaf: {
        file: 'syn/src/lib.rs',
        after: 'pub fn parse_file(mut content: &str) -> Result<File> {',
      },
      root: { file: 'regex-syntax/src/lib.rs', after: 'pub fn escape(text: &str) -> String {' },
      program: { file: 'app/src/main.rs', after: 'fn main() {' },
    },
  },
};

/** @param scratch a directory for what is made here */
export async function openProject(name, place, scratch, options) {
  const { makes, places: all } = PROJECTS[name];
  if (place !== undefined && !Object.hasOwn(all, place)) throw new Error(`${name}: no ${place}`);
  const places = place === undefined ? all : { [place]: all[place] };
  const root = await makes(join(scratch, name), options);
  const workspace = await openWorkspace(root, options);
  return { name, places, workspace, lines: await countLines(root) };
}

/** Changes the function at `place` of the checkout; `text` undefined takes the change back. */
export async function edit(checkout, { file, after }, text) {
  const path = join(checkout, file);
  const source = await readFile(path, 'utf8');
  const [head, tail] = source.split(after);
  if (tail === undefined) throw new Error(`${file} has no \`${after}\``);
  const original = tail.replace(/^ core::hint::black_box\(".*"\);/, '');
  const added = text === undefined ? '' : ` core::hint::black_box("${text}");`;
  await writeFile(path, `${head}${after}${added}${original}`);
}

/** base ← first, second, third ← app → words: each library some hundred lines. */
async function makeSmall(root) {
  const functions = (called, count) =>
    Array.from({ length: count }, (_, n) => {
      const body = `let mut all: Vec<u64> = (0..n).map(|i| ${called}).collect();\n    all.sort();\n    all.iter().sum()`;
      return `pub fn part${n}(n: u64) -> u64 {\n    ${body.replaceAll('SEED', n)}\n}\n`;
    }).join('');
  const crates = {
    base: [
      [],
      `pub fn mix(n: u64) -> u64 {\n    n.rotate_left(7)\n}\n${functions('mix(i ^ SEED)', 40)}`,
    ],
    words: [
      [],
      `pub fn shout(text: &str) -> String {\n    text.to_uppercase()\n}\n${functions('i + SEED', 40)}`,
    ],
    app: [
      ['first', 'second', 'third', 'words'],
      'fn main() {\n    let sum = first::part1(9) + second::part2(9) + third::part3(9);\n    println!("{} {sum}", words::shout("sum"));\n}\n',
    ],
  };
  for (const name of ['first', 'second', 'third']) {
    crates[name] = [['base'], functions('base::mix(i) ^ base::part3(SEED)', 40)];
  }
  for (const [name, [needs, text]] of Object.entries(crates)) {
    const dependencies = Object.fromEntries(needs.map((need) => [need, { path: `../${need}` }]));
    const source = name === 'app' ? 'main.rs' : 'lib.rs';
    await writePackage(join(root, name), name, dependencies, { [source]: text });
  }
  await writeWorkspace(root, Object.keys(crates));
  return root;
}

/** syn and regex-syntax ← regex-automata as members of a workspace with a program. */
async function makeLarge(root, options) {
  const members = ['syn@2.0.106', 'regex-syntax@0.8.6', 'regex-automata@0.4.11'];
  for (const spec of members) {
    const to = join(root, spec.split('@')[0]);
    await cp(await fetchCrate(spec, options), to, { recursive: true });
    await asMember(to);
  }
  await writePackage(
    join(root, 'app'),
    'app',
    {
      syn: { path: '../syn', features: ['full', 'extra-traits', 'visit', 'fold', 'parsing'] },
      'regex-syntax': { path: '../regex-syntax' },
      'regex-automata': { path: '../regex-automata' },
    },
    {
      'main.rs': `fn main() {
    let pattern = regex_syntax::escape("fn [a-z]+");
    let regex = regex_automata::meta::Regex::new(&pattern).unwrap();
    let file = syn::parse_file("fn one() {} fn two() {}").unwrap();
    println!("{} {:?}", file.items.len(), regex.find("fn [a-z]+"));
}
`,
    },
  );
  await writeWorkspace(root, ['app', ...members.map((spec) => spec.split('@')[0])]);
  return root;
}

/** A published Cargo.toml names what only its own tests need, and other members by version. */
async function asMember(directory) {
  const path = join(directory, 'Cargo.toml');
  const manifest = parse(await readFile(path, 'utf8'));
  for (const section of ['dev-dependencies', 'test', 'bench', 'example', 'target']) {
    delete manifest[section];
  }
  const known = manifest.dependencies ?? {};
  if (known['regex-syntax'] !== undefined) {
    const { version: _, ...rest } = known['regex-syntax'];
    known['regex-syntax'] = { ...rest, path: '../regex-syntax' };
  }
  for (const [name, parts] of Object.entries(manifest.features ?? {})) {
    const isHere = (part) => !part.includes('/') || known[part.split(/[?/]/)[0]] !== undefined;
    manifest.features[name] = parts.filter(isHere);
  }
  await writeFile(path, stringify(manifest));
  for (const name of ['Cargo.lock', 'tests', 'benches', 'examples']) {
    await rm(join(directory, name), { recursive: true, force: true });
  }
}

async function writePackage(directory, name, dependencies, sources) {
  await mkdir(join(directory, 'src'), { recursive: true });
  const about = { name, version: '0.1.0', edition: '2021' };
  await writeFile(join(directory, 'Cargo.toml'), stringify({ package: about, dependencies }));
  for (const [file, text] of Object.entries(sources)) {
    await writeFile(join(directory, 'src', file), text);
  }
}

async function writeWorkspace(root, members) {
  await writeFile(join(root, 'Cargo.toml'), stringify({ workspace: { members, resolver: '2' } }));
}

/** Of Rust, in the members. */
async function countLines(root) {
  let lines = 0;
  for (const entry of await readdir(root, { recursive: true })) {
    if (!entry.endsWith('.rs')) continue;
    lines += (await readFile(join(root, entry), 'utf8')).split('\n').length;
  }
  return lines;
}
