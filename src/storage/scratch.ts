import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, thisProcess } from './process-identity.ts';
import { errnoOf } from './storage-error.ts';

/** How often a live process touches its folder. */
const HEARTBEAT_MS = 5 * 60_000;
/**
 * A folder of another machine (or container) without a heartbeat for this long is a leftover. This is much longer
 * than the heartbeat interval, so that a machine that was paused does not lose an upload that it was about to finish.
 */
const STALE_MS = 12 * HEARTBEAT_MS;
/** A folder cannot be removed while files in it are created or removed; the wait grows by 0.1 s each time. */
const REMOVE_RETRIES = 5;

/**
 * The scratch folder of one process, `<root>/<identity>~<random>`. Several processes, even on several machines, share
 * the root: each removes only the folders of dead ones.
 */
export class Scratch {
  readonly folder: string;
  private readonly root: string;
  private readonly heartbeat: NodeJS.Timeout;

  private constructor(root: string, folder: string) {
    this.root = root;
    this.folder = folder;
    this.heartbeat = setInterval(() => void this.touch(), HEARTBEAT_MS);
    this.heartbeat.unref();
  }

  static async open(root: string): Promise<Scratch> {
    await mkdir(root, { recursive: true });
    await sweepScratch(root);
    const folder = join(root, `${await thisProcess()}~${randomBytes(6).toString('hex')}`);
    await mkdir(folder);
    return new Scratch(root, folder);
  }

  makeFolder(): Promise<string> {
    return mkdtemp(join(this.folder, 'work-'));
  }

  /** A path for a new file, with a unique name. */
  newFile(): string {
    return join(this.folder, `file-${randomBytes(12).toString('hex')}`);
  }

  async close(): Promise<void> {
    clearInterval(this.heartbeat);
    await rm(this.folder, { recursive: true, force: true });
  }

  private async touch(): Promise<void> {
    try {
      const now = new Date();
      await utimes(this.folder, now, now);
      await sweepScratch(this.root);
    } catch {
      // The next beat tries again; requests meanwhile report the fault of the disk.
    }
  }
}

/** Removes a folder that `makeFolder` created, with its contents. */
export const removeScratch = (folder: string): Promise<void> =>
  rm(folder, { recursive: true, force: true, maxRetries: REMOVE_RETRIES });

/** Removes the scratch folders of processes that have ended. */
export async function sweepScratch(root: string, nowMs = Date.now()): Promise<void> {
  for (const name of await readdir(root)) {
    const path = join(root, name);
    if (await isLeftover(path, name, nowMs)) await rm(path, { recursive: true, force: true });
  }
}

async function isLeftover(path: string, name: string, nowMs: number): Promise<boolean> {
  const alive = await isAlive(name.split('~', 1)[0]!);
  if (alive !== undefined) return !alive;
  try {
    return nowMs - (await stat(path)).mtimeMs > STALE_MS;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}
