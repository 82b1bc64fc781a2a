import { absolute } from '../../base/paths.js';
import type { Argument, BypassReason, Parsed, RustcPlan } from '../plan.js';
import { parseExtern, parseNativeLib, parseSearchDir } from './specs.js';
import { tokenize } from './tokenize.js';
import { REPORTS } from './unstable.js';

/**
 * argv → plan, or the counted reason why not.
 *
 * @param argv the compiler first (cargo's RUSTC_WRAPPER convention), a workspace wrapper before it
 * @param cwd  absolute; relative paths of the command line start there
 */
export function parseRustc(argv: readonly string[], cwd: string): Parsed {
  const head = compilerOf(argv);
  if (head.kind === 'bypass') {
    // An unknown wrapper that is asked a question makes nothing either.
    const asked = head.reason === 'workspace wrapper' && tokenize(argv.slice(2)).kind === 'probe';
    return asked ? { kind: 'probe' } : head;
  }
  const tokens = tokenize(argv.slice(head.clippy === undefined ? 1 : 2));
  if (tokens.kind !== 'arguments') return tokens;
  return planOf(head.compiler, head.clippy, tokens.list, cwd);
}

type Head =
  | { kind: 'head'; compiler: string; clippy: string | undefined }
  | { kind: 'bypass'; reason: BypassReason; detail: string };

/** `rustc …`, `clippy-driver rustc …`; any other program before rustc is an unknown wrapper. */
function compilerOf(argv: readonly string[]): Head {
  const [first = '', second = ''] = argv;
  if (stem(second) === 'rustc' && !second.startsWith('-')) {
    if (stem(first) !== 'clippy-driver') {
      return { kind: 'bypass', reason: 'workspace wrapper', detail: first };
    }
    return { kind: 'head', compiler: second, clippy: first };
  }
  if (stem(first) === 'rustc') return { kind: 'head', compiler: first, clippy: undefined };
  return { kind: 'bypass', reason: 'not a compiler', detail: first };
}

function stem(path: string): string {
  return (path.split('/').at(-1) ?? '').replace(/\.exe$/, '');
}

function planOf(
  compiler: string,
  clippy: string | undefined,
  list: Argument[],
  cwd: string,
): Parsed {
  const last = (flag: string) => list.findLast((argument) => argument.flag === flag)?.value;
  const all = (flag: string) =>
    list.filter((argument) => argument.flag === flag).map((argument) => argument.value ?? '');
  const bypass = (reason: BypassReason, detail: string): Parsed => ({
    kind: 'bypass',
    reason,
    detail,
  });

  const sources = all('');
  if (sources.length !== 1) return bypass('no source', sources.join(' '));
  // A descriptor is another one in the node.
  if (/^\/(proc\/|dev\/(?!shm\/))/.test(sources[0]!)) return bypass('no source', sources[0]!);
  const crateName = last('--crate-name');
  if (crateName === undefined) return bypass('crate name', 'no --crate-name');
  if (!/^[A-Za-z0-9_]+$/.test(crateName)) return bypass('crate name', crateName);
  const test = list.some((argument) => argument.flag === '--test');
  const crateTypes = [...new Set(all('--crate-type').flatMap((value) => value.split(',')))];
  // A `harness = false` target. Should the source say otherwise, the program will be missing.
  if (crateTypes.length === 0) crateTypes.push('bin');
  const emit = emitOf(all('--emit'), cwd);
  if (typeof emit === 'string') return bypass('emit kind', emit);
  if (emit['dep-info'] === undefined) return bypass('no dep-info', crateName);
  const target = last('--target');
  if (target?.endsWith('.json')) return bypass('target specification file', target);
  const extraFilename = last('-C extra-filename') ?? '';
  if (!/^[A-Za-z0-9_.-]*$/.test(extraFilename)) return bypass('unknown flag', extraFilename);

  const json = all('--json').flatMap((value) => value.split(','));
  if (json.includes('timings')) return bypass('unstable flag', '--json=timings');
  if (all('-C metadata').length > 1) return bypass('unknown flag', 'several -C metadata');

  const linkArgs = all('-C link-arg').concat(all('-C link-args').flatMap((v) => v.split(' ')));
  const linked = ['bin', 'dylib', 'cdylib', 'proc-macro'];
  const links =
    emit.link !== undefined && (test || crateTypes.some((type) => linked.includes(type)));
  const plan: RustcPlan = {
    compiler,
    clippy,
    arguments: list,
    crateName,
    crateTypes: crateTypes.map((type) => (type === 'lib' ? 'rlib' : type)),
    test,
    source: sources[0]!,
    target,
    outDir: absolute(cwd, spelt(last('--out-dir') ?? '.')),
    speltOutDir: optional(last('--out-dir'), spelt),
    extraFilename,
    metadata: last('-C metadata'),
    incremental: optional(last('-C incremental'), (path) => absolute(cwd, path)),
    externs: all('--extern').map((value) => parseExtern(value, cwd)),
    searchDirs: all('-L').map((value) => parseSearchDir(value, cwd)),
    nativeLibs: all('-l').map(parseNativeLib),
    linkArgs,
    linker: last('-C linker'),
    optimised: isOptimised(list),
    targetCpuNative: last('-C target-cpu') === 'native',
    splitDebuginfo: splitOf(last('-C split-debuginfo')),
    debuginfo: hasDebuginfo(list),
    rpath: isOn(list, '-C rpath'),
    opaque: isOpaque(list, linkArgs),
    links,
    bundles: links || (emit.link !== undefined && crateTypes.includes('staticlib')),
    json: last('--error-format') === 'json',
    artifactMessages: json.includes('artifacts'),
    reports: REPORTS.filter((kind) => json.includes(kind)),
    emit,
  };
  return { kind: 'plan', plan };
}

