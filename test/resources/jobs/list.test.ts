import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { JobRecord } from '../../../src/contract/job.ts';
import { newJobId } from '../../../src/database/ids.ts';
import { acceptedJob } from '../../../src/resources/jobs/accepted-job.ts';
import { JobService, type JobServiceParts } from '../../../src/resources/jobs/service.ts';
import type { JobFilter } from '../../../src/resources/jobs/store.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { MemoryQueue } from '../../http/memory-queue.ts';
import { insertSampleAdapter } from '../adapters/sample-adapter.ts';
import { FakeWorker } from './fake-worker.ts';
import { jobsIn, withoutReuse } from './job-rows.ts';

const ADAPTERS = [0, 1, 2].map((i) => `ad_${'0'.repeat(31)}${i}`);
/** A part that lists do not need. */
const NOT_ASKED = {} as Pick<JobServiceParts, 'blobs' | 'adapters'>;
const BEGIN_MS = Date.parse('2026-01-01T00:00:00Z');

onEachDialect('a list of jobs', (database) => {
  const worker = () => new FakeWorker({ database: database() });
  const listOf = (queue = new MemoryQueue()) =>
    new JobService({ ...NOT_ASKED, jobStore: jobsIn(database()), queue });

  /** Jobs, the last of which have not ended. */
  async function made(count: number, unfinished: number): Promise<JobRecord[]> {
    const jobs = Array.from({ length: count }, (_, i) => ({
      ...acceptedJob(newJobId(BEGIN_MS + i * 1000), { kind: 'analyze', adapter_id: ADAPTERS[i % 3]! }),
      labels: { even: String(i % 2 === 0), third: String(i % 3) },
      batch_id: i < 5 ? 'batch_1' : null,
    }));
    for (const id of ADAPTERS) await insertSampleAdapter(database(), { id });
    await jobsIn(database()).accept(withoutReuse(...jobs));
    for (const [i, job] of jobs.slice(0, count - unfinished).entries())
      await worker().end(job.id, i % 5 === 0 ? 'failed' : 'succeeded');
    return jobs;
  }

  async function pages(filter: JobFilter, limit: number): Promise<string[]> {
    const list = listOf();
    const ids: string[] = [];
    for (let after: string | undefined; ; ) {
      const { items, next } = await list.page(filter, { limit, after });
      ids.push(...items.map(({ id }) => id));
      if (next === null) return ids;
      after = next;
    }
  }

  it('has every job once and the newest first, whatever the filter and the size of the pages', async () => {
    const jobs = (await made(40, 4)).toReversed();
    const when = (wanted: (i: number) => boolean) =>
      jobs.filter((_, turned) => wanted(39 - turned)).map(({ id }) => id);
    const cases: [JobFilter, string[]][] = [
      [{}, when(() => true)],
      [{ states: ['failed'] }, when((i) => i % 5 === 0 && i < 36)],
      [{ states: ['failed', 'queued', 'failed'] }, when((i) => i % 5 === 0 || i >= 36)],
      [{ states: ['succeeded', 'failed', 'active', 'queued'] }, when(() => true)],
      [{ states: ['cancelled', 'active'] }, []],
      [{ kind: 'squeeze' }, []],
      [{ batchId: 'batch_1' }, when((i) => i < 5)],
      [{ adapterId: ADAPTERS[2]! }, when((i) => i % 3 === 2)],
      [{ labels: [{ name: 'even', text: 'true' }] }, when((i) => i % 2 === 0)],
      [
        {
          labels: [
            { name: 'even', text: 'true' },
            { name: 'third', text: '1' },
          ],
          adapterId: ADAPTERS[1]!,
          states: ['succeeded'],
        },
        when((i) => i % 2 === 0 && i % 3 === 1 && i % 5 !== 0 && i < 36),
      ],
      [{ adapterId: 'ad_\u0000' }, []],
      [{ labels: [{ name: 'even', text: '\u0000' }] }, []],
    ];
    for (const [filter, ids] of cases)
      for (const limit of [1, 7, 100])
        assert.deepEqual(await pages(filter, limit), ids, JSON.stringify({ filter, limit }));
  });

  it('shows which jobs have begun, and their progress from the queue', async () => {
    const [first, second, third, last] = await made(4, 2);
    const { execution, dispatchNo } = await worker().begin(third!.id);
    assert.deepEqual(await pages({ states: ['active'] }, 1), [third!.id]);
    assert.deepEqual(await pages({ states: ['queued'] }, 1), [last!.id]);
    assert.deepEqual(await pages({ states: ['queued', 'active'] }, 1), [last!.id, third!.id]);
    assert.deepEqual(await pages({ states: ['active', 'failed'] }, 1), [third!.id, first!.id]);
    assert.deepEqual(await pages({ states: ['succeeded', 'queued'] }, 1), [last!.id, second!.id]);
    const queue = new MemoryQueue();
    const progress = { phase: 'gram', done: 3, total: 9, module: 'q' } as const;
    queue.progressById.set(`${execution}-${dispatchNo}`, progress);
    const seen = async () => (await listOf(queue).page({}, { limit: 9 })).items;
    const before = await seen();
    assert.deepEqual(
      before.map((job) => job.progress.phase),
      ['waiting', 'gram', 'done', 'waiting'],
    );
    assert.deepEqual(before[1]!.progress, progress);
    queue.down = true;
    const without = await seen();
    assert.deepEqual(
      without.map(({ state }) => state),
      before.map(({ state }) => state),
    );
    assert.equal(without[1]!.progress.phase, 'waiting');
  });
});
