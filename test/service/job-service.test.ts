import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { JobRequest } from '../../src/contract/job-request.ts';
import { AppError, type ErrorCode } from '../../src/errors.ts';
import { AdapterService } from '../../src/service/adapter-service.ts';
import { JobKeeper } from '../../src/service/job-keeper.ts';
import type { JobQueue, QueuedState } from '../../src/service/job-queue.ts';
import { JobService } from '../../src/service/job-service.ts';
import type { JobStore } from '../../src/service/job-store.ts';
import { newJobId } from '../../src/service/layout.ts';
import { DEFAULT_TENANT } from '../../src/service/tenants/tenant-id.ts';
import { DiskStore } from '../../src/storage/disk-store.ts';
import { sqliteIn } from '../database/dialects.ts';
import { endOf, jobIds, jobsIn, madeReport, unfinished } from './job-rows.ts';
import { insertKnownAdapter, KNOWN_ADAPTER } from './known-adapter.ts';

const REQUEST: JobRequest = { kind: 'squeeze', adapter_id: KNOWN_ADAPTER, targets: [{ rank: 2 }] };

/** The port in memory; the real queue is tested under test/queue. */
class MemoryQueue implements JobQueue {
  readonly held = new Map<string, QueuedState>();
  isDown = false;
  onAdd: (jobId: string) => Promise<void> = async () => undefined;
  asked = 0;

  async add(jobId: string): Promise<void> {
    this.answer();
    await this.onAdd(jobId);
    this.held.set(jobId, { state: 'queued', progress: null, startedAt: null, attempts: 0 });
  }
  async remove(jobId: string): Promise<boolean> {
    this.answer();
    return this.held.delete(jobId);
  }
  async cancel(): Promise<void> {
    this.answer();
  }
  async addAll(jobs: readonly { readonly id: string }[]): Promise<void> {
    for (const { id } of jobs) await this.add(id);
  }
  async activeJobs(): Promise<ReadonlySet<string>> {
    return new Set();
  }
  async state(jobId: string): Promise<QueuedState | undefined> {
    this.answer();
    return this.held.get(jobId);
  }
  async missing(jobIds: readonly string[]): Promise<string[]> {
    this.answer();
    return jobIds.filter((id) => !this.held.has(id));
  }
  async waitUntilFinished(): Promise<void> {
    this.answer();
  }
  watch(): () => void {
    return () => undefined;
  }
  async counts(): Promise<Record<string, number>> {
    return {};
  }
  async check(): Promise<readonly []> {
    return [];
  }

  private answer(): void {
    this.asked++;
    if (this.isDown) throw new AppError('QUEUE_UNAVAILABLE', 'down');
  }
}

async function withService(
  work: (parts: {
    service: JobService;
    queue: MemoryQueue;
    jobs: JobStore;
    blobs: DiskStore;
    keeper: JobKeeper;
    ids: () => Promise<string[]>;
  }) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'ls-jobs-'));
  const blobs = await DiskStore.open(join(folder, 'storage'));
  const database = await sqliteIn(folder);
  try {
    const queue = new MemoryQueue();
    await insertKnownAdapter(database);
    const adapters = new AdapterService(database, blobs, DEFAULT_TENANT);
    const jobs = jobsIn(database);
    const parts = { blobs, jobStore: jobs, adapters, queue, tenant: DEFAULT_TENANT };
    const service = new JobService(parts);
    const keeper = new JobKeeper(database, queue);
    await work({ service, queue, jobs, blobs, keeper, ids: () => jobIds(database) });
  } finally {
    await database.close();
    await blobs.close();
    await rm(folder, { recursive: true });
  }
}

const failsWith = (code: ErrorCode) => (error: unknown) => error instanceof AppError && error.code === code;

describe('submit', () => {
  it('has the job durable before it is queued', () =>
    withService(async ({ service, queue, jobs }) => {
      queue.onAdd = async (jobId) => {
        assert.equal((await jobs.get(jobId))?.state, 'queued');
        assert.deepEqual(await unfinished(jobs), [jobId]);
      };
      const record = await service.submit(REQUEST);
      assert.deepEqual(record.request, REQUEST);
      assert.deepEqual(await service.get(record.id), record);
      assert.ok(queue.held.has(record.id));
    }));

  it('refuses an adapter that is not there, and keeps nothing', () =>
    withService(async ({ service, ids }) => {
      const call = service.submit({ ...REQUEST, adapter_id: 'ad_2' });
      await assert.rejects(call, failsWith('ADAPTER_NOT_FOUND'));
      assert.deepEqual(await ids(), []);
    }));

  it('asks for every adapter of a merge, and takes one that comes twice', () =>
    withService(async ({ service, ids }) => {
      const merge = (...ids: string[]): JobRequest => ({
        kind: 'merge',
        sources: ids.map((adapter_id) => ({ adapter_id })),
        targets: [{ rank: 2 }],
      });
      await assert.rejects(service.submit(merge(KNOWN_ADAPTER, 'ad_2')), failsWith('ADAPTER_NOT_FOUND'));
      assert.deepEqual(await ids(), []);
      const record = await service.submit(merge(KNOWN_ADAPTER, KNOWN_ADAPTER));
      assert.deepEqual([record.kind, record.request], ['merge', merge(KNOWN_ADAPTER, KNOWN_ADAPTER)]);
    }));

  it('takes an analysis', () =>
    withService(async ({ service }) => {
      const record = await service.submit({ kind: 'analyze', adapter_id: KNOWN_ADAPTER });
      assert.deepEqual([record.kind, record.state], ['analyze', 'queued']);
      const missing = service.submit({ kind: 'analyze', adapter_id: 'ad_2' });
      await assert.rejects(missing, failsWith('ADAPTER_NOT_FOUND'));
    }));

  it('keeps nothing when the queue does not take the job', () =>
    withService(async ({ service, queue, ids }) => {
      queue.isDown = true;
      await assert.rejects(service.submit(REQUEST), failsWith('QUEUE_UNAVAILABLE'));
      assert.deepEqual(await ids(), []);
    }));
});

