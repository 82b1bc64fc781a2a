import { type BigIntStats, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { toVriftError, VriftError } from '../../base/errors.js';
import { printable } from '../../wire/printable.js';
import type { AllowedProjects } from './allowed.js';
import { readTomlFile, type TomlFile } from './file.js';
import type { NodeConfig, SettingRow } from './node.js';
import { type CachePolicy, narrow } from './policy.js';
import {
  entriesOf,
  readSetting,
  type Setting,
  type SettingKey,
  type SettingValues,
  settingKeyOf,
  tableNameOf,
} from './schema.js';
import { isAllowable, untrusted } from './untrusted.js';

export const PROJECT_FILE = 'velo.toml';

/** What holds for one call: the node's policy, narrowed by the project's file. */
export interface ProjectConfig extends CachePolicy {
  /** The project's file; null when there is none. */
  file: string | null;
  /** Settings that a project cannot make; they have no effect. */
  ignored: readonly VriftError[];
  /** Files that the project's macros read, as paths and patterns below the file's directory. */
  extraInputs: readonly string[];
  /** How many of the project's hits are checked: what the node says, more where the file may. */
  verify: number;
  /** Whether its present text is allowed, and whether it holds anything that asks for that. */
  trust: { allowed: boolean; widens: boolean };
  /** What the file sets. */
  settings: readonly SettingRow[];
}

/** The file is broken: nothing of the project should be cached until it is mended. */
export interface BrokenProject {
  file: string;
  error: VriftError;
}

interface Cached {
  stamp: string;
  config: ProjectConfig | BrokenProject;
}

const NOTHING = { has: () => false };

/** A file this young may change again within one tick of its clock. */
const SETTLED_MS = 50;

/**
 * The `velo.toml` files of the projects that call. They come with a clone and are not trusted:
 * they can switch caching off or narrow it, nothing else, until their user allows their text.
 */
export class ProjectConfigs {
  readonly #node: NodeConfig;
  readonly #allowed: Pick<AllowedProjects, 'has'>;
  readonly #none: ProjectConfig;
  readonly #cache = new Map<string, Cached>();

  constructor(node: NodeConfig, allowed: Pick<AllowedProjects, 'has'> = NOTHING) {
    this.#node = node;
    this.#allowed = allowed;
    this.#none = {
      ...narrow(node, node),
      file: null,
      ignored: [],
      extraInputs: [],
      verify: node.verify,
      trust: { allowed: false, widens: false },
      settings: [],
    };
  }

  /** What is allowed has changed. */
  reread(): void {
    this.#cache.clear();
  }

  /**
   * The configuration from the nearest `velo.toml` at or above the first place that has one. Cargo
   * compiles registry packages in their own directories, so a call's output directory is the
   * better first place, its working directory the second. Costs a stat per directory.
   */
  for(...places: readonly (string | undefined)[]): ProjectConfig | BrokenProject {
    for (const place of places) {
      if (place === undefined || !place.startsWith('/')) continue;
      for (let directory = place; ; directory = dirname(directory)) {
        const file = join(directory, PROJECT_FILE);
        const stat = statOf(file);
        if (stat !== undefined) return this.#read(file, stat);
        if (directory === dirname(directory)) break;
      }
    }
    return this.#none;
  }

  #read(file: string, stat: BigIntStats): ProjectConfig | BrokenProject {
    const stamp = [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(':');
    const cached = this.#cache.get(file);
    if (cached?.stamp === stamp) return cached.config;
    const config = this.#parse(file);
    const ageMs = Date.now() - Number(stat.ctimeMs);
    if (ageMs > SETTLED_MS) this.#cache.set(file, { stamp, config });
    return config;
  }

  #parse(file: string): ProjectConfig | BrokenProject {
    try {
      const toml = readTomlFile(file);
      if (toml === undefined) return this.#none;
      return narrowed(this.#node, toml, this.#allowed.has(file, toml.text));
    } catch (error) {
      return { file, error: toVriftError(error) };
    }
  }
}

