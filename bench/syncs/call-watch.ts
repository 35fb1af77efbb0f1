import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface CallCounts {
  readonly fsync: number;
  readonly fdatasync: number;
  /** Number of processes watched so far. */
  readonly processes: number;
  readonly open: number;
  /** Calls on files, pipes and sockets. */
  readonly read: number;
  readonly write: number;
}

/** In the order of watch.c. */
const KINDS = ['fsync', 'fdatasync', 'processes', 'open', 'read', 'write'] as const;

const SOURCE = join(import.meta.dirname, 'watch.c');
const NUMBER_BYTES = 8;

/** Counts calls of a program and of the programs that it starts, and delays those of fsync and fdatasync. */
export class CallWatch {
  /** Environment variables that the program needs. */
  readonly env: Readonly<Record<string, string>>;
  private readonly file: string;

  /**
   * @param folder must exist as long as the program runs
   * @throws Error if gcc is missing
   */
  constructor(folder: string, delayMs = 0) {
    mkdirSync(folder, { recursive: true });
    const library = join(folder, 'watch.so');
    execFileSync('gcc', ['-shared', '-fPIC', '-O2', '-Wall', '-Werror', '-o', library, SOURCE], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    this.file = join(folder, 'counts');
    writeFileSync(this.file, Buffer.alloc(KINDS.length * NUMBER_BYTES));
    this.env = { LD_PRELOAD: library, CALL_WATCH_FILE: this.file, CALL_WATCH_DELAY_MS: String(delayMs) };
  }

  counts(): CallCounts {
    const bytes = readFileSync(this.file);
    const counted = KINDS.map((kind, at) => [kind, Number(bytes.readBigInt64LE(at * NUMBER_BYTES))] as const);
    return Object.fromEntries(counted) as Record<(typeof KINDS)[number], number>;
  }
}

/** Number of calls of both kinds between two moments. */
export const syncsBetween = (before: CallCounts, after: CallCounts): number =>
  after.fsync + after.fdatasync - before.fsync - before.fdatasync;
