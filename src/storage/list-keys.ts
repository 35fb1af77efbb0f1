import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SCRATCH_FOLDER } from './blob-key.ts';
import { errnoOf } from './storage-error.ts';

/** Keys under `root` that start with `prefix` and lie after `after`, in code unit order, one folder at a time. */
export async function* listKeys(root: string, prefix: string, after: string): AsyncGenerator<string> {
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  for await (const key of walk(root, folder, after)) {
    if (key.startsWith(prefix)) yield key;
    else if (key > prefix) return;
  }
}

async function* walk(root: string, folder: string, after: string): AsyncGenerator<string> {
  for (const { key, isFolder } of await entriesOf(root, folder)) {
    if (!isFolder && key > after) yield key;
    // Skip a folder whose keys all come before `after`, without reading it.
    if (isFolder && (key > after || after.startsWith(key))) yield* walk(root, key, after);
  }
}

async function entriesOf(root: string, folder: string): Promise<{ key: string; isFolder: boolean }[]> {
  let entries: Dirent[];
  try {
    entries = await readdir(join(root, folder), { withFileTypes: true });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
  // Folders sort as their keys do: with the slash ("a-b" comes before "a/b").
  return entries
    .filter((entry) => folder !== '' || entry.name !== SCRATCH_FOLDER)
    .map((entry) => ({
      key: folder + entry.name + (entry.isDirectory() ? '/' : ''),
      isFolder: entry.isDirectory(),
    }))
    .sort((x, y) => (x.key < y.key ? -1 : 1));
}
