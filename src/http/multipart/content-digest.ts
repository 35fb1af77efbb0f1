import { createHash, type Hash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../../errors/app-error.ts';

/** Algorithms of RFC 9530 that are still sound, and the bytes of their digests. */
const DIGEST_BYTES: Readonly<Record<string, number>> = { 'sha-256': 32, 'sha-512': 64 };
const ITEM = /^([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):$/;

/** The digests of the body as sent, and of what it represents: without a Content-Encoding these are the same bytes. */
const FIELDS = ['Content-Digest', 'Repr-Digest'] as const;

interface Expected {
  readonly field: string;
  readonly algorithm: string;
  readonly digest: Buffer;
}

/** Checks a body against its Content-Digest and its Repr-Digest (RFC 9530) while it is being read. */
export class ContentDigest {
  private readonly expected: readonly Expected[];
  /** One hash for each algorithm, even if both headers use it. */
  private readonly hashes = new Map<string, Hash>();

  /**
   * @param headers of the request; nothing is checked without these fields, or for unknown algorithms
   * @throws AppError DIGEST_INVALID
   */
  constructor(headers: IncomingHttpHeaders) {
    this.expected = FIELDS.flatMap((field) =>
      digestsIn(field, headers[field.toLowerCase()] as string | undefined),
    );
    for (const { algorithm } of this.expected) {
      if (!this.hashes.has(algorithm)) this.hashes.set(algorithm, createHash(algorithm.replace('-', '')));
    }
  }

  update(chunk: Uint8Array): void {
    for (const hash of this.hashes.values()) hash.update(chunk);
  }

  /** @throws AppError DIGEST_MISMATCH */
  finish(): void {
    const found = new Map([...this.hashes].map(([algorithm, hash]) => [algorithm, hash.digest()]));
    for (const { field, algorithm, digest } of this.expected) {
      const actual = found.get(algorithm)!;
      if (actual.equals(digest)) continue;
      throw new AppError(
        'DIGEST_MISMATCH',
        `According to ${field}, the ${algorithm} of the body is ${digest.toString('base64')}, but it is actually ` +
          `${actual.toString('base64')}.`,
        { field, algorithm },
      );
    }
  }
}

function digestsIn(field: string, header: string | undefined): Expected[] {
  if (header === undefined) return [];
  return header.split(',').flatMap((text): Expected[] => {
    const item = text.trim();
    const [, algorithm, base64] = ITEM.exec(item) ?? [];
    if (algorithm === undefined || base64 === undefined) throw invalid(field, item);
    const bytes = DIGEST_BYTES[algorithm];
    if (bytes === undefined) return [];
    const digest = Buffer.from(base64, 'base64');
    if (digest.length !== bytes) throw invalid(field, item);
    return [{ field, algorithm, digest }];
  });
}

const invalid = (field: string, item: string): AppError =>
  new AppError(
    'DIGEST_INVALID',
    `${field} has ${JSON.stringify(item.slice(0, 120))}; an item like sha-256=:…base64…: is expected.`,
    { field },
  );
