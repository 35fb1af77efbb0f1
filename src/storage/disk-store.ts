import { once } from 'node:events';
import { copyFile, mkdir, opendir, readFile, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { BlobStore, ByteRange } from './blob-store.ts';
import { checkedKey, SCRATCH_FOLDER } from './blob-store.ts';
import { DEFAULT_IDLE_TIMEOUT_MS, fileStream, withTimeout } from './deadline.ts';
import { moveDurably, removeFile, syncFile, writeDurably } from './durable-file.ts';
import { listKeys } from './list-keys.ts';
import { removeScratch, Scratch } from './scratch.ts';
import { errnoOf, storageError, undefinedIfMissing } from './storage-error.ts';

/** ENOTDIR: a part of the key's path is itself a blob. */

/** The lowest accepted speed for syncing a file, or for copying it from another file system: 1 MB/s. */
const MIN_BYTES_PER_MS = 1_000;

/**
 * Blobs as files in a local folder; their keys are the paths. Several processes may share the folder. Every operation
 * ends within the idle timeout, even if a network file system hangs; large files have more time to be written.
 */
export class DiskStore implements BlobStore {
  private readonly root: string;
  private readonly idleTimeoutMs: number;
  private opening: Promise<Scratch> | undefined;

  private constructor(root: string, idleTimeoutMs: number) {
    this.root = root;
    this.idleTimeoutMs = idleTimeoutMs;
  }

  /**
   * Opens the storage. Creates the folder if it is missing, and removes unfinished files of dead processes.
   * @param idleTimeoutMs how long a file operation may take
   * @throws AppError STORAGE_FULL, STORAGE_FAILED
   */
  static async open(folder: string, idleTimeoutMs = DEFAULT_IDLE_TIMEOUT_MS): Promise<DiskStore> {
    const store = new DiskStore(resolve(folder), idleTimeoutMs);
    await store.attempt('open its folder', () => store.scratch());
    return store;
  }

  /**
   * As `open`, for a folder that may not be usable yet: writes fail until it is, and `check()` reports the reason.
   * Each write tries again.
   */
  static async openPatiently(folder: string, idleTimeoutMs = DEFAULT_IDLE_TIMEOUT_MS): Promise<DiskStore> {
    const store = new DiskStore(resolve(folder), idleTimeoutMs);
    await withTimeout(idleTimeoutMs, store.scratch()).catch(() => undefined);
    return store;
  }

  /** Removes the scratch folder of this process. The storage must not be used afterwards. */
  close(): Promise<void> {
    return this.attempt('close', async () => (await this.opening)?.close());
  }

  async putFile(key: string, localPath: string): Promise<void> {
    const to = this.pathOf(key);
    return this.attempt(
      'write',
      async () => {
        const { size } = await withTimeout(this.idleTimeoutMs, stat(localPath));
        return withTimeout(this.idleTimeoutMs + size / MIN_BYTES_PER_MS, this.moveFile(localPath, to));
      },
      Infinity,
    );
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    const to = this.pathOf(key);
    return this.withNewFile(async (from) => {
      await writeDurably(from, bytes);
      await moveDurably(from, to);
    });
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const path = this.pathOf(key);
    return this.attempt('read', () => readFile(path).catch(undefinedIfMissing));
  }

  async stat(key: string): Promise<{ readonly bytes: number } | undefined> {
    const path = this.pathOf(key);
    return this.attempt('read', async () => {
      const found = await stat(path).catch(undefinedIfMissing);
      return found?.isFile() ? { bytes: found.size } : undefined;
    });
  }

  async read(key: string, range?: ByteRange): Promise<Readable> {
    const path = this.pathOf(key);
    // Opened before the stream is returned, so that a missing blob is an error here and not in the middle of a
    // response.
    return this.attempt('read', async () => {
      const stream = fileStream(path, this.idleTimeoutMs, range);
      try {
        await withTimeout(this.idleTimeoutMs, once(stream, 'open'));
        return stream;
      } catch (error) {
        stream.destroy();
        throw error;
      }
    });
  }

  async localFile(key: string): Promise<string> {
    const path = this.pathOf(key);
    return this.attempt('read', async () => {
      await stat(path);
      return path;
    });
  }

  list(prefix: string, { after = '', limit = Infinity } = {}): Promise<string[]> {
    return this.attempt(
      'list',
      async () => {
        const keys: string[] = [];
        if (limit <= 0) return keys;
        const options = { prefix, after, limit, timeoutMs: this.idleTimeoutMs };
        for await (const key of listKeys(this.root, options)) {
          keys.push(key);
          if (keys.length >= limit) break;
        }
        return keys;
      },
      Infinity,
    );
  }

  async remove(key: string): Promise<void> {
    const path = this.pathOf(key);
    return this.attempt('remove', () => removeFile(path, this.root));
  }

  makeScratch(): Promise<string> {
    return this.attempt(
      'make a scratch folder',
      async () => {
        const folder = this.scratch().then((scratch) => scratch.makeFolder());
        try {
          return await withTimeout(this.idleTimeoutMs, folder);
        } catch (error) {
          // A folder that is created too late is not used.
          void folder.then(removeScratch).catch(() => undefined);
          throw error;
        }
      },
      Infinity,
    );
  }

  check(): Promise<void> {
    return this.withNewFile((path) => writeDurably(path, new Uint8Array(1)));
  }

  checkReads(): Promise<void> {
    return this.attempt('read its folder', async () => {
      const folder = await opendir(this.root);
      await folder.read().finally(() => folder.close());
    });
  }

  /** Opens the scratch folder as soon as that is possible. */
  private scratch(): Promise<Scratch> {
    this.opening ??= this.openScratch().catch((error: unknown) => {
      this.opening = undefined;
      throw error;
    });
    return this.opening;
  }

  private async openScratch(): Promise<Scratch> {
    const folder = join(this.root, SCRATCH_FOLDER);
    await mkdir(this.root, { recursive: true });
    // Not "recursive", which reports ENOENT for a read-only file system.
    await mkdir(folder).catch((error: unknown) => {
      if (errnoOf(error) !== 'EEXIST') throw error;
    });
    return Scratch.open(folder);
  }

  /** The only place that derives a path from a key. */
  private pathOf(key: string): string {
    return join(this.root, checkedKey(key));
  }

  private async moveFile(from: string, to: string): Promise<void> {
    await syncFile(from);
    try {
      await moveDurably(from, to);
    } catch (error) {
      if (errnoOf(error) !== 'EXDEV') throw error;
      await this.copyDurably(from, to);
    }
  }

  /** Copies a file from another file system, because a rename could not be atomic. */
  private async copyDurably(from: string, to: string): Promise<void> {
    const copy = (await this.scratch()).newFile();
    try {
      await copyFile(from, copy);
      await syncFile(copy);
      await moveDurably(copy, to);
      await rm(from, { force: true });
    } finally {
      await rm(copy, { force: true });
    }
  }

  private withNewFile(work: (path: string) => Promise<void>): Promise<void> {
    return this.attempt('write', async () => {
      const path = (await this.scratch()).newFile();
      try {
        await work(path);
      } finally {
        await rm(path, { force: true });
      }
    });
  }

  private async attempt<T>(
    operation: string,
    work: () => Promise<T>,
    timeoutMs = this.idleTimeoutMs,
  ): Promise<T> {
    try {
      return await (timeoutMs === Infinity ? work() : withTimeout(timeoutMs, work()));
    } catch (error) {
      throw storageError(operation, error);
    }
  }
}
