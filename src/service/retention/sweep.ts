import type { Workspace } from '../workspaces.ts';
import type { Swept } from './swept.ts';
import type { Unreferenced } from './unreferenced.ts';

/** One sweep: what it goes by, and what it has found out. */
export interface Sweep {
  /** When it began. What expires later is left for the next one. */
  readonly startMs: number;
  /** `startMs` without the grace: what was written or touched since then may be about to be referred to. */
  readonly cutoffMs: number;
  readonly unreferenced: Unreferenced;
  readonly swept: Swept;
}

/** What a sweep of one tenant needs of its workspace. */
export type SweptSpace = Pick<Workspace, 'tenant' | 'store' | 'adapters' | 'jobStore'>;

/** Records and keys that are read or removed at once. */
export const AT_ONCE = 50;
/** A mark of a removal that is older than this was left by a process that died: nobody holds one for a minute. */
export const LEFT_MARK_MS = 5 * 60_000;
/** Keys that are listed at once. */
const PAGE_KEYS = 10_000;

type Listed = Pick<Workspace['store'], 'list'>;

/** Keys of a prefix, page by page: what is removed meanwhile does not matter. */
export async function* keysOf(store: Listed, prefix: string): AsyncGenerator<string> {
  for (let after = prefix; ; ) {
    const keys = await store.list(prefix, { after, limit: PAGE_KEYS });
    yield* keys;
    if (keys.length < PAGE_KEYS) return;
    after = keys.at(-1)!;
  }
}

/** Does something with every item, some at once. */
export async function forEach<T>(items: AsyncIterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  let some: T[] = [];
  for await (const item of items) {
    some.push(item);
    if (some.length < AT_ONCE) continue;
    await Promise.all(some.map(work));
    some = [];
  }
  await Promise.all(some.map(work));
}

/**
 * Removes the keys of a prefix that belong to nothing, unless they are new: what they belong to may be about to come.
 * @param isStray told the key without the prefix
 */
export async function removeStrays(
  { store }: Pick<SweptSpace, 'store'>,
  { cutoffMs, swept }: Pick<Sweep, 'cutoffMs' | 'swept'>,
  prefix: string,
  isStray: (name: string) => boolean | Promise<boolean>,
): Promise<void> {
  await forEach(keysOf(store, prefix), async (key) => {
    if (!(await isStray(key.slice(prefix.length)))) return;
    const removed = await store.removeUnmodified(key, cutoffMs);
    if (removed) swept.add('stray', removed.bytes);
  });
}
