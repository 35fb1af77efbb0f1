import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { RedisCommandClient } from '../../src/queue/redis-command-client.ts';
import { COMMAND_TIMEOUT_MS } from '../../src/queue/redis-connection.ts';
import { RedisRateCounter } from '../../src/queue/redis-rate-counter.ts';
import { freePort } from '../free-port.ts';
import { openRateCounter, type RateCounterFixture } from '../http/rate-counter.ts';
import { blockEventLoop, SILENT, startBroker, until, withFolder } from './harness.ts';

const LONG_MS = 60_000;

describe('the counter of rates', () => {
  let state: RateCounterFixture;
  before(async () => {
    state = await openRateCounter();
  });
  after(() => state.close());

  it('uses the response that arrived while the process was blocked', async () => {
    // From here Node continues with its timers; after a timer it would continue reading.
    await nextTurn();
    const counting = state.rates.count(randomUUID(), LONG_MS);
    // Longer than a command may take; Redis answers meanwhile.
    blockEventLoop(2 * COMMAND_TIMEOUT_MS);
    assert.equal((await counting).current, 1);

    const questions = new RedisCommandClient({ socketPath: state.broker.socketPath });
    try {
      await until('the connection', () => questions.client.status === 'ready' || undefined);
      await nextTurn();
      const answer = await questions.run(() => {
        process.nextTick(blockEventLoop, 2 * COMMAND_TIMEOUT_MS);
        return questions.client.ping();
      });
      assert.equal(answer, 'PONG');
    } finally {
      questions.close();
    }
  });

  it("begins a new window if Redis' clock was set back", async () => {
    const key = randomUUID();
    await state.rates.count(key, LONG_MS);
    const redis = new Redis({ path: state.broker.socketPath });
    await redis.pexpire(`test:rate:${key}`, 86_400_000).finally(() => redis.disconnect());
    assert.ok((await state.rates.count(key, LONG_MS)).resetMs <= LONG_MS);
  });

  it('counts in windows, for all processes together', async () => {
    const other = await state.another();
    const key = randomUUID();
    const seen = [];
    for (const one of [state.rates, other, state.rates]) seen.push(await one.count(key, LONG_MS));
    assert.deepEqual(
      seen.map(({ current }) => current),
      [1, 2, 3],
    );
    assert.ok(seen.every(({ resetMs }) => resetMs > 0 && resetMs <= LONG_MS));
    assert.equal((await state.rates.count(randomUUID(), LONG_MS)).current, 1);
    const short = randomUUID();
    await state.rates.count(short, 30);
    await until('a new window', async () => {
      await sleep(40);
      return (await state.rates.count(short, 30)).current === 1 || undefined;
    });
  });

  it('reports soon that Redis is away, without its address, and continues when it is back', () =>
    withFolder(async (folder) => {
      const port = await freePort();
      const url = `redis://127.0.0.1:${port}`;
      const never = await RedisRateCounter.open({ address: { url }, prefix: 'x', logger: SILENT });
      await assert.rejects(never.count('k', 1), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'QUEUE_UNAVAILABLE');
        assert.doesNotMatch(error.message, new RegExp(String(port)));
        return true;
      });
      never.close();

      const broker = await startBroker(folder);
      const address = { socketPath: broker.socketPath };
      const rates = await RedisRateCounter.open({ address, prefix: 'x', logger: SILENT });
      const count = () => rates.count('k', LONG_MS).catch(() => undefined);
      await until('the first connection', count);
      await broker.close();
      await assert.rejects(rates.count('k', LONG_MS), { code: 'QUEUE_UNAVAILABLE' });
      const again = await startBroker(folder);
      try {
        await until('the connection', count);
      } finally {
        rates.close();
        await again.close();
      }
    }));
});
