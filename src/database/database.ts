import type { Kysely, RawBuilder, Transaction } from 'kysely';
import type { Tables } from './tables.ts';

export type Dialect = 'sqlite' | 'postgresql';

/** Keys of advisory locks, each with one purpose. */
export const EXCLUSIVE_ACTIONS = {
  migrate: 5_263_018_847,
  dispatch: 5_263_018_848,
  events: 5_263_018_849,
} as const;

/** The interface for the reads and writes of a transaction. */
export type Writer = Transaction<Tables>;

/** The interface for reading a consistent state of all tables. */
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
  /** The time of the database's clock, which all processes share, in milliseconds since 1970. */
  readonly now: RawBuilder<number>;
  /**
   * The time at which the expression is evaluated. In a statement that waited for a lock, it is later than `now`, which
   * is the time at which the statement began.
   */
  readonly clock: RawBuilder<number>;
  /** The time this many milliseconds after `now`. */
  after(ms: number): RawBuilder<number>;
  /**
   * Runs a transaction that writes; it takes effect as a whole or not at all. It is durable when this returns. If the
   * database aborts it in favour of another one, it is run again.
   * @param work must await nothing but the database, because other transactions may be waiting
   */
  write<T>(work: (writer: Writer) => Promise<T>): Promise<T>;
  /**
   * Reads the state of all tables at one moment, whatever others write meanwhile, without delaying them. Their
   * changes accumulate until it ends (in SQLite's log, or as dead rows of PostgreSQL).
   */
  snapshot<T>(work: (reader: Snapshot) => Promise<T>): Promise<T>;
  /**
   * A query whose rows no other transaction changes until this transaction has ended. It is for rows that are read
   * and then written depending on their values. (SQLite allows only one writing transaction at a time anyway.)
   * @param others `skip`: rows that another transaction has locked are left out instead of waited for
   */
  locked<Q extends Lockable<Q>>(query: Q, others?: 'skip'): Q;
  /**
   * Blocks other transactions with the same name until this one has ended. @param name of an action that must not run
   * twice at a time
   */
  lockExclusively(writer: Writer, name: keyof typeof EXCLUSIVE_ACTIONS): Promise<void>;
  /** @throws AppError DATABASE_UNAVAILABLE if a query is not answered */
  check(): Promise<void>;
  /**
   * Checks for room before a call that adds something. (On a full disk there is room for deletions and for finishing
   * jobs for a while.)
   * @throws AppError STORAGE_FULL while the disk of the database is known to be full
   */
  checkFreeSpace(): Promise<void>;
  close(): Promise<void>;
}

/** The database cannot be used in its present state. The message is for the person who starts the service. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
}
