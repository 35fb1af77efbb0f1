import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobRecord } from '../../src/contract/job.ts';
import type { UsageRecord } from '../../src/contract/tenant.ts';
import { contentKey } from '../../src/resources/contents/content-files.ts';
import { JSON_TYPE, recordIn, sweeperOf, withServer } from './adapter-routes.ts';
import { expire, problemIn, readRecord, startServer } from './server.ts';
import { formOf, tinyAdapter, WEIGHTS } from './tiny-adapter.ts';
import { largeAdapter } from './uploads-tools.ts';

const UNKNOWN = `ad_${'0'.repeat(32)}`;

const secondsUntil = (time: string | null): number => (Date.parse(time!) - Date.now()) / 1000;

describe('labels and a time to live of an upload', () => {
  const { server, upload } = withServer();

  it('are those that were sent', async () => {
    const record = await recordIn(
      await upload(1, { labels: '{"Team": "search", "a/b.c": "ü:1"}', ttl_seconds: '3600' }),
      201,
    );
    assert.deepEqual(record.labels, { Team: 'search', 'a/b.c': 'ü:1' });
    assert.ok(Math.abs(secondsUntil(record.expires_at) - 3600) < 60);
    const asJson = new Blob(['{"n": "2"}'], { type: 'application/json' });
    assert.deepEqual((await recordIn(await upload(2, { labels: asJson }), 201)).labels, { n: '2' });
  });

  it('apply to that upload only, even if the same content is uploaded again', async () => {
    const first = await recordIn(await upload(3, { labels: '{"v": "1"}' }), 201);
    const again = await recordIn(await upload(3, { labels: '{"v": "2"}', ttl_seconds: '60' }), 201);
    assert.notEqual(again.id, first.id);
    assert.deepEqual([first.content_known, again.content_known], [false, true]);
    assert.deepEqual(again.labels, { v: '2' });
    assert.ok(Math.abs(secondsUntil(again.expires_at) - 60) < 30);
    const now = await recordIn(await server().fetch(`/v1/adapters/${first.id}`), 200);
    assert.deepEqual(
      now,
      readRecord(first),
      'the first one is as it was, and does not say what only an upload says',
    );
  });

  it('are absent by default', async () => {
    const record = await recordIn(await upload(4), 201);
    assert.deepEqual([record.labels, record.expires_at], [{}, null]);
  });

  it('are refused if they violate the contract, and nothing is kept', async () => {
    const refused = async (fields: Record<string, string>, code: string, detail: RegExp) => {
      const problem = await problemIn(await upload(5, fields), 400, code);
      assert.match(problem.detail, detail);
    };
    await refused({ labels: '{' }, 'REQUEST_JSON', /The part "labels" is not valid JSON/);
    await refused({ labels: '[]' }, 'VALIDATION_FAILED', /labels is \[\] but must be an object/);
    await refused(
      { labels: '{"_team": "x"}' },
      'VALIDATION_FAILED',
      /^labels contains the name "_team", but a name has up to/,
    );
    await refused({ labels: '{"__proto__": "x"}' }, 'REQUEST_FORBIDDEN_KEY', /__proto__/);
    await refused({ labels: '{"t": "1", "t": "2"}' }, 'REQUEST_DUPLICATE_KEY', /In the part "labels", at t,/);
    await refused({ labels: '{"team": 1}' }, 'VALIDATION_FAILED', /labels.team is 1 but must be a string/);
    await refused({ labels: JSON.stringify({ t: 'x'.repeat(129) }) }, 'VALIDATION_FAILED', /128 characters/);
    await refused({ ttl_seconds: '59' }, 'VALIDATION_FAILED', /ttl_seconds is 59 but must be at least 60/);
    await refused({ ttl_seconds: '1e999' }, 'REQUEST_NUMBER', /"ttl_seconds", a number is not finite/);
    await refused({ ttl_seconds: 'soon' }, 'REQUEST_JSON', /"ttl_seconds"/);
    await refused({ name: '' }, 'VALIDATION_FAILED', /name/);
    await refused({ name: 'a\u0000b' }, 'VALIDATION_FAILED', /name/);
    await refused({ name: 'a\tb' }, 'VALIDATION_FAILED', /name/);
    await refused({ name: 'x'.repeat(201) }, 'VALIDATION_FAILED', /name .*200 characters/);
    await problemIn(await upload(5, { request: '{}' }), 400, 'UNEXPECTED_PART');
    const form = formOf(tinyAdapter(5));
    for (const part of ['labels', 'labels']) form.append(part, '{}');
    await problemIn(
      await server().fetch('/v1/adapters', { method: 'POST', body: form }),
      400,
      'DUPLICATE_PART',
    );
    await server().assertNoLeftovers();
    const { data: adapters } = (await (await server().fetch('/v1/adapters')).json()) as { data: unknown[] };
    assert.equal(adapters.length, 5);
  });
});

