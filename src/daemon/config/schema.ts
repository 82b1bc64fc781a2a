import type { RemoteUrl } from '../../remote/url.js';
import type { Compress } from '../../wire/packed.js';
import { invalid, type Place, unknownKey } from './place.js';
import {
  BOOLEAN,
  COMPRESSION,
  DIRECTORY,
  EXTENSIONS,
  EXTRA_INPUTS,
  INTERFACES,
  NODE_NAME,
  PACKAGES,
  PEERS,
  POLICY,
  PORT,
  PROFILES,
  RATE,
  REMOTE,
  STORE_SIZE,
  type ValueType,
} from './values.js';

/** What each setting holds once it is read. */
export interface SettingValues {
  'l2_cache.enabled': boolean;
  'l2_cache.local_path': string;
  'l2_cache.max_local_size': number;
  'l2_cache.remote_url': RemoteUrl;
  'l2_cache.cache_targets': readonly string[];
  'l2_cache.cache_extensions': readonly string[];
  'l2_cache.extra_inputs': readonly string[];
  'l2_cache.observe': boolean;
  'l2_cache.build_scripts': boolean;
  'l2_cache.run_scripts': readonly string[];
  'l2_cache.verify': number;
  'mesh.name': string;
  'mesh.port': number;
  'mesh.peers': readonly string[];
  'mesh.interfaces': readonly string[];
  'mesh.discovery': boolean;
  'mesh.policy': string;
  'mesh.compress': Compress;
  'mesh.share': boolean;
  'mesh.exclude': readonly string[];
}

export type SettingKey = keyof SettingValues;

export const SCHEMA: { readonly [K in SettingKey]: ValueType<SettingValues[K]> } = {
  'l2_cache.enabled': BOOLEAN,
  'l2_cache.local_path': DIRECTORY,
  'l2_cache.max_local_size': STORE_SIZE,
  'l2_cache.remote_url': REMOTE,
  'l2_cache.cache_targets': PROFILES,
  'l2_cache.cache_extensions': EXTENSIONS,
  'l2_cache.extra_inputs': EXTRA_INPUTS,
  'l2_cache.observe': BOOLEAN,
  'l2_cache.build_scripts': BOOLEAN,
  'l2_cache.run_scripts': PACKAGES,
  'l2_cache.verify': RATE,
  'mesh.name': NODE_NAME,
  'mesh.port': PORT,
  'mesh.peers': PEERS,
  'mesh.interfaces': INTERFACES,
  'mesh.discovery': BOOLEAN,
  'mesh.policy': POLICY,
  'mesh.compress': COMPRESSION,
  'mesh.share': BOOLEAN,
  'mesh.exclude': PACKAGES,
};

export const SETTING_KEYS = Object.keys(SCHEMA) as SettingKey[];

const TABLES = ['l2_cache', 'mesh'] as const;
export type TableName = (typeof TABLES)[number];

/** One value of one layer, valid in itself. */
export interface Setting<K extends SettingKey = SettingKey> {
  key: K;
  value: SettingValues[K];
  source: string;
}

export function isTableName(name: string): name is TableName {
  return (TABLES as readonly string[]).includes(name);
}

/** @throws VRIFT_CONFIG_INVALID */
export function tableNameOf(name: string, source: string): TableName {
  if (isTableName(name)) return name;
  throw unknownKey({ source, key: name }, name, TABLES);
}

/** @throws VRIFT_CONFIG_INVALID */
export function settingKeyOf(table: TableName, name: string, source: string): SettingKey {
  const key = `${table}.${name}`;
  if (isSettingKey(key)) return key;
  throw unknownKey({ source, key }, name, keysOf(table));
}

/** @throws VRIFT_CONFIG_INVALID */
export function readSetting<K extends SettingKey>(
  key: K,
  raw: unknown,
  place: Place,
  env: NodeJS.ProcessEnv,
): Setting<K> {
  const type: ValueType<SettingValues[K]> = SCHEMA[key];
  const value = type.read(raw, env);
  if (value === undefined) {
    throw invalid(place, `expected ${type.expected}, found ${shown(raw)}`);
  }
  if (isProblem(value)) throw invalid(place, `${value.problem}; expected ${type.expected}`);
  return { key, value, source: place.source };
}

/** @throws VRIFT_CONFIG_INVALID when `value` is no table */
export function entriesOf(value: unknown, place: Place): [string, unknown][] {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return Object.entries(value);
  }
  throw invalid(place, `expected a table: [${place.key}]`);
}

export function keysOf(table: TableName): string[] {
  const prefix = `${table}.`;
  return SETTING_KEYS.filter((key) => key.startsWith(prefix)).map((key) =>
    key.slice(prefix.length),
  );
}

/** A value as a message shows it; bigints, dates and endless lists included. */
function shown(raw: unknown): string {
  const text =
    typeof raw === 'object' || typeof raw === 'string' ? JSON.stringify(raw) : String(raw);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

function isSettingKey(key: string): key is SettingKey {
  return Object.hasOwn(SCHEMA, key);
}

function isProblem<T>(value: T | { problem: string }): value is { problem: string } {
  return typeof value === 'object' && value !== null && 'problem' in value;
}
