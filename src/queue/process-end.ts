import { rmSync } from 'node:fs';

/** "An internal software error has been detected" (sysexits.h). */
const EXIT_SOFTWARE = 70;

/**
 * Ends this process at once when an error reaches nobody. BullMQ's own handler reports the job as failed first and
 * exits then: in between the process counts as free, and the next job given to it would die with it.
 */
export function exitOnUncaught(): void {
  process.prependListener('uncaughtException', (error) => {
    console.error(error);
    process.exit(EXIT_SOFTWARE);
  });
}

/**
 * Ends this process when its parent is gone. A worker that is killed cannot end its compute processes, and BullMQ's
 * go on: but the job starts again elsewhere, where finishing it here would only be in the way.
 * @returns to be told of the folder with the running attempt's files, which is removed on that way out
 */
export function exitWithParent(): (scratchDir: string | undefined) => void {
  let scratchDir: string | undefined;
  process.on('disconnect', () => {
    if (scratchDir) rmSync(scratchDir, { recursive: true, force: true });
    process.exit(1);
  });
  return (folder) => {
    scratchDir = folder;
  };
}

/**
 * Puts some work before the end of this process by a signal. BullMQ's own handlers exit as soon as no job runs, and
 * come after it.
 * @param finish must end by itself, and soon
 */
export function finishBeforeExit(finish: () => Promise<void>): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const others = process.listeners(signal);
    process.removeAllListeners(signal);
    process.once(signal, () => {
      void finish()
        .catch(() => undefined)
        .then(() => {
          for (const other of others) other(signal);
        });
      // A second signal is not ours.
      for (const other of others) process.on(signal, other);
    });
  }
}
