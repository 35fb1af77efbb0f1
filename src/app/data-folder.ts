import { chmod, lstat, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

const ONLY_THE_OWNER = 0o077;
/** Anybody may make files there, as in /tmp: it is not ours alone, whoever owns it. */
const STICKY = 0o1000;

/** A data folder that others of the machine may look into, and why that could not be changed. */
export interface OpenFolder {
  readonly mode: string;
  readonly reason: string;
}

/**
 * Makes the data folder, and sees to it that only this user can read what is in it: its mode is 0700, and whatever this
 * process and those it starts make from here on is 0700 or 0600. Files directly in it, such as those of SQLite, are
 * tightened as well, for new ones take after them.
 * @returns what could not be tightened: a volume that belongs to somebody else, a disk that is read-only
 * @throws Error of the file system where there is no folder and none can be made
 */
export async function keepPrivate(dataDir: string): Promise<OpenFolder | undefined> {
  process.umask(ONLY_THE_OWNER);
  await mkdir(dataDir, { recursive: true });
  const { mode } = await stat(dataDir);
  const shown = `0${(mode & 0o7777).toString(8)}`;
  if ((mode & STICKY) !== 0) return { mode: shown, reason: 'it is a folder for everybody' };
  try {
    if ((mode & ONLY_THE_OWNER) !== 0) await chmod(dataDir, mode & 0o700);
    for (const name of await readdir(dataDir)) await tighten(join(dataDir, name));
    return undefined;
  } catch (error) {
    return { mode: shown, reason: (error as NodeJS.ErrnoException).code ?? String(error) };
  }
}

async function tighten(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isFile() && (found.mode & ONLY_THE_OWNER) !== 0) await chmod(path, found.mode & 0o700);
}
