import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ExplainNode, type Kysely, sql } from 'kysely';
import type { JobRecord } from '../../../src/contract/job.ts';
import type { Tables } from '../../../src/database/tables.ts';
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
      [{ state: 'failed' }, when((i) => i % 5 === 0 && i < 36)],
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
          state: 'succeeded',
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
    const [, , third, last] = await made(4, 2);
    const queue = new MemoryQueue();
    for (const { id } of [third!, last!]) await queue.add(id);
    queue.jobs.set(third!.id, { state: 'active', progress: null, startedAt: new Date(), attempts: 1 });
    assert.deepEqual(await pages({ state: 'active' }, 1, queue), [third!.id]);
    assert.deepEqual(await pages({ state: 'queued' }, 1, queue), [last!.id]);
    queue.down = true;
    assert.deepEqual(await pages({ state: 'active' }, 1, queue), []);
    assert.deepEqual(await pages({ state: 'queued' }, 1, queue), [last!.id, third!.id]);
    const page = await new JobList(database(), 'default', queue).page({}, { limit: 9 });
    assert.deepEqual([page.items.length, page.live], [4, false]);
  });

  it('is found by indexes, and sorted by nobody', async () => {
    if (database().dialect !== 'sqlite') return;
    await made(10, 2);
    const explain = ExplainNode.create(undefined, sql`query plan`.toOperationNode());
    const planOf = async (filter: JobFilter): Promise<string> => {
      let plan = '';
      const reader = (database().reader as Kysely<Tables>).withPlugin({
        transformQuery: ({ node }) => ({ ...node, explain }) as typeof node,
        transformResult: async ({ result }) => {
          plan = result.rows.map(({ detail }) => detail).join('; ');
          return { ...result, rows: [] };
        },
      });
      await new JobList({ reader }, 'default', new MemoryQueue()).page(filter, { limit: 5 });
      return plan;
    };
    const label = { name: 'even', text: 'true' };
    for (const [filter, index] of [
      [{}, 'job_tenant'],
      [{ state: 'failed' }, 'job_state'],
      [{ kind: 'analyze' }, 'job_kind'],
      [{ batchId: 'batch_1' }, 'job_batch'],
      [{ adapterId: 'ad_1' }, 'job_source_1'],
      [{ labels: [label], state: 'failed', kind: 'analyze', adapterId: 'ad_1' }, 'job_label_1'],
    ] satisfies [JobFilter, string][]) {
      const plan = await planOf(filter);
      assert.match(plan, new RegExp(`^SEARCH \\w+ USING (COVERING )?INDEX \\w*${index}`), plan);
      assert.doesNotMatch(plan, /SCAN|TEMP B-TREE/, plan);
    }
  });
});
