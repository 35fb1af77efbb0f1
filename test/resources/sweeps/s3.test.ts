import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sqliteIn } from '../../database/dialects.ts';
import { openS3 } from '../../storage/s3-bench.ts';
import { motoIsMissing, startMoto } from '../../storage/s3-servers.ts';
import { storedBytesOf } from '../tenants/stored-by.ts';
import { HOUR_MS, largeAdapter, StorageBench } from './storage-bench.ts';

describe('lists and sweeps in S3', { skip: motoIsMissing() ?? false }, () => {
  it('work as on a disk', async () => {
    const server = await startMoto();
    const s3 = await openS3(server.env);
    try {
      const database = await sqliteIn(await s3.store.makeScratch());
      const bench = new StorageBench(s3.store, database);
      const { own } = bench;
      const made: string[] = [];
      for (const seed of [1, 2, 3]) made.unshift((await bench.register(largeAdapter(seed))).id);
      const job = await bench.job({ ttl_seconds: 60 });
      const first = await own.adapters.page({}, { limit: 2 });
      const rest = await own.adapters.page({}, { limit: 2, after: first.next! });
      assert.deepEqual(
        [...first.items, ...rest.items].map(({ id }) => id),
        made,
      );
      assert.equal(rest.next, null);
      assert.equal((await own.jobs.page({}, { limit: 5 })).items[0]?.id, job.id);

      await own.adapters.change(made[0]!, { ttlSeconds: 60, labels: { n: '3' } });
      await own.adapters.remove(made[1]!);
      assert.equal((await storedBytesOf(own)).adapters, 2);
      const sweeper = bench.sweeper({ graceMs: 10 * 60_000 });
      const { swept, totals } = await sweeper.sweep(Date.now() + HOUR_MS);
      assert.deepEqual([swept.of('adapter').objects, swept.of('job').objects], [1, 1]);
      // Both weights, released in this hour; all three adapters have one configuration.
      assert.deepEqual([swept.of('blob').objects, totals.adapters], [2, 1]);
      await bench.assertWhole();
      await bench.assertTidy();
      assert.equal((await bench.objects()).length, 1);
      const again = await bench.register(largeAdapter(3));
      assert.equal(again.content_known, false);
      const same = await bench.register(largeAdapter(3));
      assert.deepEqual([same.content_known, (await bench.objects()).length], [true, 2]);
      await own.adapters.remove(again.id);
      await sweeper.sweep(Date.now() + HOUR_MS);
      await bench.assertWhole();
      await bench.assertTidy();
      assert.equal((await bench.objects()).length, 2);
    } finally {
      await s3.dispose();
      await server.stop();
    }
  });
});
