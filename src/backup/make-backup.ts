import { mapConcurrently } from '../database/map-concurrently.ts';
import { SAVED_TABLES, savedRows } from '../database/saved-tables.ts';
import { AppError } from '../errors/app-error.ts';
import { contentKey } from '../resources/contents/content-files.ts';
import { withDeletionHold } from '../resources/contents/deletion-hold.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { PRODUCT } from '../version.ts';
import { BackupError } from './backup-error.ts';
import {
  BackupFolder,
  type BackupManifest,
  type SavedContent,
  type SavedTableFile,
  savedContent,
} from './backup-folder.ts';
import { type BackupWork, CONTENTS_AT_ONCE, currentMigrations } from './backup-work.ts';
import type { Digested } from './digested.ts';

export const BACKUP_STEPS: readonly string[] = ['database', 'content'];

/** Largest number of contents that one sentence names. */
const MAX_NAMED = 10;

/**
 * Saves the database as of one moment and then the content to which it refers; a service may be running meanwhile.
 * @param path a folder that is empty or does not exist; after a failure it is empty again
 * @throws BackupError OUTPUT_EXISTS, DATABASE_VERSION, CONTENT_DAMAGED, BACKUP_FOLDER; AppError DATABASE_UNAVAILABLE,
 *   STORAGE_*; the signal's reason
 */
export async function makeBackup(path: string, work: BackupWork): Promise<BackupManifest> {
  const folder = await BackupFolder.make(path);
  try {
    return await withDeletionHold(work.database, async () => {
      const migrations = await currentMigrations(work.database);
      const begun_at = new Date().toISOString();
      const tables = await saveTables(folder, work);
      const content = await saveContent(folder, tables, work);
      return folder.complete({
        version: PRODUCT.version,
        begun_at,
        completed_at: new Date().toISOString(),
        migrations,
        tables,
        content,
      });
    });
  } catch (error) {
    await folder.discard().catch(() => undefined);
    throw error;
  } finally {
    await folder.close();
  }
}

/** Saves all tables as they are at one moment. */
const saveTables = (
  folder: BackupFolder,
  { database, signal, onProgress }: BackupWork,
): Promise<SavedTableFile[]> =>
  database.snapshot(async (reader) => {
    const tables: SavedTableFile[] = [];
    for (const name of SAVED_TABLES) {
      onProgress({ step: 'database', done: tables.length, total: SAVED_TABLES.length });
      tables.push(await folder.saveTable(name, savedRows(reader, name), signal));
    }
    return tables;
  });

async function saveContent(
  folder: BackupFolder,
  tables: readonly SavedTableFile[],
  { store, signal, onProgress }: BackupWork,
): Promise<BackupManifest['content']> {
  const total = tables.find(({ name }) => name === 'content')!.rows;
  const saved = { files: 0, bytes: 0 };
  const damaged: string[] = [];
  for await (const contents of savedContent(folder)) {
    await mapConcurrently(contents, CONTENTS_AT_ONCE, async (content) => {
      signal.throwIfAborted();
      onProgress({ step: 'content', done: saved.files, total });
      const found = await saveOne(folder, store, content, signal);
      if (found?.bytes !== content.bytes || found.sha256 !== content.sha256) damaged.push(content.id);
      saved.files++;
      saved.bytes += content.bytes;
    });
  }
  if (damaged.length === 0) return saved;
  const named = damaged.slice(0, MAX_NAMED).join(', ');
  const more = damaged.length > MAX_NAMED ? ' and others' : '';
  throw new BackupError(
    'CONTENT_DAMAGED',
    `The storage lacks some content, or it has changed: ${named}${more}. \`lora-squeeze admin verify\` lists the ` +
      'records that refer to it.',
    { contents: damaged.slice(0, MAX_NAMED) },
  );
}

/** @returns undefined if the content is missing */
async function saveOne(
  folder: BackupFolder,
  store: BlobStore,
  { id }: SavedContent,
  signal: AbortSignal,
): Promise<Digested | undefined> {
  const key = contentKey(id);
  try {
    return await folder.save(key, await store.read(key), signal);
  } catch (error) {
    if (error instanceof AppError && (await store.stat(key)) === undefined) return undefined;
    throw error;
  }
}
