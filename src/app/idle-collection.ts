import { Session } from 'node:inspector/promises';
import { performance } from 'node:perf_hooks';
import type { Logger } from '../log.ts';

const CHECK_INTERVAL_MS = 5_000;

/** The event loop counts as idle if it was busy for less than this share of the time since the last check. */
const IDLE_UTILIZATION = 0.05;

/** Less growth than this is not worth a collection, which blocks the process for a quarter of a second. */
const MIN_GROWTH_BYTES = 64e6;

/**
 * Collects garbage whenever this process is idle and has grown since its last collection here. V8 collects when
 * memory is requested, so a service that is idle after a burst of requests would keep the memory of that burst for
 * minutes.
 * @returns a function that stops it
 */
export function collectWhenIdle(logger: Logger): () => void {
  // The start of the process leaves garbage as well.
  let settledBytes = 0;
  let before = performance.eventLoopUtilization();
  const checkIdle = async () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    const grownBytes = process.memoryUsage.rss() - settledBytes;
    if (utilization > IDLE_UTILIZATION || grownBytes < MIN_GROWTH_BYTES) return;
    await collectGarbage();
    settledBytes = process.memoryUsage.rss();
    logger.debug({ grownBytes, settledBytes }, 'collected garbage while idle');
  };
  const onFailure = (err: unknown) => logger.warn({ err }, 'garbage cannot be collected while idle');
  const timer = setInterval(() => void checkIdle().catch(onFailure), CHECK_INTERVAL_MS).unref();
  return () => clearInterval(timer);
}

/**
 * Collects garbage now. Unlike `gc()` of --expose-gc, this returns the memory to the system. The inspector session is
 * internal to the process and opens no port.
 */
export async function collectGarbage(): Promise<void> {
  const session = new Session();
  session.connect();
  await session.post('HeapProfiler.collectGarbage');
  session.disconnect();
}
