import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { BackupWork } from '../../src/backup/backup-work.ts';
import { type VerificationResult, verify } from '../../src/backup/verify.ts';
import type { VerifyProblem } from '../../src/backup/wrong-rows.ts';
import type { Dialect } from '../../src/database/database.ts';
import { MIGRATIONS, migrate } from '../../src/database/migration.ts';
import { connectDatabase } from '../../src/database/open-database.ts';
import { DiskStore } from '../../src/storage/disk-store.ts';
import { POOL } from '../database/dialects.ts';
import { testDatabase } from '../database/postgres-server.ts';

/** A new database and a storage in a new folder, which are removed after the test. */
export interface Places extends BackupWork {
  readonly folder: string;
  /** The folder of the storage. */
  pathOf(key: string): string;
}

export async function openPlaces(
  t: TestContext,
  dialect: Dialect,
  { isMigrated = true } = {},
): Promise<Places> {
  const folder = mkdtempSync(join(tmpdir(), 'squeeze-backup-'));
  const url = dialect === 'postgresql' ? await testDatabase() : undefined;
  const database = connectDatabase({ url, dataDir: folder, ...POOL });
  const storage = join(folder, 'storage');
  const store = await DiskStore.open(storage);
  t.after(async () => {
    await database.close();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  if (isMigrated) await migrate(database, MIGRATIONS);
  return {
    ...{ database, store, folder, signal: new AbortController().signal, onProgress: () => undefined },
    pathOf: (key) => join(storage, key),
  };
}

/** The findings of a verification. */
export async function findings(
  places: Places,
  isQuick = false,
): Promise<{ problems: VerifyProblem[]; unknown: string[]; sums: VerificationResult }> {
  const problems: VerifyProblem[] = [];
  const unknown: string[] = [];
  const sums = await verify({
    ...{ ...places, isQuick },
    onProblem: (problem) => void problems.push(problem),
    onUnknown: (key) => void unknown.push(key),
  });
  return { problems, unknown, sums };
}
