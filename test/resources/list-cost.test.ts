import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Database } from '../../src/database/database.ts';
import { newAdapterId } from '../../src/database/ids.ts';
import { type AdapterFilter, AdapterStore } from '../../src/resources/adapters/store.ts';
import type { BatchFilter } from '../../src/resources/batches/store.ts';
import type { JobFilter } from '../../src/resources/jobs/store.ts';
import { type RunFilter, RunStore } from '../../src/resources/runs/store.ts';
import { onEachDialect } from '../database/dialects.ts';
import { planOf, sqlOf, watched } from '../database/query-plans.ts';
import { insertSampleAdapter } from './adapters/sample-adapter.ts';
import { batchesOf } from './batches/insert-batch.ts';
import { NO_DISPATCHER } from './jobs/fake-worker.ts';
import { jobsIn } from './jobs/job-rows.ts';

const ONE = { limit: 1 };
const LABELS = { labels: [{ name: 'team', text: 'search' }] };
const SORTED = /TEMP B-TREE/;

type Row = readonly [name: string, id: string];

/** Adapters in addition to a given one, which they resemble except for these fields. */
async function named(database: Database, rows: readonly Row[]): Promise<void> {
  const known = await insertSampleAdapter(database);
  await database.write(async (writer) => {
    const row = await writer
      .selectFrom('adapter')
      .selectAll()
      .where('id', '=', known)
      .executeTakeFirstOrThrow();
    for (let at = 0; at < rows.length; at += 1000)
      await writer
        .insertInto('adapter')
        .values(rows.slice(at, at + 1000).map(([name, id]) => ({ ...row, name, id })))
        .execute();
  });
}

