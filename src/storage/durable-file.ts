import { type FileHandle, link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from './storage-error.ts';

async function syncAndClose(handle: FileHandle): Promise<void> {
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the content of a file outlive a power failure. */
export async function syncFile(path: string): Promise<void> {
  await syncAndClose(await open(path, 'r'));
}

/** Makes the names in a folder outlive a power failure: on Linux a rename is durable only after this. */
export async function syncFolder(path: string): Promise<void> {
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

/** Makes a folder with its parents, each of them durably named in its own parent. */
export async function makeFolderDurably(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let folder = path; ; folder = dirname(folder)) {
    await syncFolder(dirname(folder));
    if (folder === first) return;
  }
}

/** Moves a synced file over `to`: readers see the old file or the new one, never a part. */
export async function moveDurably(from: string, to: string): Promise<void> {
  await makeFolderDurably(dirname(to));
  await rename(from, to);
  await syncFolder(dirname(to));
}

/** Gives a synced file the name `to` unless that is taken (then false). The file at `from` is gone either way. */
export async function claimDurably(from: string, to: string): Promise<boolean> {
  await makeFolderDurably(dirname(to));
  try {
    await link(from, to);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(from, { force: true });
  }
  await syncFolder(dirname(to));
  return true;
}
