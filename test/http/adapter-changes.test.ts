import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Value } from 'typebox/value';
import { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import { blobKey } from '../../src/service/layout.ts';
import { Sweeper } from '../../src/service/retention/sweeper.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { formOf, tinyAdapter } from './tiny-adapter.ts';

const UNKNOWN = `ad_${'0'.repeat(32)}`;
const JSON_TYPE = { 'content-type': 'application/json' };

/** A server for each group, and what they ask of it. */
function withServer(): {
  server: () => TestServer;
  upload: (seed: number, fields?: Readonly<Record<string, string | Blob>>) => Promise<Response>;
  patch: (id: string, body: unknown) => Promise<Response>;
  remove: (path: string) => Promise<Response>;
} {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.close());
  return {
    server: () => server,
    upload: (seed, fields = {}) => {
      const form = formOf(tinyAdapter(seed));
      for (const [name, value] of Object.entries(fields)) form.append(name, value);
      return server.fetch('/v1/adapters', { method: 'POST', body: form });
    },
    patch: (id, body) =>
      server.fetch(`/v1/adapters/${id}`, {
        method: 'PATCH',
        headers: JSON_TYPE,
        body: JSON.stringify(body),
      }),
    remove: (path) => server.fetch(path, { method: 'DELETE' }),
  };
}

async function recordIn(response: Response, status: number): Promise<AdapterRecord> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  const record = JSON.parse(text) as AdapterRecord;
  assert.ok(Value.Check(AdapterRecord, record), 'fits the contract');
  return record;
}

const secondsUntil = (time: string | null): number => (Date.parse(time!) - Date.now()) / 1000;

describe('labels and a time to live of an upload', () => {
  const { server, upload } = withServer();

  it('are those that were sent', async () => {
    const record = await recordIn(
      await upload(1, { labels: '{"team": "search", "a/b.c": "ü:1"}', ttl_seconds: '3600' }),
      201,
    );
    assert.deepEqual(record.labels, { team: 'search', 'a/b.c': 'ü:1' });
    assert.ok(Math.abs(secondsUntil(record.expires_at) - 3600) < 60);
    const asJson = new Blob(['{"n": "2"}'], { type: 'application/json' });
    assert.deepEqual((await recordIn(await upload(2, { labels: asJson }), 201)).labels, { n: '2' });
  });

  it('stay what they are when the same content comes again', async () => {
    const first = await recordIn(await upload(3, { labels: '{"v": "1"}' }), 201);
    const again = await recordIn(await upload(3, { labels: '{"v": "2"}', ttl_seconds: '60' }), 200);
    assert.deepEqual(again, first);
  });

  it('are none without a word', async () => {
    const record = await recordIn(await upload(4), 201);
    assert.deepEqual([record.labels, record.expires_at], [{}, null]);
  });

  it('are refused where they are not as the contract says, and nothing is kept', async () => {
    const refused = async (fields: Record<string, string>, code: string, detail: RegExp) => {
      const problem = await problemIn(await upload(5, fields), 400, code);
      assert.match(problem.detail, detail);
    };
    await refused({ labels: '{' }, 'REQUEST_JSON', /The part "labels" is not valid JSON/);
    await refused({ labels: '[]' }, 'VALIDATION_FAILED', /labels is \[\] but must be an object/);
    await refused({ labels: '{"Team": "x"}' }, 'UNKNOWN_OPTION', /Team/);
    await refused({ labels: '{"__proto__": "x"}' }, 'REQUEST_FORBIDDEN_KEY', /__proto__/);
    await refused({ labels: '{"t": "1", "t": "2"}' }, 'REQUEST_DUPLICATE_KEY', /The part "labels", at t:/);
    await refused({ labels: '{"team": 1}' }, 'VALIDATION_FAILED', /labels.team is 1 but must be a string/);
    await refused({ labels: JSON.stringify({ t: 'x'.repeat(129) }) }, 'VALIDATION_FAILED', /128 characters/);
    await refused({ ttl_seconds: '59' }, 'VALIDATION_FAILED', /ttl_seconds is 59 but must be at least 60/);
    await refused({ ttl_seconds: '1e999' }, 'REQUEST_NUMBER', /"ttl_seconds": a number that is not finite/);
    await refused({ ttl_seconds: 'soon' }, 'REQUEST_JSON', /"ttl_seconds"/);
    await problemIn(await upload(5, { request: '{}' }), 400, 'UNEXPECTED_PART');
    const form = formOf(tinyAdapter(5));
    for (const part of ['labels', 'labels']) form.append(part, '{}');
    await problemIn(
      await server().fetch('/v1/adapters', { method: 'POST', body: form }),
      400,
      'DUPLICATE_PART',
    );
    await server().assertNoLeftovers();
    const { adapters } = (await (await server().fetch('/v1/adapters')).json()) as { adapters: unknown[] };
    assert.equal(adapters.length, 4);
  });
});

