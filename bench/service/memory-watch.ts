import { setTimeout as sleep } from 'node:timers/promises';
import { hasMapped, peakResidentBytes } from '../../test/e2e/process-tree.ts';
import type { Service } from '../../test/e2e/service.ts';

/** A long interval, because each reading opens /proc of every process, and the cores are needed for the job. */
const POLL_MS = 250;

/** Peak memory of a compute process of the service while `run` was running or before, in bytes. */
export async function watchComputeMemory<T>(
  service: Service,
  run: () => Promise<T>,
): Promise<{ result: T; peakBytes: number }> {
  let peakBytes = 0;
  let running = true;
  // VmHWM only grows, so the last reading of a process is its peak.
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