describe('get', () => {
  it('tells what the queue knows of a job that runs, and the record of one that ended', () =>
    withService(async ({ service, queue, jobs }) => {
      const { id } = await service.submit(REQUEST);
      const progress = { phase: 'gram', done: 3, total: 9, module: 'q' } as const;
      const startedAt = new Date('2026-01-01T00:00:00Z');
      queue.held.set(id, { state: 'active', progress, startedAt, attempts: 2 });
      const active = await service.get(id);
      assert.deepEqual(
        [active.state, active.progress, active.started_at, active.attempts],
        ['active', progress, startedAt.toISOString(), 2],
      );
      const done = endOf(active);
      assert.deepEqual(await jobs.finish(done), done);
      queue.isDown = true;
      assert.deepEqual(await service.get(id), done);
    }));

  it('says when a job cannot be followed, and when there is none', () =>
    withService(async ({ service, queue }) => {
      const { id } = await service.submit(REQUEST);
      queue.isDown = true;
      await assert.rejects(service.get(id), failsWith('QUEUE_UNAVAILABLE'));
      assert.equal((await service.wait(id, 10)).id, id);
      for (const none of [newJobId(0), '../../etc/passwd', '', 'job_1']) {
        await assert.rejects(service.get(none), failsWith('JOB_NOT_FOUND'));
        await assert.rejects(service.wait(none, 10), failsWith('JOB_NOT_FOUND'));
        await assert.rejects(service.report(none), failsWith('JOB_NOT_FOUND'));
      }
    }));
});

describe('the outcome of a job', () => {
  it('is the first one: a late attempt changes nothing', () =>
    withService(async ({ service, jobs }) => {
      const record = await service.submit(REQUEST);
      assert.ok(await jobs.finish(endOf(record)));
      assert.equal(await jobs.finish(endOf(record, { state: 'failed' })), undefined);
      assert.equal((await service.get(record.id)).state, 'succeeded');
      await assert.rejects(jobs.finish(record), TypeError);
    }));
});

describe('report', () => {
  it('is there after success only', () =>
    withService(async ({ service, jobs }) => {
      const record = await service.submit(REQUEST);
      await assert.rejects(service.report(record.id), /has not finished yet/);
      await jobs.finish({ ...record, state: 'failed' });
      await assert.rejects(service.report(record.id), failsWith('REPORT_NOT_READY'));
      const other = await service.submit(REQUEST);
      const report = { job_id: other.id, notes: ['x'] } as never;
      await jobs.finish({ ...other, state: 'succeeded' }, madeReport(report));
      assert.deepEqual(await service.report(other.id), report);
    }));
});

describe('reconcile', () => {
  it('queues again what the queue does not hold, and asks nothing about finished jobs', () =>
    withService(async ({ service, keeper, queue, jobs }) => {
      for (let i = 0; i < 50; i++)
        await jobs.finish(endOf(await service.submit(REQUEST), { state: 'failed' }));
      const held = await service.submit({ ...REQUEST, reuse: false });
      const lost = await service.submit({ ...REQUEST, reuse: false });
      queue.held.clear();
      await queue.add(held.id);
      queue.asked = 0;
      assert.deepEqual(await keeper.reconcile(), [lost.id]);
      assert.ok(queue.asked <= 2, `${queue.asked} questions`);
      assert.ok(queue.held.has(lost.id));
      assert.deepEqual(await keeper.reconcile(), []);
    }));

  it('leaves alone what ended while the queue was asked', () =>
    withService(async ({ service, keeper, queue, jobs }) => {
      const record = await service.submit(REQUEST);
      queue.held.clear();
      const { missing } = queue;
      queue.missing = async (ids) => {
        await jobs.finish(endOf(record));
        return missing.call(queue, ids);
      };
      assert.deepEqual(await keeper.reconcile(), []);
    }));
});
