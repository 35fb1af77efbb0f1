import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CheckpointJobRequest } from '../../../src/contract/job-request.ts';
import { newAdapterId, newRunId } from '../../../src/database/ids.ts';
import { sql } from '../../../src/database/sql.ts';
import type { RunManifest } from '../../../src/resources/runs/run-manifest.ts';
import type { Workspace } from '../../../src/resources/workspaces.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { pauseDatabase } from '../../database/paused-database.ts';
import { tinyAdapter } from '../../http/tiny-adapter.ts';
import { SAMPLE_FACTS, SAMPLE_FILES } from '../adapters/sample-adapter.ts';
import { jobFile, jobsIn, reportFile, withoutReuse } from '../jobs/job-rows.ts';
import { entry, MODULES, runManifest } from '../runs/run-entries.ts';
import { storedBytesOf } from '../tenants/stored-by.ts';
import {
  assertReadable,
  digestOf,
  HOUR_MS,
  largeAdapter,
  type StorageBench,
  withBench,
} from './storage-bench.ts';

const inAnHour = () => Date.now() + HOUR_MS;
const inTwoHours = () => Date.now() + 2.1 * HOUR_MS;

async function newRun({ runStore }: Workspace): Promise<RunManifest> {
  const run = { ...runManifest(), id: newRunId(Date.now()) };
  await runStore.create(run);
  return run;
}

const squeezeOf = (run_id: string, adapter_id: string): CheckpointJobRequest => ({
  ...{ kind: 'checkpoint', run_id, step: 1, adapter_id, targets: [{ rank: 1 }], optimizer: null },
});

