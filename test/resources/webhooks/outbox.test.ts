import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { JobRecord } from '../../../src/contract/job.ts';
import type { Database } from '../../../src/database/database.ts';
import { newJobId } from '../../../src/database/ids.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { jobEvent } from '../../../src/resources/events/outgoing-event.ts';
import { acceptedJob } from '../../../src/resources/jobs/accepted-job.ts';
import { TenantService } from '../../../src/resources/tenants/service.ts';
import { DeliveryReconciler } from '../../../src/resources/webhooks/delivery-reconciler.ts';
import { Outbox } from '../../../src/resources/webhooks/outbox.ts';
import { RequestWebhooks, removeUnusedWebhooks } from '../../../src/resources/webhooks/request-webhook.ts';
import { SecretBox } from '../../../src/transfer/secret-box.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { MemoryDeliveryQueue } from '../../http/memory-delivery-queue.ts';
import { insertSampleAdapter } from '../adapters/sample-adapter.ts';
import { FakeWorker, fakeWorkOutcome } from '../jobs/fake-worker.ts';
import { jobsIn, withoutReuse } from '../jobs/job-rows.ts';
import {
  addDelivery,
  deliveriesOf as deliveriesIn,
  deliveryIds,
  newWebhook,
  webhooksOf,
} from './webhook-rows.ts';

class Died extends Error {}

onEachDialect('recording deliveries at the end of a job', (database) => {
  async function accepted(change: Partial<JobRecord> = {}): Promise<JobRecord> {
    const adapter_id = await insertSampleAdapter(database());
    const job = acceptedJob(newJobId(Date.now()), { kind: 'analyze', adapter_id });
    await jobsIn(database()).accept(withoutReuse({ ...job, ...change }));
    return { ...job, ...change };
  }
  const deliveriesOf = async (webhook: string) => (await deliveryIds(database(), webhook)).length;
  const worker = (deliveries?: MemoryDeliveryQueue, own = database()) =>
    new FakeWorker({ database: own, deliveries });
  const stateOf = async ({ id }: JobRecord) => (await jobsIn(database()).get(id))?.state;

  it('is in one transaction with the end, wherever the process dies', async () => {
    const webhooks = [await newWebhook(database()), await newWebhook(database())];
    const counts = () => Promise.all(webhooks.map(deliveriesOf));
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
    const queue = new MemoryDeliveryQueue();
    const [job, other] = [await accepted(), await accepted()];
    const dying = async (own: Database['write'], { id }: JobRecord) => {
      const task = await worker().begin(id);
      const { executions } = worker(queue, { ...database(), write: own });
      const finished = executions.finish(task, fakeWorkOutcome(), {
        modules: 0,
        bytesRead: 0,
        bytesWritten: 0,
      });
      await assert.rejects(finished, Died);
    };
    await dying(before, job);
    assert.deepEqual([await counts(), await stateOf(job)], [[0, 0], 'active']);
    await worker(queue).succeed(job.id);
    assert.deepEqual([await counts(), await stateOf(job), queue.held.size], [[1, 1], 'succeeded', 2]);

    await dying(after, other);
    assert.deepEqual([await counts(), await stateOf(other), queue.held.size], [[2, 2], 'succeeded', 2]);
    await jobsIn(database(), { queue }).cancelAll([other.id]);
    assert.deepEqual(await counts(), [2, 2]);
    assert.equal((await new DeliveryReconciler(database(), queue).reconcile()).length, 2);
    assert.equal(queue.held.size, 4);
  });

  it('happens once, however many jobs end at once', async () => {
    const id = await newWebhook(database());
    const queue = new MemoryDeliveryQueue();
    const job = await accepted();
    const { executions } = worker(queue);
    const task = await worker().begin(job.id);
    const totals = { modules: 0, bytesRead: 0, bytesWritten: 0 };
    const failure = new AppError('NON_FINITE_WEIGHTS', 'It failed.');
    await Promise.all(
      Array.from({ length: 9 }, (_, i) =>
        [
          () => executions.finish(task, fakeWorkOutcome(), totals),
          () => executions.fail(task, failure, { tryMs: 1, mayPass: false }),
          () => jobsIn(database(), { queue }).cancelAll([job.id]),
        ][i % 3]!(),
      ),
    );
    assert.deepEqual([await deliveriesOf(id), queue.held.size], [1, 1]);
  });

  it('changes nothing when it is repeated', async () => {
    const id = await newWebhook(database());
    const queue = new MemoryDeliveryQueue();
    const job = await worker(queue).succeed((await accepted()).id);
    const outbox = new Outbox({ database: database(), tenant: 'default', queue });
    const again = () => database().write((writer) => outbox.record(writer, [jobEvent(job)]));
    const made = await Promise.all(Array.from({ length: 8 }, again));
    assert.deepEqual(made.flat(), []);
    assert.deepEqual([await deliveriesOf(id), queue.held.size], [1, 1]);
  });

  it('continues while a webhook is removed', async () => {
    const stays = await newWebhook(database());
    for (let i = 0; i < 10; i++) {
      const goes = await newWebhook(database());
      const job = await accepted();
      const removed = webhooksOf(database()).remove(goes);
      const [ended] = await Promise.all([worker().succeed(job.id), removed]);
      assert.equal(ended.state, 'succeeded');
      assert.deepEqual(await deliveryIds(database(), goes), []);
    }
    assert.equal(await deliveriesOf(stays), 10);
  });

  it('includes the webhook of its own request, beside those of the tenant, until it is removed', async () => {
    const own = await newWebhook(database());
    const taken = new RequestWebhooks({
      outbound: { checkUrl: (url) => new URL(url) },
      box: new SecretBox(Buffer.alloc(32)),
    });
    const webhook = taken.prepare({ url: 'https://hooks.example.com/x' }, ['job.queued', 'job.failed']);
    const adapter_id = await insertSampleAdapter(database());
    const job = acceptedJob(newJobId(Date.now()), { kind: 'analyze', adapter_id });
    const asked = { ...job, webhook_id: webhook.id };
    await jobsIn(database()).accept([{ job: asked, reuse: false, webhook }]);
    const other = await accepted();
    for (const { id } of [asked, other]) await worker().fail(id);
    const subjects = async (id: string) =>
      (await deliveriesIn(database()).page(id, undefined, { limit: 10 })).items.map(({ subject }) => subject);
    assert.deepEqual(await subjects(webhook.id), [job.id, job.id]);
    assert.equal((await subjects(own)).length, 2);
    const month = 31 * 86_400_000;
    assert.equal(await removeUnusedWebhooks(database(), Date.now() + month), 0);
    await jobsIn(database()).remove(job.id);
    await database().write((writer) => writer.deleteFrom('delivery').execute());
    assert.equal(await removeUnusedWebhooks(database(), Date.now() + month), 1);
    assert.deepEqual(
      (await webhooksOf(database()).list()).map(({ id }) => id),
      [own],
    );
  });

  it('includes webhooks that want it: by event, by its current labels, and enabled', async () => {
    const labels = { team: 'a', env: 'prod' };
    const yes = [
      await newWebhook(database()),
      await newWebhook(database(), { labels: { team: 'a' }, events: ['job.failed'] }),
      await newWebhook(database(), { labels }),
    ];
    await new TenantService(database()).put('other', {});
    const no = [
      await newWebhook(database(), { enabled: false }),
      await newWebhook(database(), { events: ['job.succeeded', 'batch.ended'] }),
      await newWebhook(database(), { labels: { team: 'b' } }),
      await newWebhook(database(), { labels: { ...labels, more: '' } }),
      await newWebhook(database(), { labels: { toString: 'x' } }),
      await newWebhook(database(), {}, { tenant: 'other' }),
    ];
    const job = await accepted({ labels: { team: 'b' } });
    await jobsIn(database()).change(job.id, { labels });
    await worker().fail(job.id);
    const made = await database().reader.selectFrom('delivery').select(['webhook', 'payload']).execute();
    assert.deepEqual(made.map(({ webhook }) => webhook).sort(), yes.sort());
    assert.ok(no.every((id) => made.every(({ webhook }) => webhook !== id)));
    assert.deepEqual(JSON.parse(made[0]!.payload).data.job.labels, labels);
  });
});

