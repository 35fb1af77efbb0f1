import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const SETTLE_LIMIT_MS = 5_000;
const POLL_MS = 50;

/** Everything the service keeps, besides Redis' own files: paths of files and folders, sorted. */
export function listKept(dataDir: string): string[] {
  return readdirSync(dataDir, { recursive: true, withFileTypes: true })
    .map((entry) => relative(dataDir, join(entry.parentPath, entry.name)))
    .filter((path) => !/(^|\/)(redis|valkey)(\/|$)/.test(path))
    .sort();
}

/** The same without the records of jobs: adapters, their content, and whatever lies around. */
export const listContent = (dataDir: string): string[] =>
  listKept(dataDir).filter((path) => !/(^|\/)(jobs|outcomes|reports)\/./.test(path));

/** A file on its way: what looks whether the storage can be written makes such files too, at any time. */
const isOnItsWay = (path: string): boolean => /(^|\/)tmp\/[^/]+\/./.test(path);

/** Waits for clean-up that goes on after the response; then the folder must be as it was, with nothing on its way. */
export async function assertNothingLeft(
  dataDir: string,
  before: readonly string[],
  list: (dataDir: string) => string[] = listKept,
): Promise<void> {
  const deadline = Date.now() + SETTLE_LIMIT_MS;
  const kept = before.filter((path) => !isOnItsWay(path));
  while (Date.now() < deadline && list(dataDir).join('\n') !== kept.join('\n')) await sleep(POLL_MS);
  assert.deepEqual(list(dataDir), kept, 'something was left behind');
}
