import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

/** The limit only keeps a broken test from hanging. */
const LIMIT_MS = 120_000;

/**
 * The text of /metrics once it has all of this. A job's end is recorded before it is counted, so a client may know of
 * it a little earlier than the counters do.
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
