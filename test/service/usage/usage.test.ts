import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { adapterKey, newJobId, recentAdapterKey } from '../../../src/service/layout.ts';
import { checkStoredBytes } from '../../../src/service/usage/check-stored-bytes.ts';
import { Usage, usageOf } from '../../../src/service/usage/usage.ts';
import { tinyAdapter } from '../../http/tiny-adapter.ts';
import { onDisk, type StorageBench } from '../retention/storage-bench.ts';

const totals = (bench: StorageBench) => new Usage(bench.own.store).totals();
const MINUTE_MS = 60_000;

/** An adapter as if it had been made some time ago. */
async function makeOld(
  bench: StorageBench,
  seed: number,
  agoMs: number,
): Promise<{ id: string; bytes: number }> {
  const { record } = await bench.register(tinyAdapter(seed));
  const { store } = bench.own;
  const created = Date.parse(record.created_at) - agoMs;
  const old = { ...record, created_at: new Date(created).toISOString() };
  await store.put(adapterKey(record.id), Buffer.from(JSON.stringify(old)));
  await store.remove(recentAdapterKey(record.id, Date.parse(record.created_at), record.bytes));
  await store.put(recentAdapterKey(record.id, created, record.bytes), new Uint8Array());
  return record;
}

describe('usage', () => {
  it('is what the index says, before anybody has counted', async () => {
    await onDisk(async (bench) => {
      assert.deepEqual(await totals(bench), { adapters: 0, bytes: 0 });
      const one = await bench.register(tinyAdapter(1));
      const two = await bench.register(tinyAdapter(2));
      await bench.register(tinyAdapter(2));
      const bytes = one.record.bytes + two.record.bytes;
      assert.deepEqual(await totals(bench), { adapters: 2, bytes });
      await bench.own.adapters.remove(one.record.id);
      assert.deepEqual(await totals(bench), { adapters: 1, bytes: two.record.bytes });
    });
  });

  it('goes on from the count of a sweep, whatever comes and goes after it', async () => {
    await onDisk(async (bench) => {
      const old = await makeOld(bench, 1, 10 * MINUTE_MS);
      const older = await makeOld(bench, 2, 20 * MINUTE_MS);
      const fresh = await bench.register(tinyAdapter(3));
      await bench.sweeper().sweep();
      const counted = JSON.parse(Buffer.from((await bench.own.store.get('usage.json'))!).toString());
      assert.deepEqual([counted.adapters, counted.bytes], [2, old.bytes + older.bytes], 'settled ones only');
      const all = { adapters: 3, bytes: old.bytes + older.bytes + fresh.record.bytes };
      assert.deepEqual(await totals(bench), all);
      const later = await bench.register(tinyAdapter(4));
      await bench.own.adapters.remove(old.id);
      await bench.own.adapters.remove(fresh.record.id);
      const left = { adapters: 2, bytes: older.bytes + later.record.bytes };
      assert.deepEqual(await totals(bench), left);
      const { totals: swept } = await bench.sweeper().sweep();
      assert.deepEqual(swept, left);
      assert.deepEqual(await totals(bench), left);
    });
  });

  it('is right again after a sweep, however wrong the count was', async () => {
    await onDisk(async (bench) => {
      const { record } = await bench.register(tinyAdapter(1));
      const wrong = { adapters: 7, bytes: 1e9, untilMs: Date.now() - MINUTE_MS, countedAtMs: Date.now() };
      await bench.own.store.put('usage.json', Buffer.from(JSON.stringify(wrong)));
      assert.equal((await totals(bench)).adapters, 8);
      await bench.sweeper().sweep();
      assert.deepEqual(await totals(bench), { adapters: 1, bytes: record.bytes });
    });
  });

  it('counts many uploads and removals at once, none twice', async () => {
    await onDisk(async (bench) => {
      const made = await Promise.all([1, 2, 3, 4, 5, 6].map((seed) => bench.register(tinyAdapter(seed % 4))));
      const records = new Map(made.map(({ record }) => [record.id, record.bytes]));
      const sum = [...records.values()].reduce((total, bytes) => total + bytes, 0);
      assert.deepEqual(await totals(bench), { adapters: records.size, bytes: sum });
    });
  });

  it("is each tenant's own, with the jobs", async () => {
    await onDisk(async (bench) => {
      await bench.workspaces.tenants.put('other', {});
      const other = bench.workspaces.of('other');
      await bench.register(tinyAdapter(1));
      await bench.job({ id: newJobId(Date.now()) }, { space: other });
      assert.deepEqual(await usageOf(other), { stored_bytes: 0, adapters: 0, jobs: 1 });
      const own = await usageOf(bench.own);
      assert.deepEqual([own.adapters, own.jobs], [1, 0]);
    });
  });
});

describe('the quota of stored bytes', () => {
  const spaceWith = (bench: StorageBench, limit: number | null | undefined) => ({
    store: bench.own.store,
    quotas: async () => (limit === undefined ? {} : { stored_bytes: limit }),
  });

  it('lets in what fits, to the byte, and no more', async () => {
    await onDisk(async (bench) => {
      const { record } = await bench.register(tinyAdapter(1));
      const space = spaceWith(bench, record.bytes + 100);
      await checkStoredBytes(space, 100);
      await assert.rejects(checkStoredBytes(space, 101), (error: { code: string; context: unknown }) => {
        assert.equal(error.code, 'QUOTA_STORED_BYTES');
        assert.deepEqual(error.context, { used: record.bytes, limit: record.bytes + 100, wanted: 101 });
        return true;
      });
      await assert.rejects(checkStoredBytes(spaceWith(bench, record.bytes - 1), 0), {
        code: 'QUOTA_STORED_BYTES',
      });
      await assert.rejects(checkStoredBytes(space, record.bytes + 101), {
        code: 'QUOTA_TOO_SMALL',
        context: { wanted: record.bytes + 101, limit: record.bytes + 100 },
      });
      await assert.rejects(checkStoredBytes(spaceWith(bench, 0), 0), { code: 'QUOTA_TOO_SMALL' });
    });
  });

  it('is none where nobody has set one', async () => {
    await onDisk(async (bench) => {
      for (const limit of [null, undefined])
        await checkStoredBytes(spaceWith(bench, limit), Number.MAX_SAFE_INTEGER);
    });
  });
});
