import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { Webhook as Verifier } from 'standardwebhooks';
import type { JobStateEvent, WebhookEvent } from '../../src/contract/event.ts';
import type { Database } from '../../src/database/database.ts';
import { Outbound } from '../../src/net/outbound.ts';
import { jobEvent } from '../../src/resources/events/outgoing-event.ts';
import { PREFIX, until } from './harness.ts';
import { QUICK, withWebhooks } from './webhook-bench.ts';
import { Receiver, type ResponseScript } from './webhook-receiver.ts';

async function withReceiver(
  treatments: ResponseScript[],
  work: (receiver: Receiver) => Promise<void>,
): Promise<void> {
  const receiver = await Receiver.start(...treatments);
  try {
    await work(receiver);
  } finally {
    await receiver.close();
  }
}

describe('an event', () => {
  it('arrives signed, once, when the job has ended', () =>
    withWebhooks((bench) =>
      withReceiver([], async (receiver) => {
        bench.worker();
        const { id, secret } = await bench.create(receiver.url);
        const job = await bench.endedJob({ labels: { team: 'a' } });
        const delivery = await bench.final(id);
        assert.equal(receiver.requests.length, 1);
        const [{ body, headers, path }] = receiver.requests as [(typeof receiver.requests)[0]];
        const event = new Verifier(secret).verify(body, headers) as WebhookEvent;
        assert.deepEqual(event, { type: 'job.succeeded', timestamp: job.finished_at, data: { job } });
        assert.deepEqual([path, headers['content-type']], ['/hook', 'application/json']);
        assert.equal(headers['webhook-id'], delivery.id);
        assert.equal(delivery.state, 'delivered');
        assert.deepEqual(
          delivery.attempts.map(({ number, status, error }) => [number, status, error]),
          [[1, 204, null]],
        );
        assert.equal(delivery.next_attempt_at, null);
        await until(
          'its leave from the queue',
          async () => (await bench.queue.missing([delivery.id])).length === 1,
        );
        const again = bench.bench.database.write((writer) => bench.outbox.record(writer, [jobEvent(job)]));
        await bench.outbox.enqueue(await again);
        // An absence cannot be awaited, so this waits for a moment.
        await sleep(100);
        assert.equal(receiver.requests.length, 1, 'announced again, it is not sent again');
      }),
    ));

  it('arrives by itself when a real job has ended, with any outcome', () =>
    withWebhooks((bench) =>
      withReceiver([], async (receiver) => {
        bench.worker();
        bench.bench.worker({ deliveries: bench.queue });
        await bench.create(receiver.url);
        const ids = [await bench.bench.submit('succeed'), await bench.bench.submit('permanent')];
        await until('both events', () => receiver.requests.length >= 2);
        const received = receiver.requests.map(({ body }) => JSON.parse(body) as JobStateEvent);
        const subjects = received.map(({ type, data }) => [type, data.job.id]);
        assert.deepEqual(subjects.sort(), [
          ['job.failed', ids[1]],
          ['job.succeeded', ids[0]],
        ]);
      }),
    ));

  it('has two signatures after a rotation, and one when the old secret has expired', () =>
    withWebhooks((bench) =>
      withReceiver([], async (receiver) => {
        bench.worker();
        const { id, secret: first } = await bench.create(receiver.url);
        const { secret: second } = await bench.webhooks.rotate(id, {});
        await bench.endedJob();
        await until('the event', () => receiver.requests.length === 1);
        const [both] = receiver.requests as [(typeof receiver.requests)[0]];
        assert.equal(both.headers['webhook-signature']!.split(' ').length, 2);
        for (const secret of [first, second]) new Verifier(secret).verify(both.body, both.headers);

        const { secret: third } = await bench.webhooks.rotate(id, { overlap_seconds: 0 });
        await bench.endedJob();
        await until('the next event', () => receiver.requests.length === 2);
        const { body, headers } = receiver.requests[1]!;
        new Verifier(third).verify(body, headers);
        for (const secret of [first, second])
          assert.throws(() => new Verifier(secret).verify(body, headers), /No matching signature/);
      }),
    ));
});

