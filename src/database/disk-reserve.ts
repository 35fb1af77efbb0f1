import { randomBytes } from 'node:crypto';
import { rmSync, statfsSync, statSync } from 'node:fs';
import { open, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../errors/app-error.ts';

const CHUNK_BYTES = 1_048_576;
/** The file is only created if this many times its size is free, because it must not fill the disk itself. */
const FREE_FACTOR = 2;
/** With less space, SQLite cannot even open its file. */
const MIN_FREE_BYTES = 1_048_576;
/**
 * The first check is delayed, so that startup does not wait for the disk, and a process that is refused leaves no file
 * behind.
 */
const FIRST_CHECK_MS = 1_000;
const CHECK_INTERVAL_MS = 60_000;

/**
 * A file whose space is freed for the database when the disk is full, because without any space SQLite cannot even
 * delete. It is created again when there is room. Until then no new work should be accepted, so that the space serves
 * deletions and finishing jobs.
 */
export class DiskReserve {
  private readonly path: string;
  private readonly bytes: number;
  private readonly closing = new AbortController();
  private isThere: boolean;
  private isLacking = false;
  private making: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;

  /**
   * Creates the file, soon or when there is room. An existing file is removed at once if the disk is already full.
   * @param path in the folder of the database
   * @param bytes 0: an existing file is removed, and none is created
   */
  constructor(path: string, bytes: number) {
    this.path = path;
    this.bytes = bytes;
    this.isThere = this.isComplete();
    const { bavail, bsize } = statfsSync(dirname(path));
    const freeBytes = bavail * bsize;
    if (bytes === 0 || (this.isThere && freeBytes < MIN_FREE_BYTES)) this.release();
    // Without this, new work would be accepted until the first check even if the disk is full.
    else this.isLacking = !this.isThere && freeBytes < this.needed;
    this.checkAfter(FIRST_CHECK_MS);
  }

  /** Whether there is a file to give up, now or as soon as it is complete. */
  get isHeld(): boolean {
    return this.isThere || this.making !== undefined;
  }

  /** Frees its space on the disk. */
  async giveUp(): Promise<void> {
    await this.making;
    this.release();
  }

  private release(): void {
    rmSync(this.path, { force: true });
    this.isLacking = this.bytes > 0;
    this.isThere = false;
  }

  /** @throws AppError STORAGE_FULL while there is no room for the file */
  async check(): Promise<void> {
    if (this.isLacking) await this.make();
    if (!this.isLacking) return;
    throw new AppError(
      'STORAGE_FULL',
      `The disk of the database is almost full. Until ${this.needed} bytes are free, the rest is reserved for deletions ` +
        'and for finishing jobs.',
      { needed_bytes: this.needed },
    );
  }

  async close(): Promise<void> {
    clearTimeout(this.timer);
    this.closing.abort();
    await this.making;
  }

  private get needed(): number {
    return FREE_FACTOR * this.bytes;
  }

  private checkAfter(delayMs: number): void {
    const checkSpace = async (): Promise<void> => {
      if (!this.making) this.isThere = this.isComplete();
      await this.make();
      if (!this.closing.signal.aborted) this.checkAfter(CHECK_INTERVAL_MS);
    };
    this.timer = setTimeout(() => void checkSpace(), delayMs).unref();
  }

  private isComplete(): boolean {
    return statSync(this.path, { throwIfNoEntry: false })?.size === this.bytes;
  }

  /** Creates the file; only one attempt runs at a time. Never throws. */
  private make(): Promise<void> {
    if (this.isThere || this.bytes === 0) return Promise.resolve();
    this.making ??= this.write()
      .then(
        () => {
          this.isThere = !this.closing.signal.aborted;
          this.isLacking = false;
        },
        () => this.release(),
      )
      .finally(() => {
        this.making = undefined;
      });
    return this.making;
  }

  /** @throws Error if there is no room */
  private async write(): Promise<void> {
    rmSync(this.path, { force: true });
    const { bavail, bsize } = await statfs(dirname(this.path));
    if (bavail * bsize < this.needed) throw new Error('no room');
    // Random bytes, because a file system that compresses would not reserve space for zeros.
    const noise = randomBytes(CHUNK_BYTES);
    const file = await open(this.path, 'wx', 0o600);
    try {
      for (let begin = 0; begin < this.bytes && !this.closing.signal.aborted; begin += CHUNK_BYTES)
        await file.writeFile(noise.subarray(0, Math.min(CHUNK_BYTES, this.bytes - begin)));
      await file.sync();
    } finally {
      await file.close();
    }
  }
}
