import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Value } from 'typebox/value';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import { JobRecord } from '../../src/contract/job.ts';
import type { Delivery } from '../../src/contract/transfer.ts';
import { SAMPLE_OUTCOME } from '../resources/jobs/fake-worker.ts';
import { jobIds } from '../resources/jobs/job-rows.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { formOf, tinyAdapter } from './tiny-adapter.ts';

const TOKEN = 'hf_0123456789';
const DELIVERED: Delivery = {
  ...{ kind: 'hub', place: 'team/adapter', commit: 'c0', bytes: 1, files: [] },
  finished_at: '2026-11-24T21:51:03.480Z',
};
const MISSING_JOB = `job_${'0'.repeat(32)}`;

describe('the control of jobs over HTTP', () => {
  let server: TestServer;
  let adapterId = '';
  let rank = 0;
  before(async () => {
    server = await startServer();
    adapterId = (await server.upload()).id;
  });
  after(() => server.close());

  const send = (method: string, path: string, body?: unknown) =>
    server.fetch(path, {
      method,
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });
  /** A request that differs from all earlier ones. */
  const fresh = (more: object = {}) => ({
    kind: 'squeeze',
    adapter_id: adapterId,
    targets: [{ rank: ++rank }],
    ...more,
  });
  const submit = async (request: object = fresh()): Promise<JobRecord> => {
    const response = await send('POST', '/v1/jobs', request);
    assert.equal(response.status, 202, await response.clone().text());
    return (await response.json()) as JobRecord;
  };
  const metric = async (line: string) => {
    const text = await (await server.fetch('/metrics')).text();
    return text.split('\n').find((found) => found.startsWith(line)) ?? '';
  };

  it('cancels a job, and gives the same response again', async () => {
    const job = await submit();
    const response = await send('POST', `/v1/jobs/${job.id}/cancel`);
    assert.equal(response.status, 200);
    const cancelled = (await response.json()) as JobRecord;
    assert.ok(Value.Check(JobRecord, structuredClone(cancelled)));
    assert.equal(cancelled.state, 'cancelled');
    const again = await send('POST', `/v1/jobs/${job.id}/cancel`);
    assert.deepEqual([again.status, await again.json()], [200, cancelled]);
    assert.deepEqual(await (await server.fetch(`/v1/jobs/${job.id}`)).json(), cancelled);
    await problemIn(await send('POST', `/v1/jobs/${MISSING_JOB}/cancel`), 404, 'JOB_NOT_FOUND');
  });

  it('refuses to cancel a job that has ended, stating its outcome', async () => {
    const job = await submit();
    await server.worker.succeed(job.id);
    const problem = await problemIn(await send('POST', `/v1/jobs/${job.id}/cancel`), 409, 'JOB_FINAL');
    assert.match(problem.detail, /has already ended; its state is "succeeded"/);
    assert.deepEqual(problem.context, { job_id: job.id, state: 'succeeded' });
  });

  it('answers a waiting request when its job is cancelled', async () => {
    const before = await jobIds(server.database);
    const request = fresh();
    const waiting = server.fetch('/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer: 'wait=30' },
      body: JSON.stringify(request),
    });
    let ids = before;
    for (; ids.length === before.length; await sleep(5)) ids = await jobIds(server.database);
    await send('POST', `/v1/jobs/${ids.at(-1)}/cancel`);
    const response = await waiting;
    assert.deepEqual([response.status, ((await response.json()) as JobRecord).state], [200, 'cancelled']);
  });

  it('retries a job as a new one', async () => {
    const job = await submit(fresh({ labels: { a: 'b' } }));
    await problemIn(await send('POST', `/v1/jobs/${job.id}/retry`), 409, 'JOB_NOT_FINAL');
    await server.worker.fail(job.id);
    const response = await send('POST', `/v1/jobs/${job.id}/retry`);
    assert.equal(response.status, 202);
    const again = (await response.json()) as JobRecord;
    assert.equal(response.headers.get('location'), `/v1/jobs/${again.id}`);
    assert.deepEqual([again.retry_of, again.labels, again.state], [job.id, { a: 'b' }, 'queued']);
    await server.worker.succeed(again.id);
    const problem = await problemIn(await send('POST', `/v1/jobs/${again.id}/retry`), 409, 'JOB_SUCCEEDED');
    assert.match(problem.detail, /"reuse": false/);
  });

  it('delivers again only what could not be delivered', async () => {
    const deliver = ['team/one', 'team/other'].map((repo) => ({ to: { kind: 'hub', repo, token: TOKEN } }));
    const job = await submit(fresh({ deliver }));
    const path = `/v1/jobs/${job.id}/deliveries/retry`;
    const early = await problemIn(await send('POST', path), 409, 'JOB_NOT_FINAL');
    assert.doesNotMatch(early.detail, /cancel/);
    await server.worker.succeed(job.id);
    const ended = await server.worker.deliver(job.id, [DELIVERED, 'OUTBOUND_FORBIDDEN']);
    assert.deepEqual([ended.state, ended.deliveries[1]?.error?.code], ['succeeded', 'OUTBOUND_FORBIDDEN']);

    const again = () =>
      server.fetch(path, { method: 'POST', headers: { 'idempotency-key': `again-${job.id}` } });
    const response = await again();
    assert.equal(response.status, 202);
    assert.equal(response.headers.get('location'), `/v1/jobs/${job.id}`);
    const text = await response.text();
    const sent = JSON.parse(text) as JobRecord;
    assert.ok(Value.Check(JobRecord, structuredClone(sent)) && !text.includes('encrypted'));
    const states = ({ state, deliveries }: JobRecord) => [state, ...deliveries.map((one) => one.state)];
    assert.deepEqual(states(sent), ['succeeded', 'succeeded', 'pending']);
    assert.equal((await again()).headers.get('idempotent-replayed'), 'true');
    await problemIn(await send('POST', path), 409, 'DELIVERIES_SUCCEEDED');
    const done = await server.worker.deliver(job.id, [DELIVERED, DELIVERED]);
    assert.deepEqual(states(done), ['succeeded', 'succeeded', 'succeeded']);
    await problemIn(await send('POST', path), 409, 'DELIVERIES_SUCCEEDED');
    await problemIn(await send('POST', `/v1/jobs/${MISSING_JOB}/deliveries/retry`), 404, 'JOB_NOT_FOUND');
  });

  it('delivers nothing again for a cancelled job, whose credentials are gone', async () => {
    const to = { kind: 'hub', repo: 'team/adapter', token: TOKEN };
    const job = await submit(fresh({ deliver: [{ to }, { to }] }));
    await server.worker.succeed(job.id);
    await server.worker.deliver(job.id, ['OUTBOUND_FORBIDDEN']);
    assert.equal((await send('POST', `/v1/jobs/${job.id}/cancel`)).status, 200);
    await problemIn(await send('POST', `/v1/jobs/${job.id}/deliveries/retry`), 409, 'SECRETS_GONE');
  });

  it('changes the name, which a retry keeps and lists find', async () => {
    const job = await submit(fresh({ name: 'nightly 1' }));
    const change = async (patch: object) =>
      (await (await send('PATCH', `/v1/jobs/${job.id}`, patch)).json()) as JobRecord;
    assert.equal(job.name, 'nightly 1');
    const changed = await change({ labels: { team: 'x' } });
    assert.deepEqual([changed.name, changed.labels], ['nightly 1', { team: 'x' }]);
    const named = await change({ name: 'nightly 2' });
    assert.deepEqual([named.name, named.labels], ['nightly 2', { team: 'x' }]);
    await server.worker.fail(job.id);
    const again = (await (await send('POST', `/v1/jobs/${job.id}/retry`)).json()) as JobRecord;
    assert.equal(again.name, 'nightly 2');
    const found = async (name: string) => {
      const page = await server.fetch(`/v1/jobs?name=${encodeURIComponent(name)}`);
      return ((await page.json()) as { data: JobRecord[] }).data.map(({ id }) => id);
    };
    assert.deepEqual(await found('nightly '), [again.id, job.id]);
    assert.equal((await change({ name: null })).name, null);
    assert.deepEqual(await found('nightly'), [again.id]);
    for (const name of ['', 'a\nb', 'x'.repeat(201), 7]) {
      await problemIn(await send('PATCH', `/v1/jobs/${job.id}`, { name }), 400, 'VALIDATION_FAILED');
      await problemIn(await send('POST', '/v1/jobs', fresh({ name })), 400, 'VALIDATION_FAILED');
    }
  });

  it('changes labels, and refuses invalid ones', async () => {
    const job = await submit();
    const response = await send('PATCH', `/v1/jobs/${job.id}`, { labels: { team: 'x' } });
    assert.deepEqual([response.status, ((await response.json()) as JobRecord).labels], [200, { team: 'x' }]);
    await server.worker.fail(job.id);
    await send('PATCH', `/v1/jobs/${job.id}`, { labels: { team: 'y' } });
    const seen = (await (await server.fetch(`/v1/jobs/${job.id}`)).json()) as JobRecord;
    assert.deepEqual([seen.state, seen.labels], ['failed', { team: 'y' }]);
    const path = `/v1/jobs/${job.id}`;
    await problemIn(await send('PATCH', path, { labels: { '-team': 'x' } }), 400, 'VALIDATION_FAILED');
    await problemIn(await send('PATCH', path, { labels: { team: 1 } }), 400, 'VALIDATION_FAILED');
    await problemIn(await send('PATCH', path, { state: 'succeeded' }), 400, 'UNKNOWN_OPTION');
    await problemIn(await send('PATCH', path, {}), 400, 'VALIDATION_FAILED');
    await problemIn(await send('PATCH', `/v1/jobs/${MISSING_JOB}`, { labels: {} }), 404, 'JOB_NOT_FOUND');
  });

  it('deletes a job that has ended', async () => {
    const job = await submit();
    const path = `/v1/jobs/${job.id}`;
    await problemIn(await send('DELETE', path), 409, 'JOB_NOT_FINAL');
    await server.worker.succeed(job.id);
    const response = await send('DELETE', path);
    assert.deepEqual([response.status, await response.text()], [204, '']);
    for (const [method, way] of [
      ['GET', path],
      ['DELETE', path],
      ['GET', `${path}/report`],
      ['POST', `${path}/cancel`],
      ['POST', `${path}/retry`],
    ] as const)
      await problemIn(await send(method, way), 404, 'JOB_NOT_FOUND');
  });

  it('does equal requests once, with a job for each: 202 while the first one runs and 200 afterwards', async () => {
    const request = fresh({ options: { seed: 3 } });
    const first = await submit(request);
    const more = { priority: 'high', labels: { of: 'another' } };
    const second = await submit({ ...request, options: { seed: 3, oversampling: 10 }, ...more });
    assert.notEqual(second.id, first.id);
    assert.deepEqual([first.reused, first.priority, first.labels], [false, 'normal', {}]);
    assert.deepEqual([second.reused, second.priority, second.labels], [true, 'high', more.labels]);
    const given = await submit(request);
    await send('POST', `/v1/jobs/${given.id}/cancel`);

    await server.worker.succeed(first.id, { adapters: [SAMPLE_OUTCOME] });
    const response = await send('POST', '/v1/jobs', request);
    const third = (await response.json()) as JobRecord;
    assert.deepEqual([response.status, third.reused, third.state], [200, true, 'succeeded']);
    assert.equal(response.headers.get('location'), `/v1/jobs/${third.id}`);
    const results = new Set<string>();
    for (const { id } of [first, second, third]) {
      const job = (await (await server.fetch(`/v1/jobs/${id}`)).json()) as JobRecord;
      assert.equal(job.state, 'succeeded');
      const adapter = await server.fetch(`/v1/adapters/${succeededResults(job)[0]!.adapter_id}`);
      results.add(((await adapter.json()) as AdapterRecord).id);
    }
    assert.equal(results.size, 3, 'each has an adapter of its own');
    assert.equal((await submit({ ...request, reuse: false })).reused, false);
  });

  it('does the same for squeezes in one call, each of which has its own adapter', async () => {
    const call = async () => {
      const form = formOf(tinyAdapter(77));
      form.append('request', JSON.stringify({ targets: [{ rank: 1 }] }));
      const response = await server.fetch('/v1/squeeze', { method: 'POST', body: form });
      assert.equal(response.status, 202, await response.clone().text());
      return (await response.json()) as JobRecord;
    };
    const [first, second] = [await call(), await call()];
    assert.deepEqual([first.reused, second.reused], [false, true]);
    assert.notEqual(second.id, first.id);
    const ids = [first, second].map(({ request }) => 'adapter_id' in request && request.adapter_id);
    assert.notEqual(ids[0], ids[1]);
  });

  it('counts cancelled and reused work', async () => {
    assert.match(await metric('lora_squeeze_jobs_cancelled_total{kind="squeeze"}'), / [1-9]\d*$/);
    assert.match(await metric('lora_squeeze_jobs_reused_total{kind="squeeze"}'), / [1-9]\d*$/);
    assert.match(
      await metric('lora_squeeze_jobs_total{kind="squeeze",state="cancelled",tenant="default"}'),
      / [1-9]\d*$/,
    );
  });
});
