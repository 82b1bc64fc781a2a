import { VriftError } from '../../base/errors.js';
import { DEFAULT_POLICY } from '../../identity/policy.js';
import type { StatusInfo } from '../../wire/control.js';
import { homePaths } from '../../wire/home.js';
import type { Compress } from '../../wire/packed.js';
import { LOG_LEVELS, type LogLevel } from '../lifecycle/log.js';
import { readTomlFile } from './file.js';
import { invalid, unknownKey } from './place.js';
import type { CachePolicy } from './policy.js';
import {
  entriesOf,
  keysOf,
  readSetting,
  SCHEMA,
  SETTING_KEYS,
  type Setting,
  type SettingKey,
  type SettingValues,
  settingKeyOf,
  type TableName,
  tableNameOf,
} from './schema.js';
import { defaultNodeName } from './values.js';

/** `config` of `vrift status`: each setting with what set it. */
export type SettingRow = StatusInfo['config'][number];

export interface MeshConfig {
  name: string;
  /** 0: any free port. */
  port: number;
  /** `host:port` each. */
  peers: readonly string[];
  /** Network interfaces to announce and listen on; null for all. */
  interfaces: readonly string[] | null;
  /** Whether to look for peers by mDNS. */
  discovery: boolean;
  compress: Compress;
  /** Whose results are taken, as identity/policy.ts reads it. */
  policy: string;
  /** `false`: nothing of this node is shared, and nothing asked for. */
  share: boolean;
  /** Crates and packages that are kept off the mesh; patterns. */
  exclude: readonly string[];
}

/** The settings of a node, from its own home and its own environment at its start. */
export interface NodeConfig extends CachePolicy {
  localPath: string;
  maxLocalBytes: number;
  /** Whether compilers run under the observer (src/observer), where there is one. */
  observe: boolean;
  /** Whether runs of build scripts are recorded and replayed; only where they can be observed. */
  buildScripts: boolean;
  /** How many of the hits are compiled all the same and compared: 0 to 1. */
  verify: number;
  mesh: MeshConfig;
  logLevel: LogLevel;
  settings: readonly SettingRow[];
}

const DEFAULT_STORE_BYTES = 50e9;

/**
 * Defaults, then `config.toml` of the home, then the environment.
 *
 * @throws VRIFT_CONFIG_INVALID naming file, line and key; VRIFT_REMOTE_UNAVAILABLE
 */
export function loadNodeConfig(from: { home: string; env: NodeJS.ProcessEnv }): NodeConfig {
  const paths = homePaths(from.home);
  const set = new Map<SettingKey, Setting>();
  for (const setting of fileSettings(paths.config, from.env)) set.set(setting.key, setting);
  for (const setting of environmentSettings(from.env)) set.set(setting.key, setting);
  refuseRemote(set.get('l2_cache.remote_url'));
  refuseExtraInputs(set.get('l2_cache.extra_inputs'));

  const given = <K extends SettingKey, D>(key: K, other: D): SettingValues[K] | D => {
    const setting = set.get(key) as Setting<K> | undefined;
    return setting === undefined ? other : setting.value;
  };
  const values = {
    'l2_cache.enabled': given('l2_cache.enabled', true),
    'l2_cache.local_path': given('l2_cache.local_path', paths.store),
    'l2_cache.max_local_size': given('l2_cache.max_local_size', DEFAULT_STORE_BYTES),
    'l2_cache.remote_url': null,
    'l2_cache.cache_targets': given('l2_cache.cache_targets', null),
    'l2_cache.cache_extensions': given('l2_cache.cache_extensions', null),
    'l2_cache.extra_inputs': [],
    'l2_cache.observe': given('l2_cache.observe', true),
    'l2_cache.build_scripts': given('l2_cache.build_scripts', true),
    'l2_cache.run_scripts': given('l2_cache.run_scripts', []),
    'l2_cache.verify': given('l2_cache.verify', 0),
    'mesh.name': given('mesh.name', defaultNodeName()),
    'mesh.port': given('mesh.port', 0),
    'mesh.peers': given('mesh.peers', []),
    'mesh.interfaces': given('mesh.interfaces', null),
    'mesh.discovery': given('mesh.discovery', true),
    'mesh.policy': given('mesh.policy', DEFAULT_POLICY),
    'mesh.compress': given('mesh.compress', 'auto'),
    'mesh.share': given('mesh.share', true),
    'mesh.exclude': given('mesh.exclude', []),
  } satisfies Record<SettingKey, unknown>;
  return {
    enabled: values['l2_cache.enabled'],
    localPath: values['l2_cache.local_path'],
    maxLocalBytes: values['l2_cache.max_local_size'],
    observe: values['l2_cache.observe'],
    buildScripts: values['l2_cache.build_scripts'],
    runScripts: values['l2_cache.run_scripts'],
    verify: values['l2_cache.verify'],
    cacheTargets: values['l2_cache.cache_targets'],
    cacheExtensions: values['l2_cache.cache_extensions'],
    share: values['mesh.share'],
    exclude: values['mesh.exclude'],
    mesh: {
      name: values['mesh.name'],
      port: values['mesh.port'],
      peers: values['mesh.peers'],
      interfaces: values['mesh.interfaces'],
      discovery: values['mesh.discovery'],
      policy: values['mesh.policy'],
      compress: values['mesh.compress'],
      share: values['mesh.share'],
      exclude: values['mesh.exclude'],
    },
    logLevel: logLevelOf(from.env),
    settings: SETTING_KEYS.map((key) => ({
      key,
      value: values[key],
      source: set.get(key)?.source ?? 'default',
    })),
  };
}

