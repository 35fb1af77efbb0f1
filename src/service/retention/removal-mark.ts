import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BlobStore } from '../../storage/blob-store.ts';

/** A mark that has not changed for this long was left by a process that died. */
const LEFT_MS = 60_000;
/** Who removes stops well before others may think that he died. */
const HELD_MS = LEFT_MS / 3;
const POLL_MS = 25;

/**
 * Announces that something is being removed. Who removes announces it first and looks then whether the thing is in
 * use; who begins to use it says so first (in a record, by a touch) and then waits until nothing is announced. In
 * whatever order these four steps fall, one of the two sees the other. Times are those of one process each, so clocks
 * need not agree.
 */
export class RemovalMark {
  private readonly store: Pick<BlobStore, 'create' | 'get' | 'remove'>;
  private readonly key: string;
  private readonly leftMs: number;

  /** @param leftMs shorter in tests */
  constructor(store: Pick<BlobStore, 'create' | 'get' | 'remove'>, key: string, leftMs = LEFT_MS) {
    this.store = store;
    this.key = key;
    this.leftMs = leftMs;
  }

  /**
   * Does the removal when no other one of the same is under way.
   * @param remove told whether it may still go on; a long one has to ask, and to stop when it may not
   * @throws AppError STORAGE_*, what `remove` throws
   */
  async hold<T>(remove: (mayGoOn: () => boolean) => Promise<T>): Promise<T> {
    const token = Buffer.from(randomUUID());
    while (!(await this.store.create(this.key, token))) {
      const left = await this.waited();
      if (left !== undefined && (await this.token()) === left) await this.store.remove(this.key);
    }
    const begunMs = performance.now();
    try {
      return await remove(() => performance.now() - begunMs < Math.min(HELD_MS, this.leftMs));
    } finally {
      await this.store.remove(this.key);
    }
  }

  /** Waits until no removal is under way. @throws AppError STORAGE_* */
  async waitUntilFree(): Promise<void> {
    await this.waited();
  }

  /** @throws AppError STORAGE_* */
  async isFree(): Promise<boolean> {
    return (await this.token()) === undefined;
  }

  /** Waits for the end of a removal; returns the mark of one that will not end. */
  private async waited(): Promise<string | undefined> {
    let seen = await this.token();
    let seenMs = performance.now();
    while (seen !== undefined && performance.now() - seenMs < this.leftMs) {
      await sleep(POLL_MS);
      const now = await this.token();
      if (now !== seen) seenMs = performance.now();
      seen = now;
    }
    return seen;
  }

  private async token(): Promise<string | undefined> {
    const bytes = await this.store.get(this.key);
    return bytes && Buffer.from(bytes).toString('latin1');
  }
}
