import { basename, dirname, isAbsolute, relative } from 'node:path';
import type { Digest } from '../base/digest.js';
import type { BypassReason, PlannedOutput, RustcPlan } from '../compilers/plan.js';
import { outputsOf } from '../compilers/rustc/outputs.js';
import { canonicalMetadata } from '../keying/canonical.js';
import type { About } from '../keying/facts.js';
import type { Environment, Files } from '../keying/ports.js';
import { type Roots, rootsOf, withoutSlash } from '../keying/roots.js';
import { unitKeyOf, unitKeyParts } from '../keying/unitKey.js';
import { incrementalState, rewriteArgv } from './argv.js';
import { type ArtifactRecord, type Artifacts, type Closure, masksOf } from './artifacts.js';
import { type Macros, macrosOf } from './macros.js';
import { nativesOf } from './natives.js';
import type { DeclaredInputs, Linker, PipelinePorts, Toolchain } from './ports.js';
import type { OffMesh } from './privacy.js';
import { withFront } from './script/front.js';
import { scriptedInputs } from './scripted.js';
import type { Trace } from './trace.js';

/** One call, understood: all that look-up, restore, run and record need to know of it. */
export interface Unit {
  plan: RustcPlan;
  cwd: string;
  env: Environment;
  umask: number;
  outputs: PlannedOutput[];
  roots: Roots;
  toolchain: Toolchain;
  linker: Linker | undefined;
  canonical: string;
  closure: Closure;
  macros: Macros;
  /** The root of its package, unless that was fetched. */
  packageDir: string | undefined;
  /** What the project declares as read by its macros, when the unit may run any. */
  declared: Exclude<DeclaredInputs, { kind: 'broken' }> | undefined;
  /** `crate identity` of each rlib that a link may draw from; empty for a plain library. */
  linkable: readonly string[];
  /** The call's own package root, when it lies outside of workspace and CARGO_HOME. */
  outside: string | undefined;
  key: Digest;
  /** Of the key by name, to explain a miss. */
  parts: Record<string, unknown>;
  about: About;
  /** Where the linker writes what it read. */
  linkInputs: string | undefined;
  /** The incremental state that the compile would use, and whether anything is in it. */
  incremental: { dir: string; warm: boolean } | undefined;
  /** The command line with everything of design §2 put in. */
  argv: string[];
  /** Why peers hear nothing of it; filled in once the project's rules are looked at. */
  offMesh: OffMesh | undefined;
  /** Names that peers must not be told; patterns. */
  exclude: readonly string[];
  trace: Trace | undefined;
}

export interface Refusal {
  reason: BypassReason;
  detail: string;
}

export interface CallFacts {
  plan: RustcPlan;
  cwd: string;
  env: Environment;
  umask: number;
  trace: Trace | undefined;
}

