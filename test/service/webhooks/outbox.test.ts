import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { JobRecord } from '../../../src/contract/job.ts';
import type { WebhookRecord } from '../../../src/contract/webhook.ts';
import { AppError } from '../../../src/errors.ts';
import { acceptedJob } from '../../../src/service/accepted-job.ts';
import { JobLabels } from '../../../src/service/job-control/job-labels.ts';
import { JobStore } from '../../../src/service/job-store.ts';
import { newJobId } from '../../../src/service/layout.ts';
import { DeliveryKeeper } from '../../../src/service/webhooks/delivery-keeper.ts';
import { DeliveryStore } from '../../../src/service/webhooks/delivery-store.ts';
import { Outbox } from '../../../src/service/webhooks/outbox.ts';
import { deliveryIdOf, newWebhookId } from '../../../src/service/webhooks/webhook-ids.ts';
import { WebhookStore } from '../../../src/service/webhooks/webhook-store.ts';
import type { BlobStore } from '../../../src/storage/blob-store.ts';
import { DiskStore } from '../../../src/storage/disk-store.ts';
import { MemoryDeliveryQueue } from '../../http/memory-delivery-queue.ts';

interface Parts {
  readonly blobs: BlobStore;
  readonly queue: MemoryDeliveryQueue;
  readonly outbox: Outbox;
  readonly jobs: JobStore;
  readonly deliveries: DeliveryStore;
}

async function withOutbox(work: (parts: Parts) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'ls-outbox-'));
  const blobs = await DiskStore.open(folder);
  try {
    const queue = new MemoryDeliveryQueue();
    const outbox = new Outbox(blobs, 'default', queue);
    await work({ blobs, queue, outbox, jobs: new JobStore(blobs), deliveries: new DeliveryStore(blobs) });
  } finally {
    await blobs.close();
    await rm(folder, { recursive: true });
  }
}

async function webhook(blobs: BlobStore, change: Partial<WebhookRecord> = {}): Promise<string> {
  const id = newWebhookId(Date.now());
  await new WebhookStore(blobs).put({
    id,
    url: 'https://hooks.example.com/',
    events: ['job.succeeded', 'job.failed', 'job.cancelled', 'batch.finished'],
    labels: {},
    description: '',
    enabled: true,
    created_at: new Date().toISOString(),
    ...change,
  });
  return id;
}

async function ended(jobs: JobStore, change: Partial<JobRecord> = {}): Promise<JobRecord> {
  const job = acceptedJob(newJobId(Date.now()), { kind: 'analyze', adapter_id: 'ad_1' });
  await jobs.accept(job);
  const final = { ...job, state: 'succeeded' as const, finished_at: new Date().toISOString(), ...change };
  await jobs.finish(final);
  return final;
}

/** A store that fails at the n-th write, as if the process died there. */
function dyingAt(blobs: BlobStore, write: number): BlobStore {
  let writes = 0;
  const dies = (): void => {
    if (++writes >= write) throw new AppError('STORAGE_FAILED', 'dead');
  };
  return Object.assign(Object.create(blobs) as BlobStore, {
    put: (key: string, bytes: Uint8Array) =>
      Promise.resolve()
        .then(dies)
        .then(() => blobs.put(key, bytes)),
    create: (key: string, bytes: Uint8Array) =>
      Promise.resolve()
        .then(dies)
        .then(() => blobs.create(key, bytes)),
    remove: (key: string) =>
      Promise.resolve()
        .then(dies)
        .then(() => blobs.remove(key)),
  });
}

