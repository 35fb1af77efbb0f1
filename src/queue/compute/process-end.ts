import { rmSync } from 'node:fs';

/** "An internal software error has been detected" (sysexits.h). */
const EXIT_SOFTWARE = 70;

/**
 * Ends this process at once on an unhandled error. BullMQ's own handler first reports the job as failed and then
 * exits: in between, the process counts as free, and the next job given to it would die with it.
 */
export function exitOnUncaught(): void {
  process.prependListener('uncaughtException', (error) => {
    console.error(error);
    process.exit(EXIT_SOFTWARE);
  });
}

/**
 * Ends this process when its parent has died. A killed worker cannot end its compute processes, and BullMQ's continue
 * to run; but the job starts again elsewhere, where finishing it here would only interfere.
 * @returns a function to call with the folder of the running attempt's files, which is removed at the end
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
 * Does some work before a signal ends this process. BullMQ's own handlers run after it and exit as soon as no job is
 * running.
 * @param finish must end on its own, and soon
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
      // A second signal is left to the other handlers.
      for (const other of others) process.on(signal, other);
    });
  }
}
