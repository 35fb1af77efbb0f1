import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { BatchRequest } from '../../../src/contract/batch.ts';
import type { Database } from '../../../src/database/database.ts';
import { sweepBatches } from '../../../src/resources/batches/sweep-batches.ts';
import { SweepCounts } from '../../../src/resources/contents/sweep.ts';
import { type Workspace, Workspaces } from '../../../src/resources/workspaces.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { MemoryQueue } from '../../http/memory-queue.ts';
import { executionsIn } from '../jobs/executions/sample-work.ts';
import { FakeWorker, NO_DISPATCHER } from '../jobs/fake-worker.ts';
import { type JobBench, squeezeOf, withJobBench } from '../jobs/job-bench.ts';
import { jobIds, jobsIn } from '../jobs/job-rows.ts';
import { insertBatch, itemsIn, jobsOf } from './insert-batch.ts';

/** More items than fit into two transactions. */
const JOBS = 110;
/** The draft, its items, its acceptance, three for the jobs, and the last one. */
const TRANSACTIONS = 7;
/** From then on the batch exists. */
const ACCEPTED = 3;

class Died extends Error {}

onEachDialect('a batch whose process dies', (database) => {
  const withBench = (work: (bench: JobBench) => Promise<void>) => withJobBench(work, database());

  /** A process that dies at one of its transactions, just before or just after the commit. */
  function dying(bench: JobBench, at: number, counts: boolean): Workspace {
    const { write } = database();
    let writes = 0;
    const ownWrite: Database['write'] = async (work) => {
      if (++writes < at) return write(work);
      if (writes === at && counts) await write(work);
      throw new Died();
    };
    const own = { ...database(), write: ownWrite };
    const queue = new MemoryQueue();
    return new Workspaces({ store: bench.whole, database: own, queue, dispatcher: NO_DISPATCHER }).of(
      'default',
    );
  }
  const requestOf = (adapterId: string): BatchRequest => ({
    jobs: Array.from({ length: JOBS }, (_, i) => squeezeOf(adapterId, 2, { labels: { place: String(i) } })),
    priority: 'low',
    reuse: false,
  });
  const onlyBatch = async ({ batches }: Workspace) => (await batches.page({}, { limit: 2 })).items[0]!.id;

  for (let at = 1; at <= TRANSACTIONS; at++) {
    it(`at transaction ${at} does not exist, or is complete`, () =>
      withBench(async (bench) => {
        const adapterId = await bench.upload();
        const ended = dying(bench, at, at < ACCEPTED).batches.submit(requestOf(adapterId));
        await assert.rejects(ended, Died);
        if (at <= ACCEPTED) {
          assert.deepEqual((await bench.batches.page({}, { limit: 2 })).items, []);
          const [draft] = await database().reader.selectFrom('batch').select('id').execute();
          assert.equal(await bench.batches.find(draft!.id), undefined);
          await bench.batches.resume(draft!.id);
          assert.equal(await bench.batches.find(draft!.id), undefined);
          assert.deepEqual(await jobIds(database()), []);
          await removed(bench);
          await assert.rejects(dying(bench, ACCEPTED, true).batches.submit(requestOf(adapterId)), Died);
        }
        const id = await onlyBatch(bench);
        const before = await bench.batches.get(id);
        assert.deepEqual([before.state, before.counts.queued], ['active', JOBS]);
        await Promise.all([bench.batches.resume(id), bench.another().batches.resume(id)]);
        assert.deepEqual(await bench.batches.get(id), before);
        const ids = await jobsOf(bench.batches, before);
        assert.deepEqual(await jobIds(database()), ids);
        const jobs = [...(await bench.jobStore.all(ids)).values()];
        for (const { batch_id, priority, labels, id: jobId } of jobs)
          assert.deepEqual([batch_id, priority, labels.place], [id, 'low', String(ids.indexOf(jobId))]);
        assert.equal((await executionsIn(database())).length, JOBS);
      }));
  }

  /** The work of a later sweep. */
  async function removed(bench: JobBench): Promise<void> {
    const sweep = async (hours: number) => {
      const swept = new SweepCounts();
      const startMs = Date.now() + hours * 3_600_000;
      await sweepBatches(bench.database, { startMs, cutoffMs: startMs, swept });
      return swept.of('batch').objects;
    };
    assert.equal(await sweep(0), 0, 'it may go on');
    assert.equal(await sweep(2), 1);
    for (const table of ['batch', 'batch_member', 'batch_label'] as const)
      assert.deepEqual(await database().reader.selectFrom(table).selectAll().execute(), []);
  }

  it('is retried and cancelled completely by another process', () =>
    withBench(async (bench) => {
      const first = await bench.batches.submit(requestOf(await bench.upload()));
      const failed = await jobsOf(bench.batches, first);
      for (const id of failed) await bench.worker.fail(id);
      await assert.rejects(dying(bench, ACCEPTED + 1, true).batches.retry(first.id), Died);
      const id = await onlyBatch(bench);
      assert.equal((await jobIds(database())).length, JOBS + 50);
      await bench.batches.cancel(id);
      await bench.batches.settled();
      await bench.another().batches.resume(id);
      const batch = await bench.batches.get(id);
      const { state, counts, finished_at } = batch;
      assert.deepEqual([state, counts.cancelled, finished_at === null], ['cancelled', JOBS, false]);
      const again = await jobsOf(bench.batches, batch);
      const records = await bench.jobStore.all(again);
      assert.deepEqual(
        again.map((job) => records.get(job)!.retry_of),
        failed,
      );
    }));

  it('is not opened again when it has ended, and its jobs are gone', async () => {
    const { id, jobs } = await insertBatch(database(), 2);
    const store = jobsIn(database());
    for (const job of jobs) {
      await new FakeWorker({ database: database() }).succeed(job.id);
      await store.remove(job.id);
    }
    await itemsIn(database()).open(id);
    assert.deepEqual(await jobIds(database()), []);
  });
});
