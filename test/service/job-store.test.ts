import assert from 'node:assert/strict';
import { beforeEach, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobRecord } from '../../src/contract/job.ts';
import type { RecordedJobRequest } from '../../src/contract/job-request.ts';
import { acceptedJob } from '../../src/service/accepted-job.ts';
import { AdapterStore } from '../../src/service/adapter-store.ts';
import type { JobStore } from '../../src/service/job-store.ts';
import { newAdapterId, newBatchId, newJobId } from '../../src/service/layout.ts';
import { TenantService } from '../../src/service/tenants/tenant-service.ts';
import { onEachDialect } from '../database/dialects.ts';
import { held } from '../database/held.ts';
import { endOf, jobFile, jobIds, jobsIn, unfinished } from './job-rows.ts';
import { insertKnownAdapter, KNOWN_ADAPTER, KNOWN_FACTS, KNOWN_FILES } from './known-adapter.ts';
import { jobsOf } from './usage/stored-by.ts';

const ANALYSIS = { kind: 'analyze', adapter_id: KNOWN_ADAPTER } as const;

const newJob = (change: Partial<JobRecord> = {}, work: RecordedJobRequest = ANALYSIS): JobRecord => ({
  ...acceptedJob(newJobId(Date.now()), work),
  ...change,
});

