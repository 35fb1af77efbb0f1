import { type FileHandle, mkdir, open, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from './storage-error.ts';

/** Larger than the 64 KiB that sockets deliver: fewer, bigger writes. */
export const WRITE_BUFFER_BYTES = 1024 * 1024;

/** An empty folder may be removed between its creation and its first file, but not this many times in a row. */
const MAX_TRIES = 20;

/** Already removed, or replaced by another process. On some systems EEXIST means ENOTEMPTY. */
const NOT_REMOVED = new Set<string | undefined>(['ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'EBUSY']);

/** Makes the content of a file outlive a power failure. */
export async function syncFile(path: string): Promise<void> {
  await syncAndClose(await open(path, 'r'));
}

/** Makes the names in a folder outlive a power failure: on Linux a rename is durable only after this. */
async function syncFolder(path: string): Promise<void> {
  await syncAndClose(await open(path, 'r'));
}

/** Writes a new file and waits until it is on the disk. */
export async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Creates an empty file, and its folder if that is missing, so that its name survives a power failure. */
export async function createDurably(path: string): Promise<void> {
  await makeFolderDurably(dirname(path));
  await (await open(path, 'wx')).close();
  await syncFolder(dirname(path));
}

/** Creates a folder and its parents, each with a durable name in its own parent. */
async function makeFolderDurably(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let folder = path; ; folder = dirname(folder)) {
    await syncFolder(dirname(folder));
    if (folder === first) return;
  }
}

/**
 * Moves a synced file to `to`, in a folder that is created if it is missing. Readers see either the old or the new
 * file, never a part of it.
 */
export async function moveDurably(from: string, to: string): Promise<void> {
  const folder = dirname(to);
  for (let tries = 1; ; tries++) {
    try {
      await makeFolderDurably(folder);
      await rename(from, to);
      break;
    } catch (error) {
      const isFolderGone = errnoOf(error) === 'ENOENT' && tries < MAX_TRIES && (await isThere(from));
      if (!isFolderGone) throw error;
    }
  }
  // A folder that has disappeared was empty: the file has already been removed.
  await unlessGone(syncFolder(folder));
}

/**
 * Removes a file if it exists, and the folder around it if that is then empty; `root` stays. Otherwise folders of a
 * day or of a run would remain indefinitely.
 */
export async function removeFile(path: string, root: string): Promise<void> {
  await rm(path, { force: true });
  await removeFolderIfEmpty(dirname(path), root);
}

async function removeFolderIfEmpty(folder: string, root: string): Promise<void> {
  if (folder === root) return;
  try {
    await rmdir(folder);
  } catch (error) {
    if (!NOT_REMOVED.has(errnoOf(error))) throw error;
  }
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

async function unlessGone(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

async function syncAndClose(handle: FileHandle): Promise<void> {
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