describe('PATCH /v1/adapters/{id}', () => {
  const { server, upload, patch } = withServer();

  it('changes labels and expiry, each without the other', async () => {
    const { id, created_at } = await recordIn(await upload(1, { labels: '{"a": "1", "b": "2"}' }), 201);
    const labelled = await recordIn(await patch(id, { labels: { c: '3' } }), 200);
    assert.deepEqual([labelled.labels, labelled.expires_at], [{ c: '3' }, null]);
    const expiring = await recordIn(await patch(id, { ttl_seconds: 600 }), 200);
    assert.deepEqual(expiring.labels, { c: '3' });
    assert.ok(Math.abs(secondsUntil(expiring.expires_at) - 600) < 60);
    const kept = await recordIn(await patch(id, { ttl_seconds: null, labels: {} }), 200);
    assert.deepEqual([kept.labels, kept.expires_at, kept.created_at], [{}, null, created_at]);
    assert.deepEqual(await recordIn(await server().fetch(`/v1/adapters/${id}`), 200), kept);
    assert.deepEqual(await recordIn(await upload(1), 200), kept);
  });

  it('refuses what is not to be changed', async () => {
    const { id } = await recordIn(await upload(2), 201);
    await problemIn(await patch(id, {}), 400, 'VALIDATION_FAILED');
    await problemIn(await patch(id, { bytes: 1 }), 400, 'UNKNOWN_OPTION');
    await problemIn(await patch(id, { labels: null }), 400, 'VALIDATION_FAILED');
    await problemIn(await patch(id, { ttl_seconds: 1 }), 400, 'VALIDATION_FAILED');
    for (const unknown of [UNKNOWN, 'x', '..%2fx'])
      await problemIn(await patch(unknown, { labels: {} }), 404, 'ADAPTER_NOT_FOUND');
  });
});

