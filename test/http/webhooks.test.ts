import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Value } from 'typebox/value';
import type { JobRecord } from '../../src/contract/job.ts';
import {
  type DeliveryList,
  DeliveryRecord,
  END_TYPES,
  NewWebhook,
  RotatedSecret,
  WebhookRecord,
} from '../../src/contract/webhook.ts';
import { newJobId } from '../../src/database/ids.ts';
import type { DeliveryTable } from '../../src/database/tables.ts';
import { acceptedJob } from '../../src/resources/jobs/accepted-job.ts';
import { insertSampleAdapter } from '../resources/adapters/sample-adapter.ts';
import { withoutReuse } from '../resources/jobs/job-rows.ts';
import { MemoryDeliveryQueue } from './memory-delivery-queue.ts';
import { problemIn, startServer, type TestServer } from './server.ts';

const URL = 'https://hooks.example.com/in?token=t0ken';

interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** Calls with a key, or without one. */
const callerOf =
  (server: TestServer, key?: string) =>
  async <T>(method: string, path: string, body?: unknown): Promise<Answer<T>> => {
    const response = await server.fetch(path, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : undefined };
  };

/** A job that has ended. */
async function endedJob(
  server: TestServer,
  { state = 'succeeded', labels = {} }: Partial<Pick<JobRecord, 'state' | 'labels'>> = {},
): Promise<JobRecord> {
  const { jobStore, jobControl } = server.workspaces.of('default');
  const adapter_id = await insertSampleAdapter(server.database);
  const accepted = acceptedJob(newJobId(Date.now()), { kind: 'analyze', adapter_id });
  await jobStore.accept(withoutReuse({ ...accepted, labels }));
  if (state === 'cancelled') return jobControl.cancel(accepted.id);
  return server.worker[state === 'failed' ? 'fail' : 'succeed'](accepted.id);
}