describe('the webhook of a request', () => {
  it('receives each event once, signed with its own secret, even if it fails at first', () =>
    withWebhooks((bench) =>
      withReceiver([500, 'cut'], async (receiver) => {
        bench.worker();
        const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
        const events = ['job.started', 'job.succeeded'] as const;
        const asked = { url: `${receiver.url}?token=x`, events: [...events], secret };
        const job = await bench.endedJob({ webhook: bench.ofRequests.prepare(asked, []) });
        await until('both events', async () =>
          (await bench.all(job.webhook_id!)).every(({ state }) => state === 'delivered'),
        );
        const received = receiver.requests.map(
          ({ body, headers }) => new Verifier(secret).verify(body, headers) as WebhookEvent,
        );
        assert.equal(received.length, 4, 'two more attempts');
        assert.deepEqual(new Set(received.map(({ type }) => type)), new Set(events));
        assert.equal(new Set(receiver.ids).size, 2);
        assert.ok(receiver.requests.every(({ path }) => path === '/hook?token=x'));
      }),
    ));

  it('cannot have an internal address, and its deliveries give the reason', () =>
    withWebhooks((bench) =>
      withReceiver([], async (receiver) => {
        const outbound = new Outbound({ allowedHosts: [] });
        bench.worker({ outbound, schedule: [0] });
        const job = await bench.endedJob({
          webhook: bench.ofRequests.prepare({ url: receiver.url }, ['job.succeeded']),
        });
        const { state, attempts } = await bench.final(job.webhook_id!);
        assert.equal(state, 'failed');
        assert.match(attempts[0]!.error!, /127\.0\.0\.1/);
        assert.equal(receiver.requests.length, 0);
        await outbound.close();
      }),
    ));
});

