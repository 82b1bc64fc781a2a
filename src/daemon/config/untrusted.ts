import { VriftError } from '../../base/errors.js';
import { printable } from '../../wire/printable.js';
import type { SettingKey } from './schema.js';

/** What a project's file could do with a setting, and whether a user's word is enough for it. */
interface Risk {
  /** Completes "a clone could …". */
  could: string;
  /** `project`: it touches builds of that project only, so `vrift allow` is enough. */
  reach: 'project' | 'node';
}

const RISKS: Readonly<Partial<Record<SettingKey, Risk>>> = {
  'l2_cache.verify': { could: 'make this machine compile what it has', reach: 'project' },
  'l2_cache.local_path': { could: 'have files written anywhere that you can write', reach: 'node' },
  'l2_cache.max_local_size': { could: 'fill this disk, or empty the cache', reach: 'node' },
  'l2_cache.observe': { could: 'leave out of all keys what macros read', reach: 'node' },
  'l2_cache.build_scripts': { could: 'change how runs of all scripts are kept', reach: 'node' },
  'mesh.name': { could: 'show you to colleagues under another name', reach: 'node' },
  'mesh.port': { could: 'move the listener of this node', reach: 'node' },
  'mesh.peers': { could: 'make this node call addresses that it chooses', reach: 'node' },
  'mesh.interfaces': { could: 'announce this node in other networks', reach: 'node' },
  'mesh.compress': { could: 'make each transfer of this node slower', reach: 'node' },
  'mesh.discovery': { could: 'hide this node from others, or show it', reach: 'node' },
};

const UNKNOWN: Risk = { could: 'change what concerns every project', reach: 'node' };

/** Whether `vrift allow` gives a setting effect. */
export function isAllowable(key: SettingKey): boolean {
  return RISKS[key]?.reach === 'project';
}

/** Names file, line and key, the risk in one sentence, and what to do about it. */
export function untrusted(source: string, key: SettingKey): VriftError {
  const { could, reach } = RISKS[key] ?? UNKNOWN;
  const remedy =
    reach === 'project'
      ? 'if you trust the file as it is, run `vrift allow`'
      : 'no project can set what concerns the whole node, `vrift allow` or not';
  const message = printable(`${source}: ${key}: ignored: a clone could ${could}; ${remedy}`);
  return new VriftError('VRIFT_CONFIG_UNTRUSTED', message);
}
