import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { collectWhenIdle } from '../../src/app/idle-collection.ts';
import { createLogger } from '../../src/log.ts';
import { until } from '../queue/harness.ts';

/**
 * The service checks every 5 s, and may be busy the first time. V8 itself leaves such garbage for minutes.
 */
const LIMIT_MS = 30_000;

it('an idle process returns the memory of objects that are no longer used', async () => {
  const end = collectWhenIdle(createLogger('silent'));
  const beforeBytes = process.memoryUsage.rss();
  try {
    let objects: unknown[] | undefined = [];
    for (let index = 0; index < 3_000_000; index++) objects.push({ index, parts: [index] });
    // A collection that V8 has already begun ends before they are released.
    await sleep(2000);
    assert.equal(objects.length, 3_000_000);
    objects = undefined;
    const grownBytes = process.memoryUsage.rss() - beforeBytes;
    assert.ok(grownBytes > 100e6, `grew by ${grownBytes} bytes`);
    await until('memory as before', () => process.memoryUsage.rss() - beforeBytes < grownBytes / 2, LIMIT_MS);
  } finally {
    end();
  }
});
