import { rmSync } from 'node:fs';

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
