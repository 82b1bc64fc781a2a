import { X509Certificate } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NodeKey } from '../../src/identity/nodeKey.js';
import { isSafeSpki, nodeIdOf } from '../../src/identity/spki.js';
import { newNode, temporaryDir } from './support.js';

describe('the node key', () => {
  it('is the same node after every start', async () => {
    const { dir, key } = await newNode();
    const again = await NodeKey.open(dir);
    expect(again.nodeId).toBe(key.nodeId);
    expect(again.certPem).toBe(key.certPem);
    expect(nodeIdOf(again.spki)).toMatch(/^[a-z2-7]{52}$/);
  });

  it('is readable by its owner alone', async () => {
    const { dir } = await newNode();
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(statSync(join(dir, 'node.pem')).mode & 0o777).toBe(0o600);
    expect(readdirSync(dir)).toEqual(['node.pem']);
  });

  it('tightens a directory that was left open', async () => {
    const { dir } = await newNode();
    chmodSync(dir, 0o755);
    await NodeKey.open(dir);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
  });

  it('has a self-signed certificate that names nobody and outlives its machine', async () => {
    const { key } = await newNode();
    const certificate = new X509Certificate(key.certPem);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.subject).toBe('CN=vrift');
    expect(new Date(certificate.validTo).getUTCFullYear()).toBe(9999);
    expect(isSafeSpki(key.spki)).toBe(true);
  });

  it.each([0, 1, 40, 200])('is never replaced when damaged (%i bytes left)', async (length) => {
    const { dir } = await newNode();
    const path = join(dir, 'node.pem');
    truncateSync(path, length);
    const before = readFileSync(path);
    await expect(NodeKey.open(dir)).rejects.toMatchObject({ code: 'VRIFT_MESH_DAMAGED' });
    expect(readFileSync(path)).toEqual(before);
  });

  it('does not open with the certificate of another key', async () => {
    const [a, b] = [await newNode(), await newNode()];
    writeFileSync(join(a.dir, 'node.pem'), a.key.keyPem + b.key.certPem);
    await expect(NodeKey.open(a.dir)).rejects.toMatchObject({ code: 'VRIFT_MESH_DAMAGED' });
  });

  it('is refused when others could have read it, or when it is a link', async () => {
    const { dir } = await newNode();
    const path = join(dir, 'node.pem');
    chmodSync(path, 0o644);
    await expect(NodeKey.open(dir)).rejects.toMatchObject({ code: 'VRIFT_HOME_UNUSABLE' });
    const other = temporaryDir();
    symlinkSync(path, join(other, 'node.pem'));
    await expect(NodeKey.open(other)).rejects.toMatchObject({ code: 'VRIFT_HOME_UNUSABLE' });
  });

  it('is one key when several processes start at once', async () => {
    const dir = temporaryDir();
    const keys = await Promise.all(Array.from({ length: 8 }, () => NodeKey.open(dir)));
    expect(new Set(keys.map(({ nodeId }) => nodeId)).size).toBe(1);
    expect(readdirSync(dir)).toEqual(['node.pem']);
  });

  it('is gone for ever when destroyed', async () => {
    const { dir, key } = await newNode();
    NodeKey.destroy(dir);
    expect(existsSync(join(dir, 'node.pem'))).toBe(false);
    expect((await NodeKey.open(dir)).nodeId).not.toBe(key.nodeId);
  });
});
