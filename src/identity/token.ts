import { createHash } from 'node:crypto';
import { VriftError } from '../base/errors.js';
import { fromBase32, toBase32 } from './ids.js';

/** Bytes of the secret that only the inviter and the newcomer know. */
export const TOKEN_SECRET_BYTES = 16;

const PREFIX = 'vrift1-';
const ID_BYTES = 32;
const CHECKSUM_BYTES = 4;
const FIXED_BYTES = 2 * ID_BYTES + TOKEN_SECRET_BYTES + 1;

/** A newcomer dials all of them at once. */
const MAX_ADDRESSES = 8;
const MAX_ADDRESS_BYTES = 255;
const MAX_TOKEN_CHARS = 4096;

/** `host:port`, `[v6]:port`. */
const ADDRESS =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.%A-Za-z0-9]+\]):[1-9][0-9]{0,4}$/;

/**
 * What `vrift mesh invite` prints. Role and expiry are not in it: they stand in the inviter's
 * record, where the newcomer cannot change them.
 */
export interface Token {
  meshId: string;
  /** Node id of the inviter, the only node that redeems the token. */
  inviter: string;
  secret: Buffer;
  /** Where the inviter listened when it made the token; 1 to 8. */
  addresses: string[];
}

/** One word, safe to paste anywhere; the last characters are a checksum. */
export function formatToken({ meshId, inviter, secret, addresses }: Token): string {
  const ids = [meshId, inviter].map((id) => fromBase32(id) ?? Buffer.alloc(0));
  const texts = addresses.map((address) => Buffer.from(address, 'utf8'));
  const listed = texts.flatMap((text) => [Buffer.from([text.length & 0xff]), text]);
  const body = Buffer.concat([...ids, secret, Buffer.from([texts.length & 0xff]), ...listed]);
  const token = PREFIX + toBase32(Buffer.concat([body, checksumOf(body)]));
  parseToken(token);
  return token;
}

/**
 * White space, line breaks and capitals that a mail or a person put in do no harm.
 *
 * @throws VRIFT_TOKEN_MALFORMED for anything but a whole token
 */
export function parseToken(text: string): Token {
  const word = text.slice(0, MAX_TOKEN_CHARS).replace(/\s+/g, '').toLowerCase();
  if (!word.startsWith(PREFIX)) throw malformed(`a token starts with ${PREFIX}`);
  const bytes = fromBase32(word.slice(PREFIX.length));
  if (bytes === undefined || bytes.length < FIXED_BYTES + CHECKSUM_BYTES) {
    throw malformed('the token is not whole');
  }
  const body = bytes.subarray(0, -CHECKSUM_BYTES);
  if (!checksumOf(body).equals(bytes.subarray(-CHECKSUM_BYTES))) {
    throw malformed('the token has a typing error');
  }
  return {
    meshId: toBase32(body.subarray(0, ID_BYTES)),
    inviter: toBase32(body.subarray(ID_BYTES, 2 * ID_BYTES)),
    secret: body.subarray(2 * ID_BYTES, FIXED_BYTES - 1),
    addresses: readAddresses(body.subarray(FIXED_BYTES - 1)),
  };
}

/** Splits an address of a token; IPv6 loses its brackets. */
export function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  return { host, port: Number(address.slice(colon + 1)) };
}

function readAddresses(bytes: Buffer): string[] {
  const count = bytes[0] ?? 0;
  const addresses: string[] = [];
  let offset = 1;
  for (let index = 0; index < count && offset < bytes.length; index += 1) {
    const end = offset + 1 + (bytes[offset] ?? 0);
    addresses.push(bytes.subarray(offset + 1, end).toString('utf8'));
    offset = end;
  }
  const whole = offset === bytes.length && addresses.length === count;
  if (!whole || count < 1 || count > MAX_ADDRESSES || !addresses.every(isAddress)) {
    throw malformed('the token holds no addresses');
  }
  return addresses;
}

function isAddress(text: string): boolean {
  if (text.length > MAX_ADDRESS_BYTES || !ADDRESS.test(text)) return false;
  return splitAddress(text).port <= 65_535;
}

function checksumOf(body: Buffer): Buffer {
  return createHash('sha256').update(PREFIX).update(body).digest().subarray(0, CHECKSUM_BYTES);
}

function malformed(message: string): VriftError {
  return new VriftError('VRIFT_TOKEN_MALFORMED', message);
}