describe('a receiver', () => {
  it('that fails in any way gets the event again, under the same id and with the same body', () =>
    withWebhooks((bench) =>
      withReceiver(
        [500, 'hang', 'cut', { status: 302, headers: { location: '/elsewhere' } }],
        async (receiver) => {
          bench.worker({ timeoutMs: 3_000 });
          const { id, secret } = await bench.create(receiver.url);
          await bench.endedJob();
          const { state, attempts } = await bench.final(id);
          assert.equal(state, 'delivered');
          assert.deepEqual(
            attempts.map((attempt) => attempt.status),
            [500, null, null, 302, 204],
            JSON.stringify([attempts, bench.results, receiver.requests.map(({ atMs }) => atMs)]),
          );
          const errors = attempts.map(({ error }) => error ?? 'none');
          for (const [i, expected] of [
            /500/,
            /longer than 3000 ms/,
            /closed/,
            /redirects are not/,
            /none/,
          ].entries())
            assert.match(errors[i]!, expected);
          assert.ok(attempts[1]!.ms >= 2_990, 'a timeout has its time');
          assert.equal(new Set(receiver.ids).size, 1);
          assert.equal(new Set(receiver.requests.map(({ body }) => body)).size, 1);
          assert.deepEqual(new Set(receiver.requests.map(({ path }) => path)), new Set(['/hook']));
          for (const { body, headers } of receiver.requests) new Verifier(secret).verify(body, headers);
          await until('news of all attempts', () => bench.results.length === 5);
          assert.deepEqual(
            bench.results.map(({ outcome }) => outcome),
            ['retried', 'retried', 'retried', 'retried', 'delivered'],
          );
        },
      ),
    ));

  it('that never accepts it is given up after the last attempt, and may get it again on request', () =>
    withWebhooks((bench) =>
      withReceiver(Array<ResponseScript>(QUICK.length).fill(500), async (receiver) => {
        bench.worker();
        const { id } = await bench.create(receiver.url);
        await bench.endedJob();
        const failed = await bench.final(id);
        assert.deepEqual([failed.state, failed.attempts.length], ['failed', QUICK.length]);
        assert.equal(failed.next_attempt_at, null);
        await until('news of it', () => bench.results.at(-1)?.outcome === 'failed');
        await until(
          'its leave from the queue',
          async () => (await bench.queue.missing([failed.id])).length === 1,
        );
        receiver.respondWith(500);
        await bench.deliveries.redeliver(id, failed.id);
        const delivered = await bench.final(id);
        assert.deepEqual([delivered.state, delivered.attempts.length], ['delivered', QUICK.length + 2]);
        assert.equal(new Set(receiver.ids).size, 1);
      }),
    ));

  it('that is gone is disabled until a caller enables it again', () =>
    withWebhooks((bench) =>
      withReceiver([410], async (receiver) => {
        bench.worker();
        const { id } = await bench.create(receiver.url);
        await bench.endedJob();
        assert.equal((await bench.final(id)).state, 'failed');
        const { enabled, disabled_reason } = await bench.webhooks.get(id);
        assert.deepEqual([enabled, typeof disabled_reason], [false, 'string']);
        await bench.endedJob();
        // An absence cannot be awaited, so this waits for a moment.
        await sleep(100);
        assert.equal(receiver.requests.length, 1);
        await bench.webhooks.change(id, { description: 'still gone' });
        assert.equal((await bench.webhooks.get(id)).enabled, false);
        await bench.webhooks.change(id, { enabled: true });
        await bench.endedJob();
        await until('the event', () => receiver.requests.length === 2);
      }),
    ));

  it('that asks for more time gets it', () =>
    withWebhooks((bench) =>
      withReceiver(
        [
          { status: 429, headers: { 'retry-after': '1' } },
          { status: 503, headers: { 'retry-after': '100000000' } },
        ],
        async (receiver) => {
          bench.worker();
          const { id } = await bench.create(receiver.url);
          await bench.endedJob();
          await until('two requests', () => receiver.requests.length === 2);
          const [one, two] = receiver.requests as [
            (typeof receiver.requests)[0],
            (typeof receiver.requests)[0],
          ];
          assert.ok(two.atMs - one.atMs >= 1_000);
          const waiting = await until('the record', async () => {
            const [delivery] = await bench.all(id);
            return delivery?.attempts.length === 2 ? delivery : undefined;
          });
          const hours = (Date.parse(waiting.next_attempt_at!) - Date.now()) / 3_600_000;
          assert.ok(hours > 23 && hours <= 24, 'but not for ever');
          assert.equal(waiting.state, 'pending');
          await bench.deliveries.redeliver(id, waiting.id);
          assert.equal((await bench.final(id)).attempts.length, 3, 'somebody may know better');
        },
      ),
    ));

  it('gets a delivery at once if it is requested between its record and its place in the queue', () =>
    withWebhooks((bench) =>
      withReceiver([{ status: 503, headers: { 'retry-after': '100000000' } }], async (receiver) => {
        const { database } = bench.bench;
        const { id } = await bench.create(receiver.url);
        let isAsked = false;
        // The worker's call: it is delayed after the record of the first attempt as well.
        const write: Database['write'] = async (work) => {
          const written = await database.write(work);
          const [delivery] = await bench.all(id);
          if (!isAsked && delivery) {
            isAsked = true;
            assert.equal(delivery.attempts.length, 1);
            await bench.deliveries.redeliver(id, delivery.id);
          }
          return written;
        };
        bench.worker({ database: { ...database, write } });
        await bench.endedJob();
        assert.deepEqual([(await bench.final(id)).state, receiver.requests.length], ['delivered', 2]);
      }),
    ));

  it('gets its next attempt in time even if the clock was set back', (t) =>
    withWebhooks((bench, { socketPath: path }) =>
      withReceiver([{ status: 503 }], async (receiver) => {
        const queue = new Queue('webhooks', { connection: { path }, prefix: PREFIX });
        const rightNow = Date.now;
        const clock = t.mock.method(Date, 'now', () => rightNow() + 86_400_000);
        await bench.keeper.reconcile();
        bench.worker({ schedule: [0, 60_000] });
        const { id } = await bench.create(receiver.url);
        await bench.endedJob();
        await until('a pause', async () => (await queue.getDelayedCount()) === 1 || undefined);
        await queue.close();
        clock.mock.restore();
        await bench.keeper.reconcile();
        assert.equal((await bench.final(id)).state, 'delivered');
      }),
    ));

  it('whose response is long or endless counts as having answered', () =>
    withWebhooks((bench) =>
      withReceiver(['long-body', 'slow-body'], async (receiver) => {
        bench.worker({ timeoutMs: 5_000 });
        const { id } = await bench.create(receiver.url);
        await bench.endedJob();
        const long = await bench.final(id);
        assert.deepEqual([long.state, long.attempts[0]!.response], ['delivered', 'x'.repeat(1_024)]);
        await bench.webhooks.remove(id);
        const { id: other } = await bench.create(receiver.url);
        await bench.endedJob();
        const slow = await bench.final(other);
        assert.deepEqual([slow.state, slow.attempts[0]!.response], ['delivered', 'I am ']);
      }),
    ));

  it('that never answers does not delay others', () =>
    withWebhooks((bench) =>
      withReceiver(Array<ResponseScript>(200).fill('hang'), (dead) =>
        withReceiver([], async (well) => {
          bench.worker({ timeoutMs: 60_000 });
          await bench.create(dead.url, { events: ['job.failed'] });
          for (let i = 0; i < 30; i++) await bench.endedJob({ state: 'failed' });
          await until('the dead one to hang', () => dead.requests.length >= 4);
          await bench.create(well.url, { events: ['job.succeeded'] });
          await bench.endedJob();
          await until('the event', () => well.requests.length === 1);
          assert.equal(dead.requests.length, 4, 'its share of the places');
        }),
      ),
    ));
});

