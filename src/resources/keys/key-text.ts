import { hash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** 192 bits cannot be guessed, so storing a plain digest is enough. */
const SECRET_BYTES = 24;
const ID_BYTES = 6;

/** lsq_<id>_<secret><checksum>: scanners for leaked secrets recognise it, and a typing error is refused at once. */
const KEY = /^lsq_([0-9a-f]{12})_([0-9a-f]{48})([0-9a-f]{8})$/;

/** A new key and its id. */
export function newKey(): { id: string; key: string } {
  const id = randomBytes(ID_BYTES).toString('hex');
  const body = `lsq_${id}_${randomBytes(SECRET_BYTES).toString('hex')}`;
  return { id: `key_${id}`, key: body + checksum(body) };
}

/** The id in a key's text, or undefined where the text cannot be a key. */
export function parseKeyId(text: string): string | undefined {
  const [, id, , check] = KEY.exec(text) ?? [];
  return id !== undefined && checksum(text.slice(0, -8)) === check ? `key_${id}` : undefined;
}

export const isKeyId = (value: string): boolean => /^key_[0-9a-f]{12}$/.test(value);

/** The SHA-256 of a key, which is all that is stored of it. */
export const keyDigest = (text: string): Buffer => hash('sha256', text, 'buffer');

const checksum = (text: string): string => crc32(text).toString(16).padStart(8, '0');