describe('PATCH /v1/adapters/{id}', () => {
  const { server, upload, patch } = withServer();

  it('changes labels and expiry independently of each other', async () => {
    const { id, created_at } = await recordIn(await upload(1, { labels: '{"a": "1", "b": "2"}' }), 201);
    const labelled = await recordIn(await patch(id, { labels: { c: '3' } }), 200);
    assert.deepEqual([labelled.labels, labelled.expires_at], [{ c: '3' }, null]);
    const expiring = await recordIn(await patch(id, { ttl_seconds: 600 }), 200);
    assert.deepEqual(expiring.labels, { c: '3' });
    assert.ok(Math.abs(secondsUntil(expiring.expires_at) - 600) < 60);
    const kept = await recordIn(await patch(id, { ttl_seconds: null, labels: {} }), 200);
    assert.deepEqual([kept.labels, kept.expires_at, kept.created_at], [{}, null, created_at]);
    assert.deepEqual(await recordIn(await server().fetch(`/v1/adapters/${id}`), 200), kept);
    const again = await recordIn(await upload(1), 201);
    assert.deepEqual([again.labels, again.content_known], [{}, true]);
    assert.deepEqual(await recordIn(await server().fetch(`/v1/adapters/${id}`), 200), kept);
  });

  it('changes only the name', async () => {
    const sent = await recordIn(await upload(3, { labels: '{"a": "1"}', ttl_seconds: '600' }), 201);
    const { id } = sent;
    const named = await recordIn(await patch(id, { name: 'support chat, v3 — 2' }), 200);
    assert.deepEqual(named, { ...readRecord(sent), name: 'support chat, v3 — 2' });
    const longest = '😀'.repeat(200);
    assert.equal((await recordIn(await patch(id, { name: longest }), 200)).name, longest);
    for (const name of ['', 'x'.repeat(201), 'a\nb', 'a\u0000', '\u007f', null, 3])
      await problemIn(await patch(id, { name }), 400, 'VALIDATION_FAILED');
    assert.equal((await recordIn(await server().fetch(`/v1/adapters/${id}`), 200)).name, longest);
  });

  it('refuses fields that cannot be changed', async () => {
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

  it('removes an adapter; the same files then give a new one', async () => {
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
    assert.notEqual(again.id, id);
    assert.deepEqual([again.labels, again.content_known], [{}, false], 'nothing of it was left');
  });

  it('leaves other adapters with the same content unchanged', async () => {
    const adapter = largeAdapter(40_000);
    const form = () => formOf(adapter);
    const post = async () =>
      recordIn(await server().fetch('/v1/adapters', { method: 'POST', body: form() }), 201);
    const [first, second, third] = [await post(), await post(), await post()];
    assert.equal((await remove(`/v1/adapters/${first.id}`)).status, 204);
    await expire(server(), second.id);
    const sweeper = sweeperOf(server());
    await sweeper.sweep(Date.now() + 60_000);
    for (const { id } of [first, second])
      await problemIn(await server().fetch(`/v1/adapters/${id}`), 404, 'ADAPTER_NOT_FOUND');
    const path = `/v1/adapters/${third.id}`;
    assert.deepEqual(await recordIn(await server().fetch(path), 200), readRecord(third));
    const weights = Buffer.from(await (await server().fetch(`${path}/files/${WEIGHTS}`)).arrayBuffer());
    assert.ok(weights.equals(adapter.weights));
  });

  it('is refused while a job reads the adapter, naming the job, and allowed afterwards', async () => {
    const { id } = await recordIn(await upload(2), 201);
    const job = await submit(id);
    const problem = await problemIn(await remove(`/v1/adapters/${id}`), 409, 'ADAPTER_IN_USE');
    assert.equal(problem.context?.job_id, job.id);
    await server().worker.fail(job.id);
    assert.equal((await remove(`/v1/adapters/${id}`)).status, 204);
    const body = JSON.stringify({ kind: 'analyze', adapter_id: id });
    const response = await server().fetch('/v1/jobs', { method: 'POST', headers: JSON_TYPE, body });
    await problemIn(response, 404, 'ADAPTER_NOT_FOUND');
  });

  it('either comes before a job or is refused because of it, whichever is faster', async () => {
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

  it('leaves the content to the sweeper, once no adapter has it', async () => {
    const post = async () => {
      const body = formOf(largeAdapter(50_000));
      return recordIn(await server().fetch('/v1/adapters', { method: 'POST', body }), 201);
    };
    const [first, second] = [await post(), await post()];
    const { files } = await server().adapters.stored(first.id);
    const key = contentKey(files.find(({ name }) => name === WEIGHTS)!.content);
    const isThere = async () => (await server().wholeStore.stat(key)) !== undefined;
    const sweep = () => sweeperOf(server()).sweep(Date.now() + 60_000);
    await remove(`/v1/adapters/${first.id}`);
    await sweep();
    assert.ok(await isThere(), 'the other one has it');
    await remove(`/v1/adapters/${second.id}`);
    assert.ok(await isThere());
    await sweep();
    assert.ok(!(await isThere()));
  });
});

describe('the usage of a tenant', () => {
  it('follows uploads and deletions, and limits uploads', async () => {
    const server = await startServer();
    try {
      const reportedUsage = async () => (await (await server.fetch('/v1/usage')).json()) as UsageRecord;
      const usage = async () => {
        const { stored_bytes, adapters, jobs } = await reportedUsage();
        return { stored_bytes, adapters, jobs };
      };
      assert.deepEqual(await usage(), { stored_bytes: 0, adapters: 0, jobs: 0 });
      const one = await server.upload(tinyAdapter(1));
      const two = await server.upload(tinyAdapter(2));
      const twin = await server.upload(tinyAdapter(2));
      const all = one.bytes + 2 * two.bytes;
      assert.deepEqual(await usage(), { stored_bytes: all, adapters: 3, jobs: 0 }, 'each counts in full');
      assert.equal((await server.fetch(`/v1/adapters/${twin.id}`, { method: 'DELETE' })).status, 204);
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
      await problemIn(await post(2), 429, 'QUOTA_STORED_BYTES');
      assert.equal((await server.fetch(`/v1/adapters/${two.id}`, { method: 'DELETE' })).status, 204);
      assert.deepEqual(await usage(), { stored_bytes: one.bytes, adapters: 1, jobs: 1 });
      assert.equal((await post(3)).status, 201);
      const tenant = (await (await server.fetch('/v1/tenants/default')).json()) as { usage: unknown };
      assert.deepEqual(tenant.usage, await reportedUsage());
      await server.assertNoLeftovers();
    } finally {
      await server.close();
    }
  });

  it('refuses by the announced size, before any byte is read', async () => {
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

  it('removes a run, and no other', async () => {
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
        const { key } = await server.keys.create({
          tenant,
          makesTenant: true,
          name: '',
          scopes,
          expiresAt: null,
        });
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
        const page = (await (await as(headers, 'GET', `/v1/${name}`)).json()) as { data: unknown[] };
        return page.data.length;
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
