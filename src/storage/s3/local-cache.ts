import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Scratch } from '../scratch.ts';
import { isOutOfRoom } from '../storage-error.ts';
import { Leases } from './leases.ts';

interface Copy {
  readonly path: string;
  readonly bytes: number;
  readonly usedAtMs: number;
  readonly isInUse: boolean;
}

/**
 * Local copies of blobs that jobs read in random order. Several processes share the folder. The least recently used
 * copies are removed if a new one would exceed `maxBytes`. Copies in use stay, so they may exceed it.
 */
export class LocalCache {
  private readonly folder: string;
  private readonly maxBytes: number;
  private readonly scratch: Scratch;
  private readonly leases: Leases;
  private readonly onUse: ((isCached: boolean) => void) | undefined;
  /** Downloads in progress, by name: other requests for the same content wait for them. */
  private readonly underWay = new Map<string, Promise<string>>();

  private constructor(
    folder: string,
    maxBytes: number,
    scratch: Scratch,
    leases: Leases,
    onUse: LocalCache['onUse'],
  ) {
    this.onUse = onUse;
    this.folder = folder;
    this.maxBytes = maxBytes;
    this.scratch = scratch;
    this.leases = leases;
  }

  /**
   * @param scratch of this process, on the file system of `folder`
   * @param onUse called for each requested file, with whether it was cached
   */
  static async open(
    folder: string,
    maxBytes: number,
    scratch: Scratch,
    { nowMs = Date.now, onUse }: { nowMs?: () => number; onUse?: LocalCache['onUse'] } = {},
  ): Promise<LocalCache> {
    await mkdir(folder, { recursive: true });
    return new LocalCache(folder, maxBytes, scratch, await Leases.open(scratch.folder, nowMs), onUse);
  }

  /** Notes a new scratch folder: see Leases. */
  watch(scratchFolder: string): void {
    this.leases.watch(scratchFolder);
  }

  /**
   * The path of a file with this content; see Leases for how long it stays.
   * @param name of the content, which must be a valid file name
   * @param download writes the content, `bytes` long, to a path
   */
  async file(name: string, bytes: number, download: (path: string) => Promise<void>): Promise<string> {
    const copy = join(this.folder, name);
    const held = await this.leases.hold(name, copy);
    this.onUse?.(held !== undefined);
    if (held !== undefined) {
      await touch(held);
      return held;
    }
    let coming = this.underWay.get(name);
    if (!coming) {
      coming = this.fetch(name, bytes, download).finally(() => this.underWay.delete(name));
      this.underWay.set(name, coming);
    }
    return coming;
  }

  /** Moves a file that was just stored into the cache. */
  async adopt(name: string, bytes: number, path: string): Promise<void> {
    try {
      if (bytes > this.maxBytes) return;
      await this.makeRoom(bytes);
      await rename(path, join(this.folder, name));
    } catch {
      // The file is stored; without the copy, it only has to be downloaded again.
    } finally {
      await rm(path, { force: true });
    }
  }

  close(): void {
    this.leases.close();
  }

  private async fetch(
    name: string,
    bytes: number,
    download: (path: string) => Promise<void>,
  ): Promise<string> {
    await this.makeRoom(bytes);
    const incoming = this.scratch.newFile();
    try {
      try {
        await download(incoming);
      } catch (error) {
        if (!isOutOfRoom(error)) throw error;
        // The disk has less room than the cache was allowed to use: remove everything that is not in use.
        await this.makeRoom(Infinity);
        await download(incoming);
      }
      // The lease is taken before other processes can see the file and remove it.
      const held = await this.leases.hold(name, incoming);
      if (held === undefined) throw new Error(`the scratch file of ${name} was removed`);
      await rename(incoming, join(this.folder, name));
      return held;
    } finally {
      await rm(incoming, { force: true });
    }
  }

  private async makeRoom(bytes: number): Promise<void> {
    await this.leases.release();
    const copies = await this.copies();
    let total = copies.reduce((sum, copy) => sum + copy.bytes, 0);
    for (const copy of copies.sort((x, y) => x.usedAtMs - y.usedAtMs)) {
      if (total + bytes <= this.maxBytes) return;
      if (copy.isInUse) continue;
      await rm(copy.path, { force: true });
      total -= copy.bytes;
    }
  }

  private async copies(): Promise<Copy[]> {
    const copies: Copy[] = [];
    for (const name of await readdir(this.folder)) {
      const path = join(this.folder, name);
      const found = await stat(path).catch(() => undefined);
      // A second link is a lease of this or another process.
      if (found) copies.push({ path, bytes: found.size, usedAtMs: found.mtimeMs, isInUse: found.nlink > 1 });
    }
    return copies;
  }
}

/** Marks a copy as just used: all of its links share this time. */
async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
}