describe('announcing a job', () => {
  it('keeps its mark until its deliveries are durable, wherever the process dies', () =>
    withOutbox(async ({ blobs, queue, outbox, jobs, deliveries }) => {
      const ids = [await webhook(blobs), await webhook(blobs)];
      let deaths = 0;
      for (let write = 1; ; write++) {
        const job = await ended(jobs);
        queue.held.clear();
        const dying = new Outbox(dyingAt(blobs, write), 'default', queue);
        const isDead = await dying.announce(job).then(
          () => false,
          () => true,
        );
        if (!isDead) {
          assert.deepEqual(await jobs.pending(), []);
          break;
        }
        deaths++;
        assert.deepEqual(await jobs.pending(), [job.id], `after write ${write}`);
        await outbox.announce(job);
        assert.deepEqual(await jobs.pending(), []);
        const at = Date.parse(job.finished_at!);
        for (const id of ids) {
          const deliveryId = deliveryIdOf(id, 'job.succeeded', job.id, at);
          assert.equal((await deliveries.get(id, deliveryId))?.record.subject, job.id);
          assert.ok(queue.held.has(deliveryId));
          assert.ok((await deliveries.pending()).some((pending) => pending.deliveryId === deliveryId));
        }
      }
      assert.equal(deaths, 5, 'a record and a mark for each webhook, and the mark of the job');
    }));

  it('again, or by several at once, changes nothing', () =>
    withOutbox(async ({ blobs, queue, outbox, jobs, deliveries }) => {
      const id = await webhook(blobs);
      const job = await ended(jobs);
      await Promise.all(Array.from({ length: 8 }, () => outbox.announce(job)));
      assert.equal((await deliveries.ids(id)).length, 1);
      // What was sent meanwhile is not sent again; who came later was not told, and is not now.
      const { deliveryId } = (await deliveries.pending())[0]!;
      const stored = (await deliveries.get(id, deliveryId))!;
      await deliveries.put({ ...stored, record: { ...stored.record, status: 'delivered' } });
      queue.held.clear();
      const later = await webhook(blobs);
      await outbox.announce(job);
      assert.deepEqual([queue.held.size, await deliveries.ids(later)], [0, []]);
    }));

  it('reaches webhooks that ask for it: by event, by the labels it has now, and enabled', () =>
    withOutbox(async ({ blobs, outbox, jobs, deliveries }) => {
      const labels = { team: 'a', env: 'prod' };
      const yes = [
        await webhook(blobs),
        await webhook(blobs, { labels: { team: 'a' }, events: ['job.failed'] }),
        await webhook(blobs, { labels }),
      ];
      const no = [
        await webhook(blobs, { enabled: false }),
        await webhook(blobs, { events: ['job.succeeded', 'batch.finished'] }),
        await webhook(blobs, { labels: { team: 'b' } }),
        await webhook(blobs, { labels: { ...labels, more: '' } }),
        await webhook(blobs, { labels: { toString: 'x' } }),
      ];
      const job = await ended(jobs, { state: 'failed', labels: { team: 'b' } });
      await new JobLabels(blobs).put(job.id, labels);
      await outbox.announce(job);
      for (const id of yes) assert.equal((await deliveries.ids(id)).length, 1, id);
      for (const id of no) assert.deepEqual(await deliveries.ids(id), [], id);
      const [deliveryId] = await deliveries.ids(yes[0]!);
      const { payload } = (await deliveries.get(yes[0]!, deliveryId!))!;
      assert.deepEqual(JSON.parse(payload).data.job.labels, labels);
    }));

  it('is for jobs that are final', () =>
    withOutbox(async ({ outbox, jobs }) => {
      const job = acceptedJob(newJobId(Date.now()), { kind: 'analyze', adapter_id: 'ad_1' });
      await jobs.accept(job);
      await assert.rejects(outbox.announce(job), TypeError);
      assert.deepEqual(await jobs.pending(), [job.id]);
    }));
});

describe('looking after deliveries', () => {
  it('queues what is pending and not in the queue, at its time, and clears stale marks', () =>
    withOutbox(async ({ blobs, queue, outbox, jobs, deliveries }) => {
      const id = await webhook(blobs);
      for (let i = 0; i < 3; i++) await outbox.announce(await ended(jobs));
      const [lost, stale, held] = (await deliveries.ids(id)) as [string, string, string];
      const waiting = (await deliveries.get(id, lost))!;
      const at = new Date(Date.now() + 3_600_000).toISOString();
      await deliveries.put({ ...waiting, record: { ...waiting.record, next_attempt_at: at } });
      const sent = (await deliveries.get(id, stale))!;
      await deliveries.put({ ...sent, record: { ...sent.record, status: 'delivered' } });
      await blobs.put(`pending-deliveries/${id}/${stale}`, new Uint8Array());
      for (const gone of [lost, stale]) queue.held.delete(gone);

      const keeper = new DeliveryKeeper(blobs, 'default', queue);
      assert.deepEqual(await keeper.reconcile(), [lost]);
      assert.equal(queue.held.get(lost)?.atMs, Date.parse(at));
      assert.deepEqual(
        new Set((await deliveries.pending()).map((mark) => mark.deliveryId)),
        new Set([lost, held]),
      );
      assert.deepEqual(await keeper.reconcile(), []);
      queue.down = true;
      await assert.rejects(keeper.reconcile(), /cannot be reached/);
    }));
});