describe('DELETE /v1/adapters/{id}', () => {
  const { server, upload, patch, remove } = withServer();
  const submit = async (adapterId: string): Promise<JobRecord> => {
    const body = JSON.stringify({ kind: 'analyze', adapter_id: adapterId });
    const response = await server().fetch('/v1/jobs', { method: 'POST', headers: JSON_TYPE, body });
    assert.equal(response.status, 202, await response.clone().text());
    return (await response.json()) as JobRecord;
  };

  it('removes an adapter, which may come again', async () => {
    const { id } = await recordIn(await upload(1, { labels: '{"v": "1"}' }), 201);
    await patch(id, { labels: { v: '2' } });
    const response = await remove(`/v1/adapters/${id}`);
    assert.equal(response.status, 204);
    assert.equal(await response.text(), '');
    for (const path of ['', '/modules', '/archive', '/files/adapter_config.json'])
      await problemIn(await server().fetch(`/v1/adapters/${id}${path}`), 404, 'ADAPTER_NOT_FOUND');
    await problemIn(await remove(`/v1/adapters/${id}`), 404, 'ADAPTER_NOT_FOUND');
    await problemIn(await remove(`/v1/adapters/${UNKNOWN}`), 404, 'ADAPTER_NOT_FOUND');
    const again = await recordIn(await upload(1), 201);
    assert.deepEqual([again.id, again.labels], [id, {}], 'what it was called by went with it');
  });

  it('is refused while a job reads it, which it names, and not afterwards', async () => {
    const { id } = await recordIn(await upload(2), 201);
    const job = await submit(id);
    const problem = await problemIn(await remove(`/v1/adapters/${id}`), 409, 'ADAPTER_IN_USE');
    assert.equal(problem.context?.job_id, job.id);
    await server().jobStore.finish({ ...job, state: 'failed', finished_at: new Date().toISOString() });
    assert.equal((await remove(`/v1/adapters/${id}`)).status, 204);
    const body = JSON.stringify({ kind: 'analyze', adapter_id: id });
    const response = await server().fetch('/v1/jobs', { method: 'POST', headers: JSON_TYPE, body });
    await problemIn(response, 404, 'ADAPTER_NOT_FOUND');
  });

  it('either comes before a job or is refused for it, whichever is faster', async () => {
    for (let round = 0; round < 20; round++) {
      const { id } = await recordIn(await upload(100 + round), 201);
      const body = JSON.stringify({ kind: 'analyze', adapter_id: id });
      const [submitted, removed] = await Promise.all([
        server().fetch('/v1/jobs', { method: 'POST', headers: JSON_TYPE, body }),
        remove(`/v1/adapters/${id}`),
      ]);
      const isThere = (await server().fetch(`/v1/adapters/${id}`)).status === 200;
      if (submitted.status === 202) {
        assert.equal(removed.status, 409, `round ${round}`);
        assert.ok(isThere);
      } else await problemIn(submitted, 404, 'ADAPTER_NOT_FOUND');
      assert.equal(removed.status === 204, !isThere);
    }
  });

  it('leaves the content to the sweeper, and to others who have the same', async () => {
    const { id, files } = await recordIn(await upload(3), 201);
    await remove(`/v1/adapters/${id}`);
    const keys = files.map(({ sha256 }) => blobKey(sha256));
    const areThere = async () => Promise.all(keys.map(async (key) => !!(await server().store.stat(key))));
    assert.deepEqual(await areThere(), [true, true]);
    const sweeper = new Sweeper({ workspaces: server().workspaces, graceMs: 0 });
    await sweeper.sweep(Date.now() + 60_000);
    assert.deepEqual(await areThere(), [false, true], 'the others here have the same configuration');
  });
});

describe('what a tenant uses', () => {
  it('follows what comes and goes, and limits uploads', async () => {
    const server = await startServer();
    try {
      const usage = async () => (await server.fetch('/v1/usage')).json();
      assert.deepEqual(await usage(), { stored_bytes: 0, adapters: 0, jobs: 0 });
      const one = await server.upload(tinyAdapter(1));
      const two = await server.upload(tinyAdapter(2));
      await server.upload(tinyAdapter(2));
      const both = one.bytes + two.bytes;
      assert.deepEqual(await usage(), { stored_bytes: both, adapters: 2, jobs: 0 });
      const body = JSON.stringify({ kind: 'analyze', adapter_id: one.id });
      await server.fetch('/v1/jobs', { method: 'POST', headers: JSON_TYPE, body });
      assert.deepEqual(await usage(), { stored_bytes: both, adapters: 2, jobs: 1 });

      const limit = both + one.bytes - 1;
      await server.limit({ stored_bytes: limit });
      const post = (seed: number) =>
        server.fetch('/v1/adapters', { method: 'POST', body: formOf(tinyAdapter(seed)) });
      const refused = await post(3);
      assert.equal(refused.headers.get('retry-after'), '900');
      const problem = await problemIn(refused, 429, 'QUOTA_STORED_BYTES');
      assert.deepEqual([problem.context?.used, problem.context?.limit], [both, limit]);
      assert.equal((await post(2)).status, 200, 'content that is here needs no room');
      assert.equal((await server.fetch(`/v1/adapters/${two.id}`, { method: 'DELETE' })).status, 204);
      assert.deepEqual(await usage(), { stored_bytes: one.bytes, adapters: 1, jobs: 1 });
      assert.equal((await post(3)).status, 201);
      const tenant = (await (await server.fetch('/v1/tenants/default')).json()) as { usage: unknown };
      assert.deepEqual(tenant.usage, await usage());
      await server.assertNoLeftovers();
    } finally {
      await server.close();
    }
  });

  it('refuses by the announced size, before anything is read', async () => {
    const server = await startServer({ maxUploadBytes: 10_000_000 });
    try {
      await server.limit({ stored_bytes: 100_000 });
      const form = formOf({ ...tinyAdapter(1), weights: Buffer.alloc(1_000_000) });
      const response = await server.fetch('/v1/adapters', { method: 'POST', body: form });
      assert.equal(response.headers.get('retry-after'), null);
      const problem = await problemIn(response, 422, 'QUOTA_TOO_SMALL');
      assert.equal(problem.context?.limit, 100_000);
    } finally {
      await server.close();
    }
  });
});

