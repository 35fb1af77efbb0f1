import { rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { claimDurably, removeFolderIfEmpty } from './durable-file.ts';

/**
 * Removes a file unless it was modified at `sinceMs` or later. Between a look and a removal it may be touched or
 * replaced: so it is moved to the name `trash` first and looked at again, and comes back if it turns out to be in use.
 * Meanwhile it is missing, which who touches it at the same time has to reckon with.
 * @param trash a free path on the same file system
 * @returns its size when it was removed
 * @throws ENOENT when there is no such file
 */
export async function removeUnmodifiedFile(
  path: string,
  sinceMs: number,
  trash: string,
  root: string,
): Promise<{ readonly bytes: number } | undefined> {
  if ((await stat(path)).mtimeMs >= sinceMs) return undefined;
  await rename(path, trash);
  const { mtimeMs, size } = await stat(trash);
  if (mtimeMs >= sinceMs) {
    // Unless there is a newer one under the name.
    await claimDurably(trash, path);
    return undefined;
  }
  await rm(trash, { force: true });
  await removeFolderIfEmpty(dirname(path), root);
  return { bytes: size };
}