onEachDialect('maintaining deliveries', (database) => {
  it('queues those that are due and not in the queue, for all tenants, at their time', async () => {
    await new TenantService(database()).put('other', {});
    const id = await newWebhook(database());
    const others = await newWebhook(database(), {}, { tenant: 'other' });
    const nowMs = Date.now();
    const lost = await addDelivery(database(), id, { next_attempt_at: nowMs - 1 });
    const soon = await addDelivery(database(), others, { tenant: 'other', next_attempt_at: nowMs + 30_000 });
    await addDelivery(database(), id, { next_attempt_at: nowMs + 3_600_000 });
    await addDelivery(database(), id, { state: 'delivered', next_attempt_at: null });
    const held = await addDelivery(database(), id);
    const queue = new MemoryDeliveryQueue();
    await queue.add({ tenant: 'default', webhookId: id, deliveryId: held });

    const keeper = new DeliveryReconciler(database(), queue);
    assert.deepEqual((await keeper.reconcile()).sort(), [lost, soon].sort());
    assert.deepEqual(queue.held.get(soon), {
      ...{ tenant: 'other', webhookId: others, deliveryId: soon },
      atMs: nowMs + 30_000,
    });
    assert.deepEqual(await keeper.reconcile(), []);
    queue.down = true;
    await assert.rejects(keeper.reconcile(), /cannot be reached/);
  });

  it('ignores those that became final while the queue was queried', async () => {
    const id = await newWebhook(database());
    const sent = await addDelivery(database(), id);
    const queue = new (class extends MemoryDeliveryQueue {
      override async missing(ids: readonly string[]): Promise<string[]> {
        const final = { state: 'delivered', next_attempt_at: null };
        await database().write((writer) => writer.updateTable('delivery').set(final).execute());
        return super.missing(ids);
      }
    })();
    assert.deepEqual(await new DeliveryReconciler(database(), queue).reconcile(), [], sent);
  });

  it('finds all of them, however many there are', async () => {
    const id = await newWebhook(database());
    const nowMs = Date.now();
    const rows: string[] = [];
    for (let i = 0; i < 2_003; i++)
      rows.push(await addDelivery(database(), id, { next_attempt_at: nowMs - (i % 7) }));
    const queue = new MemoryDeliveryQueue();
    const requeued = await new DeliveryReconciler(database(), queue).reconcile();
    assert.deepEqual(requeued.sort(), rows.sort());
  });
});
