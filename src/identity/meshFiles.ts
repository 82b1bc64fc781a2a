import { join } from 'node:path';
import { canonicalJson } from '../base/canonical.js';
import { VriftError } from '../base/errors.js';
import { readPrivateFile, removePrivateFile, writePrivateFile } from './files.js';
import { type Genesis, parseGenesis } from './genesis.js';
import { parseBase64, parseFields } from './strictJson.js';

/** Bytes of the secret that the tags of mDNS announcements are made with. */
export const MESH_SECRET_BYTES = 32;

/** Genesis and secret. This file makes the node part of a mesh: written last, removed first. */
const MESH_FILE = 'mesh.json';
const ROSTER_FILE = 'roster.json';

export interface StoredMesh {
  genesis: Genesis;
  secret: Buffer;
  statements: Buffer[];
}

/**
 * @returns undefined when this directory belongs to no mesh
 * @throws VRIFT_MESH_DAMAGED when files are there but not whole
 */
export function readMesh(dir: string): StoredMesh | undefined {
  const bytes = readPrivateFile(join(dir, MESH_FILE));
  if (bytes === undefined) return undefined;
  const fields = parseFields(bytes, ['genesis', 'secret']);
  const genesis = parseGenesis(parseBase64(fields?.genesis) ?? Buffer.alloc(0));
  const secret = parseBase64(fields?.secret, MESH_SECRET_BYTES);
  if (genesis === undefined || secret === undefined) throw damaged(dir, MESH_FILE);
  return { genesis, secret, statements: readRoster(dir) };
}

export function writeMesh(dir: string, mesh: StoredMesh): void {
  writeRoster(dir, mesh.statements);
  const genesis = mesh.genesis.bytes.toString('base64');
  const text = canonicalJson({ genesis, secret: mesh.secret.toString('base64') });
  writePrivateFile(join(dir, MESH_FILE), text);
}

export function writeRoster(dir: string, statements: readonly Buffer[]): void {
  const texts = statements.map((bytes) => bytes.toString('utf8'));
  writePrivateFile(join(dir, ROSTER_FILE), JSON.stringify({ statements: texts }));
}

export function removeMesh(dir: string): void {
  removePrivateFile(join(dir, MESH_FILE));
  removePrivateFile(join(dir, ROSTER_FILE));
}

/** A mesh without its roster is no mesh of one: revocations would be forgotten. */
function readRoster(dir: string): Buffer[] {
  const bytes = readPrivateFile(join(dir, ROSTER_FILE));
  const fields = bytes && parseFields(bytes, ['statements']);
  const texts = fields?.statements;
  if (!Array.isArray(texts)) throw damaged(dir, ROSTER_FILE);
  return texts.map((text) => {
    if (typeof text !== 'string') throw damaged(dir, ROSTER_FILE);
    return Buffer.from(text, 'utf8');
  });
}

function damaged(dir: string, file: string): VriftError {
  return new VriftError('VRIFT_MESH_DAMAGED', `${join(dir, file)} is missing or not whole`);
}