describe('no delivery', () => {
  it('reaches a forbidden address, whatever its name resolves to by then', () =>
    withWebhooks(async (bench) => {
      let connections = 0;
      const inside = createServer((socket) => {
        connections++;
        socket.destroy();
      }).listen(0, '127.0.0.1');
      await once(inside, 'listening');
      const { port } = inside.address() as AddressInfo;
      const guarded = new Outbound(
        { allowedHosts: [] },
        {
          // The name looked public when it was registered, and now resolves to this machine.
          lookup: (_name, options, callback) =>
            options.all
              ? callback(null, [{ address: '127.0.0.1', family: 4 }])
              : callback(null, '127.0.0.1', 4),
        },
      );
      try {
        bench.worker({ outbound: guarded, schedule: [0] });
        const { id } = await bench.create(`http://127.0.0.1:${port}/`);
        await bench.endedJob();
        assert.match((await bench.final(id)).attempts[0]!.error!, /does not connect to/);
        await bench.webhooks.change(id, { enabled: false });
        // Created where receivers on this machine are allowed, and sent where they are not, by name.
        const named = await bench.create('https://hooks.example.com/');
        await bench.endedJob();
        const { state, attempts } = await bench.final(named.id);
        assert.equal(state, 'failed');
        assert.match(attempts[0]!.error!, /does not resolve to a public address/);
        assert.equal(connections, 0);
      } finally {
        await guarded.close();
        inside.close();
      }
    }));

  it('is sent for a webhook that was disabled or removed meanwhile', () =>
    withWebhooks((bench) =>
      withReceiver([], async (receiver) => {
        const { id } = await bench.create(receiver.url);
        const { id: removed } = await bench.create(receiver.url);
        await bench.endedJob();
        await bench.webhooks.change(id, { enabled: false });
        await bench.webhooks.remove(removed);
        bench.worker();
        const delivery = await bench.final(id);
        assert.deepEqual(
          [delivery.state, delivery.attempts[0]!.error],
          ['failed', 'The webhook is disabled.'],
        );
        await until('an empty queue', async () => (await bench.queue.missing([delivery.id])).length === 1);
        await assert.rejects(bench.all(removed), { code: 'WEBHOOK_NOT_FOUND' });
        assert.deepEqual([await bench.pending(), receiver.requests], [[], []]);
        await bench.deliveries.test(id);
        await until('a test all the same', () => receiver.requests.length === 1);
      }),
    ));
});
