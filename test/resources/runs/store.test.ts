import assert from 'node:assert/strict';
import { it } from 'node:test';
import { newAdapterId, newJobId, newRunId } from '../../../src/database/ids.ts';
import type { NewAdapter } from '../../../src/resources/adapters/rows.ts';
import { acceptedJob } from '../../../src/resources/jobs/accepted-job.ts';
import type { RunManifest } from '../../../src/resources/runs/run-manifest.ts';
import { squeezeJob } from '../../../src/resources/runs/squeeze-job.ts';
import { RunStore } from '../../../src/resources/runs/store.ts';
import { ensureTenant } from '../../../src/resources/tenants/store.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { SAMPLE_FACTS, SAMPLE_FILES } from '../adapters/sample-adapter.ts';
import { NO_DISPATCHER } from '../jobs/fake-worker.ts';
import { jobFile, jobIds, jobsIn } from '../jobs/job-rows.ts';
import { arrival, entry, KEPT, MODULES, runManifest, SCHEDULE } from './run-entries.ts';

const BEGIN_MS = Date.parse('2026-03-01T00:00:00Z');
const ADAPTIVE = { adaptive: { ...SCHEDULE, energy: 0.9 } };

/** A run that was created this many seconds after the beginning. */
function runAt(second: number, request: RunManifest['request'] = { schedule: SCHEDULE }): RunManifest {
  const ms = BEGIN_MS + 1000 * second;
  return { ...runManifest(request), id: newRunId(ms), created_at: new Date(ms).toISOString() };
}

