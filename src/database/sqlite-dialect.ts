import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type TransactionSettings,
} from 'kysely';
import { LRUCache } from 'lru-cache';
import { AppError } from '../errors/app-error.ts';
import type { LogSync } from './log-sync.ts';

/** Compiled statements that are cached; statements with lists of values have many variants. */
const MAX_STATEMENTS = 500;

/** How long a transaction waits for one of another process, which is that of a command. */
const BUSY_TIMEOUT_MS = 5_000;
const BUSY_RETRY_MS = 5;

/**
 * How long queued work runs before other work of the process gets its turn. SQLite never waits in between, so
 * hundreds of transactions would otherwise run as one, and no request would be answered meanwhile.
 */
const TURN_MS = 10;

/** Primary result codes (https://sqlite.org/rescode.html). */
const BUSY = 5;
const LOCKED = 6;
const FULL = 13;
/** There is no room for a part of the index of the log. */
const NO_ROOM_FOR_INDEX = 4874;

const UNUSABLE: Readonly<Record<number, string>> = {
  [BUSY]: 'another process has locked it',
  [LOCKED]: 'another process has locked it',
  8: 'it is read-only',
  10: 'its file cannot be read or written',
  11: 'its file is damaged',
  [FULL]: 'the disk is full',
  14: 'its file cannot be opened',
  26: 'its file is not a database',
};

/**
 * Kysely over one connection to SQLite. Unlike Kysely's own dialect, it begins transactions with the right to write
 * (a later attempt to get it could fail), waits for other processes without blocking the event loop, and keeps
 * compiled statements.
 * @param sync informed of commits, and awaited before results of reads are returned; undefined: neither
 */
export const sqliteDialect = (connection: DatabaseSyncInstance, sync?: LogSync): Dialect => ({
  createAdapter: () => new SqliteAdapter(),
  createIntrospector: (db) => new SqliteIntrospector(db),
  createQueryCompiler: () => new SqliteQueryCompiler(),
  createDriver: () => new SqliteDriver(connection, sync),
});

class SqliteDriver implements Driver {
  private readonly database: DatabaseSyncInstance;
  private readonly connection: SqliteConnection;
  private readonly sync: LogSync | undefined;
  /** Resolves when the last caller in the line has released the connection. */
  private line: Promise<void> = Promise.resolve();
  private release: () => void = () => undefined;
  /** The number of callers in the line, including the one that has the connection. */
  private inLine = 0;
  private turnMs = 0;

  constructor(database: DatabaseSyncInstance, sync: LogSync | undefined) {
    this.database = database;
    this.sync = sync;
    this.connection = new SqliteConnection(database, sync);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    const before = this.line;
    const { promise, resolve } = withResolver();
    this.line = promise;
    const isAlone = this.inLine++ === 0;
    await before;
    if (!isAlone && performance.now() - this.turnMs > TURN_MS) {
      await turn();
      this.turnMs = performance.now();
    }
    this.release = resolve;
    return this.connection;
  }

  async releaseConnection(): Promise<void> {
    this.inLine--;
    this.release();
  }

  async beginTransaction(_connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    if (settings.accessMode === 'read only') {
      this.database.exec('begin');
      return;
    }
    const deadlineMs = performance.now() + BUSY_TIMEOUT_MS;
    for (;;) {
      try {
        this.database.exec('begin immediate');
        return;
      } catch (error) {
        if (!isBusy(error) || performance.now() > deadlineMs) throw error;
        await delay(BUSY_RETRY_MS);
      }
    }
  }

  async commitTransaction(): Promise<void> {
    this.database.exec('commit');
    this.sync?.note();
  }

  async rollbackTransaction(): Promise<void> {
    // Some errors, such as a full disk, have already ended the transaction.
    if (this.database.isTransaction) this.database.exec('rollback');
  }

  /** The connection is closed by the code that opened it. */
  async destroy(): Promise<void> {}
}

class SqliteConnection implements DatabaseConnection {
  private readonly database: DatabaseSyncInstance;
  private readonly sync: LogSync | undefined;
  private readonly statements = new LRUCache<string, Statement>({ max: MAX_STATEMENTS });

  constructor(database: DatabaseSyncInstance, sync: LogSync | undefined) {
    this.database = database;
    this.sync = sync;
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { statement, hasRows } = this.statement(sql);
    if (hasRows) {
      const rows = statement.all(...parameters) as R[];
      // Within a writing transaction, durability is awaited at its end anyway.
      if (!this.database.isTransaction) await this.sync?.durable();
      return { rows };
    }
    const { changes } = statement.run(...parameters);
    return { rows: [], numAffectedRows: BigInt(changes) };
  }

  streamQuery(): never {
    throw new TypeError('Results are read in pages, not as streams');
  }

  private statement(sql: string): Statement {
    const known = this.statements.get(sql);
    if (known) return known;
    const statement = this.database.prepare(sql);
    const prepared = { statement, hasRows: statement.columns().length > 0 };
    this.statements.set(sql, prepared);
    return prepared;
  }
}

interface Statement {
  readonly statement: StatementSyncInstance;
  readonly hasRows: boolean;
}

function withResolver(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** SQLite's primary result code; undefined for other errors. */
const resultCode = (error: unknown): number | undefined => {
  const { errcode } = (error ?? {}) as { errcode?: number };
  if (errcode === NO_ROOM_FOR_INDEX) return FULL;
  return typeof errcode === 'number' ? errcode & 0xff : undefined;
};

const isBusy = (error: unknown): boolean => resultCode(error) === BUSY;

/** Converts errors of SQLite; violated constraints and other errors stay as they are. */
export function sqliteError(error: unknown): unknown {
  const code = resultCode(error);
  const reason = code === undefined ? undefined : UNUSABLE[code];
  if (reason === undefined) return error;
  return new AppError(
    code === FULL ? 'STORAGE_FULL' : 'DATABASE_UNAVAILABLE',
    `The database cannot be used: ${reason} (SQLite ${(error as { errcode: number }).errcode}).`,
    {},
    { cause: error },
  );
}
