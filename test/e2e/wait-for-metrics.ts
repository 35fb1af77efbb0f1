import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

/** The limit only prevents hanging. */
const LIMIT_MS = 120_000;

/**
 * The text of /metrics once it contains all of this. The end of a job is recorded before it is counted, so a
 * client may learn of it slightly earlier than the counters.
 */
export async function waitForMetrics(read: () => Promise<string>, ...patterns: RegExp[]): Promise<string> {
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    const text = await read();
    const missing = patterns.find((pattern) => !pattern.test(text));
    if (!missing) return text;
    if (Date.now() > deadline) assert.match(text, missing);
    await sleep(20);
  }
}
