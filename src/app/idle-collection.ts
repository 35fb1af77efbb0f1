import { Session } from 'node:inspector/promises';
import { performance } from 'node:perf_hooks';
import type { Logger } from '../log.ts';

const LOOK_MS = 5_000;

/** The event loop is idle if it has worked for less than this part of the time since the last look. */
const IDLE_UTILIZATION = 0.05;

/** Less growth than this is not worth a collection, which stops everything for a quarter of a second. */
const MIN_GROWTH_BYTES = 64e6;

/**
 * Collects garbage whenever this process is idle and has grown since its last collection here. V8 collects when memory is
 * asked for, so a service that a burst of requests leaves idle would hold the memory of that burst for minutes.
 *
 * @returns what ends it
 */
export function collectWhenIdle(logger: Logger): () => void {
  // The start leaves garbage as well.
  let settledBytes = 0;
  let before = performance.eventLoopUtilization();
  const look = async () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    const grownBytes = process.memoryUsage.rss() - settledBytes;
    if (utilization > IDLE_UTILIZATION || grownBytes < MIN_GROWTH_BYTES) return;
    await collectGarbage();
    settledBytes = process.memoryUsage.rss();
    logger.debug({ grownBytes, settledBytes }, 'collected garbage while idle');
  };
  const onTrouble = (err: unknown) => logger.warn({ err }, 'garbage cannot be collected while idle');
  const timer = setInterval(() => void look().catch(onTrouble), LOOK_MS).unref();
  return () => clearInterval(timer);
}

/**
 * Collects garbage now. Unlike `gc()` of --expose-gc this gives the memory back to the system. The session is inside the
 * process and opens no port.
 */
export async function collectGarbage(): Promise<void> {
  const session = new Session();
  session.connect();
  await session.post('HeapProfiler.collectGarbage');
  session.disconnect();
}