describe('DELETE /v1/runs/{id}', () => {
  const { server, remove } = withServer();

  it('removes a run, and knows no other', async () => {
    const schedule = {
      source_rank: 8,
      target_rank: 2,
      total_steps: 1000,
      recipe: 'equal' as const,
      min_stage_steps: 100,
    };
    const body = JSON.stringify({ schedule });
    const response = await server().fetch('/v1/runs', { method: 'POST', headers: JSON_TYPE, body });
    const { id } = (await response.json()) as { id: string };
    assert.equal((await remove(`/v1/runs/${id}`)).status, 204);
    await problemIn(await server().fetch(`/v1/runs/${id}`), 404, 'RUN_NOT_FOUND');
    for (const unknown of [id, 'x', '..%2fx'])
      await problemIn(await remove(`/v1/runs/${unknown}`), 404, 'RUN_NOT_FOUND');
    assert.deepEqual(await server().store.list('runs/'), []);
  });
});

describe('another tenant', () => {
  it('finds, changes, removes and counts nothing of this one', async () => {
    const server = await startServer({}, { auth: { mode: 'keys' } });
    try {
      const keyOf = async (tenant: string, scopes: ('read' | 'write')[]) => {
        const { key } = await server.keys.create({ tenant, name: '', scopes, expiresAt: null });
        return { authorization: `Bearer ${key}` };
      };
      const [mine, other] = [await keyOf('one', ['read', 'write']), await keyOf('two', ['read', 'write'])];
      const reader = await keyOf('one', ['read']);
      const body = formOf(tinyAdapter(1));
      const adapter = await recordIn(
        await server.fetch('/v1/adapters', { method: 'POST', body, headers: mine }),
        201,
      );
      const schedule = {
        source_rank: 8,
        target_rank: 2,
        total_steps: 1000,
        recipe: 'equal' as const,
        min_stage_steps: 100,
      };
      const made = await server.fetch('/v1/runs', {
        method: 'POST',
        headers: { ...mine, ...JSON_TYPE },
        body: JSON.stringify({ schedule }),
      });
      const run = (await made.json()) as { id: string };
      const as = (headers: Record<string, string>, method: string, path: string) =>
        server.fetch(path, {
          method,
          headers: { ...headers, ...(method === 'PATCH' && JSON_TYPE) },
          ...(method === 'PATCH' && { body: JSON.stringify({ labels: { x: 'y' } }) }),
        });
      const listed = async (headers: Record<string, string>, name: string): Promise<number> => {
        const page = (await (await as(headers, 'GET', `/v1/${name}`)).json()) as Record<string, unknown[]>;
        return page[name]!.length;
      };
      for (const name of ['adapters', 'runs'])
        assert.deepEqual([await listed(mine, name), await listed(other, name)], [1, 0], name);
      await problemIn(await as(other, 'PATCH', `/v1/adapters/${adapter.id}`), 404, 'ADAPTER_NOT_FOUND');
      await problemIn(await as(other, 'DELETE', `/v1/adapters/${adapter.id}`), 404, 'ADAPTER_NOT_FOUND');
      await problemIn(await as(other, 'DELETE', `/v1/runs/${run.id}`), 404, 'RUN_NOT_FOUND');
      await problemIn(await as(reader, 'DELETE', `/v1/adapters/${adapter.id}`), 403, 'SCOPE_MISSING');
      await problemIn(await as(reader, 'PATCH', `/v1/adapters/${adapter.id}`), 403, 'SCOPE_MISSING');
      const usage = async (headers: Record<string, string>) =>
        ((await (await as(headers, 'GET', '/v1/usage')).json()) as { adapters: number }).adapters;
      assert.deepEqual([await usage(mine), await usage(other), await usage(reader)], [1, 0, 1]);
      await problemIn(await as({}, 'GET', '/v1/usage'), 401, 'KEY_MISSING');
    } finally {
      await server.close();
    }
  });
});
