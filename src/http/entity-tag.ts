import { createHash } from 'node:crypto';

/** The entity tag (RFC 9110 §8.8.3) of content that is identified by its digest. It is always strong. */
export const entityTag = (digest: string): string => `"${digest}"`;

/** The entity tag of content that has no digest yet. */
export const digestTag = (content: Uint8Array | string): string =>
  entityTag(createHash('sha256').update(content).digest('base64url'));

/** The Repr-Digest (RFC 9530) of content, by its SHA-256. */
export const reprDigest = (sha256: string, encoding: 'hex' | 'base64url'): string =>
  `sha-256=:${Buffer.from(sha256, encoding).toString('base64')}:`;

/** The Repr-Digest of content that has a `digestTag`. */
export const reprDigestOfTag = (tag: string): string => reprDigest(tag.slice(1, -1), 'base64url');

const TAGS = /(?:W\/)?("[^"]*")/g;

/** If-None-Match, by weak comparison: true means the client has it (304). */
export function matchesNone(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return [...header.matchAll(TAGS)].some(([, opaque]) => opaque === tag);
}

/** If-Range, by strong comparison: whether a Range may be honoured. Dates never match, as files have none. */
export const allowsRange = (header: string | undefined, tag: string): boolean =>
  header === undefined || header.trim() === tag;
