import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Value } from 'typebox/value';
import { resultsOf } from '../../../src/charts/succeeded.ts';
import { BatchRecord, type BatchRequest } from '../../../src/contract/batch.ts';
import { newBatchId } from '../../../src/database/ids.ts';
import { Workspaces } from '../../../src/resources/workspaces.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { WORK } from '../jobs/executions/made-work.ts';
import { failsWith, type JobBench, squeezeOf, withJobBench } from '../jobs/job-bench.ts';
import { jobIds } from '../jobs/job-rows.ts';

const uploads = (bench: JobBench, count: number) =>
  Promise.all(Array.from({ length: count }, (_, i) => bench.upload(i + 1)));

/** One adapter, `count` different jobs of it. */
const batchOf = (adapterId: string, count: number, more: object = {}): BatchRequest => ({
  jobs: Array.from({ length: count }, (_, i) => squeezeOf(adapterId, i + 1)),
  ...more,
});

const idsOf = (batch: BatchRecord): string[] => batch.jobs.map(({ id }) => id);

/** What is known of batches and jobs. */
async function left({ database: { reader } }: JobBench) {
  const count = async (table: 'batch' | 'batch_member' | 'job') =>
    (await reader.selectFrom(table).selectAll().execute()).length;
  return { batches: await count('batch'), members: await count('batch_member'), jobs: await count('job') };
}

