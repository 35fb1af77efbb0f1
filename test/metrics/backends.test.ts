import assert from 'node:assert/strict';
import { it } from 'node:test';
import { observedCall } from '../../src/backend-calls.ts';
import { connectDatabase } from '../../src/database/open-database.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { withFolder } from '../queue/harness.ts';

/** The samples of a metric, by its labels. */
const samples = async (metrics: Metrics, name: string): Promise<Record<string, number>> => {
  const found = (await metrics.render()).matchAll(
    new RegExp(`^lora_squeeze_${name}\\{(.*)\\} (\\S+)$`, 'gm'),
  );
  return Object.fromEntries(
    [...found].map(([, labels, value]) => [labels!.replaceAll('"', ''), Number(value)]),
  );
};

it('calls to the storage are counted by operation, and failed ones also as errors', () =>
  withFolder(async (storageDir) => {
    const metrics = new Metrics({ version: '1.2.3' });
    const store = await openStore({ storageDir, s3: undefined, observe: metrics.backends.observe });
    await store.put('one/two', Buffer.from('x'));
    assert.equal((await store.get('one/two'))?.length, 1);
    await assert.rejects(store.read('no/such'));
    await store.close();
    const calls = 'backend=storage,operation=';
    assert.deepEqual(await samples(metrics, 'backend_call_seconds_count'), {
      [`${calls}put`]: 1,
      [`${calls}get`]: 1,
      [`${calls}read`]: 1,
    });
    assert.deepEqual(await samples(metrics, 'backend_errors_total'), { [`${calls}read`]: 1 });
  }));

it('statements are counted by kind; a mistake of the caller is not an error of the database', () =>
  withFolder(async (dataDir) => {
    const metrics = new Metrics({ version: '1.2.3' });
    const { observe } = metrics.backends;
    const database = connectDatabase({ url: undefined, dataDir, poolSize: 1, timeoutMs: 1_000, observe });
    await assert.rejects(database.reader.selectFrom('tenant').select('id').execute(), /no such table/);
    await database.close();
    const calls = await samples(metrics, 'backend_call_seconds_count');
    assert.equal(calls['backend=database,operation=select'], 1);
    assert.deepEqual(await samples(metrics, 'backend_errors_total'), {});
  }));

it('retried calls, and hits of the cache, are counted', async () => {
  const metrics = new Metrics({ version: '1.2.3' });
  const { observe } = metrics.backends;
  observe({ backend: 'storage', retries: 3 });
  for (const isCached of [true, false, true]) observe({ isCached });
  assert.deepEqual(await samples(metrics, 'backend_retries_total'), { 'backend=storage': 3 });
  assert.deepEqual(await samples(metrics, 'storage_cache_total'), { 'outcome=hit': 2, 'outcome=miss': 1 });
});

it('a call without an observer works as before', async () => {
  assert.equal(await observedCall(undefined, 'storage', 'get', async () => 7), 7);
});
