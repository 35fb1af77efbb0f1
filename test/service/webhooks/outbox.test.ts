import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import type { JobRecord } from '../../../src/contract/job.ts';
import type { Database } from '../../../src/database/database.ts';
import { acceptedJob } from '../../../src/service/accepted-job.ts';
import { JobLabels } from '../../../src/service/job-control/job-labels.ts';
import { JobStore } from '../../../src/service/job-store.ts';
import { newJobId } from '../../../src/service/layout.ts';
import { TenantService } from '../../../src/service/tenants/tenant-service.ts';
import { DeliveryKeeper } from '../../../src/service/webhooks/delivery-keeper.ts';
import { Outbox } from '../../../src/service/webhooks/outbox.ts';
import { DiskStore } from '../../../src/storage/disk-store.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { MemoryDeliveryQueue } from '../../http/memory-delivery-queue.ts';
import { addDelivery, deliveryIds, newWebhook, webhooksOf } from './webhook-rows.ts';

class Died extends Error {}

async function ended(jobs: JobStore, change: Partial<JobRecord> = {}): Promise<JobRecord> {
  const job = acceptedJob(newJobId(Date.now()), { kind: 'analyze', adapter_id: 'ad_1' });
  await jobs.accept(job);
  const final = { ...job, state: 'succeeded' as const, finished_at: new Date().toISOString(), ...change };
  await jobs.finish(final);
  return final;
}

onEachDialect('announcing a job', (database, folder) => {
  async function withOutbox(
    work: (parts: {
      blobs: DiskStore;
      queue: MemoryDeliveryQueue;
      jobs: JobStore;
      outboxOf: (database: Database) => Outbox;
    }) => Promise<void>,
  ): Promise<void> {
    const blobs = await DiskStore.open(join(folder(), 'storage'));
    const queue = new MemoryDeliveryQueue();
    const outboxOf = (own: Database) => new Outbox({ blobs, database: own, tenant: 'default', queue });
    try {
      await work({ blobs, queue, jobs: new JobStore(blobs), outboxOf });
    } finally {
      await blobs.close();
    }
  }

  it('makes all its deliveries or none, and loses none, wherever the process dies', () =>
    withOutbox(async ({ queue, jobs, outboxOf }) => {
      const webhooks = [await newWebhook(database()), await newWebhook(database())];
      const counts = () =>
        Promise.all(webhooks.map(async (id) => (await deliveryIds(database(), id)).length));
      const write = database().write;
      const before: Database['write'] = (work) =>
        write(async (writer) => {
          await work(writer);
          throw new Died();
        });
      const after: Database['write'] = async (work) => {
        await write(work);
        throw new Died();
      };
      const [job, other] = [await ended(jobs), await ended(jobs)];
      await assert.rejects(outboxOf({ ...database(), write: before }).announce(job), Died);
      assert.deepEqual([await counts(), await jobs.isPending(job.id)], [[0, 0], true]);
      await outboxOf(database()).announce(job);
      assert.deepEqual([await counts(), await jobs.isPending(job.id)], [[1, 1], false]);
      assert.equal(queue.held.size, 2);

      await assert.rejects(outboxOf({ ...database(), write: after }).announce(other), Died);
      assert.deepEqual([await counts(), await jobs.isPending(other.id)], [[2, 2], true]);
      await outboxOf(database()).announce(other);
      assert.deepEqual([await counts(), await jobs.isPending(other.id)], [[2, 2], false]);
      assert.equal((await new DeliveryKeeper(database(), queue).reconcile()).length, 2);
      assert.equal(queue.held.size, 4);
    }));

  it('again, or by several at once, changes nothing', () =>
    withOutbox(async ({ queue, jobs, outboxOf }) => {
      const id = await newWebhook(database());
      await newWebhook(database());
      const job = await ended(jobs);
      await Promise.all(Array.from({ length: 8 }, () => outboxOf(database()).announce(job)));
      assert.deepEqual([(await deliveryIds(database(), id)).length, queue.held.size], [1, 2]);
      // Who came later was not told, and is not now.
      const later = await newWebhook(database());
      await outboxOf(database()).announce(job);
      assert.deepEqual([queue.held.size, await deliveryIds(database(), later)], [2, []]);
    }));

  it('goes on while a webhook is removed', () =>
    withOutbox(async ({ jobs, outboxOf }) => {
      const stays = await newWebhook(database());
      for (let i = 0; i < 10; i++) {
        const goes = await newWebhook(database());
        const job = await ended(jobs);
        const removed = webhooksOf(database()).remove(goes);
        await Promise.all([outboxOf(database()).announce(job), removed]);
        assert.deepEqual(await deliveryIds(database(), goes), []);
      }
      assert.equal((await deliveryIds(database(), stays)).length, 10);
    }));

  it('reaches webhooks that ask for it: by event, by the labels it has now, and enabled', () =>
    withOutbox(async ({ blobs, jobs, outboxOf }) => {
      const labels = { team: 'a', env: 'prod' };
      const yes = [
        await newWebhook(database()),
        await newWebhook(database(), { labels: { team: 'a' }, events: ['job.failed'] }),
        await newWebhook(database(), { labels }),
      ];
      await new TenantService(database()).put('other', {});
      const no = [
        await newWebhook(database(), { enabled: false }),
        await newWebhook(database(), { events: ['job.succeeded', 'batch.finished'] }),
        await newWebhook(database(), { labels: { team: 'b' } }),
        await newWebhook(database(), { labels: { ...labels, more: '' } }),
        await newWebhook(database(), { labels: { toString: 'x' } }),
        await newWebhook(database(), {}, { tenant: 'other' }),
      ];
      const job = await ended(jobs, { state: 'failed', labels: { team: 'b' } });
      await new JobLabels(blobs).put(job.id, labels);
      await outboxOf(database()).announce(job);
      const made = await database().reader.selectFrom('delivery').select(['webhook', 'payload']).execute();
      assert.deepEqual(made.map(({ webhook }) => webhook).sort(), yes.sort());
      assert.ok(no.every((id) => made.every(({ webhook }) => webhook !== id)));
      assert.deepEqual(JSON.parse(made[0]!.payload).data.job.labels, labels);
    }));

  it('is for jobs that are final', () =>
    withOutbox(async ({ jobs, outboxOf }) => {
      const job = acceptedJob(newJobId(Date.now()), { kind: 'analyze', adapter_id: 'ad_1' });
      await jobs.accept(job);
      await assert.rejects(outboxOf(database()).announce(job), TypeError);
      assert.deepEqual(await jobs.pending(), [job.id]);
    }));
});

