import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { canonicalJson } from '../base/canonical.js';
import { type Clock, systemClock } from '../base/clock.js';
import { VriftError } from '../base/errors.js';
import { ensurePrivateDir, readPrivateFile, writePrivateFile } from './files.js';
import { isId } from './ids.js';
import { isRole, type Role } from './roles.js';
import { hasExactly, parseBase64, parseFields } from './strictJson.js';
import { formatToken, TOKEN_SECRET_BYTES } from './token.js';

const FILE = 'invites.json';
const DAY_MS = 24 * 60 * 60 * 1000;

/** Long enough to tell a latecomer that the token expired, rather than that nobody knows it. */
const REMEMBER_MS = 30 * DAY_MS;
const MAX_RECORDS = 256;
const MAX_TTL_MS = 30 * DAY_MS;

/** What the inviter alone knows about a token. */
export interface Invite {
  readonly secret: Buffer;
  readonly mesh: string;
  readonly role: Role;
  /** Milliseconds since the epoch, by the inviter's clock. */
  readonly expiresAt: number;
  /** Node id of the key that redeemed it. */
  readonly usedBy: string | null;
}

/**
 * The invitations that this node made. Only it redeems them, so single use needs nobody's
 * agreement; every change is on disk before the call returns. One object per directory.
 */
export class Invites {
  readonly #path: string;
  readonly #clock: Clock;
  #records: readonly Invite[];

  private constructor(path: string, clock: Clock, records: readonly Invite[]) {
    this.#path = path;
    this.#clock = clock;
    this.#records = records;
  }

  /** @throws VRIFT_MESH_DAMAGED when the file is not whole: a used token must stay used */
  static async open(dir: string, clock: Clock = systemClock): Promise<Invites> {
    ensurePrivateDir(dir);
    const path = join(dir, FILE);
    const bytes = readPrivateFile(path);
    return new Invites(path, clock, bytes === undefined ? [] : parseRecords(bytes, path));
  }

  /**
   * Makes a token that admits one node to `meshId` in this role.
   *
   * @param addresses `host:port` of the mesh listener, 1 to 8
   */
  issue(options: {
    meshId: string;
    inviter: string;
    role: Role;
    ttlMs: number;
    addresses: string[];
  }): { token: string; expiresAt: number } {
    const { meshId, inviter, role, ttlMs, addresses } = options;
    if (!(ttlMs > 0 && ttlMs <= MAX_TTL_MS)) {
      throw new VriftError('VRIFT_USAGE', 'an invitation lasts at most 30 days');
    }
    const secret = randomBytes(TOKEN_SECRET_BYTES);
    const token = formatToken({ meshId, inviter, secret, addresses });
    const expiresAt = Math.floor(this.#clock.now() + ttlMs);
    const lasting = [...this.#records].sort((a, b) => b.expiresAt - a.expiresAt);
    const kept = lasting
      .filter((one) => one.expiresAt > this.#clock.now() - REMEMBER_MS)
      .slice(0, MAX_RECORDS - 1);
    const dropped = lasting[kept.length];
    if (dropped !== undefined && dropped.expiresAt > this.#clock.now()) {
      throw new VriftError('VRIFT_USAGE', `${MAX_RECORDS} invitations are open already`);
    }
    this.#save([...kept, { secret, mesh: meshId, role, expiresAt, usedBy: null }]);
    return { token, expiresAt };
  }

  /** Ends all invitations to a mesh: whoever has one may be who the key had to be changed for. */
  void(meshId: string): void {
    if (this.#records.some(({ mesh }) => mesh === meshId)) {
      this.#save(this.#records.filter(({ mesh }) => mesh !== meshId));
    }
  }

  /** The invitation to this mesh whose secret the newcomer proves to know, whatever its state. */
  find(meshId: string, proves: (secret: Buffer) => boolean): Invite | undefined {
    return this.#records.find((one) => one.mesh === meshId && proves(one.secret));
  }

  /**
   * Burns an invitation for one node, before anything is signed for it. The same node may repeat
   * until expiry, so that an answer lost on the way costs no new token.
   *
   * @returns the role to add it with
   * @throws VRIFT_TOKEN_EXPIRED, VRIFT_TOKEN_USED
   */
  burn(invite: Invite, nodeId: string): Role {
    if (invite.expiresAt <= this.#clock.now()) {
      throw new VriftError('VRIFT_TOKEN_EXPIRED', 'the invitation expired');
    }
    if (invite.usedBy === nodeId) return invite.role;
    if (invite.usedBy !== null) {
      throw new VriftError('VRIFT_TOKEN_USED', 'another node used the invitation');
    }
    const burnt = { ...invite, usedBy: nodeId };
    this.#save(this.#records.map((one) => (one === invite ? burnt : one)));
    return invite.role;
  }

  #save(records: readonly Invite[]): void {
    const plain = records.map((one) => ({ ...one, secret: one.secret.toString('base64') }));
    writePrivateFile(this.#path, canonicalJson({ invites: plain }));
    this.#records = records;
  }
}

function parseRecords(bytes: Buffer, path: string): Invite[] {
  const list = parseFields(bytes, ['invites'])?.invites;
  const records = Array.isArray(list) ? list.map(parseRecord) : [undefined];
  return records.map((record) => {
    if (record === undefined) throw new VriftError('VRIFT_MESH_DAMAGED', `${path} is not whole`);
    return record;
  });
}

function parseRecord(value: unknown): Invite | undefined {
  if (!hasExactly(value, ['secret', 'mesh', 'role', 'expiresAt', 'usedBy'])) return undefined;
  const { mesh, role, expiresAt, usedBy } = value;
  const secret = parseBase64(value.secret, TOKEN_SECRET_BYTES);
  if (secret === undefined || !isId(mesh) || !isRole(role)) return undefined;
  if (!Number.isSafeInteger(expiresAt) || typeof expiresAt !== 'number') return undefined;
  return usedBy === null || isId(usedBy) ? { secret, mesh, role, expiresAt, usedBy } : undefined;
}