onEachDialect('the sweeper', (database, folder) => {
  const onBench = (work: (bench: StorageBench) => Promise<void>) => withBench(database(), folder(), work);
  const isThere = async (bench: StorageBench, text: string) =>
    (await bench.contents()).some(({ sha256, state }) => sha256 === digestOf(text) && state === 'stored');

  it('removes nothing that is needed', () =>
    onBench(async (bench) => {
      await bench.register(tinyAdapter(1));
      await bench.register(largeAdapter(2), { keeping: { ttlSeconds: 3 * 3600 } });
      await bench.job({ ttl_seconds: 3 * 3600 }, { made: { results: [], files: [reportFile({})] } });
      await bench.job({}, { isFinal: false });
      const { swept, totals } = await bench.sweeper().sweep(inTwoHours());
      assert.deepEqual(swept.all, []);
      assert.equal(totals.adapters, 2);
      await bench.assertWhole();
      await bench.assertTidy();
    }));

  it('removes everything else if it cannot remove something, and then fails', () =>
    onBench(async (bench) => {
      for (const tenant of ['a', 'b']) {
        await bench.other(tenant);
        await bench.workspaces.tenants.delete(tenant);
      }
      await database().write(async (writer) => {
        await sql`create table referring (tenant text references tenant (id))`.execute(writer);
        await sql`insert into referring values ('a')`.execute(writer);
      });
      await bench.register(tinyAdapter(), { keeping: { ttlSeconds: 60 } });
      await assert.rejects(bench.sweeper().sweep(inAnHour()));
      const left = await database().reader.selectFrom('tenant').select('id').orderBy('id').execute();
      assert.deepEqual(
        left.map(({ id }) => id),
        ['a', 'default'],
      );
      assert.deepEqual(await database().reader.selectFrom('adapter').select('id').execute(), []);
    }));

  it('removes events as the operator configured', () =>
    onBench(async (bench) => {
      await bench.job({}, { isFinal: false });
      await bench.job({}, { isFinal: false });
      const removed = async (maxEvents: number) =>
        (await bench.sweeper({ eventRetention: { keptMs: HOUR_MS, maxEvents } }).sweep()).swept.of('event')
          .objects;
      assert.equal(await removed(2), 0);
      assert.equal(await removed(1), 1);
    }));

  it('removes expired adapters, and their content after the grace period', () =>
    onBench(async (bench) => {
      const other = await bench.other();
      const keeping = { ttlSeconds: 60, labels: { a: 'b' } };
      const record = await bench.register(largeAdapter(1), { keeping });
      const theirs = await bench.register(tinyAdapter(2), { keeping, space: other });
      const kept = await bench.register(tinyAdapter(1), { keeping: { ttlSeconds: 2 * 3600 } });
      const bytes = record.bytes + theirs.bytes;
      assert.deepEqual((await bench.sweeper().sweep()).swept.all, []);
      const { swept, totals } = await bench.sweeper().sweep(inAnHour());
      assert.deepEqual(swept.all, [{ kind: 'adapter', objects: 2, bytes }]);
      assert.deepEqual(totals, { adapters: 1, bytes: kept.bytes });
      await assert.rejects(bench.own.adapters.get(record.id), { code: 'ADAPTER_NOT_FOUND' });
      const { items } = await bench.own.adapters.page({}, { limit: 10 });
      assert.deepEqual(
        items.map(({ id }) => id),
        [kept.id],
      );
      assert.equal((await bench.objects()).length, 1, 'who reads it goes on');
      const later = await bench.sweeper().sweep(Date.now() + 1.1 * HOUR_MS);
      assert.ok(later.swept.of('blob').objects >= 2);
      assert.deepEqual(await bench.objects(), []);
      await bench.assertTidy();
      const labels = await database().reader.selectFrom('adapter_label').selectAll().execute();
      assert.deepEqual(labels, []);
    }));

  it('removes adapters however many there are', () =>
    onBench(async (bench) => {
      const other = await bench.other();
      const spaces = [bench.own, other];
      for (let i = 0; i < 130; i++)
        await bench.register(tinyAdapter(1), { space: spaces[i % 2]!, keeping: { ttlSeconds: 60 } });
      const { swept, totals } = await bench.sweeper().sweep(inAnHour());
      assert.equal(swept.of('adapter').objects, 130);
      assert.deepEqual(totals, { adapters: 0, bytes: 0 });
    }));

  it('leaves an expired adapter to the job that reads it', () =>
    onBench(async (bench) => {
      const { id } = await bench.register(tinyAdapter(1), { keeping: { ttlSeconds: 60 } });
      const request = { kind: 'analyze', adapter_id: id } as const;
      const job = await bench.job({ kind: 'analyze', request }, { isFinal: false });
      await bench.own.adapters.change(id, { ttlSeconds: 0 });
      await bench.sweeper().sweep(inAnHour());
      await assert.rejects(bench.own.adapters.get(id), { code: 'ADAPTER_EXPIRED' });
      const { input } = await bench.worker.begin(job.id);
      const sources = input.step === 'work' ? input.sources : [];
      assert.deepEqual(
        sources.map((source) => source.id),
        [id],
        'who does the job finds it',
      );
      await bench.worker.fail(job.id);
      await bench.sweeper().sweep(inAnHour());
      await assert.rejects(bench.own.adapters.get(id), { code: 'ADAPTER_NOT_FOUND' });
    }));

  it('leaves an expired adapter to a job that is accepted at the same moment', () =>
    onBench(async (bench) => {
      const { id } = await bench.register(tinyAdapter(), { keeping: { ttlSeconds: 60 } });
      const job = bench.accepted({ kind: 'analyze', request: { kind: 'analyze', adapter_id: id } });
      const { database: slow, reached, release } = pauseDatabase(database());
      const accepting = jobsIn(slow).accept(withoutReuse(job));
      await reached;
      const sweeping = bench.sweeper().sweep(inAnHour());
      // It continues as far as it can.
      await sleep(200);
      release();
      await Promise.all([accepting, sweeping]);
      assert.ok(await bench.own.adapters.find(id), 'the job was accepted, so it finds what it reads');
    }));

  it('removes expired jobs with all their records, but not their results', () =>
    onBench(async (bench) => {
      const { id } = await bench.register(tinyAdapter(1));
      const analysis = { kind: 'analyze', request: { kind: 'analyze', adapter_id: id } } as const;
      const job = await bench.job(
        { ttl_seconds: 60, ...analysis },
        { made: { files: [reportFile({ of: 'it' })] } },
      );
      await bench.own.jobControl.change(job.id, { labels: { team: 'x' } });
      const kept = await bench.job({ ttl_seconds: 7200 });
      const unfinished = await bench.job({ ttl_seconds: 60 }, { isFinal: false });
      assert.equal((await bench.sweeper().sweep()).swept.of('job').objects, 0);
      const { swept } = await bench.sweeper().sweep(inAnHour());
      assert.equal(swept.of('job').objects, 1);
      for (const table of ['job_label', 'job_source', 'job_file'] as const)
        assert.deepEqual(await database().reader.selectFrom(table).selectAll().execute(), []);
      assert.ok(await bench.own.jobStore.get(kept.id));
      assert.ok(await bench.own.jobStore.get(unfinished.id));
      await assertReadable(bench.own, id);
      await bench.sweeper().sweep(Date.now() + 1.1 * HOUR_MS);
      assert.equal(await isThere(bench, '{"of":"it"}'), false);
      await bench.assertTidy();
    }));

  it('keeps content that only a job, a run or a checkpoint refers to, of any tenant', () =>
    onBench(async (bench) => {
      const other = await bench.other();
      const files = [jobFile('report', 'a report'), jobFile('training', 'projections')];
      const job = await bench.job({}, { space: other, made: { results: [], files } });
      const run = await newRun(other);
      const moments = jobFile('optimizer', 'moments');
      const id = newAdapterId(Date.now());
      const adapter = {
        ...{ id, description: SAMPLE_FACTS, name: 'sent', labels: {}, ttlSeconds: undefined },
        ...{ parentId: null, jobId: null },
      };
      const squeeze = bench.accepted({ kind: 'checkpoint', request: squeezeOf(run.id, id) });
      const change = { run_id: run.id, source_adapter_id: id, optimizer_sha256: moments.sha256 };
      const checkpoint = entry(1, 64, { ...change, job_id: squeeze.id });
      const written = { writeId: null, files: [...SAMPLE_FILES, moments, ...MODULES.files] };
      assert.ok(await other.runStore.append(run, checkpoint, { adapter, job: squeeze }, written));
      // All of it was released once, by others.
      await database().write((writer) => writer.updateTable('content').set({ released_at: 0 }).execute());
      assert.deepEqual((await bench.sweeper().sweep()).swept.all, []);
      const texts = ['a report', 'projections', 'moments', '[]'];
      for (const text of texts) assert.ok(await isThere(bench, text), text);
      await assertReadable(other, id);
      await bench.worker.fail(squeeze.id);
      for (const one of [job, squeeze]) await other.jobControl.erase(one);
      assert.ok(await other.runStore.remove(run, 1));
      await bench.sweeper().sweep(inTwoHours());
      for (const text of texts) assert.ok(!(await isThere(bench, text)), text);
      await assertReadable(other, id);
      await bench.assertTidy();
    }));

  it('keeps content of two tenants until both have removed it', () =>
    onBench(async (bench) => {
      const other = await bench.other();
      const mine = await bench.register(largeAdapter(1));
      const theirs = await bench.register(largeAdapter(1), { space: other });
      await bench.own.adapters.remove(mine.id);
      await bench.sweeper().sweep(inTwoHours());
      await assertReadable(other, theirs.id);
      assert.equal((await bench.objects()).length, 1);
      await other.adapters.remove(theirs.id);
      await bench.sweeper().sweep(inTwoHours());
      assert.deepEqual(await bench.objects(), []);
      await bench.assertTidy();
    }));

  it('reports what is left', () =>
    onBench(async (bench) => {
      assert.deepEqual((await bench.sweeper().sweep()).totals, { adapters: 0, bytes: 0 });
      const one = await bench.register(tinyAdapter(1));
      const two = await bench.register(tinyAdapter(1), { space: await bench.other() });
      const { totals } = await bench.sweeper().sweep();
      assert.deepEqual(totals, { adapters: 2, bytes: one.bytes + two.bytes });
      assert.deepEqual({ ...(await storedBytesOf(bench.own)) }, { adapters: 1, bytes: one.bytes });
    }));
});
