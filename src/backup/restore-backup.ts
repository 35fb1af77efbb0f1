import { join } from 'node:path';
import { mapConcurrently } from '../database/map-concurrently.ts';
import { appliedMigrations, type Migration, migrate } from '../database/migration.ts';
import { firstNonEmptyTable, insertSavedRows, type SavedName } from '../database/saved-tables.ts';
import { CONTENT_PREFIX, contentKey } from '../resources/contents/content-files.ts';
import { removeScratch } from '../storage/scratch.ts';
import { BackupError } from './backup-error.ts';
import { BackupFolder, type BackupManifest, checkFile, savedContent } from './backup-folder.ts';
import { type BackupWork, CONTENTS_AT_ONCE } from './backup-work.ts';
import { writeDigested } from './digested.ts';

export const RESTORE_STEPS: readonly string[] = ['check', 'content', 'database'];

/** Number of keys that are listed at once. */
const PAGE_KEYS = 10_000;

/**
 * Restores a backup into a new database, with or without its tables, and into a storage without content. Rows are
 * written last and in one transaction, so an interrupted restore leaves a database without rows and can be repeated.
 * @param migrations the ones that this program knows
 * @throws BackupError BACKUP_INCOMPLETE, BACKUP_DAMAGED, BACKUP_VERSION, DATABASE_NOT_EMPTY, STORAGE_NOT_EMPTY;
 *   AppError DATABASE_UNAVAILABLE, STORAGE_*; the signal's reason
 */
export async function restoreBackup(
  path: string,
  work: BackupWork,
  migrations: readonly Migration[],
): Promise<BackupManifest> {
  const { folder, manifest } = await BackupFolder.open(path);
  try {
    const known = migrations.slice(0, manifest.migrations.length);
    if (!isSame(names(known), manifest.migrations))
      throw new BackupError(
        'BACKUP_VERSION',
        `The backup was made by version ${manifest.version}, whose tables this version does not know. Restore it with that version or a newer one.`,
      );
    await refuseNonEmpty(work, manifest);
    const ids = await check(folder, manifest, work);
    await refuseOtherContent(work, ids);
    await restoreContent(folder, manifest, work);
    await migrate(work.database, known);
    await restoreRows(folder, manifest, work);
    await migrate(work.database, migrations);
    return manifest;
  } finally {
    await folder.close();
  }
}

const names = (migrations: readonly Migration[]): string[] => migrations.map(({ name }) => name);
const isSame = (x: readonly string[], y: readonly string[]): boolean => x.join() === y.join();

async function refuseNonEmpty(
  { database }: BackupWork,
  { migrations, tables }: BackupManifest,
): Promise<void> {
  const applied = await appliedMigrations(database);
  if (applied.length === 0) return;
  if (!isSame(applied, migrations))
    throw new BackupError(
      'DATABASE_NOT_EMPTY',
      'The tables of the database belong to another version than the backup. Restore into a new database without ' +
        'tables.',
    );
  const filled = await database.snapshot((reader) => firstNonEmptyTable(reader, namesOf(tables)));
  if (filled !== undefined) throw notEmpty(filled);
}

const namesOf = (tables: BackupManifest['tables']): SavedName[] => tables.map(({ name }) => name);

const notEmpty = (table: string): BackupError =>
  new BackupError(
    'DATABASE_NOT_EMPTY',
    `The database is not empty: its table ${table} has rows. Restore into a new database.`,
    { table },
  );

/**
 * Checks the size of every file, and the digests of the tables.
 * @returns ids of the content that is stored in files
 */
async function check(
  folder: BackupFolder,
  { tables, content }: BackupManifest,
  { signal, onProgress }: BackupWork,
): Promise<ReadonlySet<string>> {
  for (const table of tables) await folder.checkTable(table, signal);
  const ids = new Set<string>();
  for await (const contents of savedContent(folder)) {
    onProgress({ step: 'check', done: ids.size, total: content.files });
    for (const { id, sha256, bytes } of contents) {
      signal.throwIfAborted();
      const key = contentKey(id);
      checkFile(key, { sha256, bytes }, { sha256, bytes: await folder.size(key) });
      ids.add(id);
    }
  }
  return ids;
}

/**
 * Refuses a storage that has other content. Content that an interrupted restore left there is allowed and written
 * again.
 */
async function refuseOtherContent({ store }: BackupWork, ids: ReadonlySet<string>): Promise<void> {
  for (let after = CONTENT_PREFIX; ; ) {
    const keys = await store.list(CONTENT_PREFIX, { after, limit: PAGE_KEYS });
    const other = keys.find((key) => !ids.has(key.slice(key.lastIndexOf('/') + 1)));
    if (other !== undefined)
      throw new BackupError(
        'STORAGE_NOT_EMPTY',
        `The storage has content that does not belong to this backup, such as ${other}. Restore into an empty ` +
          'storage.',
        { key: other },
      );
    if (keys.length < PAGE_KEYS) return;
    after = keys.at(-1)!;
  }
}

async function restoreContent(
  folder: BackupFolder,
  { content: { files: total } }: BackupManifest,
  { store, signal, onProgress }: BackupWork,
): Promise<void> {
  const scratch = await store.makeScratch();
  const keys: string[] = [];
  try {
    for await (const contents of savedContent(folder)) {
      await mapConcurrently(contents, CONTENTS_AT_ONCE, async ({ id, sha256, bytes }) => {
        signal.throwIfAborted();
        onProgress({ step: 'content', done: keys.length, total });
        const [key, path] = [contentKey(id), join(scratch, id)];
        checkFile(key, { sha256, bytes }, await writeDigested(await folder.read(key), path, signal));
        keys.push(key);
        await store.putFile(key, path);
      });
    }
  } catch (error) {
    for (const key of keys) await store.remove(key).catch(() => undefined);
    throw error;
  } finally {
    await removeScratch(scratch);
  }
}

const restoreRows = (
  folder: BackupFolder,
  { tables }: BackupManifest,
  { database, signal, onProgress }: BackupWork,
): Promise<void> =>
  // No other process uses the database, so the transaction may take long and wait for files.
  database.write(async (writer) => {
    const filled = await firstNonEmptyTable(writer, namesOf(tables));
    if (filled !== undefined) throw notEmpty(filled);
    // The backup contains this tenant as well.
    await writer.deleteFrom('tenant').execute();
    for (const [done, { name }] of tables.entries()) {
      onProgress({ step: 'database', done, total: tables.length });
      for await (const rows of folder.rows(name)) {
        signal.throwIfAborted();
        await insertSavedRows(writer, name, rows);
      }
    }
  });
