import type { Database } from '../database/database.ts';
import { appliedMigrations, MIGRATIONS } from '../database/migration.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { BackupError } from './backup-error.ts';

/** Number of contents that are copied or read at the same time. */
export const CONTENTS_AT_ONCE = 4;

/** How far the work has come, in one of its steps. */
export interface BackupProgress {
  readonly step: string;
  readonly done: number;
  readonly total: number;
}

/** What to save, restore or verify, and what receives the progress. */
export interface BackupWork {
  readonly database: Database;
  readonly store: BlobStore;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: BackupProgress) => void;
}

/**
 * The migrations that were applied to the database, provided that they are exactly those of this program. Applies
 * none itself, because a service of the previous version may be running.
 * @throws BackupError DATABASE_VERSION if the tables are not those of this program; AppError DATABASE_UNAVAILABLE
 */
export async function currentMigrations(database: Database): Promise<string[]> {
  const applied = await appliedMigrations(database);
  const known = MIGRATIONS.map(({ name }) => name);
  if (applied.length === 0)
    throw new BackupError(
      'DATABASE_VERSION',
      'The database has no tables, so no service has used it yet. Check DATABASE_URL and DATA_DIR.',
    );
  const missing = known.find((name) => !applied.includes(name));
  if (missing !== undefined)
    throw new BackupError(
      'DATABASE_VERSION',
      `The database was last used by an older version: it lacks the migration ${missing}. Use that version, or run \`lora-squeeze admin migrate\`.`,
      { missing },
    );
  const newer = applied.find((name) => !known.includes(name));
  if (newer !== undefined)
    throw new BackupError(
      'DATABASE_VERSION',
      `The database has been used by a newer version: it has the migration ${newer}. Use that version.`,
      { newer },
    );
  return applied;
}
