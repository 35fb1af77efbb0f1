import { setImmediate } from 'node:timers/promises';
import { timedIdMs } from '../../database/ids.ts';
import { mapConcurrently } from '../../database/map-concurrently.ts';
import { AppError } from '../../errors/app-error.ts';
import type { BatchHead, DraftStore } from './draft-store.ts';
import { type BatchFault, faultAt, type RequestedItem, type RequestPosition } from './item-request.ts';
import { itemRow } from './item-rows.ts';
import { invalidBatch } from './requested-items.ts';
import { type ResolvedItem, type ResolveParts, resolveItem } from './resolve-item.ts';

/** Items that are written in one transaction, and that are in memory at the same time. */
const AT_ONCE = 250;
/** Items that are resolved at the same time. */
const RESOLVED_AT_ONCE = 16;
/** The most faults that are kept, because a response must stay readable. */
const MAX_FAULTS = 100;

/**
 * Runs `accept` if the tenant has room for this many more jobs.
 * @throws AppError if it has not
 */
export type WithinQueueLimit = <T>(jobs: number, accept: () => Promise<T>) => Promise<T>;

/** The parts of a batch that is to be accepted. */
export interface RequestedBatch {
  readonly id: string;
  readonly head: BatchHead;
  /** Throws at its end if an item could not be parsed. */
  readonly items: AsyncIterable<RequestedItem> | Iterable<RequestedItem>;
  readonly resolve: ResolveParts;
  readonly withinQueueLimit: WithinQueueLimit;
}

/**
 * Writes a batch in groups of items, as a draft that no call shows, and then accepts it as a whole. If the batch has
 * a fault, nothing of it remains; an item that cannot be tried counts as failed.
 * @param opened does the remaining work after the batch is admitted; the batch is accepted by then, even if this
 *   fails
 * @throws AppError BATCH_INVALID, BATCH_EMPTY, and whatever `items`, `withinQueueLimit` and the stores throw
 */
export async function acceptBatch(
  drafts: DraftStore,
  { id, head, items, resolve, withinQueueLimit }: RequestedBatch,
  opened: () => Promise<void>,
): Promise<void> {
  const createdAtMs = timedIdMs(id);
  await drafts.begin(id, createdAtMs, head);
  try {
    const folders = new SharedFolders();
    let [count, failed] = [0, 0];
    for await (const some of slicesOf(items)) {
      const resolved = await mapConcurrently(some, RESOLVED_AT_ONCE, (item, index) =>
        resolveItem(item, count + index, resolve),
      );
      const rows = resolved.map((item, index) => {
        const row = itemRow(id, createdAtMs, count + index, item);
        return item.failure ? { ...row, ended_no: ++failed } : row;
      });
      for (const [index, item] of resolved.entries()) folders.take(item, some[index]!.position);
      count += rows.length;
      if (folders.faults === 0) await drafts.add(id, rows);
      await setImmediate();
    }
    folders.check();
    if (count === 0) throw new AppError('BATCH_EMPTY', 'The batch has no items, so there is nothing to do.');
    await withinQueueLimit(count - failed, async () => {
      await drafts.accept(id, head, { items: count, failed });
      await opened();
    });
  } catch (error) {
    // If this fails as well, a sweep removes the draft.
    await drafts.discard(id).catch(() => undefined);
    throw error;
  }
}

/** The folders of the items below the common folder for results. Each may belong to one item only. */
export class SharedFolders {
  /** The number of faults. */
  faults = 0;
  private readonly taken = new Map<string, string>();
  private readonly reported: BatchFault[] = [];

  /** Notes the folders for the results of an item. */
  take({ leaves }: ResolvedItem, position: RequestPosition): void {
    for (const leaf of leaves) {
      const before = this.taken.get(leaf);
      if (before === undefined) {
        this.taken.set(leaf, position.shown);
        continue;
      }
      this.faults += 1;
      if (this.reported.length >= MAX_FAULTS) continue;
      const detail = ` and ${before} would both be delivered to the folder ${JSON.stringify(leaf)}`;
      this.reported.push(faultAt(position, detail));
    }
  }

  /** @throws AppError BATCH_INVALID if two items would use one folder */
  check(): void {
    if (this.faults > 0) throw invalidBatch(this.reported, this.faults);
  }
}

/** Groups the items into slices. */
async function* slicesOf(
  items: AsyncIterable<RequestedItem> | Iterable<RequestedItem>,
): AsyncGenerator<readonly RequestedItem[]> {
  let some: RequestedItem[] = [];
  for await (const item of items) {
    some.push(item);
    if (some.length < AT_ONCE) continue;
    yield some;
    some = [];
  }
  if (some.length > 0) yield some;
}
