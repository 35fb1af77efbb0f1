import assert from 'node:assert/strict';
import { type Dirent, existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Only a folder that does not change is awaited for so long; a busy machine may take seconds to clean up. */
const SETTLE_LIMIT_MS = 120_000;
const POLL_MS = 50;

/** Everything that the service stores, except for Redis' own files: paths of files and folders, sorted. */
export function listKept(dataDir: string): string[] {
  return entriesOf(dataDir)
    .map((entry) => relative(dataDir, join(entry.parentPath, entry.name)))
    .filter((path) => !/(^|\/)(redis|valkey)(\/|$)/.test(path))
    .sort();
}

/** A folder that is removed while it is read is read again, because clean-up continues after a response. */
function entriesOf(dataDir: string): Dirent[] {
  for (;;) {
    try {
      return readdirSync(dataDir, { recursive: true, withFileTypes: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || !existsSync(dataDir)) throw error;
    }
  }
}

/** An incomplete file: the check whether the storage can be written also creates such files, at any time. */
const isOnItsWay = (path: string): boolean => /(^|\/)tmp\/[^/]+\/./.test(path);

/**
 * Waits for clean-up that continues after the response; then the folder must be unchanged, without incomplete
 * files.
 */
export async function assertNothingLeft(dataDir: string, before: readonly string[]): Promise<void> {
  const deadline = Date.now() + SETTLE_LIMIT_MS;
  const kept = before.filter((path) => !isOnItsWay(path));
  while (Date.now() < deadline && listKept(dataDir).join('\n') !== kept.join('\n')) await sleep(POLL_MS);
  assert.deepEqual(listKept(dataDir), kept, 'something was left behind');
}
