import { copyFile, mkdir, open, opendir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { checkedKey, SCRATCH_FOLDER } from './blob-key.ts';
import type { BlobStore, ByteRange } from './blob-store.ts';
import { claimDurably, moveDurably, removeFile, syncFile, writeDurably } from './durable-file.ts';
import { listKeys } from './list-keys.ts';
import { removeUnmodifiedFile } from './remove-unmodified.ts';
import { Scratch } from './scratch.ts';
import { errnoOf, storageError } from './storage-error.ts';

/** ENOTDIR: a part of the key's path is a blob itself. */
const MISSING = new Set<string | undefined>(['ENOENT', 'ENOTDIR']);

/** Blobs as files of a local folder, the key their path. Several processes may share the folder. */
export class DiskStore implements BlobStore {
  private readonly root: string;
  private opening: Promise<Scratch> | undefined;

  private constructor(root: string) {
    this.root = root;
  }

  /**
   * Opens the store, making the folder where it is missing and removing what dead processes left half-written.
   * @throws AppError STORAGE_FULL, STORAGE_FAILED
   */
  static async open(folder: string): Promise<DiskStore> {
    const store = new DiskStore(resolve(folder));
    await attempt('open its folder', () => store.scratch());
    return store;
  }

  /**
   * The same for a folder that may not be usable yet: what writes fails until it is, and `check()` says why. Each write
   * tries anew.
   */
  static async openPatiently(folder: string): Promise<DiskStore> {
    const store = new DiskStore(resolve(folder));
    await store.scratch().catch(() => undefined);
    return store;
  }

  /** Removes this process's scratch. The store must not be used afterwards. */
  close(): Promise<void> {
    return attempt('close', async () => (await this.opening)?.close());
  }

  async putFile(key: string, localPath: string): Promise<void> {
    const to = this.pathOf(key);
    return attempt('write', async () => {
      // Written perhaps hours ago, while the rest of an upload came; as a blob it is new.
      await touchFile(localPath);
      await syncFile(localPath);
      try {
        await moveDurably(localPath, to);
      } catch (error) {
        if (errnoOf(error) !== 'EXDEV') throw error;
        await this.copyDurably(localPath, to);
      }
    });
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    const to = this.pathOf(key);
    return this.withNewFile(async (from) => {
      await writeDurably(from, bytes);
      await moveDurably(from, to);
    });
  }

  async create(key: string, bytes: Uint8Array): Promise<boolean> {
    const to = this.pathOf(key);
    return this.withNewFile(async (from) => {
      await writeDurably(from, bytes);
      return claimDurably(from, to);
    });
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const path = this.pathOf(key);
    return attempt('read', () => unlessMissing(readFile(path)));
  }

  async stat(key: string): Promise<{ readonly bytes: number } | undefined> {
    const path = this.pathOf(key);
    return attempt('read', async () => {
      const found = await unlessMissing(stat(path));
      return found?.isFile() ? { bytes: found.size } : undefined;
    });
  }

  async read(key: string, range?: ByteRange): Promise<Readable> {
    const path = this.pathOf(key);
    // Opened before the stream is handed out, so that a missing blob is an error here and not in mid-response.
    return attempt('read', async () => (await open(path, 'r')).createReadStream({ ...range }));
  }

  async localFile(key: string): Promise<string> {
    const path = this.pathOf(key);
    return attempt('read', async () => {
      await stat(path);
      return path;
    });
  }

  list(prefix: string, { after = '', limit = Infinity } = {}): Promise<string[]> {
    return attempt('list', async () => {
      const keys: string[] = [];
      if (limit <= 0) return keys;
      for await (const key of listKeys(this.root, prefix, after, limit)) {
        keys.push(key);
        if (keys.length >= limit) break;
      }
      return keys;
    });
  }

  async remove(key: string): Promise<void> {
    const path = this.pathOf(key);
    return attempt('remove', () => removeFile(path, this.root));
  }

  async touch(key: string): Promise<{ readonly bytes: number } | undefined> {
    const path = this.pathOf(key);
    return attempt('touch', async () => {
      const touched = await unlessMissing(touchFile(path).then(() => stat(path)));
      return touched?.isFile() ? { bytes: touched.size } : undefined;
    });
  }

  async removeUnmodified(key: string, sinceMs: number): Promise<{ readonly bytes: number } | undefined> {
    const path = this.pathOf(key);
    return attempt('remove', () =>
      unlessMissing(
        this.scratch().then((scratch) => removeUnmodifiedFile(path, sinceMs, scratch.newFile(), this.root)),
      ),
    );
  }

  makeScratch(): Promise<string> {
    return attempt('make a scratch folder', async () => (await this.scratch()).makeFolder());
  }

  check(): Promise<void> {
    return this.withNewFile((path) => writeDurably(path, new Uint8Array(1)));
  }

  checkReads(): Promise<void> {
    return attempt('read its folder', async () => {
      const folder = await opendir(this.root);
      await folder.read().finally(() => folder.close());
    });
  }

  /** Opened once it can be. */
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
    // Not "recursive", which says ENOENT of a file system that cannot be written.
    await mkdir(folder).catch((error: unknown) => {
      if (errnoOf(error) !== 'EEXIST') throw error;
    });
    return Scratch.open(folder);
  }

  /** The only way from a key to a path. */
  private pathOf(key: string): string {
    return join(this.root, checkedKey(key));
  }

  /** For a source on another file system, where a rename cannot be atomic. */
  private async copyDurably(from: string, to: string): Promise<void> {
    await this.withNewFile(async (copy) => {
      await copyFile(from, copy);
      await syncFile(copy);
      await moveDurably(copy, to);
      await rm(from, { force: true });
    });
  }

  private withNewFile<T>(work: (path: string) => Promise<T>): Promise<T> {
    return attempt('write', async () => {
      const path = (await this.scratch()).newFile();
      try {
        return await work(path);
      } finally {
        await rm(path, { force: true });
      }
    });
  }
}

function touchFile(path: string): Promise<void> {
  const now = new Date();
  return utimes(path, now, now);
}

async function attempt<T>(operation: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storageError(operation, error);
  }
}

async function unlessMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (MISSING.has(errnoOf(error))) return undefined;
    throw error;
  }
}