export function isBroken(project: ProjectConfig | BrokenProject): project is BrokenProject {
  return 'error' in project;
}

/** Every setting with what set it, where a project has its say. */
export function effectiveSettings(
  node: readonly SettingRow[],
  project: ProjectConfig | BrokenProject,
): SettingRow[] {
  if (isBroken(project)) return [...node];
  return node.map((row) => project.settings.find(({ key }) => key === row.key) ?? row);
}

const NARROWING: readonly SettingKey[] = [
  'l2_cache.enabled',
  'l2_cache.cache_targets',
  'l2_cache.cache_extensions',
  'l2_cache.run_scripts',
  'l2_cache.extra_inputs',
  'mesh.share',
  'mesh.exclude',
];

/** @throws VRIFT_CONFIG_INVALID for a key or value that no file may hold */
function narrowed(node: NodeConfig, toml: TomlFile, allowed: boolean): ProjectConfig {
  const found = new Map<SettingKey, Setting>();
  const ignored: VriftError[] = [];
  let widens = false;
  for (const [name, value] of Object.entries(toml.tables)) {
    const source = toml.sourceOf([name]);
    const table = tableNameOf(name, source);
    for (const [member, raw] of entriesOf(value, { source, key: table })) {
      const at = toml.sourceOf([name, member]);
      const key = settingKeyOf(table, member, at);
      const setting = readSetting(key, raw, { source: at, key }, {});
      if (isAllowable(key)) widens = true;
      if (NARROWING.includes(key) || (allowed && isAllowable(key))) found.set(key, setting);
      else if (key === 'l2_cache.remote_url') ignored.push(unavailable(at));
      else if (!holdsAlready(node, setting)) ignored.push(untrusted(at, key));
    }
  }
  const given = <K extends SettingKey>(key: K) =>
    (found.get(key) as Setting<K> | undefined)?.value as SettingValues[K] | undefined;
  const policy = narrow(node, {
    enabled: given('l2_cache.enabled') ?? true,
    cacheTargets: given('l2_cache.cache_targets') ?? null,
    cacheExtensions: given('l2_cache.cache_extensions') ?? null,
    runScripts: given('l2_cache.run_scripts') ?? [],
    share: given('mesh.share') ?? true,
    exclude: given('mesh.exclude') ?? [],
  });
  const extraInputs = given('l2_cache.extra_inputs') ?? [];
  const verify = Math.max(node.verify, given('l2_cache.verify') ?? 0);
  const effective: Partial<Record<SettingKey, unknown>> = {
    'l2_cache.enabled': policy.enabled,
    'l2_cache.cache_targets': policy.cacheTargets,
    'l2_cache.cache_extensions': policy.cacheExtensions,
    'l2_cache.run_scripts': policy.runScripts,
    'l2_cache.extra_inputs': extraInputs,
    'l2_cache.verify': verify,
    'mesh.share': policy.share,
    'mesh.exclude': policy.exclude,
  };
  const settings = [...found.values()]
    .filter(({ key, value }) => !SWITCHES.includes(key) || value === false)
    .map(({ key, source }) => ({ key, value: effective[key], source }));
  const trust = { allowed, widens };
  return { ...policy, file: toml.file, ignored, extraInputs, verify, trust, settings };
}

/** `true` changes nothing there. */
const SWITCHES: readonly SettingKey[] = ['l2_cache.enabled', 'mesh.share'];

/** Whether the node happens to have the value that the project cannot give it. */
function holdsAlready(node: NodeConfig, { key, value }: Setting): boolean {
  return node.settings.some((row) => row.key === key && isDeepStrictEqual(row.value, value));
}

function unavailable(source: string): VriftError {
  const message = printable(
    `${source}: l2_cache.remote_url: remotes are not available yet; ignored`,
  );
  return new VriftError('VRIFT_REMOTE_UNAVAILABLE', message);
}

function statOf(file: string): BigIntStats | undefined {
  try {
    return statSync(file, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
