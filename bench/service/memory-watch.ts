import { setTimeout as sleep } from 'node:timers/promises';
import { hasMapped, peakResidentBytes } from '../../test/e2e/process-tree.ts';
import type { Service } from '../../test/e2e/service.ts';

/** Seldom: a look reads /proc of every process, and the cores are for the job. */
const POLL_MS = 250;

/** Most memory that a compute process of the service held at once while `run` ran or before, in bytes. */
export async function watchComputeMemory<T>(
  service: Service,
  run: () => Promise<T>,
): Promise<{ result: T; peakBytes: number }> {
  let peakBytes = 0;
  let running = true;
  // VmHWM only grows, so the last look at a process tells its peak.
  const look = () => {
    for (const child of service.children()) {
      if (hasMapped(child, 'onnxruntime')) peakBytes = Math.max(peakBytes, peakResidentBytes(child));
    }
  };
  const watcher = (async () => {
    while (running) {
      look();
      await sleep(POLL_MS);
    }
  })();
  try {
    const result = await run();
    look();
    return { result, peakBytes };
  } finally {
    running = false;
    await watcher;
  }
}
