import { homedir, hostname } from 'node:os';
import { isAbsolute, join, normalize } from 'node:path';
import { parsePolicy } from '../../identity/policy.js';
import { parsePattern } from '../../keying/patterns.js';
import { parseRemoteUrl, type RemoteUrl } from '../../remote/url.js';
import { COMPRESS, type Compress } from '../../wire/packed.js';
import { parseSize } from '../../wire/units.js';
import { nearest } from './place.js';

/** Reads one TOML value; undefined when it is not what `expected` says, `problem` when it can say more. */
export interface ValueType<T> {
  /** Completes "expected …". */
  expected: string;
  read(value: unknown, env: NodeJS.ProcessEnv): T | undefined | { problem: string };
  /** A variable's text as the TOML value that it stands for. */
  fromText(text: string): unknown;
}

/** Less holds no crate of any size, and evicts for ever. */
export const MIN_STORE_BYTES = 16 * 1024 * 1024;

const KNOWN_EXTENSIONS =
  '.rlib .rmeta .a .o .d .so .dylib .dll .exe .wasm .dwo .dwp .s .ll .bc .mir .lib .obj .pdb'.split(
    ' ',
  );

export const BOOLEAN: ValueType<boolean> = {
  expected: 'true or false',
  read: (value) => (typeof value === 'boolean' ? value : undefined),
  fromText: (text) => ({ true: true, '1': true, false: false, '0': false })[text.toLowerCase()],
};

export const DIRECTORY: ValueType<string> = {
  expected: 'an absolute path, or one that starts with ~/',
  read(value, env) {
    if (typeof value !== 'string' || value.includes('\0')) return undefined;
    const home = env.HOME || homedir();
    const path = value === '~' || value.startsWith('~/') ? join(home, value.slice(1)) : value;
    return isAbsolute(path) ? normalize(path) : undefined;
  },
  fromText: (text) => text,
};

export const STORE_SIZE: ValueType<number> = {
  expected: 'a size like "50GB" or "500MiB", or a number of bytes',
  read(value) {
    const bytes = typeof value === 'string' ? parseSize(value) : value;
    if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes < 0) return undefined;
    return bytes < MIN_STORE_BYTES ? { problem: 'a store needs 16MiB at least' } : bytes;
  },
  fromText: (text) => text,
};

export const REMOTE: ValueType<RemoteUrl> = {
  expected: 'an address like "s3://bucket/prefix" or "http://host:8080"',
  read(value) {
    if (typeof value !== 'string') return undefined;
    const parsed = parseRemoteUrl(value);
    return parsed.ok ? parsed.remote : { problem: parsed.problem };
  },
  fromText: (text) => text,
};

export const PROFILES: ValueType<readonly string[]> = list(
  'a list of profile directories like ["debug", "release"]',
  (item) => (/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(item) ? item : undefined),
);

export const EXTENSIONS: ValueType<readonly string[]> = list(
  'a list of extensions like [".rlib", ".rmeta"] ("" means programs without one)',
  (item) => {
    if (item === '' || KNOWN_EXTENSIONS.includes(item)) return item;
    const near = nearest(item, KNOWN_EXTENSIONS);
    const known =
      near === undefined ? `known are ${KNOWN_EXTENSIONS.join(' ')}` : `did you mean ${near}?`;
    return { problem: `"${item}" is no kind of output; ${known}` };
  },
);

export const EXTRA_INPUTS: ValueType<readonly string[]> = list(
  'a list of paths below the directory of velo.toml like ["schema.json", "migrations/", "**/*.sql"]',
  (item) => {
    const pattern = parsePattern(item);
    return 'problem' in pattern ? pattern : item;
  },
);

export const PACKAGES: ValueType<readonly string[]> = list(
  'a list of package names like ["openssl-sys", "vendored-*"]',
  (item) => (/^[A-Za-z0-9_*?-]{1,128}$/.test(item) ? item : undefined),
);

export const RATE: ValueType<number> = {
  expected: 'a part of all hits, from 0 (none) to 1 (all)',
  read: (value) => (typeof value === 'number' && value >= 0 && value <= 1 ? value : undefined),
  fromText: (text) => (/^\d*\.?\d+$/.test(text.trim()) ? Number(text) : text),
};

export const NODE_NAME: ValueType<string> = {
  expected: 'a name of up to 63 letters, digits, ".", "_" and "-"',
  read: (value) => (typeof value === 'string' && isNodeName(value) ? value : undefined),
  fromText: (text) => text,
};

export const PORT: ValueType<number> = {
  expected: 'a port from 0 (any free one) to 65535',
  read: (value) => (isPort(value) ? value : undefined),
  fromText: (text) => (/^\d+$/.test(text) ? Number(text) : text),
};

export const PEERS: ValueType<readonly string[]> = list(
  'a list of "host:port", with IPv6 addresses in brackets',
  (item) => {
    const match = /^(\[[0-9a-fA-F:.]+(?:%[\w.-]+)?\]|[A-Za-z0-9_][A-Za-z0-9_.-]*):(\d{1,5})$/.exec(
      item,
    );
    const port = Number(match?.[2]);
    return match !== null && isPort(port) && port > 0
      ? item
      : { problem: `"${item}" is no host:port` };
  },
);

export const INTERFACES: ValueType<readonly string[]> = list(
  'a list of network interfaces like ["eth0"]',
  (item) => (/^[\w.:@-]{1,64}$/.test(item) ? item : undefined),
);

/** Kept as text: a policy's names mean something only beside a roster. */
export const POLICY: ValueType<string> = {
  expected: '"any-member", "role:ci", "nodes:NAME,…" or "quorum:2"',
  read(value) {
    if (typeof value !== 'string') return undefined;
    const policy = parsePolicy(value);
    return policy === undefined || 'problem' in policy ? policy : value;
  },
  fromText: (text) => text,
};

export const COMPRESSION: ValueType<Compress> = {
  expected: '"auto", "always" or "never"',
  read: (value) => COMPRESS.find((known) => known === value),
  fromText: (text) => text,
};

/** The machine's name as far as it can be a node's. */
export function defaultNodeName(): string {
  const name = (hostname().split('.', 1)[0] ?? '').replace(/[^A-Za-z0-9_-]/g, '-').slice(0, 63);
  return isNodeName(name) ? name : 'node';
}

function isNodeName(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$/.test(text);
}

function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65535;
}

function list(
  expected: string,
  readItem: (item: string) => string | undefined | { problem: string },
): ValueType<readonly string[]> {
  return {
    expected,
    read(value) {
      if (!Array.isArray(value)) return undefined;
      const items: string[] = [];
      for (const member of value as unknown[]) {
        const item = typeof member === 'string' ? readItem(member) : undefined;
        if (typeof item !== 'string') return item;
        if (!items.includes(item)) items.push(item);
      }
      return items;
    },
    fromText: (text) => text.split(',').map((item) => item.trim()),
  };
}
