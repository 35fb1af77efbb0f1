import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const SOURCE = join(import.meta.dirname, 'clock-shift.c');
const NANOSECONDS = 1_000_000n;

export const noCompiler: string | false =
  spawnSync('gcc', ['--version']).status !== 0 && 'there is no gcc (Debian: gcc, libc6-dev)';

/** A wall clock that a test puts on and back while the processes that go by it run. */
export class ShiftedClock {
  /** What such a process has in its environment; those that it starts go by the clock too. */
  readonly env: Readonly<Record<string, string>>;
  private readonly file: number;

  /**
   * @param folder that others may read and that lasts as long as the processes
   * @throws Error where gcc is missing
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
    // Processes have it in their memory: it is written to and never cut.
    this.file = openSync(path, 'r+');
    this.env = { LD_PRELOAD: library, CLOCK_SHIFT_FILE: path };
  }

  /** @param ms how far it is ahead of the right time from now on; less than 0: behind */
  set(ms: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(ms) * NANOSECONDS);
    writeSync(this.file, bytes, 0, 8, 0);
  }

  close(): void {
    closeSync(this.file);
  }
}
