import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../errors/app-error.ts';
import type { Database } from './database.ts';
import { MIGRATIONS, migrate } from './migration.ts';
import { openPostgresql, type PostgresqlOptions } from './postgresql.ts';
import { openSqlite } from './sqlite.ts';

export interface DatabaseOptions extends Omit<PostgresqlOptions, 'url'> {
  /** undefined: a file of SQLite in `dataDir`, for one service process. */
  readonly url: string | undefined;
  readonly dataDir: string;
  /** Room on SQLite's disk that is kept for when it is full; undefined: another process sees to that. */
  readonly reserveBytes?: number;
  /** How long to wait for an unavailable database, in milliseconds. */
  readonly patienceMs?: number;
}

const RETRY_MS = 500;

/** Name of SQLite's file in DATA_DIR. */
export const DATABASE_FILE = 'lora-squeeze.db';

/** Opens the database with the tables that it has. @throws AppError DATABASE_UNAVAILABLE, STORAGE_FULL */
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
  const { patienceMs = 0, onTrouble } = options;
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
      onTrouble?.(error);
      await delay(RETRY_MS);
    }
  }
}
