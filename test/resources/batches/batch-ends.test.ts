import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { BatchRecord } from '../../../src/contract/batch.ts';
import type { BatchEndEvent } from '../../../src/contract/event.ts';
import { DEFAULT_TENANT } from '../../../src/contract/tenant-id.ts';
import type { Database } from '../../../src/database/database.ts';
import { newBatchId, newJobId } from '../../../src/database/ids.ts';
import { BatchStore } from '../../../src/resources/batches/store.ts';
import { acceptedJob } from '../../../src/resources/jobs/accepted-job.ts';
import { JobStore } from '../../../src/resources/jobs/store.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { insertSampleAdapter, SAMPLE_ADAPTER } from '../adapters/sample-adapter.ts';
import { NO_TOTALS } from '../jobs/executions/sample-work.ts';
import { FakeWorker, fakeWorkOutcome, NO_DISPATCHER } from '../jobs/fake-worker.ts';
import { withoutReuse } from '../jobs/job-rows.ts';
import { newWebhook } from '../webhooks/webhook-rows.ts';
import { batchesOf, insertBatch, itemsIn } from './insert-batch.ts';

class Died extends Error {}

onEachDialect('the end of a batch', (database) => {
  /** The stores of a process, and the batches whose ends were reported to it. */
  function processOf(own: Database = database()) {
    const finished: string[] = [];
    const observer = { onBatchFinished: ({ id }: { readonly id: string }) => finished.push(id) };
    const parts = { database: own, dispatcher: NO_DISPATCHER, observer };
    return {
      batches: new BatchStore(parts, DEFAULT_TENANT),
      jobs: new JobStore(parts, DEFAULT_TENANT),
      worker: new FakeWorker(parts),
      finished,
    };
  }

  const now = async (id: string) => (await processOf().batches.get(id))!;
  const events = async () => {
    const rows = await database().reader.selectFrom('delivery').select('payload').execute();
    return rows.map(({ payload }) => (JSON.parse(payload) as BatchEndEvent).data.batch);
  };

  it('comes with that of the last job, once, however many end at once', async () => {
    await newWebhook(database(), { events: ['batch.ended'] });
    const batch = await insertBatch(database(), 24);
    const both = [processOf(), processOf()];
    await Promise.all(
      batch.jobs.map(({ id }, i) => both[i % 2]!.worker.end(id, i % 3 === 0 ? 'failed' : 'succeeded')),
    );
    const ended = await now(batch.id);
    assert.deepEqual(ended.counts, {
      queued: 0,
      active: 0,
      succeeded: 16,
      partial: 0,
      failed: 8,
      cancelled: 0,
    });
    const last = (await itemsIn(database()).page(batch.id, { limit: 99 })).items
      .map(({ finished_at }) => finished_at!)
      .sort()
      .at(-1);
    assert.deepEqual([ended.state, ended.finished_at], ['partial', last]);
    assert.deepEqual(
      both.flatMap(({ finished }) => finished),
      [batch.id],
    );
    assert.deepEqual(await events(), [ended]);
  });

  it('is partial if some jobs succeeded and some failed', async () => {
    const cases = [
      [['succeeded', 'partial'], 'partial'],
      [['partial', 'partial'], 'partial'],
      [['partial', 'cancelled'], 'partial'],
      [['succeeded', 'failed'], 'partial'],
      [['failed', 'cancelled'], 'failed'],
      [['succeeded', 'cancelled'], 'cancelled'],
    ] as const;
    for (const [states, expected] of cases) {
      const batch = await insertBatch(database(), 2);
      for (const [i, { id }] of batch.jobs.entries()) await processOf().worker.end(id, states[i]!);
      const { state, counts } = await now(batch.id);
      assert.equal(state, expected, states.join());
      assert.equal(counts.partial, states.filter((one) => one === 'partial').length);
      const listed = await processOf().batches.page({ states: [expected] }, { limit: 9 });
      assert.ok(listed.items.some(({ id }) => id === batch.id));
    }
  });

  it('reports the results and the error code of a partial job, in webhooks too', async () => {
    await newWebhook(database(), { events: ['job.partial'] });
    const { id, jobs } = await insertBatch(database(), 1);
    const { results } = await processOf().worker.end(jobs[0]!.id, 'partial');
    const [item] = (await itemsIn(database()).page(id, { limit: 1 })).items;
    assert.deepEqual(
      [item!.state, item!.error, item!.results.length],
      ['partial', { code: 'BUDGET_TOO_SMALL', detail: 'It is.' }, 1],
    );
    const rows = await database().reader.selectFrom('delivery').select(['type', 'payload']).execute();
    assert.deepEqual(
      rows.map(({ type }) => type),
      ['job.partial'],
    );
    const { data } = JSON.parse(rows[0]!.payload) as { data: { job: { results: unknown } } };
    assert.deepEqual(data.job.results, results);
  });

  it('comes once if many jobs end in one transaction while others end one by one', async () => {
    await newWebhook(database(), { events: ['batch.ended'] });
    const { id, jobs } = await insertBatch(database(), 24);
    const [a, b, c] = [processOf(), processOf(), processOf()];
    const ids = jobs.map((job) => job.id);
    const ended = await Promise.all([
      a.jobs.cancelAll(ids.slice(0, 16)),
      b.jobs.cancelAll(ids.slice(8)),
      ...ids.map(async (id) => {
        // If it was cancelled before, there is nothing to do.
        const job = await c.worker.succeed(id).catch(() => undefined);
        return job?.state === 'succeeded' ? [job] : [];
      }),
    ]);
    assert.deepEqual(
      ended
        .flat()
        .map((job) => job.id)
        .sort(),
      jobs.map((job) => job.id).sort(),
    );
    const { counts, finished_at } = await now(id);
    assert.deepEqual([counts.succeeded + counts.cancelled, finished_at === null], [24, false]);
    assert.deepEqual(
      [a, b, c].flatMap(({ finished }) => finished),
      [id],
    );
    assert.equal((await events()).length, 1);
  });

  it('is in one transaction with that of the last job, wherever the process dies', async () => {
    await newWebhook(database(), { events: ['batch.ended'] });
    const { write } = database();
    const dyingBefore: Database['write'] = (work) =>
      write(async (writer) => {
        await work(writer);
        throw new Died();
      });
    const dyingAfter: Database['write'] = async (work) => {
      await write(work);
      throw new Died();
    };
    const batch = await insertBatch(database(), 2);
    const [a, b] = batch.jobs.map(({ id }) => id) as [string, string];
    await processOf().worker.end(a);
    const dying = async (write: Database['write']) => {
      const task = await processOf().worker.begin(b);
      const { executions } = processOf({ ...database(), write }).worker;
      await assert.rejects(executions.finish(task, fakeWorkOutcome(), NO_TOTALS), Died);
    };
    await dying(dyingBefore);
    assert.deepEqual([(await now(batch.id)).progress.done, (await events()).length], [1, 0]);
    await dying(dyingAfter);
    assert.deepEqual([(await now(batch.id)).state, (await events()).length], ['succeeded', 1]);
    assert.deepEqual(await processOf().jobs.cancelAll([a, b]), []);
    assert.deepEqual([(await now(batch.id)).progress.done, (await events()).length], [2, 1]);
  });

  it('and its cancellation exclude each other', async () => {
    await newWebhook(database(), { events: ['batch.ended'] });
    for (let i = 0; i < 10; i++) {
      const batch = await insertBatch(database(), 2);
      const [a, b] = batch.jobs.map(({ id }) => id) as [string, string];
      const { worker, batches } = processOf();
      await worker.end(a);
      await worker.begin(b);
      const [, cancelled] = await Promise.all([worker.end(b), batches.cancel(batch.id)]);
      const { state, finished_at } = await now(batch.id);
      assert.deepEqual([state, finished_at !== null], [cancelled ? 'cancelled' : 'succeeded', true]);
      const event = (await events()).find((event) => (event as BatchRecord).id === batch.id);
      assert.equal((event as BatchRecord).state, state);
    }
  });

  it('agrees with its jobs at every moment', async () => {
    const batch = await insertBatch(database(), 30);
    const { worker } = processOf();
    let isOver = false;
    const look = async (): Promise<number> => {
      let looks = 0;
      while (!isOver) {
        const seen = await now(batch.id);
        const ended = seen.progress.done;
        assert.deepEqual([seen.counts.succeeded, seen.finished_at !== null], [ended, ended === 30]);
        assert.equal(ended + seen.counts.queued + seen.counts.active, 30);
        assert.equal(seen.state, ended === 30 ? 'succeeded' : 'active');
        looks++;
        await new Promise(setImmediate);
      }
      return looks;
    };
    const looking = look();
    for (const { id } of batch.jobs) {
      await worker.end(id);
      await new Promise(setImmediate);
    }
    isOver = true;
    assert.ok((await looking) > 1);
  });

  it('includes jobs that are accepted after its cancellation: they do not begin', async () => {
    const { id, jobs } = await insertBatch(database(), 2);
    const { worker, finished } = processOf();
    await batchesOf(database()).cancel(id);
    for (const job of jobs) await assert.rejects(worker.begin(job.id), /nothing to do/);
    const { state, counts, finished_at } = await now(id);
    assert.deepEqual([state, counts.cancelled, finished_at === null], ['cancelled', 2, false]);
    assert.deepEqual(finished, [id]);
  });

  it('does not depend on jobs without a batch, or of a deleted one', async () => {
    const { jobs, worker, finished } = processOf();
    await insertSampleAdapter(database());
    for (const batch_id of [null, newBatchId(0)]) {
      const job = {
        ...acceptedJob(newJobId(Date.now()), { kind: 'analyze', adapter_id: SAMPLE_ADAPTER }),
        batch_id,
      };
      await jobs.accept(withoutReuse(job));
      assert.equal((await worker.end(job.id)).state, 'succeeded');
    }
    assert.deepEqual(finished, []);
  });
});
