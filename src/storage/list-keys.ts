import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SCRATCH_FOLDER } from './blob-store.ts';
import { withTimeout } from './deadline.ts';
import { errnoOf } from './storage-error.ts';

interface Entry {
  readonly key: string;
  readonly isFolder: boolean;
}

export interface ListKeysOptions {
  readonly prefix: string;
  /** Keys up to this one are left out; "" for none. */
  readonly after: string;
  /** The number of wanted keys; more may be returned. */
  readonly limit: number;
  /** The time limit for reading one folder. */
  readonly timeoutMs: number;
}

/**
 * Keys under `root` that start with `prefix` and come after `after`, in code unit order, one folder at a time. A
 * folder is always read as a whole, so long lists are better split into folders.
 */
export async function* listKeys(
  root: string,
  { prefix, after, limit, timeoutMs }: ListKeysOptions,
): AsyncGenerator<string> {
  const isWanted = ({ key, isFolder }: Entry): boolean => {
    // A folder is skipped unread if all its keys come before `after` or do not have the prefix.
    if (!key.startsWith(prefix) && !(isFolder && prefix.startsWith(key))) return false;
    return key > after || (isFolder && after.startsWith(key));
  };
  async function* walk(folder: string): AsyncGenerator<string> {
    const entries = (await entriesOf(root, folder, timeoutMs)).filter(isWanted);
    for (const { key, isFolder } of firstOf(entries, limit)) {
      if (isFolder) yield* walk(key);
      else yield key;
    }
  }
  yield* walk(prefix.slice(0, prefix.lastIndexOf('/') + 1));
}

/**
 * Entries in the order of their keys: all of them, or the first ones if there are many more files than wanted.
 * Sorting 100,000 for a page of 50 would block the process.
 */
function firstOf(entries: Entry[], limit: number): Entry[] {
  // A folder may contain no keys, so entries cannot be dropped if there are folders.
  if (entries.length <= 4 * limit || entries.some(({ isFolder }) => isFolder)) return entries.sort(byKey);
  const kept: Entry[] = [];
  let last: string | undefined;
  for (const entry of entries) {
    if (last !== undefined && entry.key > last) continue;
    kept.push(entry);
    if (kept.length < 2 * limit) continue;
    kept.sort(byKey);
    kept.length = limit;
    last = kept[limit - 1]!.key;
  }
  return kept.sort(byKey);
}

const byKey = (x: Entry, y: Entry): number => (x.key < y.key ? -1 : 1);

async function entriesOf(root: string, folder: string, timeoutMs: number): Promise<Entry[]> {
  let entries: Dirent[];
  try {
    entries = await withTimeout(timeoutMs, readdir(join(root, folder), { withFileTypes: true }));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
  // Folders sort as their keys do, with the slash: "a-b" comes before "a/b".
  return entries
    .filter((entry) => folder !== '' || entry.name !== SCRATCH_FOLDER)
    .map((entry) => ({
      key: folder + entry.name + (entry.isDirectory() ? '/' : ''),
      isFolder: entry.isDirectory(),
    }));
}
