import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { BatchRecord } from '../../src/contract/batch.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import type { CheckpointRecord, RunRecord } from '../../src/contract/run.ts';
import type { DeliveryRecord, WebhookRecord } from '../../src/contract/webhook.ts';
import { removeUnusedWebhooks } from '../../src/resources/webhooks/request-webhook.ts';
import { insertSampleAdapter } from '../resources/adapters/sample-adapter.ts';
import { checkpointForm } from './checkpoint-form.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { formOf, tinyAdapter } from './tiny-adapter.ts';

const URL = 'https://hooks.example.com/services/T0/B0/tokenInThePath?key=alsoSecret';
const SCHEDULE = { source_rank: 8, target_rank: 2, total_steps: 1000, recipe: 'equal' };
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

describe('the webhook of a request', () => {
  let server: TestServer;
  let adapter_id: string;
  before(async () => {
    server = await startServer();
    adapter_id = await insertSampleAdapter(server.database);
  });
  after(() => server.close());

  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    server.fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  async function made<T>(path: string, body: unknown, headers?: Record<string, string>): Promise<T> {
    const response = await post(path, body, headers);
    assert.ok(response.ok, await response.clone().text());
    return (await response.json()) as T;
  }
  const job = (webhook: object, more: object = {}) =>
    made<JobRecord>('/v1/jobs', { kind: 'analyze', adapter_id, reuse: false, webhook, ...more });
  const read = async <T>(path: string): Promise<T> => (await server.fetch(path)).json() as Promise<T>;
  async function sent(webhookId: string | null): Promise<string[]> {
    const path = `/v1/webhooks/${webhookId}/deliveries`;
    const { data } = await read<{ data: DeliveryRecord[] }>(path);
    return data.map(({ type, subject }) => `${type} ${subject}`).reverse();
  }

  it('receives the end of its job, and of no other', async () => {
    const mine = await job({ url: URL });
    const other = await job({ url: URL });
    assert.notEqual(mine.webhook_id, other.webhook_id);
    await server.worker.succeed(mine.id);
    await server.worker.fail(other.id);
    const plain = await made<JobRecord>('/v1/jobs', { kind: 'analyze', adapter_id, reuse: false });
    assert.equal(plain.webhook_id, null);
    await server.worker.succeed(plain.id);
    assert.deepEqual(await sent(mine.webhook_id), [`job.succeeded ${mine.id}`]);
    assert.deepEqual(await sent(other.webhook_id), [`job.failed ${other.id}`]);
  });

  it('receives the events that it names, in addition to the webhooks of the tenant', async () => {
    const { id } = await made<WebhookRecord>('/v1/webhooks', { url: 'https://hooks.example.com/all' });
    const { id: jobId, webhook_id } = await job({ url: URL, events: ['job.queued', 'job.started'] });
    await server.worker.succeed(jobId);
    assert.deepEqual(await sent(webhook_id), [`job.queued ${jobId}`, `job.started ${jobId}`]);
    assert.deepEqual(await sent(id), [`job.succeeded ${jobId}`]);
    assert.equal((await server.fetch(`/v1/webhooks/${id}`, { method: 'DELETE' })).status, 204);
  });

  it('is shown by its host alone, is in no list, and is stored encrypted', async () => {
    const { webhook_id } = await job({ url: URL, secret: SECRET });
    const shown = await read<WebhookRecord>(`/v1/webhooks/${webhook_id}`);
    assert.equal(shown.url, 'https://hooks.example.com');
    assert.equal(shown.events.length, 5);
    const { data } = await read<{ data: WebhookRecord[] }>('/v1/webhooks');
    assert.ok(data.every(({ id }) => id !== webhook_id));
    const tables = ['webhook', 'job', 'batch', 'event', 'delivery'] as const;
    for (const table of tables) {
      const rows = JSON.stringify(await server.database.reader.selectFrom(table).selectAll().execute());
      assert.ok(!rows.includes('tokenInThePath') && !rows.includes(SECRET), table);
    }
    // If it is disabled nothing is sent; with another URL it is like any other.
    const changed = await server.fetch(`/v1/webhooks/${webhook_id}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ enabled: false, url: 'https://hooks.example.com/b' }),
    });
    assert.equal(((await changed.json()) as WebhookRecord).url, 'https://hooks.example.com/b');
  });

  it('can be sent with a squeeze as well, and is kept by a retry', async () => {
    const request = { targets: [{ rank: 2 }], webhook: { url: URL } };
    const body = formOf(tinyAdapter());
    body.append('request', JSON.stringify(request));
    const response = await server.fetch('/v1/squeeze', { method: 'POST', body });
    assert.equal(response.status, 202, await response.clone().text());
    const first = (await response.json()) as JobRecord;
    await server.worker.fail(first.id);
    const again = await made<JobRecord>(`/v1/jobs/${first.id}/retry`, {});
    assert.equal(again.webhook_id, first.webhook_id);
    await server.worker.succeed(again.id);
    assert.deepEqual(await sent(first.webhook_id), [`job.failed ${first.id}`, `job.succeeded ${again.id}`]);
  });

  it('of a batch receives its end, and the requested events of its jobs; a retry keeps it too', async () => {
    const batch = (webhook: object) =>
      made<BatchRecord>('/v1/batches', {
        ...{ kind: 'analyze', adapter_ids: [adapter_id], reuse: false, webhook },
      });
    const quiet = await batch({ url: URL });
    await server.worker.succeed((await server.jobsOf(quiet))[0]!);
    assert.deepEqual(await sent(quiet.webhook_id), [`batch.ended ${quiet.id}`]);
    const loud = await batch({ url: URL, events: ['job.failed', 'batch.ended'] });
    const [member] = (await server.jobsOf(loud)) as [string];
    assert.equal((await read<JobRecord>(`/v1/jobs/${member}`)).webhook_id, loud.webhook_id);
    await server.worker.fail(member);
    const first = [`job.failed ${member}`, `batch.ended ${loud.id}`];
    assert.deepEqual((await sent(loud.webhook_id)).sort(), [...first].sort());
    const again = await made<BatchRecord>(`/v1/batches/${loud.id}/retry`, {});
    await server.worker.succeed((await server.jobsOf(again))[0]!);
    const all = [...first, `batch.ended ${again.id}`];
    assert.deepEqual((await sent(loud.webhook_id)).sort(), all.sort());
  });

  it('of a run receives the ends of the jobs that squeeze its checkpoints, and is stored encrypted', async () => {
    const run = await made<RunRecord>('/v1/runs', {
      schedule: SCHEDULE,
      webhook: { url: URL, secret: SECRET },
    });
    assert.deepEqual(run.request, { schedule: SCHEDULE });
    const body = checkpointForm(tinyAdapter(1, { rank: 8 }), { step: 340 });
    const response = await server.fetch(`/v1/runs/${run.id}/checkpoints`, { method: 'POST', body });
    assert.equal(response.status, 202, await response.clone().text());
    const { job_id: jobId } = (await response.json()) as CheckpointRecord;
    assert.equal((await read<JobRecord>(`/v1/jobs/${jobId}`)).webhook_id, run.webhook_id);
    await server.worker.fail(jobId!);
    assert.deepEqual(await sent(run.webhook_id), [`job.failed ${jobId}`]);
    assert.equal((await read<RunRecord>(`/v1/runs/${run.id}`)).webhook_id, run.webhook_id);
    const rows = JSON.stringify(await server.database.reader.selectFrom('run').selectAll().execute());
    assert.ok(!rows.includes('tokenInThePath') && !rows.includes(SECRET));
    const dry = await made<RunRecord>('/v1/runs', {
      ...{ schedule: SCHEDULE, webhook: { url: URL }, dry_run: true },
    });
    assert.equal(dry.webhook_id, null);
  });

  it('does not affect the work: equal requests share it', async () => {
    const one = await job({ url: URL }, { reuse: true });
    const other = await job({ url: 'https://hooks.example.com/other' }, { reuse: true });
    assert.ok(other.reused || one.reused);
    await server.worker.succeed(one.id);
    for (const { id, webhook_id } of [one, other])
      assert.deepEqual(await sent(webhook_id), [`job.succeeded ${id}`]);
  });

  it('belongs to the request of an Idempotency-Key, and is created once', async () => {
    const body = { kind: 'analyze', adapter_id, reuse: false, webhook: { url: URL } };
    const key = { 'idempotency-key': 'one' };
    const [first, again] = [
      await made<JobRecord>('/v1/jobs', body, key),
      await made<JobRecord>('/v1/jobs', body, key),
    ];
    assert.deepEqual([again.id, again.webhook_id], [first.id, first.webhook_id]);
    const other = await post('/v1/jobs', { ...body, webhook: { url: `${URL}2` } }, key);
    await problemIn(other, 422, 'IDEMPOTENCY_MISMATCH');
  });

  it('is refused if it could never work, and then nothing is accepted', async () => {
    const count = async () => (await server.database.reader.selectFrom('job').select('id').execute()).length;
    const beforehand = await count();
    const refused = async (status: number, code: string, webhook: object) => {
      const body = { kind: 'analyze', adapter_id, webhook };
      await problemIn(await post('/v1/jobs', body), status, code);
      const batch = { kind: 'analyze', adapter_ids: [adapter_id], webhook };
      for (const dry_run of [false, true])
        await problemIn(await post('/v1/runs', { schedule: SCHEDULE, webhook, dry_run }), status, code);
      return problemIn(await post('/v1/batches', batch), status, code);
    };
    await refused(422, 'OUTBOUND_FORBIDDEN', { url: 'https://10.0.0.1/' });
    await refused(422, 'OUTBOUND_URL_INVALID', { url: 'ftp://hooks.example.com/' });
    await refused(400, 'VALIDATION_FAILED', { url: URL, events: ['webhook.test'] });
    const { errors } = await refused(400, 'VALIDATION_FAILED', {
      url: URL,
      secret: `whsec_${'A'.repeat(87)}=`,
    });
    assert.equal(errors?.[0]?.pointer, '/webhook/secret');
    const jobs = [{ kind: 'analyze', adapter_id, webhook: { url: URL } }];
    const problem = await problemIn(await post('/v1/batches', { jobs }), 422, 'BATCH_INVALID');
    assert.equal(problem.errors?.[0]?.pointer, '/jobs/0/webhook');
    assert.equal(await count(), beforehand);
  });

  it('is kept as long as its run', async () => {
    const { id, webhook_id } = await made<RunRecord>('/v1/runs', {
      schedule: SCHEDULE,
      webhook: { url: URL },
    });
    const later = Date.now() + 31 * 86_400_000;
    const isThere = async () => (await server.fetch(`/v1/webhooks/${webhook_id}`)).status === 200;
    await removeUnusedWebhooks(server.database, later);
    assert.ok(await isThere());
    assert.equal((await server.fetch(`/v1/runs/${id}`, { method: 'DELETE' })).status, 204);
    await removeUnusedWebhooks(server.database, later);
    assert.ok(!(await isThere()));
  });

  it('is removed when it is a month old and nothing refers to it', async () => {
    const { webhook_id, id } = await job({ url: URL });
    await server.worker.succeed(id);
    const later = Date.now() + 31 * 86_400_000;
    const isThere = async () => (await server.fetch(`/v1/webhooks/${webhook_id}`)).status === 200;
    await removeUnusedWebhooks(server.database, later);
    assert.ok(await isThere(), 'its job is here');
    assert.equal((await server.fetch(`/v1/jobs/${id}`, { method: 'DELETE' })).status, 204);
    await removeUnusedWebhooks(server.database, later);
    assert.ok(await isThere(), 'its delivery is here');
    await server.database.write((writer) => writer.deleteFrom('delivery').execute());
    await removeUnusedWebhooks(server.database, Date.now());
    assert.ok(await isThere(), 'it is young');
    await removeUnusedWebhooks(server.database, later);
    assert.ok(!(await isThere()));
  });
});