function optional(value: string | undefined, change: (value: string) => string) {
  return value === undefined ? undefined : change(value);
}

const spelt = (dir: string) => dir.replace(/(?<=.)\/+$/, '');

function emitOf(values: string[], cwd: string): RustcPlan['emit'] | string {
  const emit: RustcPlan['emit'] = {};
  for (const entry of values.flatMap((value) => value.split(','))) {
    const equals = entry.indexOf('=');
    const kind = equals < 0 ? entry : entry.slice(0, equals);
    if (kind !== 'link' && kind !== 'metadata' && kind !== 'dep-info') return entry;
    const path = equals < 0 ? null : entry.slice(equals + 1);
    if (path === '-') return entry;
    emit[kind] = path === null ? null : absolute(cwd, path);
  }
  return emit;
}

/** rustc takes the last of `-O` and `-C opt-level`, wherever they stand. */
function isOptimised(list: Argument[]): boolean {
  const level = list.findLast((a) => a.flag === '-O' || a.flag === '-C opt-level');
  return level !== undefined && !(level.flag === '-C opt-level' && level.value === '0');
}

function splitOf(value: string | undefined): RustcPlan['splitDebuginfo'] {
  return value === 'packed' || value === 'unpacked' ? value : 'off';
}

/** rustc takes the last of `-g` and `-C debuginfo`, wherever they stand. */
function hasDebuginfo(list: Argument[]): boolean {
  const level = list.findLast((a) => a.flag === '-g' || a.flag === '-C debuginfo');
  return level !== undefined && !['0', 'none'].includes(level.value ?? '');
}

/** LLVM bitcode, coverage maps and compressed sections hold paths that no scan sees. */
function isOpaque(list: Argument[], linkArgs: string[]): boolean {
  return (
    isOn(list, '-C embed-bitcode', true) ||
    isOn(list, '-C linker-plugin-lto') ||
    isOn(list, '-C instrument-coverage') ||
    linkArgs.some((arg) => arg.includes('compress-debug-sections'))
  );
}

const OFF = ['no', 'n', 'off', 'false', '0'];

/** A flag without a value is on, and the last one counts. */
function isOn(list: Argument[], flag: string, otherwise = false): boolean {
  const last = list.findLast((argument) => argument.flag === flag);
  return last === undefined ? otherwise : !OFF.includes(last.value ?? '');
}
