import { chmod, lstat, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

const ONLY_THE_OWNER = 0o077;
/** Mode of a folder in which everyone can create files, such as /tmp: it is not private to any owner. */
const STICKY = 0o1000;

/** A data folder that other users of the machine can read, and the reason why that could not be changed. */
export interface OpenFolder {
  readonly mode: string;
  readonly reason: string;
}

/**
 * Creates the data folder and makes it private to this user: its mode is 0700, and everything that this process and
 * its children create is 0700 or 0600. Files directly in it, such as those of SQLite, are made private as well,
 * because new ones inherit their mode.
 * @returns what could not be made private, such as a volume of another user or a read-only disk
 * @throws Error of the file system if the folder does not exist and cannot be created
 */
export async function makeDataFolderPrivate(dataDir: string): Promise<OpenFolder | undefined> {
  process.umask(ONLY_THE_OWNER);
  await mkdir(dataDir, { recursive: true });
  const { mode } = await stat(dataDir);
  const shown = `0${(mode & 0o7777).toString(8)}`;
  if ((mode & STICKY) !== 0)
    return { mode: shown, reason: 'it is a shared folder (sticky bit), so its mode is left unchanged' };
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
