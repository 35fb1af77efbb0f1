import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Redis } from 'ioredis';
import type { BackendEvent } from '../../src/backend-calls.ts';
import { observeRedis } from '../../src/queue/observed-redis.ts';
import { startExternalRedis } from './external-redis.ts';
import { withFolder } from './harness.ts';

it('commands of Redis are counted once each, including those that wait for the connection and those that fail', () =>
  withFolder(async (folder) => {
    const redis = await startExternalRedis(folder, []);
    const client = new Redis(redis.url);
    const scripts: boolean[] = [];
    observeRedis(client, (event: BackendEvent) => {
      if ('operation' in event && event.operation === 'script') scripts.push(event.failed);
    });
    try {
      assert.equal(await client.eval('return 1', 0), 1);
      await assert.rejects(client.eval('return x', 0));
      await assert.rejects(client.evalsha('0'.repeat(40), 0), /NOSCRIPT/);
      assert.deepEqual(scripts, [false, true, false]);
    } finally {
      client.disconnect();
      await redis.stop();
    }
  }));
