import { mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { SavedName, SavedRow } from '../database/saved-tables.ts';
import { AppError } from '../errors/app-error.ts';
import { SCRATCH_FOLDER } from '../storage/blob-store.ts';
import { DiskStore } from '../storage/disk-store.ts';
import { removeScratch } from '../storage/scratch.ts';
import { BackupError } from './backup-error.ts';
import { type Digested, digestOf, writeDigested } from './digested.ts';

const MANIFEST_KEY = 'manifest.json';
const FORMAT = 1;

/** Number of rows in each page. */
const PAGE_ROWS = 500;

/** The description of a backup. It is written last: a folder without it is not a backup. */
export interface BackupManifest {
  readonly format: typeof FORMAT;
  /** Version of the program. */
  readonly version: string;
  /** When the backup began: it contains the state of that moment. */
  readonly begun_at: string;
  readonly completed_at: string;
  /** The migrations that had been applied to the database. */
  readonly migrations: readonly string[];
  /** In the order in which they are restored. */
  readonly tables: readonly SavedTableFile[];
  /** Counts only the files outside the tables; small content is stored in its row. */
  readonly content: { readonly files: number; readonly bytes: number };
}

export interface SavedTableFile extends Digested {
  readonly name: SavedName;
  readonly rows: number;
}

/** Content whose bytes are in the storage, not in the database. */
export interface SavedContent {
  readonly id: string;
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * A folder with a backup: `manifest.json`, one file of JSON lines for each table under `database/`, and content under
 * the same keys as in the storage. Failures of the file system throw BackupError BACKUP_FOLDER or an error with an
 * errno.
 */
export class BackupFolder {
  readonly path: string;
  private readonly files: DiskStore;

  private constructor(path: string, files: DiskStore) {
    this.path = path;
    this.files = files;
  }

  /** Creates a new folder. @throws BackupError OUTPUT_EXISTS; errors of the file system */
  static async make(path: string): Promise<BackupFolder> {
    const absolute = resolve(path);
    await mkdir(absolute, { recursive: true });
    if ((await readdir(absolute)).length > 0)
      throw new BackupError('OUTPUT_EXISTS', `${path} is not empty; a backup needs a folder of its own.`);
    return new BackupFolder(absolute, await inFolder(path, DiskStore.open(absolute)));
  }

  /**
   * Opens the folder of a complete backup and reads its manifest. @throws BackupError BACKUP_INCOMPLETE,
   * BACKUP_DAMAGED, BACKUP_VERSION
   */
  static async open(path: string): Promise<{ folder: BackupFolder; manifest: BackupManifest }> {
    const absolute = resolve(path);
    const names = await readdir(absolute).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return [] as string[];
    });
    if (!names.includes(MANIFEST_KEY))
      throw new BackupError(
        'BACKUP_INCOMPLETE',
        `${path} has no ${MANIFEST_KEY}, so it is not a backup, or the backup was not finished.`,
      );
    const folder = new BackupFolder(absolute, await DiskStore.openPatiently(absolute));
    try {
      return { folder, manifest: await folder.manifest() };
    } catch (error) {
      await folder.close();
      throw error;
    }
  }

  /** Writes a file atomically. */
  async save(key: string, source: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<Digested> {
    const scratch = await inFolder(this.path, this.files.makeScratch());
    try {
      const path = join(scratch, 'file');
      const digest = await writeDigested(source, path, signal);
      await inFolder(this.path, this.files.putFile(key, path));
      return digest;
    } finally {
      await removeScratch(scratch);
    }
  }

  async saveTable(
    name: SavedName,
    pages: AsyncIterable<readonly SavedRow[]>,
    signal: AbortSignal,
  ): Promise<SavedTableFile> {
    let rows = 0;
    const lines = linesOf(pages, (count) => {
      rows += count;
    });
    const digest = await this.save(tableKey(name), lines, signal);
    return { name, rows, ...digest };
  }

  /** Writes the manifest, which makes the folder a complete backup. */
  async complete(manifest: Omit<BackupManifest, 'format'>): Promise<BackupManifest> {
    const whole: BackupManifest = { format: FORMAT, ...manifest };
    const text = `${JSON.stringify(whole, null, 2)}\n`;
    await inFolder(this.path, this.files.put(MANIFEST_KEY, Buffer.from(text)));
    return whole;
  }

  /** The rows of a table, some at a time. */
  async *rows(name: SavedName): AsyncGenerator<SavedRow[]> {
    yield* rowsOf(await this.read(tableKey(name)));
  }

  /** @throws BackupError BACKUP_DAMAGED if the file does not exist */
  async read(key: string): Promise<AsyncIterable<Uint8Array>> {
    await this.size(key);
    return inFolder(this.path, this.files.read(key));
  }

  /** @throws BackupError BACKUP_DAMAGED if the file does not exist */
  async size(key: string): Promise<number> {
    const found = await inFolder(this.path, this.files.stat(key));
    if (!found) throw damaged(key, 'is missing');
    return found.bytes;
  }

  /** @throws BackupError BACKUP_DAMAGED if the file of a table is not as it was written */
  async checkTable({ name, bytes, sha256 }: SavedTableFile, signal: AbortSignal): Promise<void> {
    const key = tableKey(name);
    const found = await digestOf(await this.read(key), signal);
    checkFile(key, { bytes, sha256 }, found);
  }

  /** Removes everything that was written into a new folder. */
  async discard(): Promise<void> {
    for (const name of await readdir(this.path))
      await rm(join(this.path, name), { recursive: true, force: true });
  }

  async close(): Promise<void> {
    // A backup on read-only storage needs no clean-up.
    await this.files.close().catch(() => undefined);
    await rmdir(join(this.path, SCRATCH_FOLDER)).catch(() => undefined);
  }

  private async manifest(): Promise<BackupManifest> {
    const bytes = await inFolder(this.path, this.files.get(MANIFEST_KEY));
    let manifest: Partial<BackupManifest> | null;
    try {
      manifest = JSON.parse(Buffer.from(bytes ?? []).toString()) as Partial<BackupManifest> | null;
    } catch {
      throw damaged(MANIFEST_KEY, 'is not JSON');
    }
    if (manifest?.format !== FORMAT)
      throw new BackupError(
        'BACKUP_VERSION',
        `The backup has format ${JSON.stringify(manifest?.format)}; this version reads format ${FORMAT}.`,
      );
    if (!Array.isArray(manifest.tables) || !Array.isArray(manifest.migrations))
      throw damaged(MANIFEST_KEY, 'has no list of tables or of migrations');
    return manifest as BackupManifest;
  }
}

/** The contents that a backup stores as files, in groups. */
export async function* savedContent(folder: BackupFolder): AsyncGenerator<SavedContent[]> {
  for await (const rows of folder.rows('content'))
    yield rows.filter(({ inline }) => inline === null).map((row: SavedRow) => row as unknown as SavedContent);
}

/** @throws BackupError BACKUP_DAMAGED if the size or the digest of a file is not the recorded one */
export function checkFile(key: string, wanted: Digested, found: Digested): void {
  if (found.bytes !== wanted.bytes) throw damaged(key, `has ${found.bytes} bytes instead of ${wanted.bytes}`);
  if (found.sha256 !== wanted.sha256)
    throw damaged(key, 'is not the file that was saved: its digest differs');
}

const tableKey = (name: SavedName): string => `database/${name}.jsonl`;

const damaged = (file: string, what: string): BackupError =>
  new BackupError('BACKUP_DAMAGED', `The backup is damaged: ${file} ${what}.`, { file });

/** The file store's errors say "the storage"; these errors name the folder instead. */
async function inFolder<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { errno } = error.context;
    throw new BackupError('BACKUP_FOLDER', `The folder ${path} cannot be used (${errno}).`, { errno });
  }
}