describe('webhooks over HTTP', () => {
  let server: TestServer;
  let call: ReturnType<typeof callerOf>;
  before(async () => {
    server = await startServer();
    call = callerOf(server);
  });
  after(() => server.close());

  const create = async (change: object = {}): Promise<NewWebhook> => {
    const { status, body } = await call<NewWebhook>('POST', '/v1/webhooks', { url: URL, ...change });
    assert.equal(status, 201, JSON.stringify(body));
    return body;
  };
  const deliveriesOf = async (id: string, query = ''): Promise<DeliveryList> =>
    (await call<DeliveryList>('GET', `/v1/webhooks/${id}/deliveries${query}`)).body;
  const refused = async (status: number, code: string, path: string, body: unknown, method = 'POST') =>
    problemIn(
      await server.fetch(path, {
        method,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
      status,
      code,
    );

  it('are created with defaults filled in, and their secret is shown once', async () => {
    const { status, headers, body } = await call<NewWebhook>('POST', '/v1/webhooks', { url: URL });
    assert.equal(status, 201);
    assert.equal(headers.get('location'), `/v1/webhooks/${body.id}`);
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.ok(Value.Check(NewWebhook, body));
    assert.deepEqual(body.events, [...END_TYPES]);
    assert.deepEqual(
      [body.labels, body.description, body.enabled, body.disabled_reason],
      [{}, '', true, null],
    );
    const bytes = Buffer.from(body.secret.slice('whsec_'.length), 'base64').byteLength;
    assert.ok(bytes >= 24 && bytes <= 64);

    const { secret: _shown, ...visible } = body;
    const got = await call<WebhookRecord>('GET', `/v1/webhooks/${body.id}`);
    assert.deepEqual(got.body, visible);
    assert.ok(Value.Check(WebhookRecord, got.body));
    const { body: list } = await call<{ data: WebhookRecord[] }>('GET', '/v1/webhooks');
    assert.deepEqual(list.data.at(-1), visible);
  });

  it('store no secret that could be read on the disk', async () => {
    const secret = `whsec_${Buffer.alloc(32, 'known secret').toString('base64')}`;
    const webhook = await create({ secret });
    assert.equal(webhook.secret, secret);
    const files = readdirSync(server.root, { recursive: true, withFileTypes: true });
    const texts = files
      .filter((file) => file.isFile())
      .map((file) => readFileSync(join(file.parentPath, file.name), 'latin1'));
    assert.ok(texts.some((text) => text.includes(webhook.id)));
    for (const text of texts) assert.ok(!text.includes(secret.slice(6)));
  });

  it('are refused if they could never work', async () => {
    for (const url of [
      'http://hooks.example.com/',
      'https://10.0.0.1/',
      'https://localhost/',
      'https://a.b:8443/',
    ])
      await refused(422, 'OUTBOUND_FORBIDDEN', '/v1/webhooks', { url });
    await refused(422, 'OUTBOUND_URL_INVALID', '/v1/webhooks', { url: 'ftp://hooks.example.com/' });
    await refused(400, 'VALIDATION_FAILED', '/v1/webhooks', { url: URL, events: ['job.began'] });
    await refused(400, 'VALIDATION_FAILED', '/v1/webhooks', { url: URL, events: [] });
    await refused(400, 'VALIDATION_FAILED', '/v1/webhooks', {});
    await refused(400, 'UNKNOWN_OPTION', '/v1/webhooks', { url: URL, retries: 3 });
    const short = `whsec_${Buffer.alloc(24).toString('base64').slice(0, -1)}=`;
    for (const secret of ['whsec_x', 'secret', short.replace(/=$/, 'A='), `whsec_${'A'.repeat(100)}`]) {
      const problem = await refused(400, 'VALIDATION_FAILED', '/v1/webhooks', { url: URL, secret });
      assert.ok(problem.detail.includes('secret'));
    }
  });

  it('can be changed, as a whole or in part', async () => {
    const { id, secret: _shown, ...made } = await create({ labels: { team: 'search' } });
    const changed = await call<WebhookRecord>('PATCH', `/v1/webhooks/${id}`, {
      url: 'https://other.example.com/',
      events: ['job.failed'],
      enabled: false,
    });
    const expected = {
      ...made,
      id,
      url: 'https://other.example.com/',
      events: ['job.failed'],
      enabled: false,
    };
    assert.deepEqual([changed.status, changed.body], [200, expected]);
    assert.deepEqual((await call('GET', `/v1/webhooks/${id}`)).body, expected);
    await refused(422, 'OUTBOUND_FORBIDDEN', `/v1/webhooks/${id}`, { url: 'https://127.0.0.1/' }, 'PATCH');
    await refused(400, 'VALIDATION_FAILED', `/v1/webhooks/${id}`, {}, 'PATCH');
    assert.deepEqual((await call('GET', `/v1/webhooks/${id}`)).body, expected, 'nothing of what was refused');
  });

  it('get another secret, generated or given', async () => {
    const { id, secret } = await create();
    const path = `/v1/webhooks/${id}/rotate-secret`;
    const first = await call<RotatedSecret>('POST', path);
    assert.equal(first.status, 200, JSON.stringify(first.body));
    assert.ok(Value.Check(RotatedSecret, first.body));
    assert.notEqual(first.body.secret, secret);
    const day = Date.parse(first.body.previous_secret_expires_at) - Date.now();
    assert.ok(day > 86_000_000 && day <= 86_400_000);
    const own = `whsec_${Buffer.alloc(64, 1).toString('base64')}`;
    const second = await call<RotatedSecret>('POST', path, { secret: own, overlap_seconds: 0 });
    assert.equal(second.body.secret, own);
    assert.equal(second.headers.get('cache-control'), 'no-store');
    await refused(400, 'VALIDATION_FAILED', path, { overlap_seconds: -1 });
  });

  it('are removed with all their deliveries', async () => {
    const { id } = await create();
    await endedJob(server);
    assert.equal((await deliveriesOf(id)).data.length, 1);
    assert.equal((await call('DELETE', `/v1/webhooks/${id}`)).status, 204);
    const left = server.database.reader.selectFrom('delivery').select('id').where('webhook', '=', id);
    assert.deepEqual(await left.execute(), []);
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/test'],
      ['POST', '/rotate-secret'],
      ['GET', '/deliveries'],
      ['POST', `/deliveries/msg_${'0'.repeat(32)}/redeliver`],
    ] as const)
      await problemIn(await server.fetch(`/v1/webhooks/${id}${path}`, { method }), 404, 'WEBHOOK_NOT_FOUND');
  });

  it('have deliveries of the requested events, the newest first, page by page', async () => {
    const { id } = await create({ events: ['job.succeeded', 'job.cancelled'], labels: { team: 'a' } });
    const labels = { team: 'a', env: 'prod' };
    const wanted: string[] = [];
    for (let n = 0; n < 6; n++) {
      // Within one millisecond their order would be arbitrary.
      await sleep(2);
      wanted.unshift((await endedJob(server, { labels, state: n < 5 ? 'succeeded' : 'cancelled' })).id);
    }
    await endedJob(server, { labels: { team: 'b' } });
    await endedJob(server, { labels, state: 'failed' });

    const got: string[] = [];
    let pages = 0;
    for (let query = '?limit=4'; ; pages++) {
      const { data: deliveries, next_cursor } = await deliveriesOf(id, query);
      for (const delivery of deliveries) {
        assert.ok(Value.Check(DeliveryRecord, delivery));
        assert.deepEqual([delivery.state, delivery.attempts], ['pending', []]);
        assert.equal(server.deliveries.held.get(delivery.id)?.webhookId, id);
        got.push(delivery.subject!);
      }
      if (next_cursor === null) break;
      query = `?limit=4&cursor=${next_cursor}`;
    }
    assert.deepEqual([got, pages], [wanted, 1]);
    await problemIn(await server.fetch(`/v1/webhooks/${id}/deliveries?cursor=x`), 400, 'VALIDATION_FAILED');
    await problemIn(await server.fetch(`/v1/webhooks/${id}/deliveries?limit=0`), 400, 'VALIDATION_FAILED');
  });

  it('can be tested, and deliver again under the same id', async () => {
    const { id } = await create({ enabled: false });
    const tested = await call<DeliveryRecord>('POST', `/v1/webhooks/${id}/test`);
    assert.deepEqual([tested.status, tested.body.type, tested.body.subject], [202, 'webhook.test', null]);
    assert.ok(server.deliveries.held.has(tested.body.id));

    await call('PATCH', `/v1/webhooks/${id}`, { enabled: true });
    await endedJob(server);
    const { id: deliveryId } = (await deliveriesOf(id)).data[0]!;
    const path = `/v1/webhooks/${id}/deliveries/${deliveryId}/redeliver`;
    const promoted = await call<DeliveryRecord>('POST', path);
    assert.deepEqual([promoted.status, promoted.body.id], [202, deliveryId]);

    const rowOf = (column: keyof DeliveryTable) =>
      server.database.reader
        .selectFrom('delivery')
        .select(column)
        .where('id', '=', deliveryId)
        .executeTakeFirst();
    const payload = await rowOf('payload');
    const attempt = {
      number: 1,
      at: new Date().toISOString(),
      status: 204,
      ms: 1,
      error: null,
      response: '',
    };
    const delivered = { state: 'delivered', attempts: JSON.stringify([attempt]), next_attempt_at: null };
    await server.database.write((writer) =>
      writer.updateTable('delivery').set(delivered).where('id', '=', deliveryId).execute(),
    );
    const inStates = async (states: string) =>
      (await deliveriesOf(id, `?${states}`)).data.map(({ subject, state }) => [subject, state]);
    const { id: other } = await endedJob(server);
    const { subject } = (await deliveriesOf(id)).data[1]!;
    assert.deepEqual(await inStates('state=delivered'), [[subject, 'delivered']]);
    assert.deepEqual(await inStates('state=failed'), []);
    const pending = [
      [other, 'pending'],
      [null, 'pending'],
    ];
    assert.deepEqual(await inStates('state=failed,pending'), pending);
    assert.equal((await inStates('state=delivered&state=pending')).length, 3);
    const unknown = `/v1/webhooks/${id}/deliveries?state=sent`;
    await problemIn(await server.fetch(unknown), 400, 'VALIDATION_FAILED');

    server.deliveries.held.delete(deliveryId);
    const again = await call<DeliveryRecord>('POST', path);
    assert.deepEqual([again.body.state, again.body.attempts.length], ['pending', 1]);
    assert.ok(server.deliveries.held.has(deliveryId));
    assert.deepEqual(await rowOf('payload'), payload);

    const none = `/v1/webhooks/${id}/deliveries/msg_${'0'.repeat(32)}/redeliver`;
    for (const path of [none, none.replace('msg_', '..%2f')])
      await problemIn(await server.fetch(path, { method: 'POST' }), 404, 'DELIVERY_NOT_FOUND');
    await call('PATCH', `/v1/webhooks/${id}`, { enabled: false });
    await problemIn(await server.fetch(path, { method: 'POST' }), 409, 'WEBHOOK_DISABLED');
  });

  it('accept tests and redeliveries even while Redis is away', async () => {
    const { id } = await create();
    server.deliveries.down = true;
    try {
      const { status, body } = await call<DeliveryRecord>('POST', `/v1/webhooks/${id}/test`);
      assert.equal(status, 202);
      server.deliveries.down = false;
      assert.ok(!server.deliveries.held.has(body.id));
      await server.workspaces.deliveryKeeper!.reconcile();
      assert.ok(server.deliveries.held.has(body.id));
    } finally {
      server.deliveries.down = false;
    }
  });

  it('are limited in number', async () => {
    const { body } = await call<{ data: WebhookRecord[] }>('GET', '/v1/webhooks');
    for (let count = body.data.length; count < 50; count++) await create();
    await refused(429, 'QUOTA_WEBHOOKS', '/v1/webhooks', { url: URL });
    for (const { id } of (await call<{ data: WebhookRecord[] }>('GET', '/v1/webhooks')).body.data)
      await call('DELETE', `/v1/webhooks/${id}`);
    await create();
  });
});

