import assert from 'node:assert/strict';
import { it } from 'node:test';
import { NO_TENANT_LIMITS } from '../../../src/resources/tenants/limits.ts';
import { addUsage, busiestTenants, removeOldUsage, utcDay } from '../../../src/resources/tenants/usage.ts';
import { tenantSummaries, usageReport } from '../../../src/resources/tenants/usage-report.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { addTenants, addWorker } from '../../dispatch/fleet.ts';
import { tinyAdapter } from '../../http/tiny-adapter.ts';
import { insertSampleAdapter } from '../adapters/sample-adapter.ts';
import { type StorageBench, withBench } from '../sweeps/storage-bench.ts';

const DAY_MS = 86_400_000;

onEachDialect('the usage report of a tenant', (database, folder) => {
  const onBench = (work: (bench: StorageBench) => Promise<void>) => withBench(database(), folder(), work);
  const submit = ({ own }: StorageBench, adapter_id: string, rank: number) =>
    own.jobs.submit({ kind: 'squeeze', adapter_id, targets: [{ rank }], reuse: false });

  it('is empty at first, with the limits that apply', () =>
    onBench(async ({ own }) => {
      assert.deepEqual(await usageReport(own), {
        ...{ stored_bytes: 0, adapters: 0, jobs: 0, limits: NO_TENANT_LIMITS, days: [] },
        queue: { queued: 0, running: 0, oldest_waiting_seconds: null, estimated_start_seconds: null },
      });
    }));

  it('has the waiting and running jobs, and the time until the next one begins', () =>
    onBench(async (bench) => {
      const { own, worker, workspaces } = bench;
      const adapter = await insertSampleAdapter(database());
      const [first, second] = [await submit(bench, adapter, 1), await submit(bench, adapter, 2)];
      await worker.begin(first.id);
      const waiting = (await usageReport(own)).queue;
      assert.deepEqual([waiting.queued, waiting.running], [1, 1]);
      assert.ok(waiting.oldest_waiting_seconds! >= 0);
      assert.equal(waiting.estimated_start_seconds, null, 'there is no worker');
      await addWorker(database(), 1);
      assert.ok((await usageReport(own)).queue.estimated_start_seconds! >= 0);
      await own.jobControl.cancel(second.id);
      assert.equal((await usageReport(own)).queue.oldest_waiting_seconds, null);
      const other = await bench.other();
      const counted = await tenantSummaries(database(), [
        await workspaces.tenants.get(own.tenant),
        await workspaces.tenants.get(other.tenant),
      ]);
      assert.deepEqual(
        counted.map(({ id, queued, running }) => [id, queued, running]),
        [
          ['default', 0, 1],
          ['other', 0, 0],
        ],
      );
    }));

  it('has the new records of each day, whatever was removed since, and the seconds of work', () =>
    onBench(async (bench) => {
      const { own, worker } = bench;
      const one = await bench.register(tinyAdapter(1));
      const two = await bench.register(tinyAdapter(2));
      await own.adapters.remove(two.id);
      const computed = async (): Promise<number> => (await usageReport(own)).days[0]!.compute_seconds * 1000;
      /** As if the running attempt had begun earlier. */
      const backdate = (ms: number) =>
        database().write((writer) =>
          writer
            .updateTable('execution')
            .set({ started_at: database().after(-ms) })
            .where('state', '=', 'dispatched')
            .where('started_at', 'is not', null)
            .execute(),
        );
      const done = await submit(bench, one.id, 1);
      await worker.begin(done.id);
      await backdate(10_000);
      await worker.succeed(done.id);
      const afterOne = await computed();
      assert.ok(afterOne >= 10_000 && afterOne < 70_000, `${afterOne}`);
      const stopped = await submit(bench, one.id, 2);
      await worker.begin(stopped.id);
      await backdate(100_000);
      await own.jobControl.cancel(stopped.id);
      const afterTwo = await computed();
      assert.ok(afterTwo >= 110_000 && afterTwo < 170_000, `${afterTwo}`);
      // The result of the first job is a copy of its source.
      const [day, ...others] = (await usageReport(own)).days;
      assert.deepEqual(others, []);
      assert.deepEqual([day?.jobs, day?.stored_bytes], [2, 2 * one.bytes + two.bytes]);
      assert.equal(day?.date, utcDay(Date.now()));
      const counted = new Map(
        [...(await bench.metrics.render()).matchAll(/^lora_squeeze_(\w+)\{tenant="default"\} (\S+)$/gm)].map(
          ([, name, value]) => [name, Number(value)],
        ),
      );
      assert.equal(counted.get('adapter_bytes_total'), day.stored_bytes);
      assert.ok(
        Math.abs(counted.get('compute_seconds_total')! * 1000 - afterTwo) < 2,
        'the same, but for what is rounded',
      );
      assert.equal(counted.get('job_wait_seconds_count'), 2);
    }));

  it('covers the requested days, and is removed after 400 days', () =>
    onBench(async ({ own }) => {
      const { tenant } = own;
      const days = [0, 5, 29, 30, 399, 400].map((ago) => utcDay(Date.now() - ago * DAY_MS));
      await database().write(async (writer) => {
        await addUsage(writer, tenant, { jobs: 1 });
        const rows = days.slice(1).map((day) => ({ tenant, day, jobs: 1, bytes: 0, compute_ms: 0 }));
        await writer.insertInto('usage_day').values(rows).execute();
      });
      const shown = async (count?: number) =>
        (await usageReport(own, count)).days.map(({ date }) => days.indexOf(date));
      assert.deepEqual(await shown(), [0, 1, 2]);
      assert.deepEqual(await shown(1), [0]);
      assert.deepEqual(await shown(400), [0, 1, 2, 3, 4]);
      assert.equal(await removeOldUsage(database(), Date.now()), 1);
      assert.deepEqual(await shown(500), [0, 1, 2, 3, 4]);
    }));

  it('names the tenants with the most computation recently', async () => {
    await addTenants(database(), ['busy', 'busier', 'idle', 'before']);
    const use = { adapters: 0, bytes: 0, jobs: 1 };
    await database().write(async (writer) => {
      await addUsage(writer, 'busy', { ...use, computeMs: 10 });
      await addUsage(writer, 'busier', { ...use, computeMs: 20 });
      await addUsage(writer, 'idle', use);
      const day = utcDay(Date.now() - 31 * DAY_MS);
      const long_ago = { tenant: 'before', day, jobs: 1, bytes: 0, compute_ms: 1_000 };
      await writer.insertInto('usage_day').values(long_ago).execute();
    });
    assert.deepEqual(await busiestTenants(database(), 10), ['busier', 'busy', 'idle']);
    assert.deepEqual(await busiestTenants(database(), 1), ['busier']);
    assert.deepEqual(await busiestTenants(database(), 0), []);
  });
});
