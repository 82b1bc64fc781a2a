import { basename, dirname } from 'node:path';
import { canonicalJson } from '../../base/canonical.js';
import type { Digest } from '../../base/digest.js';
import { type Roots, rootsOf, withoutSlash } from '../../keying/roots.js';
import type { ScriptFrame } from '../../wire/launcher.js';
import { environmentOf } from '../caller.js';
import { expandMessages } from '../messages.js';
import type { PipelinePorts, Toolchain } from '../ports.js';
import type { OffMesh } from '../privacy.js';
import type { Trace } from '../trace.js';
import { isGiven, ScriptEnvironment } from './environment.js';

/** One run of a build script, understood. */
export interface ScriptUnit {
  /** Of the package; for people. */
  name: string;
  program: string;
  argv: readonly string[];
  cwd: string;
  env: ScriptEnvironment;
  outDir: string;
  packageDir: string;
  roots: Roots;
  toolchain: Toolchain;
  target: string;
  key: Digest;
  /** Content of its program. */
  made: Digest;
  /** Why peers hear nothing of it; filled in once the project's rules are looked at. */
  offMesh: OffMesh | undefined;
  /** Names that peers must not be told; patterns. */
  exclude: readonly string[];
  /** Text with names for paths; undefined where the way back would give another text. */
  mapText(text: string): string | undefined;
  expandText(text: string): string;
  trace: Trace | undefined;
}

/** Raised when what goes into a script's key changes its meaning. */
const SCRIPT_SCHEMA = 4;

/** @returns a text: why the run can be neither replayed nor recorded */
export async function prepareScript(
  frame: ScriptFrame,
  ports: PipelinePorts,
  trace: Trace | undefined,
): Promise<ScriptUnit | string> {
  const pairs = environmentOf(frame.env);
  if (typeof pairs === 'string') return `variable set twice: ${pairs}`;
  const env = new ScriptEnvironment(pairs, {
    exists: (path) => ports.disk.exists(path),
    processor: () => ports.tools.cpu(),
    host: () => ports.tools.host(),
  });
  const outDir = withoutSlash(env.get('OUT_DIR') ?? '');
  const packageDir = withoutSlash(env.get('CARGO_MANIFEST_DIR') ?? '');
  const compiler = env.get('RUSTC');
  if (outDir === '' || packageDir === '' || compiler === undefined) return 'not started by cargo';
  const target = env.get('TARGET') ?? '';
  const toolchain = await ports.tools.toolchain(compiler, undefined, frame.cwd, env);
  if (toolchain === undefined) return 'toolchain';
  const program = await ports.disk.digestAsync(frame.program);
  if (program === undefined) return 'program gone';
  const madeFrom = ports.origins.get(program);
  const name = env.get('CARGO_PKG_NAME') ?? basename(packageDir);
  const version = env.get('CARGO_PKG_VERSION') ?? '';
  const targetDir = ports.tools.targetDir(outDir, env);
  const cargoHome = cargoHomeOf(env);
  const fetched = cargoHome !== undefined && packageDir.startsWith(`${cargoHome}/`);
  const roots = rootsOf(
    {
      workspace: fetched ? undefined : workspaceOf(packageDir, targetDir, ports),
      targetDir,
      cargoHome,
      sysroot: toolchain.sysroot,
      commit: toolchain.commit,
      outDir,
      packageId: `${name}-${version}`,
      outside: [],
      home: env.get('HOME'),
      keepTarget: false,
    },
    ports.disk,
  );
  const given = [...env.keys()].filter(isGiven).sort();
  const parts = {
    script: SCRIPT_SCHEMA,
    program: madeFrom === undefined ? program : `made from ${madeFrom}`,
    toolchain: toolchain.id,
    arguments: frame.argv.slice(1),
    cwd: roots.map(frame.cwd),
    umask: frame.umask,
    env: given.map((variable) => [variable, roots.mapText(env.get(variable) ?? '')]),
  };
  const key = ports.hasher.hash(canonicalJson(parts));
  const { argv, cwd } = frame;
  const expandText = (text: string) => expandMessages(text, roots);
  const mapText = (text: string) => {
    const mapped = roots.mapText(text);
    return expandText(mapped) === text ? mapped : undefined;
  };
  return {
    name,
    program: frame.program,
    argv,
    cwd,
    env,
    outDir,
    packageDir,
    roots,
    toolchain,
    target,
    key,
    made: program,
    offMesh: undefined,
    exclude: [],
    mapText,
    expandText,
    trace,
  };
}

/** Cargo tells no script of its workspace: most often it is where the target directory stands. */
function workspaceOf(packageDir: string, targetDir: string, { disk }: PipelinePorts): string {
  const above = dirname(targetDir);
  const holds = packageDir === above || packageDir.startsWith(`${above}/`);
  return holds && disk.exists(`${above}/Cargo.toml`) ? above : packageDir;
}

function cargoHomeOf(env: ScriptEnvironment): string | undefined {
  const home = withoutSlash(env.get('CARGO_HOME') ?? '');
  if (home !== '') return home;
  const user = withoutSlash(env.get('HOME') ?? '');
  return user === '' ? undefined : `${user}/.cargo`;
}
