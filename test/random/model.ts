import type { Chance } from './chance.js';

/**
 * A small workspace as a value. Numbers stand for contents: each is written into one source, and
 * the program prints it.
 */
export interface Workspace {
  /** In an order where a crate depends on earlier ones only; the last is the program. */
  crates: Crate[];
  /** opt-level of the two profiles. */
  devOpt: number;
  releaseOpt: number;
  debug: 0 | 1;
}

export interface Crate {
  name: string;
  kind: 'lib' | 'macro' | 'app';
  /** Below the workspace's root, or beside it. */
  place: 'member' | 'outside';
  version: number;
  constant: number;
  inlined: number;
  generic: number;
  /** In a `macro_rules!` that dependents call. */
  exported: number;
  modules: Module[];
  /** Contents of what `include_str!` and `include_bytes!` name. */
  note: number | null;
  bytes: number | null;
  optionalEnv: boolean;
  requiredEnv: boolean;
  tellsPlace: boolean;
  tellsFile: boolean;
  /** Contents of the file that macros include beside their caller. */
  macroText: number;
  /** An unused variable of that number. */
  warns: number | null;
  broken: 'type' | 'module twice' | null;
  deps: Dependency[];
  script: Script | null;
}

export interface Module {
  name: string;
  form: 'file' | 'directory';
  body: number;
}

export interface Dependency {
  on: string;
  features: Feature[];
}

export interface Script {
  constant: number;
  /** Contents of a file named by `rerun-if-changed`. */
  data: number;
  /** Reads VR_SCRIPT, named by `rerun-if-env-changed`. */
  readsEnv: boolean;
  cfg: number;
  says: number;
  /** The crate holds `OUT_DIR` as a string too. */
  tellsOutDir: boolean;
  c: { body: number; header: number } | null;
  deps: Dependency[];
}

/** How cargo is called. */
export interface Setting {
  release: boolean;
  incremental: '0' | '1' | null;
  cfgs: Cfg[];
  denyWarnings: boolean;
  /** VR_OPTIONAL, VR_SCRIPT and VR_MACRO may be unset, VR_REQUIRED never is. */
  env: Record<Variable, number | null>;
}

/** Where a workspace stands while it is built. */
export interface Place {
  /** Parent of the workspace's root `app` and of the crates outside. */
  parent: string;
  targetDir: string;
}

export const FEATURES = ['f0', 'f1'] as const;
export type Feature = (typeof FEATURES)[number];
export const CFGS = ['vr_one', 'vr_two'] as const;
export type Cfg = (typeof CFGS)[number];
export const VARIABLES = ['VR_OPTIONAL', 'VR_REQUIRED', 'VR_SCRIPT', 'VR_MACRO'] as const;
export type Variable = (typeof VARIABLES)[number];

/** Macros and build scripts, and what they depend on, are for the host. */
type Side = 'target' | 'host';

export function generateWorkspace(chance: Chance): Workspace {
  const kinds: Crate['kind'][] = ['lib', 'lib', 'macro', 'lib'];
  if (chance.once(2)) kinds.push('lib');
  const crates: Crate[] = [];
  for (const [index, kind] of kinds.entries()) {
    crates.push(generateCrate(`${kind === 'macro' ? 'mac' : 'lib'}${index}`, kind, crates, chance));
  }
  crates.push(generateCrate('app', 'app', crates, chance));
  const scripted = crates.filter((crate) => crate.kind !== 'macro');
  scripted[0]!.script = generateScript([], chance);
  scripted[0]!.script.c = { body: chance.value(), header: chance.value() };
  const later = chance.pick(scripted.slice(1));
  later.script = generateScript(crates.slice(0, crates.indexOf(later)), chance);
  return { crates, devOpt: 0, releaseOpt: 1, debug: 0 };
}

function generateCrate(
  name: string,
  kind: Crate['kind'],
  earlier: readonly Crate[],
  chance: Chance,
): Crate {
  const modules = Array.from({ length: 1 + chance.below(2) }, (_, index) => ({
    name: `m${index}`,
    form: chance.once(2) ? ('file' as const) : ('directory' as const),
    body: chance.value(),
  }));
  // Chains rather than stars: what changes below has to come up through crates that do not.
  const near = earlier.slice(-2).filter(() => chance.below(4) > 0);
  const chosen = near.length > 0 ? near : earlier.slice(-1);
  return {
    name,
    kind,
    place: kind !== 'app' && chance.once(3) ? 'outside' : 'member',
    version: 0,
    constant: chance.value(),
    inlined: chance.value(),
    generic: chance.value(),
    exported: chance.value(),
    modules,
    note: chance.once(2) ? chance.value() : null,
    bytes: chance.once(2) ? chance.value() : null,
    optionalEnv: chance.once(2),
    requiredEnv: chance.once(3),
    tellsPlace: chance.once(4),
    tellsFile: chance.once(2),
    macroText: chance.value(),
    warns: chance.once(3) ? chance.value() : null,
    broken: null,
    deps: chosen.map((crate) => ({ on: crate.name, features: someFeatures(chance) })),
    script: null,
  };
}