onEachDialect('batches', (database) => {
  const withBench = (work: (bench: JobBench) => Promise<void>) => withJobBench(work, database());

  describe('accepting a batch', () => {
    it('makes a job of every adapter, with what the batch says', () =>
      withBench(async (bench) => {
        const ids = await uploads(bench, 3);
        const request: BatchRequest = {
          adapter_ids: ids,
          targets: [{ rank: 2 }, { energy: 0.9 }],
          options: { seed: 7 },
          labels: { team: 'a' },
          priority: 'low',
          ttl_seconds: 60,
        };
        const batch = await bench.batches.submit(request);
        assert.ok(Value.Check(BatchRecord, batch));
        assert.deepEqual(
          [batch.state, batch.counts.queued, batch.progress, batch.labels, batch.finished_at],
          ['active', 3, { done: 0, total: 3 }, { team: 'a' }, null],
        );
        for (const [i, { id, adapter_id, state }] of batch.jobs.entries()) {
          assert.deepEqual([adapter_id, state], [ids[i], 'queued']);
          const job = await bench.jobs.get(id);
          assert.deepEqual(job.request, {
            kind: 'squeeze',
            adapter_id: ids[i],
            targets: [{ rank: 2 }, { energy: 0.9 }],
            options: { seed: 7 },
          });
          assert.deepEqual(
            [job.batch_id, job.labels, job.priority, job.ttl_seconds],
            [batch.id, { team: 'a' }, 'low', 60],
          );
        }
        assert.deepEqual(await bench.batches.get(batch.id), batch);
        const analysis = await bench.batches.submit({ kind: 'analyze', adapter_ids: ids });
        assert.deepEqual(
          analysis.jobs.map(({ kind }) => kind),
          ['analyze', 'analyze', 'analyze'],
        );
      }));

    it('takes jobs of any kinds, whose own words come first', () =>
      withBench(async (bench) => {
        const [a, b] = (await uploads(bench, 2)) as [string, string];
        const { jobs } = await bench.batches.submit({
          jobs: [
            squeezeOf(a, 2, { labels: { team: 'b' }, priority: 'high' }),
            { kind: 'analyze', adapter_id: b },
            { kind: 'merge', sources: [{ adapter_id: a }, { adapter_id: b }], targets: [{ rank: 1 }] },
          ],
          labels: { team: 'a', release: '1' },
          priority: 'low',
        });
        assert.deepEqual(
          jobs.map(({ kind, adapter_id }) => [kind, adapter_id]),
          [
            ['squeeze', a],
            ['analyze', b],
            ['merge', null],
          ],
        );
        const records = await Promise.all(jobs.map(({ id }) => bench.jobs.get(id)));
        assert.deepEqual(
          records.map(({ labels, priority }) => [labels, priority]),
          [
            [{ team: 'b', release: '1' }, 'high'],
            [{ team: 'a', release: '1' }, 'low'],
            [{ team: 'a', release: '1' }, 'low'],
          ],
        );
        const ids = jobs.map(({ id }) => id);
        assert.deepEqual(ids, ids.toSorted(), 'the order of the ids is that of the batch');
      }));

    it('accepts nothing when anything is wrong, and tells each fault with its index', () =>
      withBench(async (bench) => {
        const id = await bench.upload();
        const none = `ad_${'0'.repeat(32)}`;
        const faults = async (request: BatchRequest, code: 'BATCH_INVALID' = 'BATCH_INVALID') => {
          let found: unknown;
          await assert.rejects(bench.batches.submit(request), (error) => {
            assert.ok(failsWith(code, /Nothing was accepted\.$/)(error), String(error));
            found = (error as { context: { errors: unknown } }).context.errors;
            return true;
          });
          return found as { pointer: string; detail: string }[];
        };
        const of = (found: { pointer: string }[]) => found.map(({ pointer }) => pointer);
        const targets = [{ rank: 2 }];
        assert.deepEqual(of(await faults({ adapter_ids: [id, none, 'x'], targets })), [
          '/adapter_ids/1',
          '/adapter_ids/2',
        ]);
        assert.deepEqual(of(await faults({ adapter_ids: [id, none, id], targets })), ['/adapter_ids/2']);
        assert.deepEqual(of(await faults({ adapter_ids: [id] })), ['']);
        assert.deepEqual(of(await faults({ adapter_ids: [id], targets: [{ rank: 2, profile: 'none' }] })), [
          '/targets/0',
        ]);
        assert.deepEqual(of(await faults({ kind: 'analyze', adapter_ids: [id], targets, options: {} })), [
          '/targets',
          '/options',
        ]);
        const jobs = [
          squeezeOf(id),
          squeezeOf(none),
          squeezeOf(id, 2, { targets: [{ rank: 2 }, { rank: 3, profile: 'none' }] }),
        ];
        const found = await faults({ jobs });
        assert.deepEqual(of(found), ['/jobs/1', '/jobs/2/targets/1']);
        assert.match(found[0]!.detail, /^jobs\[1\]: There is no adapter "ad_0000/);
        const many = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`l${i}`, '']));
        const more = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`m${i}`, '']));
        assert.match(
          (await faults({ jobs: [squeezeOf(id, 2, { labels: many })], labels: more }))[0]!.detail,
          /jobs\[0\] has 20 labels/,
        );
        assert.deepEqual(await left(bench), { batches: 0, members: 0, jobs: 0 });
      }));

    it('is accepted whether the queue is there or not', () =>
      withBench(async (bench) => {
        bench.queue.down = true;
        const batch = await bench.batches.submit(batchOf(await bench.upload(), 3));
        assert.deepEqual(await bench.batches.get(batch.id), batch);
        assert.deepEqual(await jobIds(bench.database), idsOf(batch));
      }));

    it('has the results of work that was done, and joins what is under way', () =>
      withBench(async (bench) => {
        const id = await bench.upload();
        const done = await bench.jobs.submit(squeezeOf(id, 1));
        await bench.end(done.id, WORK);
        const running = await bench.jobs.submit(squeezeOf(id, 2));
        const { id: batchId, jobs } = await bench.batches.submit(batchOf(id, 3));
        const { jobs: members, counts } = await bench.batches.get(batchId);
        assert.deepEqual([counts.succeeded, counts.queued], [1, 2]);
        const [first] = resultsOf(await bench.jobs.get(jobs[0]!.id));
        assert.deepEqual(members[0]!.results, [
          { adapter_id: first!.adapter_id, href: `/v1/adapters/${first!.adapter_id}` },
        ]);
        assert.equal((await bench.adapters.get(first!.adapter_id)).job_id, jobs[0]!.id);
        await bench.batches.cancel(batchId);
        await bench.batches.settled();
        assert.equal((await bench.end(running.id, WORK)).state, 'succeeded', 'others still wait for it');
        // All of it was done: the batch has ended when it was accepted.
        const whole = await bench.batches.submit(batchOf(id, 2));
        assert.equal((await bench.batches.get(whole.id)).state, 'succeeded');
        assert.equal(bench.finishedBatches.at(-1)!.id, whole.id);
        const fresh = await bench.batches.submit(batchOf(id, 1, { reuse: false }));
        assert.equal((await bench.batches.get(fresh.id)).state, 'active');
      }));
  });

  describe('a batch', () => {
    it('tells how far it is, ends with its last job, and stays as it ended', () =>
      withBench(async (bench) => {
        const id = await bench.upload();
        const batch = await bench.batches.submit(batchOf(id, 4, { ttl_seconds: 3600 }));
        const [a, b, c, d] = batch.jobs.map((job) => job.id) as [string, string, string, string];
        await bench.end(a, WORK);
        await bench.worker.fail(b);
        await bench.worker.begin(c);
        const half = await bench.batches.get(batch.id);
        assert.deepEqual(half.counts, {
          queued: 1,
          active: 1,
          succeeded: 1,
          partial: 0,
          failed: 1,
          cancelled: 0,
        });
        assert.deepEqual([half.state, half.progress], ['active', { done: 2, total: 4 }]);
        assert.equal(half.jobs[1]!.error_code, 'NON_FINITE_WEIGHTS');
        await assert.rejects(bench.jobControl.remove(a), failsWith('BATCH_NOT_FINAL'));
        await bench.end(c);
        await bench.end(d);
        const ended = await bench.batches.get(batch.id);
        assert.ok(Value.Check(BatchRecord, ended));
        assert.deepEqual([ended.state, ended.progress.done], ['partial', 4]);
        assert.equal(ended.finished_at, (await bench.jobs.get(d)).finished_at);
        assert.equal(Date.parse(ended.expires_at!) - Date.parse(ended.finished_at!), 3_600_000);
        await bench.jobControl.remove(a);
        assert.deepEqual(await bench.batches.get(batch.id), ended, 'its outcome is written once');
        assert.deepEqual(
          bench.finishedBatches.map((finished) => finished.id),
          [batch.id],
        );
      }));

    it('is listed with the others, the newest first, page by page', () =>
      withBench(async (bench) => {
        const id = await bench.upload();
        const ids: string[] = [];
        for (let i = 0; i < 5; i++) ids.unshift((await bench.batches.submit(batchOf(id, 1))).id);
        const found: string[] = [];
        let after: string | undefined;
        for (;;) {
          const page = await bench.batches.page({}, { limit: 2, after });
          assert.ok(page.items.length <= 2);
          for (const batch of page.items) {
            assert.equal('jobs' in batch, false);
            assert.deepEqual(batch.counts.queued, 1);
          }
          found.push(...page.items.map((batch) => batch.id));
          if (page.next === null) break;
          after = page.next;
        }
        // Made within one millisecond, their order is that of chance.
        assert.deepEqual(found.toSorted(), ids.toSorted());
        await assert.rejects(bench.batches.get(newBatchId(0)), failsWith('BATCH_NOT_FOUND'));
        await assert.rejects(bench.batches.get('../x'), failsWith('BATCH_NOT_FOUND'));
      }));

    it('is cancelled at once; jobs that ended, and those of others, stay', () =>
      withBench(async (bench) => {
        const id = await bench.upload();
        const batch = await bench.batches.submit(batchOf(id, 5));
        const own = idsOf(batch);
        for (const jobId of own.slice(0, 2)) await bench.end(jobId, WORK);
        const task = await bench.worker.begin(own[2]!);
        const other = await bench.jobs.submit(squeezeOf(id, 4));
        assert.equal((await bench.batches.cancel(batch.id)).state, 'cancelled');
        await bench.batches.settled();
        const ended = await bench.batches.get(batch.id);
        assert.deepEqual(ended.counts, {
          queued: 0,
          active: 0,
          succeeded: 2,
          partial: 0,
          failed: 0,
          cancelled: 3,
        });
        assert.notEqual(ended.finished_at, null);
        assert.deepEqual(await bench.batches.cancel(batch.id), ended);
        for (const jobId of own.slice(2)) assert.equal((await bench.jobs.get(jobId)).state, 'cancelled');
        assert.deepEqual(await bench.worker.executions.stopped([task]), [task]);
        assert.equal((await bench.end(other.id)).state, 'succeeded');
        const done = await bench.batches.submit(batchOf(id, 1));
        await assert.rejects(bench.batches.cancel(done.id), failsWith('BATCH_FINAL', /succeeded already/));
      }));

    it('is retried with the jobs that failed or were cancelled', () =>
      withBench(async (bench) => {
        const id = await bench.upload();
        const batch = await bench.batches.submit(
          batchOf(id, 4, { labels: { a: 'b' }, priority: 'low', ttl_seconds: 60 }),
        );
        await assert.rejects(bench.batches.retry(batch.id), failsWith('BATCH_NOT_FINAL'));
        const [a, b, c, d] = batch.jobs.map((job) => job.id) as [string, string, string, string];
        await bench.end(a);
        await bench.worker.fail(b);
        await bench.end(c);
        await bench.jobControl.cancel(d);
        const again = await bench.batches.retry(batch.id);
        assert.deepEqual([again.retry_of, again.labels, again.state], [batch.id, { a: 'b' }, 'active']);
        const records = await Promise.all(again.jobs.map((job) => bench.jobs.get(job.id)));
        assert.deepEqual(
          records.map(({ retry_of, request, priority, ttl_seconds, batch_id, labels }) => ({
            retry_of,
            rank: (request as { targets: { rank: number }[] }).targets[0]!.rank,
            treatment: [priority, ttl_seconds, batch_id, labels],
          })),
          [
            { retry_of: b, rank: 2, treatment: ['low', 60, again.id, { a: 'b' }] },
            { retry_of: d, rank: 4, treatment: ['low', 60, again.id, { a: 'b' }] },
          ],
        );
        for (const { id: jobId } of records) await bench.end(jobId);
        assert.equal((await bench.batches.get(again.id)).state, 'succeeded');
        await assert.rejects(bench.batches.retry(again.id), failsWith('BATCH_SUCCEEDED'));
      }));

    it('is deleted with the jobs it made, when it has ended', () =>
      withBench(async (bench) => {
        const id = await bench.upload();
        const old = await bench.jobs.submit(squeezeOf(id, 1));
        await bench.end(old.id, WORK);
        const batch = await bench.batches.submit(batchOf(id, 3));
        await assert.rejects(bench.batches.remove(batch.id), failsWith('BATCH_NOT_FINAL'));
        for (const job of batch.jobs.slice(1)) await bench.end(job.id);
        await bench.batches.remove(batch.id);
        await assert.rejects(bench.batches.get(batch.id), failsWith('BATCH_NOT_FOUND'));
        assert.deepEqual(await left(bench), { batches: 0, members: 0, jobs: 1 });
        assert.equal((await bench.jobs.get(old.id)).state, 'succeeded', 'it is not the batch’s');
      }));
  });

  describe('tenants', () => {
    it('do not see each other’s batches', () =>
      withBench(async (bench) => {
        const batch = await bench.batches.submit(batchOf(await bench.upload(), 1));
        const parts = { store: bench.whole, dispatcher: bench.dispatcher };
        const other = new Workspaces({ ...bench, ...parts }).of('other');
        for (const call of ['get', 'cancel', 'retry', 'remove'] as const)
          await assert.rejects(other.batches[call](batch.id), failsWith('BATCH_NOT_FOUND'), call);
        assert.deepEqual((await other.batches.page({}, { limit: 10 })).items, []);
        await assert.rejects(other.jobControl.cancel(batch.jobs[0]!.id), failsWith('JOB_NOT_FOUND'));
        assert.equal((await bench.batches.get(batch.id)).state, 'active');
      }));
  });
});
