import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { readPrivateFile, writePrivateFile } from '../../identity/files.js';

/** One permission: this text, at this place. */
export interface Permission {
  /** Real path of a project's file. */
  file: string;
  /** SHA-256 of its text in hex, as `sha256sum` prints it. */
  digest: string;
  /** Milliseconds since the epoch. */
  at: number;
}

/** Far more projects than anybody has; the permission given longest ago goes. */
const MAX_PERMISSIONS = 1024;

export function textDigest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The projects whose settings may widen what the node does for them, as of `vrift allow`. */
export class AllowedProjects {
  readonly #path: string;
  #permissions: Permission[] | undefined;

  /** @param path in the home, readable by its user alone */
  constructor(path: string) {
    this.#path = path;
  }

  /** Whether exactly this text was allowed for this file. A list that cannot be read allows nothing. */
  has(file: string, text: string): boolean {
    try {
      const permission = this.#find(realpathSync(file));
      return permission?.digest === textDigest(text);
    } catch {
      return false;
    }
  }

  /** @throws VRIFT_HOME_UNUSABLE when the list was open to others, or cannot be written */
  allow(file: string, text: string, now: number): Permission {
    const permission = { file: realpathSync(file), digest: textDigest(text), at: now };
    const others = this.list().filter((other) => other.file !== permission.file);
    this.#write([...others, permission].slice(-MAX_PERMISSIONS));
    return permission;
  }

  /** @returns what was taken back; undefined when nothing was allowed there */
  revoke(file: string): Permission | undefined {
    const permission = this.#find(file);
    if (permission === undefined) return undefined;
    this.#write(this.list().filter((other) => other !== permission));
    return permission;
  }

  /** @throws VRIFT_HOME_UNUSABLE */
  list(): readonly Permission[] {
    this.#permissions ??= parse(readPrivateFile(this.#path));
    return this.#permissions;
  }

  #find(file: string): Permission | undefined {
    return this.list().find((permission) => permission.file === file);
  }

  #write(permissions: Permission[]): void {
    writePrivateFile(this.#path, `${JSON.stringify({ allowed: permissions })}\n`);
    this.#permissions = permissions;
  }
}

/** What is no list of ours allows nothing. */
function parse(bytes: Buffer | undefined): Permission[] {
  try {
    const { allowed } = JSON.parse(bytes?.toString('utf8') ?? '{}') as { allowed?: unknown };
    if (!Array.isArray(allowed)) return [];
    return allowed.filter(isPermission).slice(-MAX_PERMISSIONS);
  } catch {
    return [];
  }
}

function isPermission(value: unknown): value is Permission {
  if (typeof value !== 'object' || value === null) return false;
  const { file, digest, at } = value as Record<string, unknown>;
  return typeof file === 'string' && typeof digest === 'string' && typeof at === 'number';
}
