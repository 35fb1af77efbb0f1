import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface SyncCounts {
  readonly fsync: number;
  readonly fdatasync: number;
  /** How many processes were watched so far. */
  readonly processes: number;
}

const SOURCE = join(import.meta.dirname, 'watch.c');
const NUMBER_BYTES = 8;

/** Counts the calls of fsync and fdatasync of a program and of those that it starts, and makes them longer. */
export class SyncWatch {
  /** What the program has to have in its environment. */
  readonly env: Readonly<Record<string, string>>;
  private readonly file: string;

  /**
   * @param folder that lasts as long as the program
   * @throws Error where gcc is missing
   */
  constructor(folder: string, delayMs = 0) {
    mkdirSync(folder, { recursive: true });
    const library = join(folder, 'watch.so');
    execFileSync('gcc', ['-shared', '-fPIC', '-O2', '-Wall', '-Werror', '-o', library, SOURCE], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    this.file = join(folder, 'counts');
    writeFileSync(this.file, Buffer.alloc(3 * NUMBER_BYTES));
    this.env = { LD_PRELOAD: library, SYNC_WATCH_FILE: this.file, SYNC_WATCH_DELAY_MS: String(delayMs) };
  }

  counts(): SyncCounts {
    const bytes = readFileSync(this.file);
    const [fsync, fdatasync, processes] = [0, 1, 2].map((at) =>
      Number(bytes.readBigInt64LE(at * NUMBER_BYTES)),
    );
    return { fsync: fsync!, fdatasync: fdatasync!, processes: processes! };
  }
}

/** Calls of both kinds from one moment to another. */
export const syncsBetween = (before: SyncCounts, after: SyncCounts): number =>
  after.fsync + after.fdatasync - before.fsync - before.fdatasync;
