import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { RootOperationNode } from 'kysely';
import { sweepAdapters } from '../../../src/resources/adapters/sweep-adapters.ts';
import type { Sweep } from '../../../src/resources/contents/sweep.ts';
import { SweepCounts } from '../../../src/resources/contents/sweep.ts';
import { sweepContents } from '../../../src/resources/contents/sweep-contents.ts';
import { UploadService } from '../../../src/resources/uploads/service.ts';
import type { BlobStore } from '../../../src/storage/blob-store.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { planOf, sqlOf, watched } from '../../database/query-plans.ts';
import { tinyAdapter } from '../../http/tiny-adapter.ts';
import { insertBatch } from '../batches/insert-batch.ts';
import { HOUR_MS, largeAdapter, type StorageBench, withBench } from './storage-bench.ts';

const FOUND_BY = [
  ...['job_expiry', 'batch_expiry', 'adapter_expiry', 'content_released', 'content_deleting'],
  'job_source_reading',
  ...['content_write_expiry', 'idempotency_expiry', 'delivery_final', 'event_tenant', 'upload_touched'],
];

/** Tables with no more rows than there are tenants, or operations in progress. */
const FEW = new Set(['tenant', 'usage', 'hold', 'upload_lock', 'schema_migration']);

/** The same storage, with the number of its calls. */
function counted(store: BlobStore): { store: BlobStore; calls: string[] } {
  const calls: string[] = [];
  const proxy = new Proxy(store, {
    get(target, name: keyof BlobStore) {
      const method = (target[name] as (...args: unknown[]) => unknown).bind(target);
      return (...args: unknown[]) => {
        calls.push(name);
        return method(...args);
      };
    },
  });
  return { store: proxy, calls };
}

onEachDialect('the cost of a sweep', (database, folder) => {
  const onBench = (work: (bench: StorageBench) => Promise<void>) => withBench(database(), folder(), work);

  async function swept(bench: StorageBench, laterMs = 3 * HOUR_MS) {
    const watch = watched(database());
    const { store, calls } = counted(bench.store);
    const startMs = Date.now() + laterMs;
    const sweep: Sweep = { startMs, cutoffMs: startMs - HOUR_MS, swept: new SweepCounts() };
    await sweepAdapters(watch.database, sweep);
    await sweepContents(watch.database, store, sweep);
    return { queries: watch.queries, calls };
  }
  const textOf = (node: RootOperationNode): string => sqlOf(database(), node);

  /** Adapters that stay, that expire, and that were removed. */
  async function filled(bench: StorageBench, kept: number): Promise<void> {
    const other = await bench.other();
    for (let i = 0; i < kept; i++) {
      const space = i % 2 ? other : bench.own;
      const keeping = i % 3 ? {} : { ttlSeconds: 30 * 86_400 };
      await bench.register(i % 5 ? tinyAdapter(i) : largeAdapter(i), { space, keeping });
    }
  }
  async function spoiled(bench: StorageBench): Promise<void> {
    for (const seed of [1_001, 1_002]) {
      await bench.register(largeAdapter(seed), { keeping: { ttlSeconds: 60 } });
      const { id } = await bench.register(largeAdapter(seed + 10));
      await bench.own.adapters.remove(id);
    }
  }

  it('depends on what is removed, not on what exists', () =>
    onBench(async (bench) => {
      const cost = async () => {
        const { queries, calls } = await swept(bench);
        return { queries: queries.map(textOf), calls };
      };
      await filled(bench, 4);
      const nothing = await cost();
      assert.ok(nothing.queries.length <= 6, nothing.queries.join('\n'));
      assert.deepEqual(nothing.calls, []);
      await spoiled(bench);
      const little = await cost();
      await filled(bench, 40);
      assert.deepEqual(await cost(), nothing);
      await spoiled(bench);
      assert.deepEqual(await cost(), little);
      // Released by the adapters that had expired.
      await swept(bench, 5 * HOUR_MS);
      await bench.assertTidy();
    }));

  it('is kept low by indexes', async () => {
    if (database().dialect !== 'sqlite') return;
    const watch = watched(database());
    await withBench(watch.database, folder(), async (bench) => {
      await filled(bench, 10);
      await spoiled(bench);
      const ttlSeconds = 60;
      await bench.job({ ttl_seconds: ttlSeconds });
      const { jobs } = await insertBatch(watch.database, 2, {
        ttlSeconds,
        jobTtlSeconds: ttlSeconds,
      });
      for (const { id } of jobs) await bench.worker.succeed(id);
      const begin = watch.queries.length;
      await bench.sweeper().sweep(Date.now() + 3 * HOUR_MS);
      const uploads = { folder: folder(), maxUploadBytes: 1, ttlMs: HOUR_MS };
      await new UploadService({ ...uploads, database: watch.database }).sweep();
      const plans = new Map<string, readonly string[]>();
      for (const node of watch.queries.slice(begin))
        if (node.kind !== 'InsertQueryNode' && node.kind !== 'RawNode')
          plans.set(textOf(node), await planOf(database(), node));
      const all = [...plans].map(([query, steps]) => `${query}\n  ${steps.join('\n  ')}`).join('\n');
      for (const index of FOUND_BY)
        assert.match(all, new RegExp(`(SEARCH|SCAN) \\w+ USING (COVERING )?INDEX ${index}`), all);
      for (const [query, steps] of plans)
        for (const step of steps) {
          const [, scanned] = /^SCAN (\w+)/.exec(step) ?? [];
          const isPart = /INDEX (content_deleting|content_released)|CONSTANT ROW/.test(step);
          assert.ok(!scanned || isPart || FEW.has(scanned), `${query}\n  ${steps.join('\n  ')}`);
          assert.doesNotMatch(step, /INDEX adapter_(?!expiry|file|label)/, query);
        }
    });
  });
});
