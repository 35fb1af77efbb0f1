import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, it } from 'node:test';
import type { DeliveryRecord } from '../../../src/contract/webhook.ts';
import { Outbound } from '../../../src/net/outbound.ts';
import { type AttemptResult, Deliverer } from '../../../src/resources/webhooks/deliverer.ts';
import { SecretBox } from '../../../src/transfer/secret-box.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { until } from '../../queue/harness.ts';
import { Receiver } from '../../queue/webhook-receiver.ts';
import { addDelivery, deliveriesOf, newWebhook, webhooksOf } from './webhook-rows.ts';

const HOUR_MS = 3_600_000;

onEachDialect('attempts at a delivery', (database) => {
  const box = new SecretBox(randomBytes(32));
  const encryptedSecret = box.encrypt(`whsec_${randomBytes(32).toString('base64')}`);
  const outbound = new Outbound({ allowedHosts: ['127.0.0.1'] });
  let receiver: Receiver;
  before(async () => {
    receiver = await Receiver.start();
  });
  after(async () => {
    await receiver.close();
    await outbound.close();
  });

  const made = async () => {
    const webhookId = await newWebhook(database(), { url: receiver.url }, { encryptedSecret });
    return { webhookId, id: await addDelivery(database(), webhookId) };
  };
  const attempt = (webhookId: string, id: string, schedule = [0, HOUR_MS]): Promise<AttemptResult> =>
    new Deliverer(database(), { outbound, box, schedule }).attempt(
      webhookId,
      id,
      new AbortController().signal,
    );
  const record = async (webhookId: string, id: string): Promise<DeliveryRecord> =>
    (await deliveriesOf(database()).get(webhookId, id))!;
  /** Calls a function when a request has arrived, before it is answered. */
  const meanwhile = (work: () => Promise<unknown>, status: number): void => {
    receiver.respondWith(status);
    receiver.before = () => {
      receiver.before = () => undefined;
      return work();
    };
  };

  it('are all recorded, including those of workers that counted as dead', async () => {
    const { webhookId, id } = await made();
    receiver.respondWith(...Array(9).fill(500), 204);
    const begin = receiver.requests.length;
    // None is answered before all have begun.
    receiver.before = () => until('all requests', () => receiver.requests.length === begin + 10);
    const results = await Promise.all(Array.from({ length: 10 }, () => attempt(webhookId, id)));
    receiver.before = () => undefined;
    const { state, attempts, next_attempt_at } = await record(webhookId, id);
    assert.deepEqual(
      attempts.map(({ number }) => number),
      Array.from({ length: 10 }, (_, i) => i + 1),
    );
    assert.deepEqual([state, next_attempt_at], ['delivered', null]);
    assert.equal(results.filter(({ outcome }) => outcome === 'delivered').length, 1);
    assert.deepEqual(await attempt(webhookId, id), { outcome: 'dropped' }, 'it is final');
  });

  it('leave a redelivery that begins meanwhile as requested: immediate', async () => {
    const { webhookId, id } = await made();
    meanwhile(() => deliveriesOf(database()).reopen(webhookId, id, Date.now() + 5), 500);
    const { outcome, nextAtMs } = await attempt(webhookId, id);
    const { state, attempts, next_attempt_at } = await record(webhookId, id);
    assert.deepEqual([outcome, state, attempts.length], ['retried', 'pending', 1]);
    assert.ok(nextAtMs! < Date.now() + 1_000);
    assert.equal(Date.parse(next_attempt_at!), nextAtMs);
  });

  it('begin the schedule again when the delivery is reopened, and keep the earlier ones', async () => {
    const { webhookId, id } = await made();
    receiver.respondWith(500, 500, 500, 500);
    assert.equal((await attempt(webhookId, id)).outcome, 'retried');
    assert.equal((await attempt(webhookId, id)).outcome, 'failed');
    const again = (await deliveriesOf(database()).reopen(webhookId, id, Date.now()))!;
    assert.deepEqual([again.state, again.attempts.length], ['pending', 2]);
    assert.equal((await attempt(webhookId, id)).outcome, 'retried');
    await deliveriesOf(database()).reopen(webhookId, id, Date.now());
    assert.equal((await attempt(webhookId, id)).outcome, 'failed', 'one that is pending goes on');
    assert.equal((await record(webhookId, id)).attempts.length, 4);
  });

  it('are limited to the last 50, with increasing numbers', async () => {
    const { webhookId, id } = await made();
    for (let i = 0; i < 52; i++) {
      await attempt(webhookId, id);
      await deliveriesOf(database()).reopen(webhookId, id, Date.now());
    }
    const { attempts } = await record(webhookId, id);
    assert.deepEqual([attempts.length, attempts[0]!.number, attempts.at(-1)!.number], [50, 3, 52]);
  });

  it('record the response, whatever it is', async () => {
    const { webhookId, id } = await made();
    receiver.respondWith({ status: 500, body: 'a\u0000b\ufffe€' });
    await attempt(webhookId, id);
    assert.equal((await record(webhookId, id)).attempts[0]!.response, 'a\u0000b\ufffe€');
  });

  it('restore nothing that was removed meanwhile', async () => {
    const { webhookId, id } = await made();
    meanwhile(() => webhooksOf(database()).remove(webhookId), 500);
    assert.equal((await attempt(webhookId, id)).outcome, 'failed');
    assert.deepEqual(await database().reader.selectFrom('delivery').select('id').execute(), []);
    assert.deepEqual(await attempt(webhookId, id), { outcome: 'dropped' });
  });

  it('disable a webhook whose receiver is gone, whatever else is changed in it', async () => {
    const { webhookId, id } = await made();
    meanwhile(() => webhooksOf(database()).change(webhookId, { description: 'new' }), 410);
    assert.equal((await attempt(webhookId, id)).outcome, 'gone');
    const { enabled, disabled_reason, description } = (await webhooksOf(database()).get(webhookId))!;
    assert.deepEqual([enabled, description], [false, 'new']);
    assert.match(disabled_reason!, /410/);
    const pending = await addDelivery(database(), webhookId);
    assert.deepEqual(await attempt(webhookId, pending), { outcome: 'dropped' });
    assert.equal((await record(webhookId, pending)).attempts[0]!.error, 'The webhook is disabled.');
    const back = await webhooksOf(database()).change(webhookId, { enabled: true });
    assert.deepEqual([back!.enabled, back!.disabled_reason], [true, null]);
  });
});
