import { builtin } from './node.ts';

/**
 * SHA-256 of some bytes; undefined if the platform does not offer it, for example on a page that was not loaded by
 * https.
 */
export async function sha256(bytes: Uint8Array): Promise<Uint8Array | undefined> {
  const hash = builtin('node:crypto')?.createHash('sha256');
  if (hash) return hash.update(bytes).digest();
  if (!globalThis.crypto.subtle) return undefined;
  return new Uint8Array(
    await crypto.subtle.digest('SHA-256', bytes as Parameters<typeof crypto.subtle.digest>[1]),
  );
}

export const hexOf = (digest: Uint8Array): string =>
  Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** The form that HTTP uses (RFC 9530). */
export const digestHeader = (digest: Uint8Array): string =>
  `sha-256=:${btoa(String.fromCharCode(...digest))}:`;
