import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobRecord } from '../../src/contract/job.ts';
import { JSON_TYPE, recordIn, sweeperOf, withServer } from './adapter-routes.ts';
import { expire, problemIn } from './server.ts';
import { CONFIG, WEIGHTS } from './tiny-adapter.ts';

describe('an adapter that has expired', () => {
  const { server, upload, patch, remove } = withServer();

  it('is gone at once wherever it is read, and can still be removed', async () => {
    const { id } = await recordIn(await upload(1, { ttl_seconds: '60' }), 201);
    const path = `/v1/adapters/${id}`;
    const files = [WEIGHTS, CONFIG, 'unknown'].map((name) => `/files/${name}`);
    const etag = (await server().fetch(`${path}/files/${WEIGHTS}`, { method: 'HEAD' })).headers.get('etag')!;
    await expire(server(), id);
    for (const rest of ['', '/modules', '/archive', ...files]) {
      const problem = await problemIn(await server().fetch(path + rest), 410, 'ADAPTER_EXPIRED');
      assert.match(problem.detail, new RegExp(`^Adapter ${id} expired at 20.*Z\\.$`));
      assert.equal(problem.context?.id, id);
      assert.ok(Date.parse(problem.context?.expires_at as string) < Date.now());
    }
    for (const rest of ['/archive', files[0]])
      assert.equal((await server().fetch(path + rest, { method: 'HEAD' })).status, 410);
    const known = { 'if-none-match': etag };
    assert.equal((await server().fetch(path + files[0], { headers: known })).status, 410);
    for (const change of [{ name: 'x' }, { labels: {} }, { ttl_seconds: null }])
      await problemIn(await patch(id, change), 410, 'ADAPTER_EXPIRED');
    const { data: adapters } = (await (await server().fetch('/v1/adapters')).json()) as { data: unknown[] };
    assert.deepEqual(adapters, []);
    assert.equal((await remove(path)).status, 204);
    await problemIn(await server().fetch(path), 404, 'ADAPTER_NOT_FOUND');
    await problemIn(await remove(path), 404, 'ADAPTER_NOT_FOUND');
  });

  it('no longer has jobs', async () => {
    const [gone, here] = [await recordIn(await upload(2), 201), await recordIn(await upload(3), 201)];
    await expire(server(), gone.id);
    const sources = [gone, here].map(({ id }) => ({ adapter_id: id, weight: 1 }));
    for (const request of [
      { kind: 'analyze', adapter_id: gone.id },
      { kind: 'squeeze', adapter_id: gone.id, targets: [{ rank: 1 }] },
      { kind: 'merge', sources, targets: [{ rank: 1 }] },
    ]) {
      const body = JSON.stringify(request);
      const response = await server().fetch('/v1/jobs', { method: 'POST', headers: JSON_TYPE, body });
      await problemIn(response, 410, 'ADAPTER_EXPIRED');
    }
    const { data: jobs } = (await (await server().fetch('/v1/jobs')).json()) as { data: unknown[] };
    assert.deepEqual(jobs, []);
  });

  it('is not read by a retry of a job that failed', async () => {
    const { id } = await recordIn(await upload(6), 201);
    const body = JSON.stringify({ kind: 'analyze', adapter_id: id });
    const response = await server().fetch('/v1/jobs', { method: 'POST', headers: JSON_TYPE, body });
    const job = (await response.json()) as JobRecord;
    await server().worker.fail(job.id);
    await expire(server(), id);
    const retry = await server().fetch(`/v1/jobs/${job.id}/retry`, { method: 'POST' });
    await problemIn(retry, 410, 'ADAPTER_EXPIRED');
    assert.equal((await server().fetch(`/v1/jobs/${job.id}`)).status, 200, 'the job itself is still there');
  });

  it('is not found after a sweep', async () => {
    const { id } = await recordIn(await upload(4), 201);
    await expire(server(), id);
    await problemIn(await server().fetch(`/v1/adapters/${id}`), 410, 'ADAPTER_EXPIRED');
    await sweeperOf(server()).sweep();
    await problemIn(await server().fetch(`/v1/adapters/${id}`), 404, 'ADAPTER_NOT_FOUND');
    await problemIn(await remove(`/v1/adapters/${id}`), 404, 'ADAPTER_NOT_FOUND');
  });

  it('does not prevent uploading the same files', async () => {
    const { id } = await recordIn(await upload(5), 201);
    await expire(server(), id);
    const again = await recordIn(await upload(5), 201);
    assert.equal(again.expires_at, null);
    assert.equal((await server().fetch(`/v1/adapters/${again.id}/files/${WEIGHTS}`)).status, 200);
    await problemIn(await server().fetch(`/v1/adapters/${id}`), 410, 'ADAPTER_EXPIRED');
  });
});