onEachDialect('the store of jobs', (database) => {
  const jobs = () => jobsIn(database());
  beforeEach(async () => {
    await insertKnownAdapter(database());
  });

  async function accepted(...of: Parameters<typeof newJob>): Promise<JobRecord> {
    const job = newJob(...of);
    await jobs().accept([job]);
    return job;
  }

  it('gives back what it was given, also what PostgreSQL takes in no text', async () => {
    const labels = { a: 'x\u0000\ud800', 'b/c': 'a:b', d: '' };
    const change = { labels, batch_id: newBatchId(0), retry_of: newJobId(0), ttl_seconds: 60 };
    const job = await accepted({ ...change, priority: 'high' });
    assert.deepEqual(await jobs().get(job.id), job);
    const end = endOf(job, { attempts: 2, started_at: new Date(0).toISOString() });
    const expires_at = new Date(Date.parse(end.finished_at!) + 60_000).toISOString();
    assert.deepEqual(await jobs().finish(end), { ...end, expires_at });
    assert.deepEqual(await jobs().get(job.id), { ...end, expires_at });
  });

  it('knows the jobs of its tenant only', async () => {
    await new TenantService(database()).put('other', {});
    const job = await accepted();
    const other = jobsIn(database(), { tenant: 'other' });
    assert.deepEqual([await other.get(job.id), await other.task(job.id)], [undefined, undefined]);
    assert.equal(await other.finish(endOf(job)), undefined);
    assert.equal(await other.label(job.id, { a: 'b' }), false);
    await other.remove(job.id);
    assert.deepEqual(
      [await jobsOf({ database: database(), tenant: 'other' }), await unfinished(other)],
      [0, []],
    );
    await assert.rejects(other.accept([newJob()]), { code: 'ADAPTER_NOT_FOUND' });
    assert.deepEqual(await jobs().get(job.id), job);
  });

  it('keeps what is sealed for who does the job, until it ends', async () => {
    const sealed = { type: 'hub', repository: 'a/b', has_token: true, sealed: 'SECRET' };
    const job = await accepted({}, { kind: 'import', source: sealed } as never);
    assert.ok(!JSON.stringify(await jobs().get(job.id)).includes('SECRET'));
    assert.ok(JSON.stringify(await jobs().task(job.id)).includes('SECRET'));
    const { request } = (await jobs().get(job.id))!;
    await jobs().finish(endOf({ ...job, request }));
    assert.equal(await jobs().task(job.id), undefined);
    const rows = await database().reader.selectFrom('job').selectAll().execute();
    assert.ok(!JSON.stringify(rows).includes('SECRET'));
  });

  it('has one end of a job, and none of one that was deleted meanwhile', async () => {
    const job = await accepted();
    const ends = await Promise.all(Array.from({ length: 10 }, () => jobs().finish(endOf(job))));
    assert.equal(ends.filter(Boolean).length, 1);
    const gone = await accepted();
    await jobs().remove(gone.id);
    assert.equal(await jobs().finish(endOf(gone)), undefined);
    assert.equal(await jobs().get(gone.id), undefined);
    await assert.rejects(jobs().finish(job), TypeError);
  });

  it('accepts a job once, however often', async () => {
    const many = Array.from({ length: 450 }, () => newJob({ labels: { a: 'b' } }));
    await jobs().accept(many);
    await Promise.all([jobs().accept(many, { offered: true }), jobs().accept(many.slice(7))]);
    assert.deepEqual(await jobIds(database()), many.map(({ id }) => id).sort());
  });

  it('has one job stand for equal requests, until it fails or makes room', async () => {
    const taken = await Promise.all(Array.from({ length: 20 }, () => jobs().acceptSharing(newJob())));
    assert.equal(taken.filter(Boolean).length, 1);
    const [id] = await jobIds(database());
    assert.equal((await jobs().sharing(ANALYSIS))?.id, id);
    assert.equal(await jobs().sharing({ ...ANALYSIS, adapter_id: 'ad_2' }), undefined);
    await jobs().finish(endOf((await jobs().get(id!))!));
    assert.equal((await jobs().sharing(ANALYSIS))?.state, 'succeeded');
    await jobs().unshare(id!);
    assert.equal(await jobs().sharing(ANALYSIS), undefined);
    const next = newJob();
    assert.equal(await jobs().acceptSharing(next), true);
    await jobs().finish(endOf(next, { state: 'failed' }));
    assert.equal(await jobs().sharing(ANALYSIS), undefined);
    // Of several that are offered at once one is found.
    const offered = [newJob(), newJob(), newJob()];
    await jobs().accept(offered, { offered: true });
    const found = await jobs().sharing(ANALYSIS);
    assert.ok(offered.some(({ id: one }) => one === found?.id));
    assert.equal((await jobIds(database())).length, 5);
  });

  it('accepts no job of an adapter that is not there, or whose time is over, and nothing with it', async () => {
    const expired = await insertKnownAdapter(database(), { id: newAdapterId(1) });
    await new AdapterStore(database(), 'default').change(expired, { ttlSeconds: 0 });
    for (const [adapter_id, code] of [
      [newAdapterId(0), 'ADAPTER_NOT_FOUND'],
      [expired, 'ADAPTER_EXPIRED'],
    ] as const) {
      const refused = newJob({ labels: { a: 'b' } }, { kind: 'analyze', adapter_id });
      await assert.rejects(jobs().accept([newJob(), refused]), { code });
      await assert.rejects(jobs().acceptSharing(refused), { code });
    }
    assert.deepEqual(await jobIds(database()), []);
  });

  it('records with the end of a job what it made, or nothing of it', async () => {
    const adapter = {
      ...{ id: newAdapterId(Date.now()), described: KNOWN_FACTS, files: KNOWN_FILES, name: 'result' },
      ...{ labels: {}, ttlSeconds: 60, parentId: KNOWN_ADAPTER },
    };
    const job = await accepted();
    const made = (text: string) => ({
      writeId: null,
      adapters: [{ ...adapter, jobId: job.id }],
      files: [jobFile('report', `{"of":"${text}"}`), jobFile('training', text), jobFile('training', 'both')],
    });
    const texts = ['1', '2', '3', '4'];
    const ends = await Promise.all(texts.map((text) => jobs().finish(endOf(job), made(text))));
    assert.equal(ends.filter(Boolean).length, 1, 'and none fails for the adapter that has the same id');
    const winner = texts[ends.findIndex(Boolean)]!;
    const text = async (...of: Parameters<JobStore['file']>) => {
      const file = await jobs().file(...of);
      return file && Buffer.from(file.inline!, 'base64').toString();
    };
    assert.equal(await text(job.id, 'report'), `{"of":"${winner}"}`);
    for (const content of [winner, 'both'])
      assert.equal(await text(job.id, 'training', jobFile('training', content).sha256), content);
    assert.equal(await text(job.id, 'optimizer'), undefined);
    assert.equal(await jobsIn(database(), { tenant: 'other' }).file(job.id, 'report'), undefined);
    const found = await new AdapterStore(database(), 'default').find(adapter.id);
    assert.deepEqual([found?.record.name, found?.record.job_id], ['result', job.id]);
    assert.equal((await database().reader.selectFrom('job_file').select('role').execute()).length, 3);
    const lost = await accepted();
    const gone = { ...made('5'), files: [], writeId: 'removed meanwhile' };
    await assert.rejects(jobs().finish(endOf(lost), gone), { code: 'STORAGE_FAILED' });
    assert.equal((await jobs().get(lost.id))?.state, 'queued', 'and it may be done again');
  });

  it('forgets a deleted job with all that it was found by, and releases its files', async () => {
    const job = await accepted({ labels: { a: 'b' } });
    const files = [jobFile('report', '{}'), jobFile('training', '{}')];
    await jobs().finish(endOf(job), { writeId: null, adapters: [], files });
    const rows = () =>
      Promise.all(
        (['job', 'job_label', 'job_source', 'job_file'] as const).map(
          async (table) => (await database().reader.selectFrom(table).selectAll().execute()).length,
        ),
      );
    const released = async () => {
      const query = database().reader.selectFrom('content').select('released_at');
      return (await query.where('sha256', '=', files[0]!.sha256).executeTakeFirst())?.released_at;
    };
    assert.deepEqual(await rows(), [1, 1, 1, 2]);
    assert.equal(await released(), null);
    await jobs().remove(job.id);
    assert.deepEqual(await rows(), [0, 0, 0, 0]);
    assert.ok(Math.abs((await released())! - Date.now()) < 60_000);
  });

  it('is deleted while its end is recorded: no content is left that no sweep finds', async () => {
    const job = await accepted();
    const file = jobFile('report', '{}');
    const { database: slow, reached, release } = held(database());
    const ending = jobsIn(slow).finish(endOf(job), { writeId: null, adapters: [], files: [file] });
    await reached;
    const removing = jobs().remove(job.id);
    // It comes as far as it can.
    await sleep(200);
    release();
    await Promise.all([ending, removing]);
    assert.equal(await jobs().get(job.id), undefined);
    const content = database().reader.selectFrom('content').select('released_at');
    const [left] = await content.where('sha256', '=', file.sha256).execute();
    assert.notEqual(left!.released_at, null);
  });
});