/** Bytes in the form in which JSON stores them. */
interface Base64 {
  readonly base64: string;
}

/**
 * Rows as lines of JSON, identical for every database.
 * @param onRows called with the number of rows
 */
async function* linesOf(
  pages: AsyncIterable<readonly SavedRow[]>,
  onRows: (count: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const rows of pages) {
    onRows(rows.length);
    yield Buffer.from(rows.map((row) => `${JSON.stringify(encoded(row))}\n`).join(''));
  }
}

/** Parses such lines back into rows, some at a time. @throws SyntaxError */
async function* rowsOf(lines: AsyncIterable<Uint8Array>): AsyncGenerator<SavedRow[]> {
  const decoder = new TextDecoder();
  let rest = '';
  let rows: SavedRow[] = [];
  for await (const chunk of lines) {
    // Not node:readline, which treats U+2028 as the end of a line.
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop()!;
    for (const line of parts) {
      rows.push(decoded(JSON.parse(line) as Record<string, SavedRow[string] | Base64>));
      if (rows.length < PAGE_ROWS) continue;
      yield rows;
      rows = [];
    }
  }
  if (rest !== '') throw new SyntaxError('The last line is incomplete');
  if (rows.length > 0) yield rows;
}

const encoded = (row: SavedRow) =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value,
    ]),
  );

const decoded = (row: Readonly<Record<string, SavedRow[string] | Base64>>): SavedRow =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      value !== null && typeof value === 'object' && 'base64' in value
        ? Buffer.from(value.base64, 'base64')
        : value,
    ]),
  );
