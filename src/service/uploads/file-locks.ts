import { randomBytes } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, thisProcess } from '../../storage/process-identity.ts';
import { errnoOf, storageError } from '../../storage/storage-error.ts';

const POLL_MS = 50;
/** How often a holder looks whether somebody waits for it. */
const WANTED_POLL_MS = 200;
const HEARTBEAT_MS = 10_000;
/**
 * A lock of another machine (or container), whose processes cannot be looked up, is abandoned without a heartbeat for
 * this long. The clocks of machines that share a folder have to agree better than that.
 */
const STALE_MS = 12 * HEARTBEAT_MS;

const PROCESS = 'process~';

export interface LockOptions {
  /** Gives up after this. */
  readonly waitMs: number;
  /** Gives up at once. */
  readonly signal?: AbortSignal;
  /** Whoever holds the lock is told that somebody waits. */
  readonly urge?: boolean;
  /** Called once when somebody urges this holder. */
  readonly onUrged?: () => void;
}

export type Unlock = () => Promise<void>;

/**
 * Locks between all requests of all processes that share a folder. A lock is a hard link to a file with the name of
 * the process that holds it: it appears whole or not at all, one touch of that file keeps all its locks fresh, and
 * locks of dead processes are broken by the next who wants them.
 */
export class FileLocks {
  private readonly folder: string;
  private own: Promise<string> | undefined;
  private heartbeat: NodeJS.Timeout | undefined;

  /** @param folder is made when it is needed */
  constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * @param name made by our own code; a file name
   * @returns what gives the lock back, or undefined when it was not to be had
   * @throws AppError STORAGE_*
   */
  async lock(name: string, { waitMs, signal, urge, onUrged }: LockOptions): Promise<Unlock | undefined> {
    const path = join(this.folder, `${name}.lock`);
    const wanted = `${path}.wanted`;
    const deadlineMs = performance.now() + waitMs;
    try {
      while (!(await this.claim(path))) {
        if (await this.breakAbandoned(path)) continue;
        if (signal?.aborted || performance.now() >= deadlineMs) {
          // Else it would be heard by who has the lock next, and nobody waits for that one. Others who wait say so anew.
          if (urge) await rm(wanted, { force: true });
          return undefined;
        }
        if (urge) await writeFile(wanted, '');
        await sleep(POLL_MS);
      }
      if (urge) await rm(wanted, { force: true });
    } catch (error) {
      throw storageError('lock an upload', error);
    }
    const listening = onUrged && this.listen(wanted, onUrged);
    return async () => {
      clearInterval(listening);
      await this.release(path);
    };
  }

  /** Removes what dead processes left. Locks of the living stay. @throws AppError STORAGE_* */
  async sweep(): Promise<void> {
    try {
      for (const file of await readdir(this.folder).catch(nothingWhereMissing)) {
        const path = join(this.folder, file);
        // First, as a tenant's name may be that of a process.
        if (file.endsWith('.lock')) await this.breakAbandoned(path);
        // Who is alive and waits writes it again in a moment.
        else if (file.endsWith('.wanted')) await rm(path, { force: true });
        else if (await isAbandoned(path)) await rm(path, { force: true });
      }
    } catch (error) {
      throw storageError('sweep locks', error);
    }
  }

  /** Ends the heartbeat. Locks still held are then as those of a process that has ended. */
  async close(): Promise<void> {
    clearInterval(this.heartbeat);
    const path = await this.own?.catch(() => undefined);
    this.own = undefined;
    if (path !== undefined) await rm(path, { force: true });
  }

  private async claim(path: string): Promise<boolean> {
    try {
      this.own ??= this.makeOwn();
      await link(await this.own, path);
      return true;
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return false;
      // Not made, or swept away: to be made again the next time.
      this.own = undefined;
      if (errnoOf(error) === 'ENOENT') return false;
      throw error;
    }
  }

  private async makeOwn(): Promise<string> {
    await mkdir(this.folder, { recursive: true });
    const name = `${await thisProcess()}~${randomBytes(6).toString('hex')}`;
    const path = join(this.folder, PROCESS + name);
    await writeFile(path, name, { flag: 'wx' });
    clearInterval(this.heartbeat);
    this.heartbeat = setInterval(() => void touch(path), HEARTBEAT_MS);
    this.heartbeat.unref();
    return path;
  }

  /** Only one at a time breaks a lock, so that nobody breaks the one that was taken after it. */
  private async breakAbandoned(path: string): Promise<boolean> {
    if (!(await isAbandoned(path))) return false;
    const guard = `${path}.break`;
    if (!(await this.claim(guard))) {
      if (await isAbandoned(guard)) await rm(guard, { force: true });
      return false;
    }
    try {
      if (!(await isAbandoned(path))) return false;
      await rm(path, { force: true });
      return true;
    } finally {
      await rm(guard, { force: true });
    }
  }

  private listen(wanted: string, onUrged: () => void): NodeJS.Timeout {
    const timer = setInterval(async () => {
      if (!(await stat(wanted).catch(() => undefined))) return;
      clearInterval(timer);
      await rm(wanted, { force: true }).catch(() => {});
      onUrged();
    }, WANTED_POLL_MS);
    timer.unref();
    return timer;
  }

  /** A lock that was broken, as this machine had slept too long, is another's by now. */
  private async release(path: string): Promise<void> {
    const own = await this.own?.catch(() => undefined);
    const isOwn = own === undefined || own.endsWith(PROCESS + (await holderOf(path)));
    if (isOwn) await rm(path, { force: true });
  }
}

async function holderOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  const holder = await holderOf(path);
  if (holder === undefined) return false;
  const alive = await isAlive(holder.split('~', 1)[0]!);
  if (alive !== undefined) return !alive;
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > STALE_MS;
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => {});
}

function nothingWhereMissing(error: unknown): string[] {
  if (errnoOf(error) === 'ENOENT') return [];
  throw error;
}
