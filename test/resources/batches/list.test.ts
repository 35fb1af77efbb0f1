import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { BatchState } from '../../../src/contract/batch.ts';
import { newAdapterId } from '../../../src/database/ids.ts';
import { AdapterStore } from '../../../src/resources/adapters/store.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { insertSampleAdapter } from '../adapters/sample-adapter.ts';
import { batchesOf, insertBatch } from './insert-batch.ts';

const NOTHING = { succeeded: 0, partial: 0, failed: 0, cancelled: 0, cancelled_at: null, finished_at: 9 };

/** Every combination of states of a batch with three jobs. */
const ROWS = [
  { ...NOTHING, finished_at: null },
  { ...NOTHING, finished_at: null, succeeded: 1, partial: 0, failed: 1 },
  { ...NOTHING, finished_at: null, cancelled_at: 5 },
  { ...NOTHING, cancelled_at: 5, succeeded: 2, partial: 0, failed: 1 },
  { ...NOTHING, cancelled: 1, succeeded: 2 },
  { ...NOTHING, cancelled: 1, failed: 1, succeeded: 1 },
  { ...NOTHING, failed: 3 },
  { ...NOTHING, partial: 3 },
  { ...NOTHING, partial: 1, cancelled: 2 },
  { ...NOTHING, succeeded: 3 },
];
const STATES: readonly BatchState[] = ['active', 'succeeded', 'partial', 'failed', 'cancelled'];

onEachDialect('a list of batches', (database) => {
  it('filters by states, and returns the same whatever the size of its pages', async () => {
    const store = batchesOf(database());
    for (const row of ROWS) {
      const { id } = await insertBatch(database(), 3);
      await database().write((writer) => writer.updateTable('batch').set(row).where('id', '=', id).execute());
    }
    const { items: all } = await store.page({}, { limit: 20 });
    assert.equal(new Set(all.map(({ state }) => state)).size, STATES.length);
    for (let chosen = 1; chosen < 2 ** STATES.length; chosen++) {
      const states = STATES.filter((_, bit) => chosen & (1 << bit));
      for (const limit of [1, 3, 20]) {
        const found: string[] = [];
        for (let after: string | undefined; ; ) {
          const page = await store.page({ states }, { limit, after });
          found.push(...page.items.map(({ id }) => id));
          if (page.next === null) break;
          after = page.next;
        }
        const wanted = all.filter(({ state }) => states.includes(state)).map(({ id }) => id);
        assert.deepEqual(found, wanted, JSON.stringify({ states, limit }));
      }
    }
  });

  it('has those with all the requested labels', async () => {
    const store = batchesOf(database());
    const { id } = await insertBatch(database(), 1, { labels: { team: 'search', 'a/b': 'x:y' } });
    await insertBatch(database(), 1, { labels: { team: 'other' } });
    const found = async (...labels: [string, string][]) => {
      const wanted = labels.map(([name, text]) => ({ name, text }));
      const page = await store.page({ labels: wanted, states: ['active'] }, { limit: 5 });
      return page.items.map((item) => item.id);
    };
    assert.deepEqual(await found(['team', 'search']), [id]);
    assert.deepEqual(await found(['a/b', 'x:y'], ['team', 'search']), [id]);
    assert.deepEqual(await found(['team', 'other'], ['a/b', 'x:y']), []);
    assert.deepEqual(await found(['team', 'sea\0rch']), []);
    await store.remove(id);
    const left = await database().reader.selectFrom('batch_label').select('text').execute();
    assert.deepEqual(
      left.map(({ text }) => text),
      ['"other"'],
    );
  });

  it('links to the results of its batches, even of jobs that are in one twice', async () => {
    const [first, second] = [await insertBatch(database(), 2), await insertBatch(database(), 2)];
    const results: string[] = [];
    for (const [i, job] of [...first.jobs, ...second.jobs].entries()) {
      const id = newAdapterId(i);
      await insertSampleAdapter(database(), { id });
      await database().write(async (writer) => {
        await writer.updateTable('adapter').set({ job: job.id }).where('id', '=', id).execute();
        if (i > 0) return;
        const [member] = await writer
          .selectFrom('batch_member')
          .selectAll()
          .where('job', '=', job.id)
          .execute();
        await writer
          .insertInto('batch_member')
          .values({ ...member!, position: 9 })
          .execute();
      });
      results.unshift(id);
    }
    const list = new AdapterStore(database(), 'default');
    const found = async (batchId: string, tenant = list) =>
      (await tenant.page({ batchId, format: 'peft' }, { limit: 9 })).items.map(({ id }) => id);
    assert.deepEqual(await found(first.id), results.slice(2));
    assert.deepEqual(await found(second.id), results.slice(0, 2));
    for (const nothing of ['batch_x', '\0']) assert.deepEqual(await found(nothing), []);
    assert.deepEqual(await found(first.id, new AdapterStore(database(), 'other')), []);
  });
});