/** Plan → unit, or why not. Runs no process unless compiler or linker are new to the node. */
export async function prepare(
  { plan, cwd, env, umask, trace }: CallFacts,
  ports: PipelinePorts,
  artifacts: Artifacts,
): Promise<Unit | Refusal> {
  if (plan.target !== undefined && env.has('RUST_TARGET_PATH')) {
    return { reason: 'target specification file', detail: plan.target };
  }
  const toolchain = await ports.tools.toolchain(plan.compiler, plan.target, cwd, env);
  if (toolchain === undefined) return { reason: 'toolchain', detail: plan.compiler };
  const named = outputsOf(plan, plan.target ?? toolchain.host);
  if ('reason' in named) return named;
  const fronts = ports.observer !== undefined && ports.buildScripts;
  const outputs = fronts ? withFront(plan, named.outputs) : named.outputs;
  const linker = plan.links ? await ports.tools.linker(plan, cwd, env) : undefined;
  if (typeof linker === 'string') return { reason: 'linker', detail: linker };

  trace?.mark('tools');
  const paths = plan.externs.flatMap((entry) => entry.path ?? []);
  const closure = await artifacts.closure(paths, plan.bundles);
  trace?.mark('dependencies');
  const own = packagePlace(plan, cwd, env, ports.disk);
  const roots = rootsOf(
    {
      workspace: own.workspace,
      targetDir: ports.tools.targetDir(plan.outDir, env),
      cargoHome: cargoHome(env),
      sysroot: toolchain.sysroot,
      commit: toolchain.commit,
      outDir: env.get('OUT_DIR'),
      packageId: `${env.get('CARGO_PKG_NAME') ?? plan.crateName}-${env.get('CARGO_PKG_VERSION') ?? ''}`,
      outside: outsideOf(own.outside, closure),
      home: env.get('HOME'),
      keepTarget: plan.splitDebuginfo === 'unpacked',
    },
    ports.disk,
  );
  const natives = nativesOf(plan, roots, ports.disk);
  if (typeof natives === 'string') return { reason: 'native library', detail: natives };

  const dependencies = plan.externs.map(
    ({ name, path }) =>
      [name, path === undefined ? 'sysroot' : canonicalOf(path, closure)] as const,
  );
  const canonical =
    plan.metadata === undefined
      ? ''
      : canonicalMetadata(plan, env, roots, dependencies, ports.hasher);
  const macros = macrosOf(plan, closure, artifacts);
  const mayDeclare = macros.any ? own.root : undefined;
  const declared = mayDeclare === undefined ? undefined : await ports.declared(mayDeclare);
  if (declared?.kind === 'broken') {
    return { reason: 'project configuration', detail: declared.problem };
  }
  const mayWalk = own.workspace !== undefined || own.outside !== undefined;
  const scripted = macros.any ? scriptedInputs(env, roots, ports.disk, mayWalk) : undefined;
  if (scripted === 'too much') return { reason: 'build script inputs', detail: plan.crateName };
  trace?.mark('roots, macros');
  const linkable = plan.bundles ? linkClosure(closure, artifacts) : [];
  const parts = unitKeyParts(
    plan,
    env,
    cwd,
    roots,
    {
      toolchain: toolchain.id,
      clippy: plan.clippy === undefined ? undefined : ports.tools.clippy(plan.clippy, cwd, env),
      canonical: canonical === '' ? undefined : canonical,
      externs: externIdentities(plan, closure, artifacts),
      expands: macros.any,
      macros: macros.identities,
      declared: declared?.kind === 'known' ? declared : undefined,
      scripted,
      natives,
      closure: linkable,
      linker,
      rpath: plan.rpath && plan.links ? rpathEnds(plan, toolchain, closure) : undefined,
      cpu: plan.targetCpuNative ? ports.tools.cpu() : undefined,
    },
    ports.disk,
  );
  const linkInputs = plan.links ? besideOutput(plan, ports.store.tmpPath()) : undefined;
  const incremental = incrementalState(plan, canonical, ports.disk);
  return {
    plan,
    cwd,
    env,
    umask,
    outputs,
    roots,
    toolchain,
    linker,
    canonical,
    closure,
    macros,
    packageDir: own.root,
    declared,
    linkable,
    outside: own.outside,
    key: unitKeyOf(parts, ports.hasher),
    parts,
    about: {
      compiler: toolchain.version,
      package: packageName(env),
      dependencies: dependencies.map(([name, made], index) => {
        const path = plan.externs[index]?.path;
        const record = path === undefined ? undefined : closure.records.get(path);
        return { name, crate: record?.crate ?? name, canonical: made };
      }),
    },
    linkInputs,
    incremental,
    offMesh: undefined,
    exclude: [],
    trace,
    argv: rewriteArgv(plan, { roots, canonical, incremental: incremental?.dir, linkInputs }),
  };
}

/** rustc writes ways relative to `$ORIGIN`, which no search for absolute paths finds. */
function rpathEnds(plan: RustcPlan, toolchain: Toolchain, closure: Closure): string[] {
  const libraries = [...closure.records].filter(([, { role }]) => role === 'dylib');
  const dirs = libraries.map(([path]) => dirname(path));
  return [plan.outDir, toolchain.sysroot, ...new Set(dirs.sort())];
}

/**
 * Where the linker says what it read. Where it cannot write, it fails: so never on the store's
 * disk, which may be full or gone, but where it has to write the output anyway.
 */
function besideOutput(plan: RustcPlan, fresh: string): string {
  return `${plan.outDir}/.vrift-${basename(fresh)}.link`;
}

/** Where a package stands. */
interface Place {
  /** Its own directory, unless it was fetched. */
  root: string | undefined;
  workspace: string | undefined;
  outside: string | undefined;
}