/** Depends on libraries only. */
export function generateScript(earlier: readonly Crate[], chance: Chance): Script {
  const libraries = earlier.filter((crate) => crate.kind === 'lib');
  const helpers = libraries.length > 0 && chance.once(2) ? [chance.pick(libraries)] : [];
  return {
    constant: chance.value(),
    data: chance.value(),
    readsEnv: chance.once(2),
    cfg: chance.value(),
    says: chance.value(),
    tellsOutDir: chance.once(4),
    c: chance.once(3) ? { body: chance.value(), header: chance.value() } : null,
    deps: helpers.map((crate) => ({ on: crate.name, features: someFeatures(chance) })),
  };
}

export function someFeatures(chance: Chance): Feature[] {
  return FEATURES.filter(() => chance.once(3));
}

export function generateSetting(): Setting {
  return {
    release: false,
    incremental: null,
    cfgs: [],
    denyWarnings: false,
    env: { VR_OPTIONAL: null, VR_REQUIRED: 0, VR_SCRIPT: null, VR_MACRO: null },
  };
}

export function crateNamed(workspace: Workspace, name: string): Crate {
  const crate = workspace.crates.find((candidate) => candidate.name === name);
  if (crate === undefined) throw new Error(`no crate ${name}`);
  return crate;
}

/** Every crate that the program needs, built for either side. */
export function needed(workspace: Workspace): Set<Crate> {
  const found = new Set<Crate>();
  const visit = (crate: Crate): void => {
    if (found.has(crate)) return;
    found.add(crate);
    const scripted = crate.script?.deps ?? [];
    for (const dep of [...crate.deps, ...scripted]) visit(crateNamed(workspace, dep.on));
  };
  visit(workspace.crates.at(-1)!);
  return found;
}

export function directoryOf(crate: Crate, { parent }: Place): string {
  if (crate.kind === 'app') return `${parent}/app`;
  return crate.place === 'member' ? `${parent}/app/${crate.name}` : `${parent}/ext/${crate.name}`;
}

/** What has to come of a build. */
export type Expected =
  | { kind: 'fails'; with: RegExp }
  | { kind: 'prints'; lines: string[]; warnings: Set<string> };

export function predict(workspace: Workspace, setting: Setting, place: Place): Expected {
  const crates = [...needed(workspace)];
  const broken = crates.some((crate) => crate.broken !== null);
  if (broken) return { kind: 'fails', with: /error\[E0308\]|error\[E0761\]|unused variable/ };
  const warnings = new Set(crates.flatMap((crate) => warningOf(crate) ?? []));
  if (setting.denyWarnings && warnings.size > 0) return { kind: 'fails', with: /unused variable/ };
  const lines = new Prediction(workspace, setting, place).show(workspace.crates.at(-1)!, 'target');
  return { kind: 'prints', lines, warnings };
}

export function warningOf(crate: Crate): string | null {
  return crate.warns === null ? null : `unused_${crate.name}_${crate.warns}`;
}

/** Says line by line what the sources of sources.ts print. */
class Prediction {
  readonly #workspace: Workspace;
  readonly #setting: Setting;
  readonly #place: Place;
  readonly #features = new Map<string, Set<Feature>>();

  constructor(workspace: Workspace, setting: Setting, place: Place) {
    this.#workspace = workspace;
    this.#setting = setting;
    this.#place = place;
    this.#unifyFeatures(workspace.crates.at(-1)!, 'target');
  }

