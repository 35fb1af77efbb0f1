import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Value } from 'typebox/value';
import { succeededResults } from '../../../src/charts/succeeded-targets.ts';
import { BatchRecord, type BatchRequest } from '../../../src/contract/batch.ts';
import { newBatchId } from '../../../src/database/ids.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { Workspaces } from '../../../src/resources/workspaces.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { WORK } from '../jobs/executions/sample-work.ts';
import { failsWith, type JobBench, squeezeOf, withJobBench } from '../jobs/job-bench.ts';
import { jobIds } from '../jobs/job-rows.ts';
import { itemsOf, jobsOf } from './insert-batch.ts';

const uploads = (bench: JobBench, count: number) =>
  Promise.all(Array.from({ length: count }, (_, i) => bench.upload(i + 1)));

/** One adapter, and `count` different jobs for it. */
const batchOf = (adapterId: string, count: number, more: object = {}): BatchRequest => ({
  jobs: Array.from({ length: count }, (_, i) => squeezeOf(adapterId, i + 1)),
  ...more,
});

/** The numbers of batches and jobs. */
async function left({ database: { reader } }: JobBench) {
  const count = async (table: 'batch' | 'batch_member' | 'job') =>
    (await reader.selectFrom(table).selectAll().execute()).length;
  return { batches: await count('batch'), members: await count('batch_member'), jobs: await count('job') };
}

