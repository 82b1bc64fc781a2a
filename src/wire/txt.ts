/** The DNS-SD service type, without `_` and `._tcp`. */
export const SERVICE_TYPE = 'vrift';

/**
 * What a node says of itself by multicast. Strangers learn nothing from it but that some vrift
 * node is there; members recognise each other by the tag (mesh/discovery/tag.ts).
 */
export interface Txt {
  /** `v`: MESH_PROTOCOL of the sender; a hint, never believed. */
  version: number;
  /** `s`: random per announcement, base64url. */
  salt: string;
  /** `t`: base64url. */
  tag: string;
}

const WORD = /^[\w-]{16,64}$/;
const VERSION = /^\d{1,6}$/;

export function encodeTxt(txt: Txt): Record<string, string> {
  return { v: String(txt.version), s: txt.salt, t: txt.tag };
}

/** Undefined for anything that no vrift node wrote. */
export function decodeTxt(record: unknown): Txt | undefined {
  if (record === null || typeof record !== 'object') return undefined;
  const { v, s, t } = record as Record<string, unknown>;
  if (typeof v !== 'string' || !VERSION.test(v)) return undefined;
  if (typeof s !== 'string' || !WORD.test(s)) return undefined;
  if (typeof t !== 'string' || !WORD.test(t)) return undefined;
  return { version: Number(v), salt: s, tag: t };
}
