import { createHash, type Hash } from 'node:crypto';
import { AppError } from '../../errors.ts';

/** Algorithms of RFC 9530 that are still sound, and the bytes of their digests. */
const DIGEST_BYTES: Readonly<Record<string, number>> = { 'sha-256': 32, 'sha-512': 64 };
const ITEM = /^([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):$/;

/** Checks a body against its Content-Digest (RFC 9530 §2) while it passes by. */
export class ContentDigest {
  private readonly expected: { readonly algorithm: string; readonly hash: Hash; readonly digest: Buffer }[] =
    [];

  /**
   * @param header the field's value; undefined and unknown algorithms check nothing
   * @throws AppError DIGEST_INVALID
   */
  constructor(header: string | undefined) {
    for (const item of (header ?? '').split(',').map((text) => text.trim())) {
      if (header === undefined) continue;
      const [, algorithm, base64] = ITEM.exec(item) ?? [];
      if (algorithm === undefined || base64 === undefined) throw invalid(item);
      const bytes = DIGEST_BYTES[algorithm];
      if (bytes === undefined) continue;
      const digest = Buffer.from(base64, 'base64');
      if (digest.length !== bytes) throw invalid(item);
      this.expected.push({ algorithm, hash: createHash(algorithm.replace('-', '')), digest });
    }
  }

  update(chunk: Uint8Array): void {
    for (const { hash } of this.expected) hash.update(chunk);
  }

  /** @throws AppError DIGEST_MISMATCH */
  finish(): void {
    for (const { algorithm, hash, digest } of this.expected) {
      const found = hash.digest();
      if (found.equals(digest)) continue;
      const detail = `The ${algorithm} of the body is ${found.toString('base64')}, not ${digest.toString('base64')}.`;
      throw new AppError('DIGEST_MISMATCH', detail, { algorithm });
    }
  }
}

function invalid(item: string): AppError {
  const shown = JSON.stringify(item.slice(0, 120));
  return new AppError(
    'DIGEST_INVALID',
    `Content-Digest has ${shown}; an item like sha-256=:…base64…: is expected.`,
  );
}
