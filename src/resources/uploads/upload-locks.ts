import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../database/database.ts';
import { isPast } from '../../database/sql.ts';
import { AppError } from '../../errors/app-error.ts';

const POLL_MS = 50;
/** How often a holder checks whether another request waits. */
const WANTED_POLL_MS = 200;
const RENEW_MS = 2_000;
/**
 * The time after which the locks of a killed process are free. It is shorter than the time for which a request waits
 * for a lock.
 */
export const LEASE_MS = 6_000;

export interface LockOptions {
  /** How long to wait for the lock. */
  readonly waitMs: number;
  /** Ends the wait. */
  readonly signal?: AbortSignal;
  /** Whether the holder of the lock is asked to give it up. */
  readonly urge?: boolean;
  /** Called once when another request waits for this holder, or has taken over the lock. */
  readonly onUrged?: () => void;
}

export interface UploadLock {
  /** @throws AppError UPLOAD_LOCKED unless it is certain that no other request has the lock */
  check(): void;
  /** Never throws: a lock that cannot be released expires. */
  release(): Promise<void>;
}

/** The upload that is locked. */
export interface LockKey {
  readonly tenant: string;
  readonly id: string;
}

interface Hold {
  /**
   * When the hold ends, by the clock of this process. The clock is read before the query, so this is never later than
   * the end in the database.
   */
  untilMs: number;
  /** Called when another request waits; undefined once it has been called. */
  onUrged: (() => void) | undefined;
}

/**
 * Locks between the requests of all processes: rows with an expiry time that their holder keeps extending, by the
 * clock of the database. A holder that died, hung or lost the database has lost the lock, and notices that before
 * others can get it. One loop renews all locks of a process.
 */
export class UploadLocks {
  private readonly database: Database;
  /** By owner. */
  private readonly holds = new Map<string, Hold>();
  private isPolling = false;

  constructor(database: Database) {
    this.database = database;
  }

  /**
   * @returns undefined if the lock was not available in time
   * @throws AppError DATABASE_UNAVAILABLE, STORAGE_FULL
   */
  async lock(key: LockKey, options: LockOptions): Promise<UploadLock | undefined> {
    const { waitMs, signal, urge, onUrged } = options;
    const deadlineMs = performance.now() + waitMs;
    let urged: string | undefined;
    for (;;) {
      const holder = await this.holderOf(key);
      const lock = holder === undefined ? await this.claim(key, onUrged) : undefined;
      if (lock) return lock;
      if (signal?.aborted || performance.now() >= deadlineMs) return undefined;
      if (holder === undefined) continue;
      // The request is stored in the row of this holder; the next holder does not see it.
      if (urge && holder !== urged) await this.urge(holder);
      urged = holder;
      await sleep(POLL_MS);
    }
  }

  /** Removes expired locks of dead processes. @throws AppError DATABASE_UNAVAILABLE, STORAGE_FULL */
  async sweep(): Promise<void> {
    const { database } = this;
    await database.write((writer) =>
      writer
        .deleteFrom('upload_lock')
        .where(isPast(database, 'expires_at', LEASE_MS))
        .execute(),
    );
  }

  /** Stops renewing: locks that are still held expire like those of a process that has ended. */
  close(): void {
    this.holds.clear();
  }

  private async claim(key: LockKey, onUrged?: () => void): Promise<UploadLock | undefined> {
    const { now } = this.database;
    const owner = randomUUID();
    const untilMs = performance.now() + LEASE_MS;
    const row = await this.database.write((writer) =>
      writer
        .insertInto('upload_lock')
        .values(({ eb }) => ({ ...key, owner, expires_at: eb(now, '+', LEASE_MS), wanted: 0 }))
        .onConflict((conflict) =>
          conflict
            .columns(['tenant', 'id'])
            .doUpdateSet(({ ref }) => ({
              owner: ref('excluded.owner'),
              expires_at: ref('excluded.expires_at'),
              wanted: ref('excluded.wanted'),
            }))
            .where(isPast(this.database, 'upload_lock.expires_at', LEASE_MS)),
        )
        .returning('owner')
        .executeTakeFirst(),
    );
    if (!row) return undefined;
    const hold: Hold = { untilMs, onUrged };
    this.holds.set(owner, hold);
    void this.pollHolds();
    return {
      check: () => {
        if (performance.now() < hold.untilMs) return;
        throw new AppError('UPLOAD_LOCKED', `The upload ${key.id} could not be locked; try again soon.`, {
          id: key.id,
        });
      },
      release: () => this.release(owner),
    };
  }

  private async holderOf({ tenant, id }: LockKey): Promise<string | undefined> {
    const row = await this.database.reader
      .selectFrom('upload_lock')
      .select('owner')
      .where('tenant', '=', tenant)
      .where('id', '=', id)
      .where(({ not }) => not(isPast(this.database, 'expires_at', LEASE_MS)))
      .executeTakeFirst();
    return row?.owner;
  }

  private async urge(owner: string): Promise<void> {
    await this.database.write((writer) =>
      writer.updateTable('upload_lock').set({ wanted: 1 }).where('owner', '=', owner).execute(),
    );
  }

  private async release(owner: string): Promise<void> {
    this.holds.delete(owner);
    await this.database
      .write((writer) => writer.deleteFrom('upload_lock').where('owner', '=', owner).execute())
      .catch(() => {});
  }

  /** Renews locks while any is held. Without the database, they expire. */
  private async pollHolds(): Promise<void> {
    if (this.isPolling) return;
    this.isPolling = true;
    let renewedMs = performance.now();
    while (this.holds.size > 0) {
      await sleep(WANTED_POLL_MS, undefined, { ref: false });
      const nowMs = performance.now();
      try {
        if (nowMs - renewedMs >= RENEW_MS) {
          await this.renew(nowMs);
          renewedMs = nowMs;
        }
        await this.listen();
      } catch {
        // The loop tries again in a moment.
      }
    }
    this.isPolling = false;
  }

  private async renew(nowMs: number): Promise<void> {
    const { now } = this.database;
    const owners = [...this.holds.keys()];
    if (owners.length === 0) return;
    const rows = await this.database.write((writer) =>
      writer
        .updateTable('upload_lock')
        .set(({ eb }) => ({ expires_at: eb(now, '+', LEASE_MS) }))
        .where('owner', 'in', owners)
        .returning('owner')
        .execute(),
    );
    const kept = new Set(rows.map(({ owner }) => owner));
    for (const owner of owners) {
      const hold = this.holds.get(owner);
      if (!hold) continue;
      hold.untilMs = kept.has(owner) ? nowMs + LEASE_MS : 0;
      if (!kept.has(owner)) notifyHolder(hold);
    }
  }

  private async listen(): Promise<void> {
    const owners = [...this.holds].filter(([, hold]) => hold.onUrged).map(([owner]) => owner);
    if (owners.length === 0) return;
    const rows = await this.database.reader
      .selectFrom('upload_lock')
      .select('owner')
      .where('owner', 'in', owners)
      .where('wanted', '=', 1)
      .execute();
    for (const { owner } of rows) notifyHolder(this.holds.get(owner));
  }
}

function notifyHolder(hold: Hold | undefined): void {
  const { onUrged } = hold ?? {};
  if (hold) hold.onUrged = undefined;
  onUrged?.();
}
