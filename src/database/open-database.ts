import { join } from 'node:path';
import type { Database } from './database.ts';
import { migrate } from './migration.ts';
import { MIGRATIONS } from './migrations.ts';
import { openPostgresql, type PostgresqlOptions } from './postgresql.ts';
import { openSqlite } from './sqlite.ts';

export interface DatabaseOptions extends Omit<PostgresqlOptions, 'url'> {
  /** undefined: a file of SQLite in `dataDir`, for one service process. */
  readonly url: string | undefined;
  readonly dataDir: string;
}

/** Name of SQLite's file in DATA_DIR. */
export const DATABASE_FILE = 'lora-squeeze.db';

/**
 * Opens the database and brings its tables up to date.
 * @throws DatabaseError where a newer program has used it; AppError DATABASE_UNAVAILABLE, STORAGE_FULL
 */
export async function openDatabase({ url, dataDir, ...options }: DatabaseOptions): Promise<Database> {
  const database =
    url === undefined ? openSqlite(join(dataDir, DATABASE_FILE)) : openPostgresql({ url, ...options });
  try {
    await migrate(database, MIGRATIONS);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}
