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
