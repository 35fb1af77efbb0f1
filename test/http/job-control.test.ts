import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Value } from 'typebox/value';
import { JobRecord } from '../../src/contract/job.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { formOf, tinyAdapter } from './tiny-adapter.ts';

const NOBODY = `job_${'0'.repeat(32)}`;

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
  /** A request that was not made before. */
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
  async function finish(job: JobRecord, state: JobRecord['state']) {
    await server.jobStore.finish({ ...job, state, finished_at: new Date().toISOString() });
    server.queue.finished(job.id);
  }
  const metric = async (line: string) => {
    const text = await (await server.fetch('/metrics')).text();
    return text.split('\n').find((found) => found.startsWith(line)) ?? '';
  };

  it('cancels a job, and says the same of it again', async () => {
    const job = await submit();
    const response = await send('POST', `/v1/jobs/${job.id}/cancel`);
    assert.equal(response.status, 200);
    const cancelled = (await response.json()) as JobRecord;
    assert.ok(Value.Check(JobRecord, structuredClone(cancelled)));
    assert.equal(cancelled.state, 'cancelled');
    const again = await send('POST', `/v1/jobs/${job.id}/cancel`);
    assert.deepEqual([again.status, await again.json()], [200, cancelled]);
    assert.deepEqual(await (await server.fetch(`/v1/jobs/${job.id}`)).json(), cancelled);
    await problemIn(await send('POST', `/v1/jobs/${NOBODY}/cancel`), 404, 'JOB_NOT_FOUND');
  });

  it('refuses to cancel what has ended, naming how', async () => {
    const job = await submit();
    await finish(job, 'succeeded');
    const problem = await problemIn(await send('POST', `/v1/jobs/${job.id}/cancel`), 409, 'JOB_FINAL');
    assert.match(problem.detail, /succeeded already/);
    assert.deepEqual(problem.context, { job_id: job.id, state: 'succeeded' });
  });

  it('answers a request that waits when its job is cancelled', async () => {
    const before = server.queue.jobs.size;
    const request = fresh();
    const waiting = server.fetch('/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer: 'wait=30' },
      body: JSON.stringify(request),
    });
    while (server.queue.jobs.size === before) await sleep(5);
    const id = [...server.queue.jobs.keys()].at(-1)!;
    await send('POST', `/v1/jobs/${id}/cancel`);
    const response = await waiting;
    assert.deepEqual([response.status, ((await response.json()) as JobRecord).state], [200, 'cancelled']);
  });

  it('retries a job as a new one', async () => {
    const job = await submit(fresh({ labels: { a: 'b' } }));
    await problemIn(await send('POST', `/v1/jobs/${job.id}/retry`), 409, 'JOB_NOT_FINAL');
    await finish(job, 'failed');
    const response = await send('POST', `/v1/jobs/${job.id}/retry`);
    assert.equal(response.status, 202);
    const again = (await response.json()) as JobRecord;
    assert.equal(response.headers.get('location'), `/v1/jobs/${again.id}`);
    assert.deepEqual([again.retry_of, again.labels, again.state], [job.id, { a: 'b' }, 'queued']);
    await finish(again, 'succeeded');
    const problem = await problemIn(await send('POST', `/v1/jobs/${again.id}/retry`), 409, 'JOB_SUCCEEDED');
    assert.match(problem.detail, /"reuse": false/);
  });

  it('changes labels, and refuses what are none', async () => {
    const job = await submit();
    const response = await send('PATCH', `/v1/jobs/${job.id}`, { labels: { team: 'x' } });
    assert.deepEqual([response.status, ((await response.json()) as JobRecord).labels], [200, { team: 'x' }]);
    await finish(job, 'failed');
    await send('PATCH', `/v1/jobs/${job.id}`, { labels: { team: 'y' } });
    const seen = (await (await server.fetch(`/v1/jobs/${job.id}`)).json()) as JobRecord;
    assert.deepEqual([seen.state, seen.labels], ['failed', { team: 'y' }]);
    const path = `/v1/jobs/${job.id}`;
    await problemIn(await send('PATCH', path, { labels: { Team: 'x' } }), 400, 'UNKNOWN_OPTION');
    await problemIn(await send('PATCH', path, { labels: { team: 1 } }), 400, 'VALIDATION_FAILED');
    await problemIn(await send('PATCH', path, { state: 'succeeded' }), 400, 'UNKNOWN_OPTION');
    await problemIn(await send('PATCH', path, {}), 400, 'VALIDATION_FAILED');
    await problemIn(await send('PATCH', `/v1/jobs/${NOBODY}`, { labels: {} }), 404, 'JOB_NOT_FOUND');
  });

  it('deletes a job that has ended', async () => {
    const job = await submit();
    const path = `/v1/jobs/${job.id}`;
    await problemIn(await send('DELETE', path), 409, 'JOB_NOT_FINAL');
    await finish(job, 'succeeded');
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

  it('answers an equal request with the job there is, 202 while it runs and 200 after', async () => {
    const request = fresh({ options: { seed: 3 } });
    const job = await submit(request);
    const again = await submit({ ...request, options: { seed: 3, oversampling: 10 }, priority: 'high' });
    assert.deepEqual([again.id, again.reused, again.priority], [job.id, true, 'normal']);
    await finish(job, 'succeeded');
    const response = await send('POST', '/v1/jobs', request);
    const done = (await response.json()) as JobRecord;
    assert.deepEqual([response.status, done.id, done.reused, done.state], [200, job.id, true, 'succeeded']);
    assert.equal(response.headers.get('location'), `/v1/jobs/${job.id}`);
    const waited = await server.fetch('/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer: 'wait=5' },
      body: JSON.stringify(request),
    });
    assert.deepEqual([waited.status, ((await waited.json()) as JobRecord).reused], [200, true]);
    assert.notEqual((await submit({ ...request, reuse: false })).id, job.id);
  });

  it('does not for squeezes in one call, each of which has an adapter of its own', async () => {
    const call = async () => {
      const form = formOf(tinyAdapter(77));
      form.append('request', JSON.stringify({ targets: [{ rank: 1 }] }));
      const response = await server.fetch('/v1/squeeze', { method: 'POST', body: form });
      assert.equal(response.status, 202, await response.clone().text());
      return (await response.json()) as JobRecord;
    };
    const [first, second] = [await call(), await call()];
    assert.deepEqual([first.reused, second.reused], [undefined, undefined]);
    assert.notEqual(second.id, first.id);
  });

  it('counts what was cancelled and reused', async () => {
    assert.match(await metric('lora_squeeze_jobs_cancelled_total{kind="squeeze"}'), / [1-9]\d*$/);
    assert.match(await metric('lora_squeeze_jobs_reused_total{kind="squeeze"}'), / [1-9]\d*$/);
    assert.match(await metric('lora_squeeze_jobs_total{kind="squeeze",state="cancelled"}'), / [1-9]\d*$/);
  });
});
