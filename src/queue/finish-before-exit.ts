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
