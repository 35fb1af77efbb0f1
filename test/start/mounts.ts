import { execFileSync } from 'node:child_process';
import { mkdirSync, statfsSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

/** A small file system that can be full or read-only. */
export class SmallDisk {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** @returns why it is not available, if mounting is not permitted */
  static mount(folder: string, size: string): SmallDisk | string {
    mkdirSync(folder, { recursive: true });
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'pipe' });
      return new SmallDisk(folder);
    } catch (error) {
      return `no tmpfs can be mounted here: ${String(error).split('\n')[0]}`;
    }
  }

  /** Fills it to the last byte, or leaves some bytes. */
  fill(leftBytes = 0): void {
    const { bfree, bsize } = statfsSync(this.folder);
    const bytes = bfree * bsize - leftBytes;
    try {
      if (bytes > 0) writeFileSync(this.ballast, Buffer.alloc(bytes));
    } catch (error) {
      // Another process used the last of it: it is as full as required.
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }

  async free(): Promise<void> {
    await rm(this.ballast, { force: true });
  }

  /** @throws Error while a file of it is open for writing */
  remount(mode: 'ro' | 'rw'): void {
    execFileSync('mount', ['-o', `remount,${mode}`, this.folder], { stdio: 'pipe' });
  }

  unmount(): void {
    execFileSync('umount', ['--lazy', this.folder], { stdio: 'pipe' });
  }

  private get ballast(): string {
    return join(this.folder, 'ballast');
  }
}
