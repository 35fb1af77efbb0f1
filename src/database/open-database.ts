import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../errors/app-error.ts';
import type { Database } from './database.ts';
import { MIGRATIONS, migrate } from './migration.ts';
import { openPostgresql, type PostgresqlOptions } from './postgresql.ts';
import { openSqlite } from './sqlite.ts';

export interface DatabaseOptions extends Omit<PostgresqlOptions, 'url'> {
  /** undefined: an SQLite file in `dataDir`, for a single service process. */
  readonly url: string | undefined;
  readonly dataDir: string;
  /** Space that is reserved on SQLite's disk for when it is full; undefined: another process reserves it. */
  readonly reserveBytes?: number;
  /** How long to wait for an unavailable database, in milliseconds. */
  readonly patienceMs?: number;
}

const RETRY_MS = 500;

/** The name of the SQLite file in DATA_DIR. */
export const DATABASE_FILE = 'lora-squeeze.db';

/** Opens the database with its existing tables. @throws AppError DATABASE_UNAVAILABLE, STORAGE_FULL */
export function connectDatabase({
  url,
  dataDir,
  reserveBytes,
  patienceMs: _,
  ...pool
}: DatabaseOptions): Database {
  if (url !== undefined) return openPostgresql({ url, ...pool });
  return openSqlite(join(dataDir, DATABASE_FILE), reserveBytes, pool.observe);
}

/**
 * Opens the database and brings its tables up to date.
 * @throws DatabaseError if a newer program has used it; AppError DATABASE_UNAVAILABLE, STORAGE_FULL
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { patienceMs = 0, onFailure } = options;
  const database = connectDatabase(options);
  const deadlineMs = performance.now() + patienceMs;
  for (;;) {
    try {
      await migrate(database, MIGRATIONS);
      return database;
    } catch (error) {
      const isAway = error instanceof AppError && error.code === 'DATABASE_UNAVAILABLE';
      if (!isAway || performance.now() > deadlineMs) {
        await database.close();
        throw error;
      }
      onFailure?.(error);
      await delay(RETRY_MS);
    }
  }
}
