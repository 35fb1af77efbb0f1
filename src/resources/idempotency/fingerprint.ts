import { createHash } from 'node:crypto';
import type { DigestedFile } from '../../adapter/digested-file.ts';

/**
 * SHA-256 of a list of texts, hex. Different lists have different digests: each text is followed by a byte that UTF-8
 * never contains.
 */
export function digestTexts(texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(text).update(END);
  return hash.digest('hex');
}

const END = Buffer.of(0xff);

/** A value as JSON with the keys of objects sorted, so that equal values have equal texts. */
export const canonicalJson = (value: unknown): string =>
  JSON.stringify(value ?? null, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([x], [y]) => (x < y ? -1 : 1)))
      : inner,
  );

/**
 * The digest of a multipart body, independent of its boundary, the order of its parts and the bytes of their headers.
 * @param fields the bytes of the parts that are form fields
 */
export function partsDigest(
  files: readonly Pick<DigestedFile, 'name' | 'sha256'>[],
  fields: ReadonlyMap<string, Buffer>,
): string {
  const parts = [
    ...files.map(({ name, sha256 }) => ['file', name, sha256]),
    ...[...fields].map(([name, value]) => ['field', name, canonicalJson(value.toString('utf8'))]),
  ];
  return digestTexts(parts.map((part) => JSON.stringify(part)).sort());
}
