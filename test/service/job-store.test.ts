import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { JobRecord } from '../../src/contract/job.ts';
import type { RecordedJobRequest } from '../../src/contract/job-request.ts';
import { acceptedJob } from '../../src/service/accepted-job.ts';
import { newBatchId, newJobId } from '../../src/service/layout.ts';
import { TenantService } from '../../src/service/tenants/tenant-service.ts';
import { onEachDialect } from '../database/dialects.ts';
import { endOf, jobIds, jobsIn, unfinished } from './job-rows.ts';

const ANALYSIS = { kind: 'analyze', adapter_id: 'ad_1' } as const;

const newJob = (change: Partial<JobRecord> = {}, work: RecordedJobRequest = ANALYSIS): JobRecord => ({
  ...acceptedJob(newJobId(Date.now()), work),
  ...change,
});

onEachDialect('the store of jobs', (database) => {
  const jobs = () => jobsIn(database());
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
      [await other.count(), await unfinished(other), await other.reading('ad_1')],
      [0, [], undefined],
    );
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

  it('says which unfinished job reads an adapter', async () => {
    const sources = [{ adapter_id: 'ad_2' }, { adapter_id: 'ad_3' }, { adapter_id: 'ad_2' }];
    const job = await accepted({}, { kind: 'merge', sources, targets: [{ rank: 1 }] });
    assert.equal(await jobs().reading('ad_3'), job.id);
    assert.equal(await jobs().reading('ad_1'), undefined);
    await jobs().finish(endOf(job));
    assert.equal(await jobs().reading('ad_3'), undefined);
  });

  it('forgets a deleted job with all that it was found by', async () => {
    const training = { files: [{ name: 'x', sha256: 'f'.repeat(64), bytes: 1 }] };
    const job = await accepted({ labels: { a: 'b' } });
    await jobs().finish(endOf(job, { results: [{ training } as never] }));
    const rows = () =>
      Promise.all(
        (['job', 'job_label', 'job_source', 'job_file'] as const).map(
          async (table) => (await database().reader.selectFrom(table).selectAll().execute()).length,
        ),
      );
    assert.deepEqual(await rows(), [1, 1, 1, 1]);
    await jobs().remove(job.id);
    assert.deepEqual(await rows(), [0, 0, 0, 0]);
  });
});
