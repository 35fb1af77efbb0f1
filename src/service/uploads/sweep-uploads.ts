import type { Unlock } from './file-locks.ts';
import type { StoredUpload, UploadFolder } from './upload-folder.ts';

export interface SweepOptions {
  readonly hasExpired: (upload: StoredUpload) => boolean;
  /** undefined: a request is at work on it. */
  readonly lock: (id: string) => Promise<Unlock | undefined>;
}

/**
 * Removes what has expired of a tenant's uploads, and bytes that belong to none. What somebody is at work on is left
 * for the next time.
 * @returns how many had expired
 * @throws AppError STORAGE_*
 */
export async function sweepUploads(
  folder: UploadFolder,
  { hasExpired, lock }: SweepOptions,
): Promise<number> {
  let removed = 0;
  for (const id of await folder.ids()) {
    const unlock = await lock(id);
    if (!unlock) continue;
    try {
      const upload = await folder.find(id);
      if (upload && hasExpired(upload)) {
        await folder.remove(id);
        removed++;
      } else await folder.tidy(id);
    } finally {
      await unlock();
    }
  }
  return removed;
}