onEachDialect('looking after deliveries', (database) => {
  it('queues what is due and not in the queue, of all tenants, at its time', async () => {
    await new TenantService(database()).put('other', {});
    const id = await newWebhook(database());
    const others = await newWebhook(database(), {}, { tenant: 'other' });
    const nowMs = Date.now();
    const lost = await addDelivery(database(), id, { next_attempt_at: nowMs - 1 });
    const soon = await addDelivery(database(), others, { tenant: 'other', next_attempt_at: nowMs + 30_000 });
    await addDelivery(database(), id, { next_attempt_at: nowMs + 3_600_000 });
    await addDelivery(database(), id, { status: 'delivered', next_attempt_at: null });
    const held = await addDelivery(database(), id);
    const queue = new MemoryDeliveryQueue();
    await queue.add({ tenant: 'default', webhookId: id, deliveryId: held });

    const keeper = new DeliveryKeeper(database(), queue);
    assert.deepEqual((await keeper.reconcile()).sort(), [lost, soon].sort());
    assert.deepEqual(queue.held.get(soon), {
      ...{ tenant: 'other', webhookId: others, deliveryId: soon },
      atMs: nowMs + 30_000,
    });
    assert.deepEqual(await keeper.reconcile(), []);
    queue.down = true;
    await assert.rejects(keeper.reconcile(), /cannot be reached/);
  });

  it('leaves alone what became final while the queue was asked', async () => {
    const id = await newWebhook(database());
    const sent = await addDelivery(database(), id);
    const queue = new (class extends MemoryDeliveryQueue {
      override async missing(ids: readonly string[]): Promise<string[]> {
        const final = { status: 'delivered', next_attempt_at: null };
        await database().write((writer) => writer.updateTable('delivery').set(final).execute());
        return super.missing(ids);
      }
    })();
    assert.deepEqual(await new DeliveryKeeper(database(), queue).reconcile(), [], sent);
  });

  it('finds them all, however many they are', async () => {
    const id = await newWebhook(database());
    const nowMs = Date.now();
    const rows: string[] = [];
    for (let i = 0; i < 2_003; i++)
      rows.push(await addDelivery(database(), id, { next_attempt_at: nowMs - (i % 7) }));
    const queue = new MemoryDeliveryQueue();
    const requeued = await new DeliveryKeeper(database(), queue).reconcile();
    assert.deepEqual(requeued.sort(), rows.sort());
  });
});