const NOWHERE: Place = { root: undefined, workspace: undefined, outside: undefined };

/**
 * Cargo compiles members of a workspace from its root with relative sources, everything else from
 * the package's own directory with absolute ones.
 */
function packagePlace(plan: RustcPlan, cwd: string, env: Environment, files: Files): Place {
  const root = env.get('CARGO_MANIFEST_DIR') ?? cwd;
  if (!isAbsolute(plan.source)) {
    const workspace = spelt(cwd, env.get('CARGO_MANIFEST_DIR'), files);
    return { root, workspace, outside: undefined };
  }
  const home = cargoHome(env);
  if (home !== undefined && root.startsWith(`${home}/`)) return NOWHERE;
  return { root, workspace: undefined, outside: dirname(root) === root ? undefined : root };
}

/**
 * The system gives a working directory without symlinks. Where the user named the workspace
 * through one, cargo's variables and file names have the user's spelling.
 */
function spelt(cwd: string, manifestDir: string | undefined, files: Files): string {
  if (manifestDir === undefined || `${manifestDir}/`.startsWith(`${cwd}/`)) return cwd;
  const inside = relative(cwd, files.realpath(manifestDir));
  const top = inside === '' ? manifestDir : manifestDir.slice(0, -(inside.length + 1));
  return files.realpath(top) === cwd ? top : cwd;
}

function cargoHome(env: Environment): string | undefined {
  const home = withoutSlash(env.get('CARGO_HOME') ?? '');
  if (home !== '') return home;
  const user = withoutSlash(env.get('HOME') ?? '');
  return user === '' ? undefined : `${user}/.cargo`;
}

function outsideOf(own: string | undefined, closure: Closure): string[] {
  const roots = new Set<string>();
  if (own !== undefined) roots.add(own);
  for (const { outside } of closure.records.values()) {
    if (outside !== undefined) roots.add(outside);
  }
  return [...roots];
}

function canonicalOf(path: string, closure: Closure): string {
  return closure.records.get(path)?.canonical ?? path.slice(path.lastIndexOf('/') + 1);
}

function externIdentities(
  plan: RustcPlan,
  closure: Closure,
  artifacts: Artifacts,
): { name: string; options: string; identity: string }[] {
  const masks = masksOf(closure.records.values(), '');
  return plan.externs.map(({ name, options, path }) => {
    if (path === undefined) return { name, options, identity: 'sysroot' };
    const checked = closure.records.get(path)?.digest;
    return { name, options, identity: artifacts.identityOf(path, masks, checked) ?? 'missing' };
  });
}

/** Content of every rlib that a link may draw from; argv lists only the direct ones. */
function linkClosure(closure: Closure, artifacts: Artifacts): string[] {
  const masks = masksOf(closure.records.values(), '');
  const lines: string[] = [];
  for (const [path, record] of closure.records) {
    if (record.role === 'rmeta' && record.rlib !== undefined) continue;
    const identity = artifacts.identityOf(path, masks, record.digest);
    lines.push(`${record.crate} ${identity ?? 'missing'}`);
  }
  return [...new Set(lines)].sort();
}

function packageName(env: Environment): string {
  return `${env.get('CARGO_PKG_NAME') ?? ''} ${env.get('CARGO_PKG_VERSION') ?? ''}`.trim();
}

/** The record of each output file, for whoever is compiled against it. */
export function recordsOf(unit: Unit, localOnly: boolean): Map<string, ArtifactRecord> {
  const externs = unit.plan.externs.flatMap((entry) => entry.path ?? []);
  const rlib = unit.outputs.find((output) => output.role === 'rlib')?.path;
  return new Map(
    unit.outputs
      .filter((output) => output.role !== 'dep-info')
      .map((output) => [
        output.path,
        {
          crate: unit.plan.crateName,
          role: output.role,
          canonical: unit.canonical,
          digest: null,
          identity: undefined,
          rlib: output.role === 'rmeta' ? rlib : undefined,
          externs,
          suffix: unit.plan.extraFilename,
          outside: unit.outside,
          localOnly,
          ...(unit.offMesh?.spreads && { offMesh: true as const }),
        },
      ]),
  );
}
