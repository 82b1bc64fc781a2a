import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  X509Certificate,
} from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { VriftError } from '../base/errors.js';
import { makeCertificate } from './certificate.js';
import {
  createPrivateFile,
  ensurePrivateDir,
  readPrivateFile,
  removePrivateFile,
} from './files.js';
import { isSafeSpki, nodeIdOf, spkiOf } from './spki.js';

/** Key and certificate stand in one file, so that no crash can part them. */
const FILE = 'node.pem';

/** Where the key of the future waits until the roster knows it; see rotation.ts. */
export const NEXT_KEY = 'next';

/** A key that was to follow this one is nobody's any more. */
export function forgetNextKey(dir: string): void {
  rmSync(join(dir, NEXT_KEY), { recursive: true, force: true });
}

/** What a node is: whoever holds this key is the node, on whatever machine. */
export class NodeKey {
  static readonly file = FILE;
  readonly nodeId: string;
  /** DER of the SubjectPublicKeyInfo. */
  readonly spki: Buffer;
  readonly privateKey: KeyObject;
  /** Self-signed, the only certificate that peers ever see. */
  readonly certPem: string;
  /** PKCS #8. A secret: for TLS, never for a log. */
  readonly keyPem: string;

  private constructor(keyPem: string, certPem: string) {
    this.privateKey = createPrivateKey(keyPem);
    this.spki = spkiOf(createPublicKey(this.privateKey));
    this.nodeId = nodeIdOf(this.spki);
    this.keyPem = keyPem;
    this.certPem = certPem;
  }

  /**
   * Reads the key of this directory; makes one only where there is none.
   *
   * @throws VRIFT_MESH_DAMAGED when the file is there and is not a whole key: making another
   *   would silently change who this node is
   */
  static async open(dir: string): Promise<NodeKey> {
    ensurePrivateDir(dir);
    const path = join(dir, FILE);
    const stored = readPrivateFile(path);
    if (stored !== undefined) return NodeKey.#parse(stored.toString('latin1'), path);
    const made = await NodeKey.#generate();
    if (createPrivateFile(path, made.keyPem + made.certPem)) return made;
    return NodeKey.open(dir);
  }

  /** Forgets the key for ever; the next `open` makes another node of this directory. */
  static destroy(dir: string): void {
    removePrivateFile(join(dir, FILE));
  }

  /** Ed25519 over exactly these bytes; callers add the domain (see `dsse.ts`). */
  sign(bytes: Uint8Array): Buffer {
    return sign(null, bytes, this.privateKey);
  }

  static async #generate(): Promise<NodeKey> {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    return new NodeKey(keyPem, await makeCertificate(privateKey, publicKey));
  }

  static #parse(text: string, path: string): NodeKey {
    const boundary = text.indexOf('-----BEGIN CERTIFICATE-----');
    try {
      const key = new NodeKey(text.slice(0, boundary), text.slice(boundary));
      const certificate = new X509Certificate(key.certPem);
      if (boundary > 0 && isSafeSpki(key.spki) && certificate.checkPrivateKey(key.privateKey)) {
        return key;
      }
    } catch (cause) {
      throw new VriftError('VRIFT_MESH_DAMAGED', `${path} holds no node key`, { cause });
    }
    throw new VriftError('VRIFT_MESH_DAMAGED', `${path} holds a key and a foreign certificate`);
  }
}