describe('webhooks without a key for secrets', () => {
  it('cannot be created, and the response says what to do', async () => {
    const outbound = { checkUrl: () => new globalThis.URL(URL) };
    const queue = new MemoryDeliveryQueue();
    const server = await startServer({}, { webhooks: { outbound, box: undefined, queue } });
    try {
      const response = await server.fetch('/v1/webhooks', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ url: URL }),
      });
      const problem = await problemIn(response, 503, 'SECRETS_UNAVAILABLE');
      assert.match(problem.detail, /SECRETS_KEYS/);
      const list = await (await server.fetch('/v1/webhooks')).json();
      assert.deepEqual(list, { data: [], next_cursor: null });
    } finally {
      await server.close();
    }
  });
});

describe('webhooks of another tenant', () => {
  it('do not exist for this one', async () => {
    const server = await startServer({}, { auth: { mode: 'keys' } });
    try {
      const keyOf = async (tenant: string): Promise<string> => {
        const scopes = ['read', 'write'] as const;
        return (
          await server.keys.create({
            tenant,
            makesTenant: true,
            name: '',
            scopes: [...scopes],
            expiresAt: null,
          })
        ).key;
      };
      const [ours, theirs] = [callerOf(server, await keyOf('default')), callerOf(server, await keyOf('b'))];
      const webhook = (await ours<NewWebhook>('POST', '/v1/webhooks', { url: URL })).body;
      const job = await endedJob(server);
      const { body } = await ours<DeliveryList>('GET', `/v1/webhooks/${webhook.id}/deliveries`);
      const deliveryId = body.data[0]!.id;
      const theirWebhook = (await theirs<NewWebhook>('POST', '/v1/webhooks', { url: URL })).body;
      const own = `/v1/webhooks/${webhook.id}`;
      for (const [method, path, code, sent] of [
        ['GET', own, 'WEBHOOK_NOT_FOUND'],
        ['PATCH', own, 'WEBHOOK_NOT_FOUND', { enabled: false }],
        ['DELETE', own, 'WEBHOOK_NOT_FOUND'],
        ['POST', `${own}/test`, 'WEBHOOK_NOT_FOUND'],
        ['POST', `${own}/rotate-secret`, 'WEBHOOK_NOT_FOUND'],
        ['GET', `${own}/deliveries`, 'WEBHOOK_NOT_FOUND'],
        ['POST', `${own}/deliveries/${deliveryId}/redeliver`, 'WEBHOOK_NOT_FOUND'],
        ['POST', `/v1/webhooks/${theirWebhook.id}/deliveries/${deliveryId}/redeliver`, 'DELIVERY_NOT_FOUND'],
        ['GET', `/v1/jobs/${job.id}/events`, 'JOB_NOT_FOUND'],
      ] as const) {
        const { status, body: problem } = await theirs<{ code: string }>(method, path, sent);
        assert.deepEqual([status, problem.code], [404, code], `${method} ${path}`);
      }
      const list = await theirs<{ data: WebhookRecord[] }>('GET', '/v1/webhooks');
      assert.deepEqual(
        list.body.data.map(({ id }) => id),
        [theirWebhook.id],
      );
      const their = await theirs<DeliveryList>('GET', `/v1/webhooks/${theirWebhook.id}/deliveries`);
      assert.deepEqual(their.body.data, [], 'nor are its jobs announced to them');
      assert.equal((await ours('GET', own)).status, 200);
    } finally {
      await server.close();
    }
  });
});
