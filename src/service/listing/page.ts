import type { BlobStore } from '../../storage/blob-store.ts';
import { turnedTime } from '../layout.ts';

/** Most records that one request looks at: a filter that matches rarely must not make it read everything. */
export const MAX_LOOKS = 1_000;

/** A page of 200 should not be 200 trips to the storage one after another. */
const READ_AT_ONCE = 50;

/** Which part of a list is wanted. */
export interface PageRequest {
  /** Most items of a page. */
  readonly limit: number;
  /** Key, without its prefix, of the last item of the page before. */
  readonly after?: string | undefined;
  /** Milliseconds since 1970; both are exclusive. */
  readonly createdAfterMs?: number | undefined;
  readonly createdBeforeMs?: number | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** `after` of the next page, null at the end. The next page may be empty, and still not the last. */
  readonly next: string | null;
}

/** What is listed: keys of a prefix that begin with a turned time, so that the newest come first. */
export interface Listing<T> {
  readonly prefix: string;
  /** What a key says before its turned time: the folder of some hours, where there is one. */
  readonly timedKey: (turned: string) => string;
  /** Keys after one, in order; of those after the last that are returned there may be more. */
  readonly keys: (after: string, limit: number) => Promise<readonly string[]>;
  /** The item of a key; undefined where there is none any more, or it does not match. */
  readonly read: (key: string) => Promise<T | undefined>;
  /** Whether `read` leaves out some. */
  readonly isFiltered: boolean;
}

/** The keys of a store as a listing has them. */
export const storedKeys =
  (store: Pick<BlobStore, 'list'>, prefix: string): Listing<unknown>['keys'] =>
  (after, limit) =>
    store.list(prefix, { after, limit });

/**
 * Reads one page of a list: some keys, then their items, many at once. Times are places in the order of keys, so that
 * nothing before or after them is looked at. What was created or removed since the page before moves nothing.
 */
export async function readPage<T>(listing: Listing<T>, request: PageRequest): Promise<Page<T>> {
  const { prefix, read, isFiltered } = listing;
  const { limit, createdBeforeMs = 1 } = request;
  // Keys know no time before 1970.
  if (createdBeforeMs <= 0) return { items: [], next: null };
  const looks = isFiltered ? MAX_LOOKS : limit + 1;
  const listed = await listing.keys(beginOf(listing, request), looks);
  const end = endOf(listing, request);
  const keys = end === undefined ? listed : listed.filter((key) => key < end);
  const isWhole = listed.length < looks || keys.length < listed.length;

  const items: T[] = [];
  for (let begin = 0; begin < keys.length; ) {
    const some = keys.slice(begin, begin + (isFiltered ? READ_AT_ONCE : Math.min(READ_AT_ONCE, limit)));
    const found = await Promise.all(some.map(read));
    for (const [i, item] of found.entries()) {
      if (item === undefined) continue;
      items.push(item);
      const isLast = isWhole && begin + i + 1 === keys.length;
      if (items.length === limit) return { items, next: isLast ? null : some[i]!.slice(prefix.length) };
    }
    begin += some.length;
  }
  return { items, next: isWhole ? null : keys.at(-1)!.slice(prefix.length) };
}

/** Keys after this one are those of the page and of all after it. */
function beginOf({ prefix, timedKey }: Listing<unknown>, { after, createdBeforeMs }: PageRequest): string {
  const cursor = after === undefined ? prefix : prefix + after;
  if (createdBeforeMs === undefined) return cursor;
  // Keys go on behind their time, so those of the last moment come after it alone.
  const before = prefix + timedKey(turnedTime(clamped(createdBeforeMs - 1)));
  return [cursor, before].sort()[1]!;
}

/** Keys from this one on are too old; undefined: none is. */
function endOf({ prefix, timedKey }: Listing<unknown>, { createdAfterMs }: PageRequest): string | undefined {
  if (createdAfterMs === undefined || createdAfterMs < 0) return undefined;
  return prefix + timedKey(turnedTime(clamped(createdAfterMs)));
}

/** Times of keys have 12 hex digits. */
const clamped = (ms: number): number => Math.min(Math.floor(ms), 16 ** 12 - 1);