onEachDialect('the cost of a list', (database) => {
  /** The last queries of the lists. */
  async function lastPlan(ask: (database: Database) => Promise<unknown>) {
    const watch = watched(database());
    await ask(watch.database);
    const last = watch.queries.at(-1)!;
    return { query: sqlOf(database(), last), steps: await planOf(database(), last) };
  }

  /** Every table is searched by an index, and only a few rows are sorted. */
  async function assertFound(
    ask: (database: Database) => Promise<unknown>,
    indexes: string,
    { isSorted = false } = {},
  ): Promise<void> {
    const { query, steps } = await lastPlan(ask);
    const plan = `${query}\n${steps.join('\n')}`;
    const searched = steps.filter((step) => step.startsWith('SEARCH'));
    assert.match(searched.join('\n'), new RegExp(`USING (COVERING )?INDEX ${indexes}`), plan);
    // Parts are the rows of each state, lead is what a batch has.
    assert.ok(!steps.some((step) => /^SCAN (?!part_|lead)/.test(step)), plan);
    assert.equal(SORTED.test(plan), isSorted, plan);
  }

  it('of adapters depends on what it shows', async () => {
    if (database().dialect !== 'sqlite') return;
    const few = Array.from({ length: 1_200 }, (_, i): Row => ['many', newAdapterId(i)]);
    const some = Array.from({ length: 1_000 }, (_, i): Row => ['some', newAdapterId(i)]);
    await named(database(), [...few, ...some, ['rare', newAdapterId(1)]]);
    const cases: [AdapterFilter, string, boolean?][] = [
      [{}, 'adapter_tenant'],
      [{ format: 'mlx' }, 'adapter_format'],
      [{ baseModel: 'none' }, 'adapter_base_model'],
      [{ parentId: 'ad_0' }, 'adapter_parent'],
      [{ jobId: 'job_0' }, 'adapter_job'],
      [{ ...LABELS, jobId: 'job_0' }, 'adapter_job'],
      [{ ...LABELS, batchId: 'batch_0' }, 'adapter_job', true],
      [LABELS, 'sqlite_autoindex_adapter_label_1'],
      [{ ...LABELS, format: 'mlx' }, 'sqlite_autoindex_adapter_label_1'],
      // Many with that name: the rows in order. Few: by their ids.
      [{ name: 'm' }, 'adapter_tenant \\(tenant=\\?\\)'],
      [{ name: 'rar' }, 'sqlite_autoindex_adapter_1'],
      [{ ...LABELS, name: 's' }, 'adapter_tenant \\(tenant=\\? AND id=\\?\\)'],
    ];
    for (const [filter, index, isSorted = false] of cases)
      await assertFound((asked) => new AdapterStore(asked, 'default').page(filter, ONE), index, { isSorted });
    const watch = watched(database());
    await new AdapterStore(watch.database, 'default').page({ name: 'm' }, ONE);
    const [probe] = await planOf(database(), watch.queries[0]!);
    assert.match(
      probe!,
      /^SEARCH adapter USING COVERING INDEX adapter_name \(tenant=\? AND name>\? AND name<\?\)/,
    );
  });

  it('of jobs depends on what it shows', async () => {
    if (database().dialect !== 'sqlite') return;
    const cases: [JobFilter, string, boolean?][] = [
      [{}, 'job_tenant'],
      [{ states: ['failed'] }, 'job_state'],
      [{ states: ['failed', 'cancelled', 'queued', 'active'] }, 'job_state', true],
      [{ kind: 'analyze' }, 'job_kind'],
      [{ name: 'rar' }, 'job_name'],
      [{ ...LABELS, adapterId: 'ad_1', batchId: 'batch_1' }, 'job_batch'],
      [{ adapterId: 'ad_1' }, 'sqlite_autoindex_job_source_1'],
      [{ ...LABELS, states: ['failed'], kind: 'analyze', adapterId: 'ad_1' }, 'sqlite_autoindex_job_label_1'],
    ];
    for (const [filter, index, isSorted = false] of cases)
      await assertFound((asked) => jobsIn(asked).page(filter, ONE), index, {
        isSorted,
      });
  });

  it('of batches and runs depends on what it shows', async () => {
    if (database().dialect !== 'sqlite') return;
    const batches: [BatchFilter, string, boolean?][] = [
      [{}, 'batch_tenant'],
      [{ states: ['failed'] }, 'batch_state'],
      [{ name: 'rar' }, 'batch_name'],
      [{ states: ['failed', 'active'] }, 'batch_state', true],
      [{ ...LABELS, states: ['failed'] }, 'sqlite_autoindex_batch_label_1'],
    ];
    for (const [filter, index, isSorted = false] of batches)
      await assertFound((asked) => batchesOf(asked).page(filter, ONE), index, { isSorted });
    const runs: [RunFilter, string][] = [
      [{}, 'run_tenant'],
      [{ mode: 'adaptive' }, 'run_mode'],
      [{ baseModel: 'none' }, 'run_base_model'],
    ];
    for (const [filter, index] of runs)
      await assertFound(
        (asked) => new RunStore({ database: asked, dispatcher: NO_DISPATCHER }, 'default').page(filter, ONE),
        index,
      );
  });

  it('has every adapter whose name begins with the text, whether few or many', async () => {
    const few = ['ä', 'äb', 'äb\u{10FFFF}', 'äb\u{10FFFF}x', 'äb%', 'äb_', 'äc', 'Äb', 'a'];
    const rows = few.map((name, i): Row => [name, newAdapterId(1_000_000 + i)]);
    const many = Array.from({ length: 1_001 }, (_, i): Row => ['äb', newAdapterId(i)]);
    await named(database(), [
      ...rows,
      ['\uD7FFb', newAdapterId(2_000_000)],
      ['\uE000', newAdapterId(2_000_001)],
    ]);
    const list = new AdapterStore(database(), 'default');
    const begin = async (name: string, limit = 20) =>
      (await list.page({ name }, { limit })).items.map((item) => item.name);
    const expected = (prefix: string) => few.filter((name) => name.startsWith(prefix)).reverse();
    const prefixes = ['ä', 'äb', 'äb\u{10FFFF}', 'äb%', 'äb_', 'Ä', 'A', 'b', 'äbc'];
    for (const prefix of prefixes) assert.deepEqual(await begin(prefix), expected(prefix), prefix);
    assert.deepEqual(await begin('\uD7FF'), ['\uD7FFb']);
    assert.deepEqual(await begin('\u{10FFFF}'), []);
    assert.deepEqual(await begin('a\0'), []);
    await named(database(), many);
    for (const prefix of prefixes)
      assert.deepEqual((await begin(prefix)).slice(0, expected(prefix).length), expected(prefix), prefix);
    assert.equal((await begin('äb', 2_000)).length, expected('äb').length + 1_001);
    const { next } = await list.page({ name: 'äb' }, { limit: 900 });
    const rest = await list.page({ name: 'äb' }, { limit: 900, after: next! });
    assert.deepEqual([rest.items.length, rest.next], [expected('äb').length + 101, null]);
  });
});
