import type { ByteRange } from '../storage/blob-store.ts';

const SINGLE = /^bytes=(?:(\d+)-(\d*)|-(\d+))$/i;

/**
 * Reads a Range header (RFC 9110 §14.1.2) for a file of `bytes`. "whole" where the header is absent, of another unit,
 * malformed or asks for several ranges: a server may ignore those and send everything.
 */
export function parseByteRange(
  header: string | undefined,
  bytes: number,
): ByteRange | 'whole' | 'unsatisfiable' {
  const found = SINGLE.exec(header?.replaceAll(/[ \t]/g, '') ?? '');
  if (!found) return 'whole';
  const [, first, last, suffix] = found;
  if (suffix !== undefined) {
    const length = Math.min(Number(suffix), bytes);
    return length > 0 ? { start: bytes - length, end: bytes - 1 } : 'unsatisfiable';
  }
  const start = Number(first);
  const end = last === '' ? Number.POSITIVE_INFINITY : Number(last);
  if (end < start) return 'whole';
  return start < bytes ? { start, end: Math.min(end, bytes - 1) } : 'unsatisfiable';
}
