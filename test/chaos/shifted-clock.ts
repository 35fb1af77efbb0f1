import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const SOURCE = join(import.meta.dirname, 'clock-shift.c');
const NANOSECONDS = 1_000_000n;

export const noCompiler: string | false =
  spawnSync('gcc', ['--version']).status !== 0 && 'there is no gcc (Debian: gcc, libc6-dev)';

/** A wall clock that a test moves forward and back while the processes that use it run. */
export class ShiftedClock {
  /** The environment of such a process; the processes it starts use the clock too. */
  readonly env: Readonly<Record<string, string>>;
  private readonly file: number;

  /**
   * @param folder that other users may read and that exists as long as the processes
   * @throws Error if gcc is missing
   */
  constructor(folder: string, name: string) {
    const library = join(folder, 'clock-shift.so');
    if (!existsSync(library)) {
      execFileSync('gcc', ['-shared', '-fPIC', '-O2', '-Wall', '-Werror', '-o', library, SOURCE], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
    }
    const path = join(folder, `clock-${name}`);
    writeFileSync(path, Buffer.alloc(8));
    // Processes map this file into memory: it is written in place and never truncated.
    this.file = openSync(path, 'r+');
    this.env = { LD_PRELOAD: library, CLOCK_SHIFT_FILE: path };
  }

  /** @param ms how far the clock is ahead of the correct time from now on; negative: behind */
  set(ms: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(ms) * NANOSECONDS);
    writeSync(this.file, bytes, 0, 8, 0);
  }

  close(): void {
    closeSync(this.file);
  }
}
