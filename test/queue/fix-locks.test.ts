import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Redis } from 'ioredis';
import { isGone, PREFIX, until, withBench } from './harness.ts';

const LOCK_MS = 1_500;
const DAY_MS = 86_400_000;

it("the job of a dead worker begins again, even if Redis' clock was set back by a day", () =>
  withBench(async (bench, { socketPath: path }) => {
    const doomed = await bench.workerProcess(LOCK_MS);
    const id = await bench.submit('hang');
    await bench.attemptStarted(id, 1);
    const dispatch = await bench.dispatched(id);
    const key = (name: string): string => `${PREFIX}:jobs:${name}`;
    const redis = new Redis({ path });
    try {
      await until('a look at what is under way', async () =>
        (await redis.sismember(key('stalled'), dispatch)) === 1 ? true : undefined,
      );
      const gone = isGone(doomed.pid!);
      doomed.kill('SIGKILL');
      await gone;
      // Keys with an expiry then stay in Redis for that much longer.
      for (const name of [`${dispatch}:lock`, 'stalled-check'])
        await redis.set(key(name), 'kept', 'PX', DAY_MS);
      bench.worker({ lockMs: LOCK_MS });
      const { state, attempts } = await bench.outcome(id);
      assert.deepEqual([state, attempts], ['succeeded', 2]);
    } finally {
      redis.disconnect();
    }
  }));
