import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { JobStateEvent } from '../../../src/contract/event.ts';
import type { JobRecord } from '../../../src/contract/job.ts';
import { newJobId } from '../../../src/database/ids.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { placeAtTime } from '../../../src/resources/events/event-rows.ts';
import { type EventFilter, EventStore } from '../../../src/resources/events/event-store.ts';
import { removeOldEvents } from '../../../src/resources/events/sweep-events.ts';
import { acceptedJob } from '../../../src/resources/jobs/accepted-job.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { insertSampleAdapter } from '../adapters/sample-adapter.ts';
import { insertBatch } from '../batches/insert-batch.ts';
import { FakeWorker } from '../jobs/fake-worker.ts';
import { jobsIn, withoutReuse } from '../jobs/job-rows.ts';

const KEPT = { keptMs: 86_400_000, maxEvents: 1_000 };

onEachDialect('the events of a tenant', (database) => {
  const store = (tenant = 'default') => new EventStore(database(), tenant);
  const worker = () => new FakeWorker({ database: database() });

  async function newJob(change: Partial<JobRecord> = {}): Promise<JobRecord> {
    const adapter_id = await insertSampleAdapter(database());
    return { ...acceptedJob(newJobId(Date.now()), { kind: 'analyze', adapter_id }), ...change };
  }
  async function accepted(change: Partial<JobRecord> = {}): Promise<JobRecord> {
    const job = await newJob(change);
    await jobsIn(database()).accept(withoutReuse(job));
    return job;
  }
  async function all(filter: EventFilter = {}, from = 0): Promise<JobStateEvent[]> {
    const found: JobStateEvent[] = [];
    for (let place = from; ; ) {
      const page = await store().after(place, filter);
      found.push(...page.events.map(({ body }) => JSON.parse(body) as JobStateEvent));
      if (!page.hasMore) return found;
      place = page.place;
    }
  }
  const jobOf = ({ data }: JobStateEvent) => data.job;
  const received = async (filter?: EventFilter) =>
    (await all(filter)).map((event) => [event.type, jobOf(event).state, jobOf(event).attempts]);

  it('are the states of a job, each with the job as it was then', async () => {
    const { id } = await accepted();
    await worker().succeed(id);
    const events = await all();
    assert.deepEqual(
      events.map((event) => [event.type, jobOf(event).id, jobOf(event).state]),
      [
        ['job.queued', id, 'queued'],
        ['job.started', id, 'active'],
        ['job.succeeded', id, 'succeeded'],
      ],
    );
    assert.deepEqual(jobOf(events[2]!), await worker().job(id));
    assert.equal(jobOf(events[0]!).started_at, null);
    assert.equal(jobOf(events[1]!).finished_at, null);
  });

  it('that match are on one page, however many others there are', async () => {
    const { id: _id, ...same } = await accepted();
    const others = Array.from({ length: 150 }, () => ({ ...same, id: newJobId(Date.now()) }));
    await jobsIn(database()).accept(withoutReuse(...others));
    const { id } = await accepted();
    for (const filter of [{ jobId: id }, { jobId: id, types: ['job.queued' as const] }]) {
      const { events, place, hasMore } = await store().after(0, filter);
      assert.deepEqual([events.map(({ job }) => job), hasMore], [[id], false]);
      assert.equal(place, await store().newestPlace());
    }
    assert.equal((await all()).length, 152);
    assert.deepEqual(await all({ types: [] }), []);
  });

  it('report every attempt, but no steps that do not change the state', async () => {
    const { id } = await accepted();
    const played = worker();
    const task = await played.begin(id);
    const crashed = new AppError('WORKER_CRASHED', 'It crashed.');
    await played.executions.fail(task, crashed, { tryMs: 1, mayPass: true });
    await played.fail(id);
    assert.deepEqual(await received(), [
      ['job.queued', 'queued', 0],
      ['job.started', 'active', 1],
      ['job.queued', 'queued', 1],
      ['job.started', 'active', 2],
      ['job.failed', 'failed', 2],
    ]);
  });

  it('begin with queued, even for a job that has its results at once or never begins', async () => {
    const first = await newJob();
    await jobsIn(database()).accept([{ job: first, reuse: true }]);
    await worker().succeed(first.id);
    const equal = { ...acceptedJob(newJobId(Date.now()), first.request) };
    await jobsIn(database()).accept([{ job: equal, reuse: true }]);
    const cancelled = await accepted();
    await jobsIn(database()).cancelAll([cancelled.id]);
    const typesOf = async (jobId: string) => (await all({ jobId })).map(({ type }) => type);
    assert.deepEqual(await typesOf(equal.id), ['job.queued', 'job.succeeded']);
    assert.deepEqual(await typesOf(cancelled.id), ['job.queued', 'job.cancelled']);
  });

  it('contain nothing encrypted', async () => {
    const source = { kind: 's3' as const, place: 's3://b/x', encrypted: 'v1.ENCRYPTED' };
    const request = { kind: 'import' as const, source };
    const job = acceptedJob(newJobId(Date.now()), request);
    await jobsIn(database()).accept(withoutReuse(job));
    const played = worker();
    const task = await played.begin(job.id);
    const failure = new AppError('WORKER_CRASHED', 'It crashed.');
    await played.executions.fail(task, failure, { tryMs: 1, mayPass: true });
    await jobsIn(database()).cancelAll([job.id]);
    const events = await all();
    assert.equal(events.length, 4);
    assert.doesNotMatch(JSON.stringify(events), /ENCRYPTED/);
  });

  it('can be filtered by job, batch, type and the labels at that time', async () => {
    const labels = { team: 'a', env: 'prod' };
    const { id: batchId, jobs } = await insertBatch(database(), 1, { labels });
    const [member] = jobs as [JobRecord];
    const other = await accepted({ labels: { team: 'b' } });
    await worker().succeed(member.id);
    const count = async (filter: EventFilter) => (await all(filter)).length;
    assert.deepEqual(
      (await all({ batchId })).map(({ type }) => type),
      ['job.queued', 'job.started', 'job.succeeded', 'batch.ended'],
    );
    assert.equal(await count({ jobId: member.id }), 3);
    assert.equal(await count({ types: ['batch.ended', 'job.queued'] }), 3);
    assert.equal(await count({ labels: [{ name: 'team', text: 'b' }] }), 1);
    assert.equal(await count({ labels: Object.entries(labels).map(([name, text]) => ({ name, text })) }), 4);
    await jobsIn(database()).change(other.id, { labels: { team: 'c' } });
    await worker().fail(other.id);
    assert.equal(await count({ labels: [{ name: 'team', text: 'c' }] }), 2, 'started and failed');
    assert.equal((await store('other').after(0, {})).events.length, 0);
  });

  it('are read in order, even while others are written', async () => {
    await accepted();
    const seen: number[] = [];
    let isOver = false;
    const reading = (async () => {
      for (let place = 0; ; ) {
        const wasOver = isOver;
        const page = await store().after(place, {});
        seen.push(...page.events.map((event) => event.place));
        place = page.place;
        if (wasOver && !page.hasMore) return;
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    await Promise.all(
      Array.from({ length: 5 }, async () => {
        for (let i = 0; i < 8; i++) {
          const { id } = await accepted();
          await worker().succeed(id);
        }
      }),
    );
    isOver = true;
    await reading;
    const kept = await database().reader.selectFrom('event').select('place').orderBy('place').execute();
    assert.deepEqual(
      seen,
      kept.map(({ place }) => place),
    );
    assert.equal(seen.length, 1 + 5 * 8 * 3);
  });

  it('are removed when they are too old or too many, and readers from before learn of a gap', async () => {
    for (let i = 0; i < 4; i++) await accepted();
    const nowMs = Date.now();
    const hasGap = async (place: number) => (await store().after(place, {})).horizon > place;
    const first = (await store().after(0, {})).events[0]!.place;
    assert.equal(await removeOldEvents(database(), nowMs, KEPT), 0);
    assert.equal(await hasGap(0), false);
    assert.equal(await removeOldEvents(database(), nowMs, { ...KEPT, maxEvents: 3 }), 1);
    assert.equal((await all()).length, 3);
    assert.equal(await hasGap(0), true);
    assert.equal(await hasGap(first), false);
    assert.equal(await removeOldEvents(database(), nowMs + 1_000, { ...KEPT, keptMs: 0 }), 3);
    assert.equal(await hasGap(first), true);
    assert.ok((await store().newestPlace()) > first);
    await accepted();
    const [last] = (await store().after(await store().horizon(), {})).events;
    assert.ok(last!.place >= placeAtTime(nowMs));
  });
});