onEachDialect('batches', (database) => {
  const withBench = (work: (bench: JobBench) => Promise<void>) => withJobBench(work, database());

  describe('accepting a batch', () => {
    it('creates a job for every adapter, with the settings of the batch', () =>
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
        for (const [i, { job_id, index, adapter_id, state, name }] of (
          await itemsOf(bench.batches, batch)
        ).entries()) {
          assert.deepEqual([index, adapter_id, state, name], [i, ids[i], 'queued', 'model adapter']);
          const job = await bench.jobs.get(job_id!);
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
          (await itemsOf(bench.batches, analysis)).map(({ kind }) => kind),
          ['analyze', 'analyze', 'analyze'],
        );
      }));

    it('accepts jobs of any kind, whose own settings take precedence', () =>
      withBench(async (bench) => {
        const [a, b] = (await uploads(bench, 2)) as [string, string];
        const batch = await bench.batches.submit({
          jobs: [
            squeezeOf(a, 2, { labels: { team: 'b' }, priority: 'high' }),
            { kind: 'analyze', adapter_id: b },
            { kind: 'merge', sources: [{ adapter_id: a }, { adapter_id: b }], targets: [{ rank: 1 }] },
          ],
          labels: { team: 'a', release: '1' },
          priority: 'low',
        });
        assert.deepEqual(
          (await itemsOf(bench.batches, batch)).map(({ kind, adapter_id }) => [kind, adapter_id]),
          [
            ['squeeze', a],
            ['analyze', b],
            ['merge', null],
          ],
        );
        const ids = await jobsOf(bench.batches, batch);
        const records = await Promise.all(ids.map((id) => bench.jobs.get(id)));
        assert.deepEqual(
          records.map(({ labels, priority }) => [labels, priority]),
          [
            [{ team: 'b', release: '1' }, 'high'],
            [{ team: 'a', release: '1' }, 'low'],
            [{ team: 'a', release: '1' }, 'low'],
          ],
        );
        assert.deepEqual(ids, ids.toSorted(), 'the order of the ids is that of the batch');
      }));

    it('accepts nothing if the request contradicts itself, and reports each fault with its index', () =>
      withBench(async (bench) => {
        const id = await bench.upload();
        const faults = async (request: BatchRequest) => {
          let found: unknown;
          await assert.rejects(bench.batches.submit(request), (error) => {
            assert.ok(failsWith('BATCH_INVALID', /Nothing was accepted\.$/)(error), String(error));
            found = (error as { context: { errors: unknown } }).context.errors;
            return true;
          });
          return found as { pointer: string; detail: string }[];
        };
        const of = (found: { pointer: string }[]) => found.map(({ pointer }) => pointer);
        const targets = [{ rank: 2 }];
        assert.deepEqual(of(await faults({ adapter_ids: [id, 'x', id], targets })), ['/adapter_ids/2']);
        assert.deepEqual(of(await faults({ adapter_ids: [id] })), ['']);
        assert.deepEqual(of(await faults({ adapter_ids: [id], targets: [{ rank: 2, profile: 'none' }] })), [
          '/targets/0',
        ]);
        assert.deepEqual(of(await faults({ kind: 'analyze', adapter_ids: [id], targets, options: {} })), [
          '/targets',
          '/options',
        ]);
        const many = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`l${i}`, '']));
        const more = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`m${i}`, '']));
        const webhook = { url: 'https://receiver.test/x' };
        const found = await faults({
          jobs: [squeezeOf(id, 2, { labels: many }), squeezeOf(id, 2, { webhook }), { kind: 'analyze' }],
          labels: more,
        });
        assert.deepEqual(of(found), ['/jobs/0', '/jobs/1/webhook', '/jobs/2']);
        assert.match(found[0]!.detail, /^jobs\[0\] has 20 labels/);
        assert.match(found[2]!.detail, /^jobs\[2\] has neither "adapter_id" nor "source"/);
        assert.deepEqual(await left(bench), { batches: 0, members: 0, jobs: 0 });
      }));

    it('keeps items that cannot be tried as failed ones, beside the others', () =>
      withBench(async (bench) => {
        const id = await bench.upload();
        const none = `ad_${'0'.repeat(32)}`;
        const batch = await bench.batches.submit({
          jobs: [
            squeezeOf(none),
            squeezeOf(id),
            squeezeOf(id, 2, { targets: [{ rank: 2 }, { rank: 3, profile: 'none' }] }),
            squeezeOf('\0'),
          ],
          reuse: false,
        });
        assert.deepEqual([batch.state, batch.counts.failed, batch.counts.queued], ['active', 3, 1]);
        const items = await itemsOf(bench.batches, batch);
        assert.deepEqual(
          items.map(({ state, job_id, error }) => [state, job_id === null, error?.code ?? null]),
          [
            ['failed', true, 'ADAPTER_NOT_FOUND'],
            ['queued', false, null],
            ['failed', true, 'UNKNOWN_PROFILE'],
            ['failed', true, 'ADAPTER_NOT_FOUND'],
          ],
        );
        assert.match(items[2]!.error!.detail, /^targets\[1\]: /);
        assert.deepEqual(await left(bench), { batches: 1, members: 4, jobs: 1 });
        await bench.end(items[1]!.job_id!);
        const ended = await bench.batches.get(batch.id);
        assert.deepEqual([ended.state, ended.progress], ['partial', { done: 4, total: 4 }]);
        assert.equal(bench.finishedBatches.at(-1)!.id, batch.id);
      }));

    it('gives a batch that has ended at once if no item can be tried, and that can be retried later', () =>
      withBench(async (bench) => {
        const request: BatchRequest = { adapter_ids: ['ad_x', 'ad_y'], targets: [{ rank: 2 }] };
        const batch = await bench.batches.submit(request);
        assert.deepEqual([batch.state, batch.counts.failed], ['failed', 2]);
        assert.deepEqual(
          bench.finishedBatches.map(({ id, state }) => [id, state]),
          [[batch.id, 'failed']],
        );
        const again = await bench.batches.retry(batch.id);
        assert.deepEqual([again.state, again.retry_of, again.counts.failed], ['failed', batch.id, 2]);
        assert.deepEqual(
          (await itemsOf(bench.batches, again)).map(({ name, adapter_id }) => [name, adapter_id]),
          [
            ['ad_x', 'ad_x'],
            ['ad_y', 'ad_y'],
          ],
        );
        await assert.rejects(bench.batches.submit({ ...request, adapter_ids: [] }), failsWith('BATCH_EMPTY'));
      }));

    it('fails an item whose adapter is removed meanwhile', () =>
      withBench(async (bench) => {
        const [a, b] = (await uploads(bench, 2)) as [string, string];
        const draft = bench.batches.submit(
          { adapter_ids: [a, b], targets: [{ rank: 2 }] },
          {
            withinQueueLimit: async (jobs, accept) => {
              assert.equal(jobs, 2);
              await bench.adapters.remove(a);
              return accept();
            },
          },
        );
        const batch = await draft;
        assert.deepEqual([batch.counts.failed, batch.counts.queued], [1, 1]);
        const [gone, left] = await itemsOf(bench.batches, batch);
        assert.deepEqual(
          [gone!.error?.code, gone!.job_id, left!.state],
          ['ADAPTER_NOT_FOUND', null, 'queued'],
        );
        await bench.end(left!.job_id!);
        assert.equal((await bench.batches.get(batch.id)).state, 'partial');
      }));

    it('leaves nothing if the batch is refused', () =>
      withBench(async (bench) => {
        const withinQueueLimit = async () => {
          throw new AppError('QUOTA_QUEUED_JOBS', 'There is no room.');
        };
        const submitted = bench.batches.submit(batchOf(await bench.upload(), 3), { withinQueueLimit });
        await assert.rejects(submitted, failsWith('QUOTA_QUEUED_JOBS'));
        assert.deepEqual(await left(bench), { batches: 0, members: 0, jobs: 0 });
      }));

    it('works whether the queue is available or not', () =>
      withBench(async (bench) => {
        bench.queue.down = true;
        const batch = await bench.batches.submit(batchOf(await bench.upload(), 3));
        assert.deepEqual(await bench.batches.get(batch.id), batch);
        assert.deepEqual(await jobIds(bench.database), await jobsOf(bench.batches, batch));
      }));

    it('uses the results of earlier work, and joins work in progress', () =>
      withBench(async (bench) => {
        const id = await bench.upload();
        const done = await bench.jobs.submit(squeezeOf(id, 1));
        await bench.end(done.id, WORK);
        const running = await bench.jobs.submit(squeezeOf(id, 2));
        const { id: batchId, counts } = await bench.batches.submit(batchOf(id, 3));
        const members = await itemsOf(bench.batches, { id: batchId });
        assert.deepEqual([counts.succeeded, counts.queued], [1, 2]);
        const [first] = succeededResults(await bench.jobs.get(members[0]!.job_id!));
        assert.deepEqual(members[0]!.results, [
          { adapter_id: first!.adapter_id, href: `/v1/adapters/${first!.adapter_id}` },
        ]);
        assert.equal((await bench.adapters.get(first!.adapter_id)).job_id, members[0]!.job_id);
        await bench.batches.cancel(batchId);
        await bench.batches.settled();
        assert.equal((await bench.end(running.id, WORK)).state, 'succeeded', 'others still wait for it');
        // All of it was done before, so the batch ended when it was accepted.
        const whole = await bench.batches.submit(batchOf(id, 2));
        assert.equal((await bench.batches.get(whole.id)).state, 'succeeded');
        assert.equal(bench.finishedBatches.at(-1)!.id, whole.id);
        const fresh = await bench.batches.submit(batchOf(id, 1, { reuse: false }));
        assert.equal((await bench.batches.get(fresh.id)).state, 'active');
      }));
  });

  describe('a batch', () => {
    it('shows its progress, ends with its last job, and keeps its outcome', () =>
      withBench(async (bench) => {
        const id = await bench.upload();
        const batch = await bench.batches.submit(batchOf(id, 4, { ttl_seconds: 3600 }));
        const [a, b, c, d] = (await jobsOf(bench.batches, batch)) as [string, string, string, string];
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
        const items = await itemsOf(bench.batches, batch);
        assert.equal(items[1]!.error?.code, 'NON_FINITE_WEIGHTS');
        assert.deepEqual(
          items.map(({ state }) => state),
          ['succeeded', 'failed', 'active', 'queued'],
        );
        for (const [states, places] of [
          [['active'], [2]],
          [
            ['queued', 'failed'],
            [1, 3],
          ],
          [['cancelled'], []],
        ] as const) {
          const page = await bench.batches.items(batch.id, { states, limit: 9 });
          assert.deepEqual(
            page.items.map(({ index }) => index),
            places,
          );
        }
        const pages: number[] = [];
        for (let after: number | undefined; ; ) {
          const page = await bench.batches.items(batch.id, { limit: 3, after });
          pages.push(...page.items.map(({ index }) => index));
          if (page.next === null) break;
          after = page.next;
        }
        assert.deepEqual(pages, [0, 1, 2, 3]);
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
            assert.deepEqual(batch.counts.queued, 1);
          }
          found.push(...page.items.map((batch) => batch.id));
          if (page.next === null) break;
          after = page.next;
        }
        // If they were created within one millisecond, their order would be arbitrary.
        assert.deepEqual(found.toSorted(), ids.toSorted());
        await assert.rejects(bench.batches.get(newBatchId(0)), failsWith('BATCH_NOT_FOUND'));
        await assert.rejects(bench.batches.get('../x'), failsWith('BATCH_NOT_FOUND'));
      }));

    it('is cancelled at once, without affecting jobs that have ended or belong to others', () =>
      withBench(async (bench) => {
        const id = await bench.upload();
        const batch = await bench.batches.submit(batchOf(id, 5));
        const own = await jobsOf(bench.batches, batch);
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
        assert.deepEqual(await bench.worker.executions.obsoleteDispatches([task]), [task]);
        assert.equal((await bench.end(other.id)).state, 'succeeded');
        const done = await bench.batches.submit(batchOf(id, 1));
        await assert.rejects(
          bench.batches.cancel(done.id),
          failsWith('BATCH_FINAL', /has already ended; its state is "succeeded"/),
        );
      }));

    it('is retried with the jobs that failed or were cancelled', () =>
      withBench(async (bench) => {
        const id = await bench.upload();
        const batch = await bench.batches.submit(
          batchOf(id, 4, { labels: { a: 'b' }, priority: 'low', ttl_seconds: 60 }),
        );
        await assert.rejects(bench.batches.retry(batch.id), failsWith('BATCH_NOT_FINAL'));
        const [a, b, c, d] = (await jobsOf(bench.batches, batch)) as [string, string, string, string];
        await bench.end(a);
        await bench.worker.fail(b);
        await bench.end(c);
        await bench.jobControl.cancel(d);
        const again = await bench.batches.retry(batch.id);
        assert.deepEqual([again.retry_of, again.labels, again.state], [batch.id, { a: 'b' }, 'active']);
        const records = await Promise.all(
          (await jobsOf(bench.batches, again)).map((job) => bench.jobs.get(job)),
        );
        assert.deepEqual(
          records.map(({ retry_of, request, priority, ttl_seconds, batch_id, labels }) => ({
            retry_of,
            rank: (request as { targets: { rank: number }[] }).targets[0]!.rank,
            options: [priority, ttl_seconds, batch_id, labels],
          })),
          [
            { retry_of: b, rank: 2, options: ['low', 60, again.id, { a: 'b' }] },
            { retry_of: d, rank: 4, options: ['low', 60, again.id, { a: 'b' }] },
          ],
        );
        for (const { id: jobId } of records) await bench.end(jobId);
        assert.equal((await bench.batches.get(again.id)).state, 'succeeded');
        await assert.rejects(bench.batches.retry(again.id), failsWith('BATCH_SUCCEEDED'));
      }));

    it('is deleted with its jobs when it has ended', () =>
      withBench(async (bench) => {
        const id = await bench.upload();
        const old = await bench.jobs.submit(squeezeOf(id, 1));
        await bench.end(old.id, WORK);
        const batch = await bench.batches.submit(batchOf(id, 3));
        await assert.rejects(bench.batches.remove(batch.id), failsWith('BATCH_NOT_FINAL'));
        for (const job of (await jobsOf(bench.batches, batch)).slice(1)) await bench.end(job);
        await bench.batches.remove(batch.id);
        await assert.rejects(bench.batches.get(batch.id), failsWith('BATCH_NOT_FOUND'));
        assert.deepEqual(await left(bench), { batches: 0, members: 0, jobs: 1 });
        assert.equal((await bench.jobs.get(old.id)).state, 'succeeded', 'it is not the batch’s');
      }));
  });

  describe('batches of different tenants', () => {
    it('are invisible to each other', () =>
      withBench(async (bench) => {
        const batch = await bench.batches.submit(batchOf(await bench.upload(), 1));
        const parts = { store: bench.whole, dispatcher: bench.dispatcher };
        const other = new Workspaces({ ...bench, ...parts }).of('other');
        for (const call of ['get', 'cancel', 'retry', 'remove'] as const)
          await assert.rejects(other.batches[call](batch.id), failsWith('BATCH_NOT_FOUND'), call);
        assert.deepEqual((await other.batches.page({}, { limit: 10 })).items, []);
        const [job] = (await jobsOf(bench.batches, batch)) as [string];
        await assert.rejects(other.batches.items(batch.id, { limit: 1 }), failsWith('BATCH_NOT_FOUND'));
        await assert.rejects(other.jobControl.cancel(job), failsWith('JOB_NOT_FOUND'));
        assert.equal((await bench.batches.get(batch.id)).state, 'active');
      }));
  });
});
