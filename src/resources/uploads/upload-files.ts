import { randomBytes } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createDurably, moveDurably, syncFile } from '../../storage/durable-file.ts';
import { storageError, undefinedIfMissing } from '../../storage/storage-error.ts';

const UPLOAD_ID = /^[A-Za-z0-9_-]{8,64}$/;

/** Ids come from clients: only well-formed ones may become names of files. */
export const isUploadId = (value: string): boolean => UPLOAD_ID.test(value);

/** A unique name for the bytes of an upload. */
export function newFileName(id: string): string {
  if (!isUploadId(id)) throw new TypeError(`Not the id of an upload: ${JSON.stringify(id.slice(0, 80))}`);
  return `${id}.${randomBytes(8).toString('hex')}`;
}

/**
 * The bytes of a tenant's uploads, each in a file in this process's folder. Files are created before their rows and
 * removed after them. All methods throw AppError STORAGE_*.
 */
export class UploadFiles {
  private readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  pathOf(file: string): string {
    return join(this.root, file);
  }

  /** @returns undefined if there is no such file, because another process has it or had it */
  size(file: string): Promise<number | undefined> {
    return withStorageErrors(
      'read an upload',
      async () => (await stat(this.pathOf(file)).catch(undefinedIfMissing))?.size,
    );
  }

  /** Creates an empty file. */
  make(file: string): Promise<void> {
    return withStorageErrors('write an upload', () => createDurably(this.pathOf(file)));
  }

  /** Moves a finished file here, from the same file system. */
  adopt(path: string, file: string): Promise<void> {
    return withStorageErrors('write an upload', async () => {
      await syncFile(path);
      await moveDurably(path, this.pathOf(file));
    });
  }

  /** Removes a file. Never throws: the sweep removes remaining files to which nothing refers. */
  async remove(file: string): Promise<void> {
    await rm(this.pathOf(file), { recursive: true, force: true }).catch(() => {});
  }

  /** The names of files that have not been written for `forMs`. */
  idle(forMs: number): Promise<string[]> {
    return withStorageErrors('list uploads', async () => {
      const names = (await readdir(this.root).catch(undefinedIfMissing)) ?? [];
      const files = await Promise.all(
        names.map(async (name) => ({ name, facts: await stat(this.pathOf(name)).catch(undefinedIfMissing) })),
      );
      const beforeMs = Date.now() - forMs;
      return files.filter(({ facts }) => facts && facts.mtimeMs < beforeMs).map(({ name }) => name);
    });
  }
}

export async function withStorageErrors<T>(operation: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof TypeError ? error : storageError(operation, error);
  }
}
