import { link, mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../storage-error.ts';

/** A file stays at least this long after it was returned, for callers without a scratch folder. */
const MIN_LEASE_MS = 2 * 60_000;
const RELEASE_INTERVAL_MS = 60_000;

interface Lease {
  readonly name: string;
  readonly path: string;
  untilMs: number;
  /** Scratch folders of this process that existed when the file was returned. */
  readonly folders: Set<string>;
}

/**
 * Which local copies this process uses. Each is a hard link in the process's own scratch folder: its bytes stay even
 * if the copy is removed, the number of links shows other processes that it is in use, and the sweep of a dead
 * process's scratch folder ends its leases.
 *
 * Readers do not report when they are done with a file. But a job creates its scratch folder before it asks for its
 * files and removes it at its end: a lease lasts until every scratch folder that existed at its beginning is removed,
 * and at least two minutes.
 */
export class Leases {
  private readonly folder: string;
  private readonly nowMs: () => number;
  private readonly leases = new Set<Lease>();
  private readonly scratchFolders = new Set<string>();
  private readonly timer: NodeJS.Timeout;
  private count = 0;

  private constructor(folder: string, nowMs: () => number) {
    this.folder = folder;
    this.nowMs = nowMs;
    this.timer = setInterval(() => void this.release().catch(() => undefined), RELEASE_INTERVAL_MS);
    this.timer.unref();
  }

  /** @param processScratch the folder of this process, on the file system of the copies */
  static async open(processScratch: string, nowMs: () => number = Date.now): Promise<Leases> {
    const folder = join(processScratch, 'held');
    await mkdir(folder);
    return new Leases(folder, nowMs);
  }

  /** Notes a new scratch folder; leases that begin from now on last at least as long as it. */
  watch(scratchFolder: string): void {
    this.scratchFolders.add(scratchFolder);
  }

  /**
   * Holds a file.
   * @param name identifies its content
   * @returns the path to use, or undefined if there is no file at `path`
   */
  async hold(name: string, path: string): Promise<string | undefined> {
    const held = [...this.leases].find((lease) => lease.name === name);
    if (held) {
      this.extend(held);
      return held.path;
    }
    const lease: Lease = {
      name,
      path: join(this.folder, `${name}-${++this.count}`),
      untilMs: 0,
      folders: new Set(),
    };
    try {
      await link(path, lease.path);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
    this.extend(lease);
    this.leases.add(lease);
    return lease.path;
  }

  /** Releases files that are no longer used here. */
  async release(): Promise<void> {
    for (const folder of [...this.scratchFolders]) {
      if (!(await isThere(folder))) this.scratchFolders.delete(folder);
    }
    for (const lease of [...this.leases]) {
      // Synchronous from here to the removal from the set: hold() finds the lease completely or not at all.
      const isInUse = [...lease.folders].some((folder) => this.scratchFolders.has(folder));
      if (isInUse || this.nowMs() < lease.untilMs) continue;
      this.leases.delete(lease);
      await rm(lease.path, { force: true });
    }
  }

  close(): void {
    clearInterval(this.timer);
  }

  private extend(lease: Lease): void {
    lease.untilMs = this.nowMs() + MIN_LEASE_MS;
    for (const folder of this.scratchFolders) lease.folders.add(folder);
  }
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    (error: unknown) => errnoOf(error) !== 'ENOENT',
  );
