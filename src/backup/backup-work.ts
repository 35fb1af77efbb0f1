import type { Database } from '../database/database.ts';
import { appliedMigrations, MIGRATIONS } from '../database/migration.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { BackupError } from './backup-error.ts';

/** Contents that are copied or read at once. */
export const CONTENTS_AT_ONCE = 4;

/** How far the work is, in one of its steps. */
export interface BackupProgress {
  readonly step: string;
  readonly done: number;
  readonly total: number;
}

/** What is saved, restored or verified, and who hears of it. */
export interface BackupWork {
  readonly database: Database;
  readonly store: BlobStore;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: BackupProgress) => void;
}

/**
 * What was done to the tables of a database that this program knows. It changes nothing: a service of the version before may
 * be at work.
 * @throws BackupError DATABASE_VERSION where the tables are not those of this program; AppError DATABASE_UNAVAILABLE
 */
export async function currentMigrations(database: Database): Promise<string[]> {
  const applied = await appliedMigrations(database);
  const known = MIGRATIONS.map(({ name }) => name);
  if (applied.length === 0)
    throw new BackupError(
      'DATABASE_VERSION',
      'The database has no tables: no service has used it. Do DATABASE_URL and DATA_DIR name the right one?',
    );
  const missing = known.find((name) => !applied.includes(name));
  if (missing !== undefined)
    throw new BackupError(
      'DATABASE_VERSION',
      `The database was last used by an older version: it lacks ${missing}. Use that version, or \`lora-squeeze admin migrate\`.`,
      { missing },
    );
  const newer = applied.find((name) => !known.includes(name));
  if (newer !== undefined)
    throw new BackupError(
      'DATABASE_VERSION',
      `The database has been used by a newer version: it has ${newer}. Use that version.`,
      { newer },
    );
  return applied;
}
