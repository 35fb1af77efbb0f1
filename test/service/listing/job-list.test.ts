import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { JobRecord } from '../../../src/contract/job.ts';
import { acceptedJob } from '../../../src/service/accepted-job.ts';
import { newJobId } from '../../../src/service/layout.ts';
import { type JobFilter, JobList } from '../../../src/service/listing/job-list.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { MemoryQueue } from '../../http/memory-queue.ts';
import { endOf, jobsIn } from '../job-rows.ts';
import { insertKnownAdapter } from '../known-adapter.ts';

const BEGIN_MS = Date.parse('2026-01-01T00:00:00Z');

onEachDialect('a list of jobs', (database) => {
  /** Jobs of which the last ones have not ended. */
  async function made(count: number, unfinished: number): Promise<JobRecord[]> {
    const jobs = Array.from({ length: count }, (_, i) => ({
      ...acceptedJob(newJobId(BEGIN_MS + i * 1000), { kind: 'analyze', adapter_id: `ad_${i % 3}` }),
      labels: { even: String(i % 2 === 0), third: String(i % 3) },
      batch_id: i < 5 ? 'batch_1' : null,
    }));
    for (const id of ['ad_0', 'ad_1', 'ad_2']) await insertKnownAdapter(database(), { id });
    await jobsIn(database()).accept(jobs);
    for (const [i, job] of jobs.slice(0, count - unfinished).entries())
      await jobsIn(database()).finish(endOf(job, { state: i % 5 === 0 ? 'failed' : 'succeeded' }));
    return jobs;
  }

  async function pages(filter: JobFilter, limit: number, queue = new MemoryQueue()): Promise<string[]> {
    const list = new JobList(database(), 'default', queue);
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
      [{ adapterId: 'ad_2' }, when((i) => i % 3 === 2)],
      [{ labels: [{ name: 'even', text: 'true' }] }, when((i) => i % 2 === 0)],
      [
        {
          labels: [
            { name: 'even', text: 'true' },
            { name: 'third', text: '1' },
          ],
          adapterId: 'ad_1',
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

  it('knows from the queue which of the unfinished ones run', async () => {
    const [first, second, third, last] = await made(4, 2);
    const queue = new MemoryQueue();
    for (const { id } of [third!, last!]) await queue.add(id);
    queue.jobs.set(third!.id, { state: 'active', progress: null, startedAt: new Date(), attempts: 1 });
    assert.deepEqual(await pages({ states: ['active'] }, 1, queue), [third!.id]);
    assert.deepEqual(await pages({ states: ['queued'] }, 1, queue), [last!.id]);
    assert.deepEqual(await pages({ states: ['queued', 'active'] }, 1, queue), [last!.id, third!.id]);
    assert.deepEqual(await pages({ states: ['active', 'failed'] }, 1, queue), [third!.id, first!.id]);
    assert.deepEqual(await pages({ states: ['succeeded', 'queued'] }, 1, queue), [last!.id, second!.id]);
    queue.down = true;
    assert.deepEqual(await pages({ states: ['active'] }, 1, queue), []);
    assert.deepEqual(await pages({ states: ['queued'] }, 1, queue), [last!.id, third!.id]);
    assert.deepEqual(await pages({ states: ['queued', 'active'] }, 1, queue), [last!.id, third!.id]);
    assert.deepEqual(await pages({ states: ['active', 'failed'] }, 1, queue), [first!.id]);
    const list = new JobList(database(), 'default', queue);
    for (const states of [['active'], ['active', 'failed'], ['queued']] as const)
      assert.equal((await list.page({ states }, { limit: 9 })).live, false);
    assert.equal((await list.page({ states: ['succeeded', 'failed'] }, { limit: 9 })).live, true);
    const page = await new JobList(database(), 'default', queue).page({}, { limit: 9 });
    assert.deepEqual([page.items.length, page.live], [4, false]);
  });
});
