import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobRecord } from '../../src/contract/job.ts';
import { FinalJobCache } from '../../src/resources/jobs/final-job-cache.ts';
import { Workspaces } from '../../src/resources/workspaces.ts';
import { until } from '../queue/harness.ts';
import { NO_DISPATCHER } from '../resources/jobs/fake-worker.ts';
import { problemIn, startServer } from './server.ts';
import { serverWithAdapter } from './server-with-adapter.ts';

describe('a job that has ended', () => {
  const at = serverWithAdapter();
  const submitted = async (): Promise<JobRecord> =>
    (await (await at().post('/v1/jobs', at().squeeze())).json()) as JobRecord;
  async function ended(): Promise<JobRecord> {
    return at().server.worker.fail((await submitted()).id);
  }
  const get = (id: string, headers: Record<string, string> = {}) =>
    at().server.fetch(`/v1/jobs/${id}`, { headers });
  const patch = (id: string, labels: object) =>
    at().server.fetch(`/v1/jobs/${id}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ labels }),
    });

  it('is answered with an ETag, equally from memory and from the storage, and not sent to clients that have it', async () => {
    const { id } = await ended();
    const first = await get(id);
    const etag = first.headers.get('etag')!;
    assert.match(etag, /^"[\w-]{43}"$/);
    assert.equal(first.headers.get('cache-control'), 'private, no-cache');
    const body = await first.text();
    const second = await get(id);
    assert.equal(await second.text(), body);
    for (const name of ['etag', 'content-type', 'cache-control', 'content-length', 'x-content-type-options'])
      assert.equal(second.headers.get(name), first.headers.get(name), name);
    assert.match(first.headers.get('content-type')!, /^application\/json/);
    const has = await get(id, { 'if-none-match': etag });
    assert.deepEqual([has.status, await has.text(), has.headers.get('etag')], [304, '', etag]);
    assert.equal((await get(id, { 'if-none-match': '"other"' })).status, 200);
    const head = await at().server.fetch(`/v1/jobs/${id}`, { method: 'HEAD' });
    assert.deepEqual(
      [head.status, head.headers.get('content-length'), await head.text()],
      [200, String(Buffer.byteLength(body)), ''],
    );
  });

  it('is not cached before its end', async () => {
    const job = await submitted();
    const running = await get(job.id);
    assert.deepEqual([running.headers.get('etag'), running.headers.get('cache-control')], [null, 'no-store']);
    await at().server.worker.fail(job.id);
    assert.equal(((await (await get(job.id)).json()) as JobRecord).state, 'failed');
  });

  it('shows new labels at once, and nothing once it is deleted', async () => {
    const { id } = await ended();
    const before = await get(id);
    await before.arrayBuffer();
    for (const labels of [{ a: '1' }, { b: '2' }]) {
      assert.equal((await patch(id, labels)).status, 200);
      const seen = await get(id);
      assert.deepEqual(((await seen.json()) as JobRecord).labels, labels);
      assert.notEqual(seen.headers.get('etag'), before.headers.get('etag'));
    }
    assert.equal((await at().server.fetch(`/v1/jobs/${id}`, { method: 'DELETE' })).status, 204);
    await problemIn(await get(id), 404, 'JOB_NOT_FOUND');
  });

  it('shows changes of another process soon', async () => {
    const { wholeStore: store, database, queue } = at().server;
    const workspaces = new Workspaces({ store, database, queue, dispatcher: NO_DISPATCHER });
    const second = await startServer({}, { workspaces, store });
    try {
      const { id } = await ended();
      await (await second.fetch(`/v1/jobs/${id}`)).arrayBuffer();
      await patch(id, { changed: 'yes' });
      const labels = await until('the news', async () => {
        const job = (await (await second.fetch(`/v1/jobs/${id}`)).json()) as JobRecord;
        return job.labels.changed;
      });
      assert.equal(labels, 'yes');
    } finally {
      await second.close();
    }
  });

  it('belongs to one tenant, and is not cached again by a reader of an older state', () => {
    const finals = new FinalJobCache();
    finals.put('one', 'job_1', { state: 'failed' });
    assert.equal(finals.get('one', 'job_1')?.json, '{"state":"failed"}');
    assert.equal(finals.get('two', 'job_1'), undefined);
    finals.forget('one', 'job_1');
    assert.equal(finals.get('one', 'job_1'), undefined);
    const late = finals.put('one', 'job_1', { state: 'failed' });
    assert.equal(late.json, '{"state":"failed"}', 'who read it may send it');
    assert.equal(finals.get('one', 'job_1'), undefined);
  });

  it('takes a limited amount of memory for all jobs', () => {
    const finals = new FinalJobCache();
    const record = { text: 'x'.repeat(2 ** 20) };
    for (let index = 0; index < 40; index++) finals.put('one', `job_${index}`, record);
    const kept = Array.from({ length: 40 }, (_, index) => finals.get('one', `job_${index}`)).filter(Boolean);
    assert.ok(kept.length > 5 && kept.length <= 16, String(kept.length));
  });
});
