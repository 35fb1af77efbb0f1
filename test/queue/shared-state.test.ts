import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { COMMAND_TIMEOUT_MS } from '../../src/queue/connection.ts';
import { RedisQuestions } from '../../src/queue/redis-questions.ts';
import { RedisSharedState } from '../../src/queue/shared-state.ts';
import type { Claim } from '../../src/service/idempotency/claim-store.ts';
import { openSharedState, type SharedStateFixture } from '../http/shared-state.ts';
import { freePort } from './external-redis.ts';
import { holdUp, SILENT, startBroker, until, withFolder } from './harness.ts';

const ONE = { route: 'r', payload: null };
const ANSWER = { status: 202, headers: { location: '/v1/jobs/x' }, body: '{"id":"x"}' };
const LONG_MS = 60_000;

describe('state that API processes share', () => {
  let state: SharedStateFixture;
  before(async () => {
    state = await openSharedState();
  });
  after(() => state.close());

  it('gives a key to exactly one of many who ask at once, from several processes', async () => {
    const other = await state.another();
    const key = randomUUID();
    const claims = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        (index % 2 ? state.shared : other).claim(key, `owner-${index}`, ONE, LONG_MS),
      ),
    );
    assert.equal(claims.filter((claim) => claim.state === 'ours').length, 1);
    assert.equal(claims.filter((claim) => claim.state === 'in-flight').length, 99);
  });

  it('has the answer that came while the process was held up', async () => {
    // From here Node goes on with its timers; after a timer it would go on reading.
    await nextTurn();
    const claiming = state.shared.claim(randomUUID(), 'owner', ONE, LONG_MS);
    // Longer than a command may take; Redis answers meanwhile.
    holdUp(2 * COMMAND_TIMEOUT_MS);
    assert.equal((await claiming).state, 'ours');

    const questions = new RedisQuestions({ socketPath: state.broker.socketPath });
    try {
      await until('the connection', () => questions.client.status === 'ready' || undefined);
      await nextTurn();
      const answer = await questions.ask(() => {
        process.nextTick(holdUp, 2 * COMMAND_TIMEOUT_MS);
        return questions.client.ping();
      });
      assert.equal(answer, 'PONG');
    } finally {
      questions.close();
    }
  });

  it('keeps what the owner says, and nothing that others say', async () => {
    const { shared } = state;
    const key = randomUUID();
    await shared.claim(key, 'first', ONE, LONG_MS);
    assert.equal(await shared.hold(key, 'second', { route: 'x', payload: 'x' }, LONG_MS), false);
    assert.equal(await shared.settle(key, 'second', ONE, ANSWER, LONG_MS), false);
    await shared.release(key, 'second');
    const known = { route: 'r', payload: 'p' };
    assert.equal(await shared.hold(key, 'first', known, LONG_MS), true);
    const seen = await shared.claim(key, 'third', ONE, LONG_MS);
    assert.deepEqual(seen, { state: 'in-flight', fingerprint: known } satisfies Claim);
    assert.equal(await shared.settle(key, 'first', known, ANSWER, LONG_MS), true);
    assert.deepEqual(await shared.claim(key, 'third', ONE, LONG_MS), {
      state: 'answered',
      fingerprint: known,
      answer: ANSWER,
    } satisfies Claim);
  });

  it('does not take an owner for another whose name begins alike', async () => {
    const key = randomUUID();
    await state.shared.claim(key, 'owner-12', ONE, LONG_MS);
    await state.shared.release(key, 'owner-1');
    assert.equal((await state.shared.claim(key, 'next', ONE, LONG_MS)).state, 'in-flight');
  });

  it('frees a key that is given back, and one whose owner is gone', async () => {
    const { shared } = state;
    const key = randomUUID();
    await shared.claim(key, 'first', ONE, LONG_MS);
    await shared.release(key, 'first');
    assert.equal((await shared.claim(key, 'second', ONE, 40)).state, 'ours');
    const freed = await until('the end of a lease', async () => {
      const claim = await shared.claim(key, 'third', ONE, LONG_MS);
      return claim.state === 'ours' ? claim : undefined;
    });
    assert.ok(freed);
    // Too late, and to nobody's harm.
    assert.equal(await shared.settle(key, 'second', ONE, ANSWER, LONG_MS), false);
  });

  it('counts in windows, for all processes together', async () => {
    const other = await state.another();
    const key = randomUUID();
    const seen = [];
    for (const one of [state.shared, other, state.shared]) seen.push(await one.count(key, 60_000));
    assert.deepEqual(
      seen.map(({ current }) => current),
      [1, 2, 3],
    );
    assert.ok(seen.every(({ resetMs }) => resetMs > 0 && resetMs <= 60_000));
    assert.equal((await state.shared.count(randomUUID(), 60_000)).current, 1);
    const short = randomUUID();
    await state.shared.count(short, 30);
    await until('a new window', async () => {
      await sleep(40);
      return (await state.shared.count(short, 30)).current === 1 || undefined;
    });
  });

  it('says soon that Redis is away, without its address, and goes on when it is back', () =>
    withFolder(async (folder) => {
      const port = await freePort();
      const url = `redis://127.0.0.1:${port}`;
      const never = await RedisSharedState.open({ address: { url }, prefix: 'x', logger: SILENT });
      for (const call of [never.claim('k', 'o', ONE, 1), never.count('k', 1), never.release('k', 'o')]) {
        await assert.rejects(call, (error: Error & { code?: string }) => {
          assert.equal(error.code, 'QUEUE_UNAVAILABLE');
          assert.doesNotMatch(error.message, new RegExp(String(port)));
          return true;
        });
      }
      never.close();

      const broker = await startBroker(folder);
      const address = { socketPath: broker.socketPath };
      const shared = await RedisSharedState.open({ address, prefix: 'x', logger: SILENT });
      await until('the first connection', () =>
        shared.claim('kept', 'first', ONE, LONG_MS).catch(() => undefined),
      );
      await broker.close();
      await assert.rejects(shared.claim('kept', 'second', ONE, LONG_MS), { code: 'QUEUE_UNAVAILABLE' });
      const again = await startBroker(folder);
      try {
        const claim = await until('the connection', () =>
          shared.claim('kept', 'second', ONE, LONG_MS).catch(() => undefined),
        );
        assert.equal(claim.state, 'in-flight', 'what was claimed is known after a restart');
      } finally {
        shared.close();
        await again.close();
      }
    }));
});
