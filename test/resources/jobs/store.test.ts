import assert from 'node:assert/strict';
import { beforeEach, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { succeededResults } from '../../../src/charts/succeeded-targets.ts';
import type { JobRecord } from '../../../src/contract/job.ts';
import type { RecordedJobRequest } from '../../../src/contract/job-request.ts';
import { newAdapterId, newBatchId, newJobId } from '../../../src/database/ids.ts';
import { AdapterStore } from '../../../src/resources/adapters/store.ts';
import { acceptedJob } from '../../../src/resources/jobs/accepted-job.ts';
import type { JobStore } from '../../../src/resources/jobs/store.ts';
import { TenantService } from '../../../src/resources/tenants/service.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { pauseDatabase } from '../../database/paused-database.ts';
import { insertSampleAdapter, SAMPLE_ADAPTER } from '../adapters/sample-adapter.ts';
import { jobsOf } from '../tenants/stored-by.ts';
import { FakeWorker, fakeWorkOutcome, SAMPLE_OUTCOME } from './fake-worker.ts';
import { jobFile, jobIds, jobsIn, unfinished, withoutReuse } from './job-rows.ts';

const ANALYSIS = { kind: 'analyze', adapter_id: SAMPLE_ADAPTER } as const;

const newJob = (change: Partial<JobRecord> = {}, work: RecordedJobRequest = ANALYSIS): JobRecord => ({
  ...acceptedJob(newJobId(Date.now()), work),
  ...change,
});

onEachDialect('the store of jobs', (database) => {
  const jobs = () => jobsIn(database());
  const worker = () => new FakeWorker({ database: database() });
  beforeEach(async () => {
    await insertSampleAdapter(database());
  });

  async function accepted(...of: Parameters<typeof newJob>): Promise<JobRecord> {
    const job = newJob(...of);
    await jobs().accept(withoutReuse(job));
    return job;
  }

  it('returns what was stored, even characters that PostgreSQL refuses in texts', async () => {
    const labels = { a: 'x\u0000\ud800', 'b/c': 'a:b', d: '' };
    const change = { labels, batch_id: newBatchId(0), retry_of: newJobId(0), ttl_seconds: 60 };
    const job = await accepted({ ...change, priority: 'high' });
    assert.deepEqual(await jobs().get(job.id), job);
    const { finished_at, expires_at, ...ended } = await worker().succeed(job.id);
    assert.equal(Date.parse(expires_at!) - Date.parse(finished_at!), 60_000);
    assert.deepEqual(ended.labels, labels);
    assert.deepEqual(await jobs().get(job.id), { ...ended, finished_at, expires_at });
  });

  it('finds only the jobs of its tenant', async () => {
    await new TenantService(database()).put('other', {});
    const job = await accepted();
    const other = jobsIn(database(), { tenant: 'other' });
    assert.deepEqual([await other.get(job.id), await other.place(job.id)], [undefined, undefined]);
    assert.deepEqual(await other.cancelAll([job.id]), []);
    assert.equal(await other.retryDeliveries(job.id), undefined);
    assert.equal(await other.change(job.id, { labels: { a: 'b' } }), false);
    await other.remove(job.id);
    assert.deepEqual(
      [await jobsOf({ database: database(), tenant: 'other' }), await unfinished(other)],
      [0, []],
    );
    await assert.rejects(other.accept(withoutReuse(newJob())), { code: 'ADAPTER_NOT_FOUND' });
    assert.deepEqual(await jobs().get(job.id), job);
  });

  it('keeps encrypted credentials for the worker of the job, until it ends', async () => {
    const encrypted = { kind: 'url', place: 'https://a.example/b', encrypted: 'SECRET' };
    const job = await accepted({}, { kind: 'import', source: encrypted } as never);
    assert.ok(!JSON.stringify(await jobs().get(job.id)).includes('SECRET'));
    assert.ok(JSON.stringify(await worker().begin(job.id)).includes('SECRET'));
    await worker().fail(job.id);
    for (const table of ['job', 'execution'] as const) {
      const rows = await database().reader.selectFrom(table).selectAll().execute();
      assert.ok(rows.length > 0 && !JSON.stringify(rows).includes('SECRET'));
    }
  });

  it('accepts a job once, however often it is submitted', async () => {
    const many = Array.from({ length: 450 }, () => newJob({ labels: { a: 'b' } }));
    await jobs().accept(withoutReuse(...many));
    const again = await Promise.all([
      jobs().accept(withoutReuse(...many)),
      jobs().accept(withoutReuse(...many.slice(7))),
    ]);
    assert.deepEqual(again, [[], []]);
    assert.deepEqual(await jobIds(database()), many.map(({ id }) => id).sort());
    assert.equal(await jobsOf({ database: database(), tenant: 'default' }), 450);
  });

  it('accepts no job for an adapter that is missing or has expired, and stores nothing', async () => {
    const expired = await insertSampleAdapter(database(), { id: newAdapterId(1) });
    await new AdapterStore(database(), 'default').change(expired, { ttlSeconds: 0 });
    for (const [adapter_id, code] of [
      [newAdapterId(0), 'ADAPTER_NOT_FOUND'],
      [expired, 'ADAPTER_EXPIRED'],
    ] as const) {
      const refused = newJob({ labels: { a: 'b' } }, { kind: 'analyze', adapter_id });
      await assert.rejects(jobs().accept(withoutReuse(newJob(), refused)), { code });
    }
    for (const table of ['job', 'execution'] as const)
      assert.deepEqual(await database().reader.selectFrom(table).selectAll().execute(), []);
  });

  it('records the results together with the end of a job', async () => {
    const job = await accepted();
    const files = [jobFile('report', '{}'), jobFile('training', 'a'), jobFile('training', 'both')];
    const { results } = await worker().succeed(job.id, { adapters: [SAMPLE_OUTCOME], files });
    const text = async (...of: Parameters<JobStore['file']>) => {
      const file = await jobs().file(...of);
      return file && Buffer.from(file.inline!, 'base64').toString();
    };
    assert.equal(await text(job.id, 'report'), '{}');
    for (const content of ['a', 'both'])
      assert.equal(await text(job.id, 'training', jobFile('training', content).sha256), content);
    assert.equal(await text(job.id, 'optimizer'), undefined);
    assert.equal(await jobsIn(database(), { tenant: 'other' }).file(job.id, 'report'), undefined);
    const found = await new AdapterStore(database(), 'default').find(
      succeededResults({ results })[0]!.adapter_id,
    );
    const { name, job_id, parent_id } = found!.record;
    assert.deepEqual([name, job_id, parent_id], ['known-r2', job.id, SAMPLE_ADAPTER]);
  });

  it('records equal results of one job whose content is already stored', async () => {
    const weights = { name: 'adapter_model.safetensors', sha256: 'same', bytes: 50_000 };
    for (const targets of [1, 2]) {
      const job = await accepted();
      const { writeId } = await worker().begin(job.id);
      const files = [{ ...weights, writtenAs: `${writeId}-0` }];
      const description = { ...SAMPLE_OUTCOME.description, files: [weights] };
      const adapters = Array.from({ length: targets }, () => ({ description, files }));
      const { state, results } = await worker().succeed(job.id, {
        results: adapters.map(() => ({})),
        adapters,
      });
      assert.deepEqual([state, results.length], ['succeeded', targets]);
    }
    const stored = database().reader.selectFrom('content').select('state').where('sha256', '=', 'same');
    const states = (await stored.execute()).map(({ state }) => state);
    assert.deepEqual(states.sort(), ['deleting', 'stored']);
  });

  it('removes a deleted job with all its rows, and releases its files', async () => {
    const job = await accepted({ labels: { a: 'b' } });
    const files = [jobFile('report', '{}'), jobFile('training', '{}')];
    await worker().succeed(job.id, { files });
    const rows = () =>
      Promise.all(
        (['job', 'job_label', 'job_source', 'job_file', 'execution'] as const).map(
          async (table) => (await database().reader.selectFrom(table).selectAll().execute()).length,
        ),
      );
    const released = async () => {
      const query = database().reader.selectFrom('content').select('released_at');
      return (await query.where('sha256', '=', files[0]!.sha256).executeTakeFirst())?.released_at;
    };
    assert.deepEqual(await rows(), [1, 1, 1, 2, 1]);
    assert.equal(await released(), null);
    await jobs().remove(job.id);
    assert.deepEqual(await rows(), [0, 0, 0, 0, 0]);
    assert.ok(Math.abs((await released())! - Date.now()) < 60_000);
  });

  it('deletes a job while its end is recorded without leaving content that no sweep finds', async () => {
    const job = await accepted();
    const file = jobFile('report', '{}');
    const { database: slow, reached, release } = pauseDatabase(database());
    const played = new FakeWorker({ database: slow });
    const task = await worker().begin(job.id);
    const totals = { modules: 0, bytesRead: 0, bytesWritten: 0 };
    const ending = played.executions.finish(task, fakeWorkOutcome({ files: [file] }), totals);
    await reached;
    const removing = jobs().remove(job.id);
    // It continues as far as it can.
    await sleep(200);
    release();
    await Promise.all([ending, removing]);
    assert.equal(await jobs().get(job.id), undefined);
    const content = database().reader.selectFrom('content').select('released_at');
    const [left] = await content.where('sha256', '=', file.sha256).execute();
    assert.notEqual(left!.released_at, null);
  });
});
