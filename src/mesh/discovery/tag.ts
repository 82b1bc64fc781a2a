import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Txt } from '../../wire/txt.js';

const TAG_BYTES = 16;
const SALT_BYTES = 12;

/** What a node announces so that members recognise it and strangers cannot tell who it is. */
export function makeTxt(secret: Uint8Array, instance: string, version: number): Txt {
  const salt = randomBytes(SALT_BYTES).toString('base64url');
  return { version, salt, tag: tagOf(secret, salt, instance).toString('base64url') };
}

/** Whether a member announced this name. A copied announcement passes, TLS then stops it. */
export function isOurs(secret: Uint8Array, instance: string, txt: Txt): boolean {
  const claimed = Buffer.from(txt.tag, 'base64url');
  return (
    claimed.length === TAG_BYTES && timingSafeEqual(claimed, tagOf(secret, txt.salt, instance))
  );
}

function tagOf(secret: Uint8Array, salt: string, instance: string): Buffer {
  const hmac = createHmac('sha256', secret).update(`${salt}\n${instance}`).digest();
  return hmac.subarray(0, TAG_BYTES);
}
