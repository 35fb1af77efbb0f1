import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { Kysely, sql } from 'kysely';
import { type ObserveBackend, observedCall } from '../backend-calls.ts';
import { AppError } from '../errors/app-error.ts';
import type { Database } from './database.ts';
import { DiskReserve } from './disk-reserve.ts';
import { LogSync } from './log-sync.ts';
import { sqliteDialect, sqliteError } from './sqlite-dialect.ts';
import type { Tables } from './tables.ts';
import { withTranslatedErrors } from './translated-errors.ts';

const NOW = sql<number>`cast(round(unixepoch('subsec') * 1000) as integer)`;

/** Waiting blocks the event loop, so this only covers locks that SQLite itself releases within moments. */
const BUSY_TIMEOUT_MS = 20;

/**
 * Opens a database file, and creates it if it does not exist. Reads have a separate connection, so they do not wait
 * for transactions.
 * @param reserveBytes space on the disk that is reserved for when it is full; undefined: another process reserves it
 * @throws AppError DATABASE_UNAVAILABLE, STORAGE_FULL
 */
export function openSqlite(path: string, reserveBytes?: number, observe?: ObserveBackend): Database {
  let reserve: DiskReserve | undefined;
  const connections: DatabaseSyncInstance[] = [];
  const sync = new LogSync(path);
  const connect = (readOnly: boolean): DatabaseSyncInstance => {
    const options = { readOnly, enableForeignKeyConstraints: true, timeout: BUSY_TIMEOUT_MS };
    const connection = new DatabaseSync(path, options);
    connections.push(connection);
    return connection;
  };
  const close = () => {
    for (const connection of connections) if (connection.isOpen) connection.close();
  };
  try {
    mkdirSync(dirname(path), { recursive: true });
    if (reserveBytes !== undefined) reserve = new DiskReserve(join(dirname(path), 'reserve'), reserveBytes);
    const writing = connect(false);
    writing.exec('pragma journal_mode = wal');
    // LogSync syncs the log before a commit is reported.
    writing.exec('pragma synchronous = normal');
    // Deleted data, such as encrypted secrets, does not remain in free pages.
    writing.exec('pragma secure_delete = on');
    const overConnection = (connection: DatabaseSyncInstance) =>
      new Kysely<Tables>({
        dialect: withTranslatedErrors(sqliteDialect(connection, sync), sqliteError, observe),
      });
    const [writer, reader] = [overConnection(writing), overConnection(connect(true))];
    return {
      dialect: 'sqlite',
      reader,
      now: NOW,
      // A statement that writes only begins when no other transaction does.
      clock: NOW,
      after: (ms) => sql<number>`${NOW} + ${sql.lit(ms)}`,
      write: (work) =>
        withReserve(reserve, async () => {
          const result = await writer.transaction().execute(work);
          await observedCall(observe, 'database', 'sync', () => sync.durable());
          return result;
        }),
      snapshot: async (work) => {
        // Each snapshot has a connection of its own.
        const connection = connect(true);
        try {
          return await overConnection(connection).transaction().setAccessMode('read only').execute(work);
        } finally {
          if (connection.isOpen) connection.close();
        }
      },
      locked: (query) => query,
      // Only one writing transaction runs at a time anyway.
      lockExclusively: async () => undefined,
      check: async () => {
        await sql`select 1`.execute(reader);
      },
      checkFreeSpace: async () => reserve?.check(),
      close: async () => {
        await reserve?.close();
        await Promise.all([reader.destroy(), writer.destroy()]);
        await sync.close();
        close();
      },
    };
  } catch (error) {
    void reserve?.close();
    close();
    throw sqliteError(error);
  }
}

/** Repeats a write after giving up the reserve, if the disk is full. */
async function withReserve<T>(reserve: DiskReserve | undefined, write: () => Promise<T>): Promise<T> {
  // Another write may give it up meanwhile; this one is repeated then as well.
  const wasHeld = reserve?.isHeld;
  try {
    return await write();
  } catch (error) {
    if (!wasHeld || !(error instanceof AppError && error.code === 'STORAGE_FULL')) throw error;
    await reserve?.giveUp();
    return write();
  }
}