  show(crate: Crate, side: Side): string[] {
    const { env, cfgs, release } = this.#setting;
    const features = this.#features.get(`${side} ${crate.name}`) ?? new Set();
    return [
      `constant=${crate.constant}`,
      `inlined=${crate.inlined}`,
      `generic=${crate.generic}`,
      `version=0.1.${crate.version}`,
      `debug_assertions=${!release}`,
      ...FEATURES.filter(() => crate.kind !== 'app').map((name) => `${name}=${features.has(name)}`),
      ...CFGS.map((name) => `${name}=${cfgs.includes(name)}`),
      ...crate.modules.map((module) => `${module.name}=${module.body}`),
      ...(crate.note === null ? [] : [`note=${crate.note}`]),
      ...(crate.bytes === null ? [] : [`bytes=${crate.bytes}`]),
      ...(crate.optionalEnv ? [`optional=${env.VR_OPTIONAL ?? 'unset'}`] : []),
      ...(crate.requiredEnv ? [`required=${env.VR_REQUIRED}`] : []),
      ...(crate.tellsPlace ? [`place=${directoryOf(crate, this.#place)}`] : []),
      ...(tellsFile(crate) ? [`file=${sourceOf(crate)}`] : []),
      ...(crate.script === null ? [] : this.#scripted(crate, crate.script, side)),
      ...crate.deps.flatMap((dep) => this.#used(crate, crateNamed(this.#workspace, dep.on), side)),
    ];
  }

  #scripted(crate: Crate, script: Script, side: Side): string[] {
    const { env, release } = this.#setting;
    const { devOpt, releaseOpt } = this.#workspace;
    const opt = side === 'host' ? 0 : release ? releaseOpt : devOpt;
    const generated = [
      `constant=${script.constant}`,
      `data=${script.data}`,
      `profile=${release ? 'release' : 'debug'} ${opt}`,
      ...(script.readsEnv ? [`env=${env.VR_SCRIPT ?? 'unset'}`] : []),
      ...script.deps.flatMap((dep) =>
        nest(dep.on, this.show(crateNamed(this.#workspace, dep.on), 'host')),
      ),
    ];
    return [
      ...nest('script', generated),
      `says=${script.says}`,
      ...[0, 1].map((number) => `scripted_${number}=${script.cfg === number}`),
      ...(script.tellsOutDir ? [`out=${this.#outDir(crate)}`] : []),
      ...(script.c === null ? [] : [`c=${script.c.body * 10 + script.c.header}`]),
    ];
  }

  /** With the hash left out, as `withoutHashes` leaves it out of what programs print. */
  #outDir(crate: Crate): string {
    const profile = this.#setting.release ? 'release' : 'debug';
    return `${this.#place.targetDir}/${profile}/build/${crate.name}-#/out`;
  }

  #used(user: Crate, used: Crate, side: Side): string[] {
    if (used.kind === 'lib') {
      return [
        `${used.name}.constant=${used.constant}`,
        `${used.name}.inlined=${used.inlined}`,
        `${used.name}.generic=${used.generic}`,
        `${used.name}.exported=${used.exported}`,
        ...nest(used.name, this.show(used, side)),
      ];
    }
    const expanded = [
      `caller=${user.name} 0.1.${user.version}`,
      ...(used.tellsFile ? [`at=${directoryOf(user, this.#place)}`] : []),
      ...this.show(used, 'host'),
    ];
    return [
      ...nest(used.name, expanded),
      `${used.name}.env=${this.#setting.env.VR_MACRO ?? 'unset'}`,
      `${used.name}.text=${used.note === null ? 'none' : user.macroText}`,
      `${used.name}.derived=${used.exported}`,
    ];
  }

  #unifyFeatures(crate: Crate, side: Side): void {
    const edges = [
      ...crate.deps.map((dep) => ({ dep, scripted: false })),
      ...(crate.script?.deps ?? []).map((dep) => ({ dep, scripted: true })),
    ];
    for (const { dep, scripted } of edges) {
      const on = crateNamed(this.#workspace, dep.on);
      const there = scripted || on.kind === 'macro' ? 'host' : side;
      const key = `${there} ${on.name}`;
      this.#features.set(key, new Set([...(this.#features.get(key) ?? []), ...dep.features]));
      this.#unifyFeatures(on, there);
    }
  }
}

const nest = (name: string, lines: readonly string[]): string[] =>
  lines.map((line) => `${name}>${line}`);

/** Crates outside the workspace have absolute paths, which vrift maps (docs/keying.md). */
export function tellsFile(crate: Crate): boolean {
  return crate.kind !== 'macro' && crate.tellsFile && crate.place === 'member';
}

function sourceOf(crate: Crate): string {
  return crate.kind === 'app' ? 'src/main.rs' : `${crate.name}/src/lib.rs`;
}

export const withoutHashes = (line: string): string =>
  line.replace(/\/build\/(\w+)-[0-9a-f]{16}\/out$/, '/build/$1-#/out');