function fileSettings(file: string, env: NodeJS.ProcessEnv): Setting[] {
  const toml = readTomlFile(file);
  if (toml === undefined) return [];
  const settings: Setting[] = [];
  for (const [name, value] of Object.entries(toml.tables)) {
    const source = toml.sourceOf([name]);
    const table = tableNameOf(name, source);
    for (const [member, raw] of entriesOf(value, { source, key: table })) {
      const at = toml.sourceOf([name, member]);
      const key = settingKeyOf(table, member, at);
      settings.push(readSetting(key, raw, { source: at, key }, env));
    }
  }
  return settings;
}

const PREFIXES: readonly [string, TableName][] = [
  ['VRIFT_L2_CACHE_', 'l2_cache'],
  ['VRIFT_MESH_', 'mesh'],
];

/** An empty variable is one that is not set. */
function environmentSettings(env: NodeJS.ProcessEnv): Setting[] {
  const settings: Setting[] = [];
  for (const [variable, text] of Object.entries(env)) {
    const match = PREFIXES.find(([prefix]) => variable.startsWith(prefix));
    if (match === undefined || text === undefined || text === '') continue;
    const [prefix, table] = match;
    const member = variable.slice(prefix.length).toLowerCase();
    const place = { source: variable, key: variable };
    if (!keysOf(table).includes(member) || variable !== variable.toUpperCase()) {
      const known = keysOf(table).map((name) => prefix + name.toUpperCase());
      throw unknownKey(place, variable, known);
    }
    const key = settingKeyOf(table, member, variable);
    const raw = SCHEMA[key].fromText(text) ?? text;
    settings.push(readSetting(key, raw, place, env));
  }
  return settings;
}

function refuseRemote(setting: Setting | undefined): void {
  if (setting === undefined) return;
  const message = `${setting.source}: l2_cache.remote_url: remotes are not available yet`;
  throw new VriftError('VRIFT_REMOTE_UNAVAILABLE', message);
}

/** Their paths start at a project's file: no other place has such a start. */
function refuseExtraInputs(setting: Setting | undefined): void {
  if (setting === undefined) return;
  throw invalid(setting, "only a project's velo.toml can declare these");
}

function logLevelOf(env: NodeJS.ProcessEnv): LogLevel {
  const text = env.VRIFT_LOG;
  if (text === undefined || text === '') return 'info';
  const level = LOG_LEVELS.find((known) => known === text.toLowerCase());
  if (level !== undefined) return level;
  const place = { source: 'VRIFT_LOG', key: 'VRIFT_LOG' };
  throw invalid(place, `expected ${LOG_LEVELS.join(', ')}, found ${JSON.stringify(text)}`);
}
