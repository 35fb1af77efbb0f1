import type { Kysely, RawBuilder, Transaction } from 'kysely';
import type { Tables } from './tables.ts';

export type Dialect = 'sqlite' | 'postgresql';

/** Keys of locks, each used for one purpose. */
export const ALONE = { migrate: 5_263_018_847, dispatch: 5_263_018_848, events: 5_263_018_849 } as const;

/** What a transaction reads and writes with. */
export type Writer = Transaction<Tables>;

/** What reads everything as it was at one moment. */
export type Snapshot = Pick<Writer, 'selectFrom' | 'getExecutor'>;

export interface Lockable<Q> {
  forUpdate(): Q;
  skipLocked(): Q;
}

/**
 * All records: tenants, keys and what they own. Files are in the storage. Every call can throw AppError
 * DATABASE_UNAVAILABLE, and calls that write STORAGE_FULL.
 */
export interface Database {
  readonly dialect: Dialect;
  /** For single queries. They see the result of every `write` that has ended. */
  readonly reader: Pick<Kysely<Tables>, 'selectFrom' | 'getExecutor'>;
  /** Milliseconds since 1970 by the clock of the database, which all processes share. */
  readonly now: RawBuilder<number>;
  /** This many milliseconds after `now`. */
  after(ms: number): RawBuilder<number>;
  /**
   * Runs a transaction that writes: all of it counts, or nothing does. It is durable when this returns. Where the database
   * gives it up in favour of another one, it is run again.
   * @param work awaits nothing but the database, for others may be waiting
   */
  write<T>(work: (writer: Writer) => Promise<T>): Promise<T>;
  /**
   * Reads everything as it is at one moment, whatever others write meanwhile, without holding them up. What they write piles
   * up until it ends (SQLite's log, dead rows of PostgreSQL).
   */
  snapshot<T>(work: (reader: Snapshot) => Promise<T>): Promise<T>;
  /**
   * A query of a transaction whose rows no other transaction changes until this one has ended: for what is read, and then
   * written by what was read. (SQLite has one transaction that writes at a time anyway.)
   * @param others `skip`: rows that another one changes are left out, in place of waiting for it
   */
  locked<Q extends Lockable<Q>>(query: Q, others?: 'skip'): Q;
  /** Until a transaction has ended, no other one gets past the same name. @param name of what only one may do at a time */
  alone(writer: Writer, name: keyof typeof ALONE): Promise<void>;
  /** @throws AppError DATABASE_UNAVAILABLE unless a query is answered */
  check(): Promise<void>;
  /**
   * For calls that add something. (On a full disk there is room for deletions and the ends of jobs for a while.)
   * @throws AppError STORAGE_FULL while the disk of the database is known to be full
   */
  checkRoom(): Promise<void>;
  close(): Promise<void>;
}

/** The database cannot be used in its present state. The message is a sentence for the person who starts the service. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
}