onEachDialect('the store of runs', (database) => {
  const storeOf = (tenant = 'default') =>
    new RunStore({ database: database(), dispatcher: NO_DISPATCHER }, tenant);

  async function created(run: RunManifest = runAt(0)): Promise<RunManifest> {
    await storeOf().create(run);
    return run;
  }
  const append = (run: RunManifest, sequence: number, step: number, change = {}) =>
    storeOf().append(run, entry(step, 64, { run_id: run.id, sequence, ...change }), null, MODULES);

  it('returns what was stored, even characters that PostgreSQL refuses in texts', async () => {
    const text = 'a\u0000b\ud800';
    const run = await created(runAt(0, { name: text, base_model: text, ...ADAPTIVE }));
    assert.deepEqual(await storeOf().get(run.id), run);
    const checkpoint = entry(100, 64, { run_id: run.id, base_model: text, target: { rank: 4 } });
    assert.ok(await storeOf().append(run, checkpoint, null, MODULES));
    assert.deepEqual(await storeOf().log(run), [checkpoint]);
    const [summary] = (await storeOf().page({ baseModel: text }, { limit: 1 })).items;
    assert.deepEqual([summary?.name, summary?.base_model], [text, text]);
    for (const id of ['', 'x', 'run_\u0000', newRunId(0)]) assert.equal(await storeOf().get(id), undefined);
  });

  it('renames a run of the same tenant only', async () => {
    await database().write((writer) => ensureTenant(writer, 'stranger'));
    const run = await created(runAt(0, { name: 'first', ...ADAPTIVE }));
    assert.equal(await storeOf('stranger').rename(run, 'theirs'), false);
    assert.equal((await storeOf().get(run.id))?.name, 'first');
    for (const name of ['a\u0000b\ud800', null]) {
      assert.equal(await storeOf().rename(run, name), true);
      assert.deepEqual(await storeOf().get(run.id), { ...run, name });
    }
    assert.equal(await storeOf().rename({ id: newRunId(0) }, 'x'), false);
  });

  it("shows a tenant none of another's", async () => {
    const run = await created();
    await database().write((writer) => ensureTenant(writer, 'other'));
    const other = storeOf('other');
    assert.equal(await other.get(run.id), undefined);
    assert.equal(await other.append(run, entry(1, 64, { run_id: run.id }), null, MODULES), false);
    assert.equal(await other.remove(run, 0), false);
    assert.deepEqual((await storeOf('other').page({}, { limit: 10 })).items, []);
  });

  it('accepts an entry at the end of the log and nowhere else', async () => {
    const run = await created();
    assert.equal(await append(run, 2, 100), false);
    assert.equal(await append(run, 1, 100), true);
    assert.equal(await append(run, 1, 200), false);
    assert.equal(await append(run, 2, 200), true);
    assert.deepEqual(
      (await storeOf().log(run)).map(({ sequence, step }) => [sequence, step]),
      [
        [1, 100],
        [2, 200],
      ],
    );
  });

  it('accepts one of many simultaneous entries', async () => {
    const run = await created();
    const taken = await Promise.all(Array.from({ length: 20 }, (_, index) => append(run, 1, index)));
    assert.equal(taken.filter(Boolean).length, 1);
    assert.equal((await storeOf().log(run)).length, 1);
  });

  it('has at most one valid checkpoint for a step', async () => {
    const run = await created();
    for (const [index, step] of [100, 200, 300, 200, 200].entries())
      assert.ok(await append(run, index + 1, step));
    const rows = await database()
      .reader.selectFrom('checkpoint')
      .select(['step', 'superseded_by'])
      .orderBy('sequence')
      .execute();
    assert.deepEqual(
      rows.map(({ step, superseded_by }) => [step, superseded_by]),
      [
        [100, null],
        [200, 4],
        [300, 4],
        [200, 5],
        [200, null],
      ],
    );
    const revived = database().write((writer) =>
      writer.updateTable('checkpoint').set({ superseded_by: null }).execute(),
    );
    await assert.rejects(revived, /unique/i);
  });

  it('removes a run with its checkpoints, unless there are more than expected', async () => {
    const [run, other] = [await created(), await created()];
    for (const one of [run, other]) await append(one, 1, 100);
    assert.equal(await storeOf().remove(run, 0), false);
    assert.equal((await storeOf().log(run)).length, 1);
    assert.equal(await storeOf().remove(run, 1), true);
    assert.equal(await storeOf().remove(run, 1), false);
    assert.deepEqual([await storeOf().get(run.id), await storeOf().log(run)], [undefined, []]);
    assert.equal(await append(run, 2, 200), false, 'and nothing is added any more');
    assert.equal((await storeOf().log(other)).length, 1);
  });

  it('lists runs, the newest first, page by page and by every filter', async () => {
    const runs = await Promise.all([
      created(runAt(0, { name: 'a', base_model: 'some/model', schedule: SCHEDULE })),
      created(runAt(1, { name: 'b', ...ADAPTIVE })),
      created(runAt(2, { name: 'c', schedule: SCHEDULE })),
      created(runAt(3, { name: 'd', ...ADAPTIVE })),
    ]);
    const list = storeOf();
    const names = async (...asked: Parameters<RunStore['page']>) =>
      (await list.page(...asked)).items.map(({ name }) => name).join('');
    assert.equal(await names({}, { limit: 10 }), 'dcba');
    let pages = '';
    for (let after: string | undefined, ends = 0; ends === 0; ) {
      const { items, next } = await list.page({}, { limit: 3, after });
      pages += `${items.map(({ name }) => name).join('')} `;
      after = next ?? undefined;
      ends = next === null ? 1 : 0;
    }
    assert.equal(pages, 'dcb a ');
    assert.equal((await list.page({}, { limit: 4 })).next, null, 'no page is empty at the end');
    assert.equal(await names({ mode: 'adaptive' }, { limit: 10 }), 'db');
    const [second, fourth] = [BEGIN_MS + 1000, BEGIN_MS + 3000];
    assert.equal(await names({}, { limit: 10, createdAfterMs: second }), 'dc');
    assert.equal(await names({}, { limit: 10, createdBeforeMs: fourth, createdAfterMs: -1 }), 'cba');
    assert.equal(await names({}, { limit: 10, createdBeforeMs: -1 }), '');
    assert.equal(await names({}, { limit: 10, createdAfterMs: Date.parse('9999-12-31T00:00:00Z') }), '');

    const base = { baseModel: 'some/model' };
    assert.equal(await names(base, { limit: 10 }), 'a');
    await append(runs[2], 1, 50, { base_model: 'some/model' });
    assert.equal(await names(base, { limit: 10 }), 'ca', 'by its newest checkpoint');
    assert.equal(await names({ ...base, mode: 'adaptive' }, { limit: 10 }), '');
    const [, c] = (await list.page({}, { limit: 10 })).items;
    assert.deepEqual([c?.checkpoints, c?.step, c?.base_model], [1, 50, 'some/model']);
    await append(runs[2], 2, 60, { base_model: 'x'.repeat(100_000) });
    assert.equal(await names({ baseModel: 'x'.repeat(100_000) }, { limit: 10 }), 'c', 'however long');
  });

  /** What belongs to a checkpoint that is squeezed. */
  function squeezeOf(run: RunManifest, sequence: number) {
    const moments = jobFile('optimizer', `moments of ${sequence}`);
    const id = newAdapterId(Date.now());
    const job_id = newJobId(Date.now());
    const change = { run_id: run.id, sequence, source_adapter_id: id, job_id };
    const checkpoint = entry(100 * sequence, 64, { ...change, optimizer_sha256: moments.sha256 });
    const adapter: NewAdapter = {
      ...{ id, description: SAMPLE_FACTS, name: 'sent', labels: {}, ttlSeconds: undefined },
      ...{ parentId: null, jobId: null },
    };
    const job = acceptedJob(job_id, squeezeJob(run, checkpoint));
    const written = { writeId: null, files: [...SAMPLE_FILES, moments, ...MODULES.files] };
    return { checkpoint, moments, squeeze: { adapter, job }, written };
  }

  it('records a checkpoint with its adapter, its moments and its job, or nothing of it', async () => {
    const run = await created();
    const sent = [1, 1, 1, 1].map((sequence) => squeezeOf(run, sequence));
    const taken = await Promise.all(
      sent.map(({ checkpoint, squeeze, written }) => storeOf().append(run, checkpoint, squeeze, written)),
    );
    assert.equal(taken.filter(Boolean).length, 1);
    const { checkpoint, squeeze, moments } = sent[taken.indexOf(true)]!;
    assert.deepEqual(await storeOf().log(run), [checkpoint]);
    const adapters = await database().reader.selectFrom('adapter').select('id').execute();
    assert.deepEqual(
      adapters.map(({ id }) => id),
      [squeeze.adapter.id],
    );
    assert.deepEqual(await jobIds(database()), [squeeze.job.id]);
    const file = await jobsIn(database()).file(squeeze.job.id, 'optimizer');
    assert.deepEqual([file?.sha256, file?.inline], [moments.sha256, moments.inline]);
    const lost = squeezeOf(run, 2);
    const late = storeOf().append(run, lost.checkpoint, lost.squeeze, { ...lost.written, writeId: 'gone' });
    await assert.rejects(late, { code: 'STORAGE_FAILED' });
    assert.deepEqual(await storeOf().log(run), [checkpoint]);
  });

  it('stores only the list of modules of a kept checkpoint, once for all', async () => {
    const run = await created();
    for (const sequence of [1, 2, 3]) assert.ok(await append(run, sequence, sequence, KEPT));
    const [first] = await storeOf().log(run);
    assert.deepEqual(
      [first!.source_adapter_id, first!.job_id, first!.source_digest],
      [null, null, arrival(1, 64).digest],
    );
    const contents = () =>
      database().reader.selectFrom('content').select(['sha256', 'released_at']).execute();
    const { sha256 } = MODULES.files[0]!;
    assert.deepEqual(
      (await contents()).map((row) => ({ ...row })),
      [{ sha256, released_at: null }],
    );
    const modules = await storeOf().modules(run.id, sha256);
    assert.equal(Buffer.from(modules!.inline!, 'base64').toString(), '[]');
    assert.equal(await storeOf().modules(run.id, 'f'.repeat(64)), undefined);
    assert.equal(await storeOf().modules(newRunId(0), sha256), undefined);
    await storeOf().remove(run, 3);
    assert.notEqual((await contents())[0]!.released_at, null, 'the sweeper looks at it');
  });
});
