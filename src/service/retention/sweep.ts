import type { Workspace } from '../workspaces.ts';
import type { Swept } from './swept.ts';

/** One sweep: what it goes by, and what it has found out. */
export interface Sweep {
  /** When it began. What expires later is left for the next one. */
  readonly startMs: number;
  /** `startMs` without the grace: what was released since then may be about to be referred to again. */
  readonly cutoffMs: number;
  readonly swept: Swept;
}

/** What a sweep of one tenant's batches needs of its workspace. */
export type SweptSpace = Pick<Workspace, 'tenant' | 'store' | 'jobStore'>;

/** Records and keys that are read or removed at once. */
const AT_ONCE = 50;
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
