import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { BatchRecord } from '../../src/contract/batch.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import type { Database } from '../../src/database/database.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { ClaimStore } from '../../src/resources/idempotency/claim-store.ts';
import { digestTexts } from '../../src/resources/idempotency/fingerprint.ts';
import { until } from '../queue/harness.ts';
import { unfinished } from '../resources/jobs/job-rows.ts';
import { jobsOf } from '../resources/tenants/stored-by.ts';
import { openSocket, rawRequest } from './raw-request.ts';
import { checkedProblem, problemIn, startServer, type TestServer } from './server.ts';
import { serverWithAdapter } from './server-with-adapter.ts';

let keys = 0;
const newKey = (): string => `key-${process.pid}-${++keys}`;

/** The same database while it is read-only. */
const away = (database: Database): Database => ({
  ...database,
  write: () => Promise.reject(new AppError('DATABASE_UNAVAILABLE', 'gone')),
});

describe('a POST with an Idempotency-Key', () => {
  const at = serverWithAdapter();
  let server: TestServer;
  let adapterId: string;
  before(() => {
    ({ server, adapterId } = at());
  });

  const job = (rank = 2) => at().squeeze(rank);
  const post = (key: string | undefined, body: unknown = job(), headers: Record<string, string> = {}) =>
    at().post('/v1/jobs', body, { ...(key !== undefined && { 'idempotency-key': key }), ...headers });
  const jobCount = () => jobsOf(server.workspaces.of('default'));

  it('is done once, and gets its first response again', async () => {
    const before = await jobCount();
    const key = newKey();
    const first = await post(key);
    const record = (await first.json()) as JobRecord;
    assert.equal(first.status, 202);
    assert.equal(first.headers.get('idempotent-replayed'), null);
    const second = await post(key);
    assert.equal(second.status, 202);
    assert.equal(second.headers.get('idempotent-replayed'), 'true');
    assert.deepEqual(await second.json(), record);
    for (const name of ['location', 'content-type', 'cache-control', 'vary']) {
      assert.equal(second.headers.get(name), first.headers.get(name), name);
    }
    assert.notEqual(second.headers.get('x-request-id'), first.headers.get('x-request-id'));
    assert.equal(await jobCount(), before + 1);
    assert.notEqual(((await (await post(newKey())).json()) as JobRecord).id, record.id);
    assert.notEqual(((await (await post(undefined)).json()) as JobRecord).id, record.id);
  });

  it('waits for the end of its job on request, and otherwise gets its first response again', async () => {
    const key = newKey();
    const { id } = (await (await post(key)).json()) as JobRecord;
    const waiting = post(key, job(), { prefer: 'wait=30' });
    await server.worker.succeed(id);
    for (const response of [await waiting, await post(key, job(), { prefer: 'wait=1' })]) {
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('idempotent-replayed'), 'true');
      assert.equal(response.headers.get('location'), `/v1/jobs/${id}`);
      const record = (await response.json()) as JobRecord;
      assert.deepEqual([record.id, record.state], [id, 'succeeded']);
    }
    assert.equal((await waiting).headers.get('preference-applied'), 'wait=30');
    const first = await post(key);
    assert.deepEqual([first.status, ((await first.json()) as JobRecord).state], [202, 'queued']);
    assert.equal((await server.fetch(`/v1/jobs/${id}`, { method: 'DELETE' })).status, 204);
    const gone = await post(key, job(), { prefer: 'wait=30' });
    assert.equal(gone.status, 202, 'the first answer, as the job is gone');
    assert.equal(((await gone.json()) as JobRecord).id, id);
  });

  it('does the same for batches', async () => {
    const key = newKey();
    const body = { adapter_ids: [adapterId], targets: [{ rank: 2 }], reuse: false };
    const send = async (prefer: string) => {
      const response = await at().post('/v1/batches', body, { 'idempotency-key': key, prefer });
      return { response, batch: (await response.json()) as BatchRecord };
    };
    const first = await send('wait=0');
    assert.equal(first.response.status, 202);
    const waiting = send('wait=30');
    await server.worker.succeed((await server.jobsOf(first.batch))[0]!);
    const { response, batch } = await waiting;
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('idempotent-replayed'), 'true');
    assert.deepEqual([batch.id, batch.state], [first.batch.id, 'succeeded']);
  });

  it('creates one job from a hundred simultaneous requests', async () => {
    const before = await jobCount();
    const key = newKey();
    const responses = await Promise.all(Array.from({ length: 100 }, () => post(key)));
    const ids = new Set<string>();
    for (const response of responses) {
      if (response.status === 409) {
        assert.ok(Number(response.headers.get('retry-after')) >= 1);
        await problemIn(response, 409, 'IDEMPOTENCY_IN_FLIGHT');
      } else {
        assert.equal(response.status, 202);
        ids.add(((await response.json()) as JobRecord).id);
      }
    }
    assert.equal(ids.size, 1);
    assert.equal(await jobCount(), before + 1);
    const firsts = responses.filter(
      ({ status, headers }) => status === 202 && !headers.has('idempotent-replayed'),
    );
    assert.equal(firsts.length, 1);
  });

  it('is the same if its JSON is written differently', async () => {
    const key = newKey();
    const { id } = (await (await post(key)).json()) as JobRecord;
    const reordered = `{ "reuse" : false, "targets":[ {"rank": 2.0} ],\n"adapter_id":"${adapterId}", "kind":"squeeze"}`;
    const again = await post(key, reordered);
    assert.equal(((await again.json()) as JobRecord).id, id);
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
  });

  it('is refused with another body or for another path', async () => {
    const key = newKey();
    await (await post(key)).text();
    await problemIn(await post(key, job(3)), 422, 'IDEMPOTENCY_MISMATCH');
    const elsewhere = await server.fetch('/v1/schedules', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ source_rank: 8, target_rank: 4, total_steps: 100 }),
    });
    await problemIn(elsewhere, 422, 'IDEMPOTENCY_MISMATCH');
    assert.equal((await post(key)).headers.get('idempotent-replayed'), 'true', 'the first one stands');
  });

  it('treats a key with and without quotes as the same, and refuses invalid keys', async () => {
    const key = newKey();
    await (await post(key)).text();
    assert.equal((await post(`"${key}"`)).headers.get('idempotent-replayed'), 'true');
    for (const bad of ['', '""', '"open', '"a"b"', 'caf\u00e9', 'x'.repeat(256), `"${'x'.repeat(256)}"`]) {
      await problemIn(await post(bad), 400, 'IDEMPOTENCY_KEY_INVALID');
    }
    for (const good of [
      'x'.repeat(255),
      `"${'\\"'.repeat(200)}"`,
      'two words',
      '8e03978e-40d5-43e8-bc93-6894a57f9324',
    ]) {
      assert.equal((await post(good)).status, 202, good.slice(0, 20));
    }
    const twice = await rawRequest(
      server.port,
      'POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n' +
        'Idempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: 2\r\n\r\n{}',
    );
    checkedProblem(JSON.parse(twice.body), 400, 'IDEMPOTENCY_KEY_INVALID');
  });

  it('keeps permanent refusals, and forgets temporary ones', async () => {
    const missing = { ...job(), adapter_id: `ad_${'0'.repeat(32)}` };
    const key = newKey();
    const first = await post(key, missing);
    const refused = await problemIn(first, 404, 'ADAPTER_NOT_FOUND');
    const again = await post(key, missing);
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
    assert.deepEqual(await problemIn(again, 404, 'ADAPTER_NOT_FOUND'), refused);

    const later = newKey();
    await server.limit({ max_queued: 1 });
    await problemIn(await post(later), 429, 'QUOTA_QUEUED_JOBS');
    await server.limit({ max_queued: null });
    const done = await post(later);
    assert.equal(done.status, 202);
    assert.equal(done.headers.get('idempotent-replayed'), null);

    const invalid = newKey();
    await problemIn(await post(invalid, { kind: 'squeeze' }), 400, 'VALIDATION_FAILED');
    assert.equal((await post(invalid)).status, 202, 'a request that was never handled did not take the key');
  });

  it('outlives its client: a client that left early gets the response when it returns', async () => {
    const before = await jobCount();
    const key = newKey();
    const gone = new AbortController();
    const waiting = post(key, job(), { prefer: 'wait=30' });
    const left = server
      .fetch('/v1/jobs', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': `${key}-b`, prefer: 'wait=30' },
        body: JSON.stringify(job()),
        signal: gone.signal,
      })
      .catch(() => undefined);
    await until('two jobs', async () => ((await jobCount()) === before + 2 ? true : undefined));
    gone.abort();
    await left;
    await problemIn(await post(`${key}-b`), 409, 'IDEMPOTENCY_IN_FLIGHT');
    await problemIn(await post(`${key}-b`, job(3)), 422, 'IDEMPOTENCY_MISMATCH');
    for (const id of await unfinished(server.jobStore)) await server.worker.succeed(id);
    assert.equal((await waiting).status, 200);
    const back = await until('the answer', async () => {
      const response = await post(`${key}-b`);
      return response.status === 409 ? undefined : response;
    });
    assert.equal(back.headers.get('idempotent-replayed'), 'true');
    assert.equal(await jobCount(), before + 2);
  });

  it('changes nothing if there is nothing to be done twice', async () => {
    const { id } = (await (await post(undefined)).json()) as JobRecord;
    for (const key of ['', 'x'.repeat(300), newKey()]) {
      assert.equal(
        (await server.fetch(`/v1/jobs/${id}`, { headers: { 'idempotency-key': key } })).status,
        200,
      );
    }
  });

  it('is refused, and not done, while the database is away', async () => {
    const other = await startServer({}, { claims: new ClaimStore(away(server.database)) });
    try {
      const { id } = await other.upload();
      const send = (headers: Record<string, string>) =>
        other.fetch('/v1/jobs', {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body: JSON.stringify({ ...job(), adapter_id: id }),
        });
      const refused = await send({ 'idempotency-key': 'k' });
      assert.ok(refused.headers.get('retry-after'));
      await problemIn(refused, 503, 'DATABASE_UNAVAILABLE');
      assert.equal(await jobsOf(other.workspaces.of('default')), 0);
      assert.equal((await send({})).status, 202, 'without a key nothing is claimed');
    } finally {
      await other.close();
    }
  });

  it('is freed when the process that handled it died', async () => {
    // A process that was killed leaves a claim whose lease is not renewed.
    const key = newKey();
    const dead = { tenant: 'default', key: digestTexts([key]), owner: 'dead' };
    const fingerprint = { route: digestTexts(['POST', '/v1/jobs']), payload: null };
    const claimed = await new ClaimStore(server.database).claim(dead, fingerprint, 500);
    assert.equal(claimed.state, 'ours');
    await problemIn(await post(key), 409, 'IDEMPOTENCY_IN_FLIGHT');
    const done = await until('the end of the lease', async () => {
      const response = await post(key);
      return response.status === 409 ? undefined : response;
    });
    assert.deepEqual([done.status, done.headers.get('idempotent-replayed')], [202, null]);
  });

  it('belongs to one tenant', async () => {
    const keyed = await startServer({}, { auth: { mode: 'keys' } });
    try {
      const bearers: string[] = [];
      for (const tenant of ['one', 'two']) {
        const made = await keyed.keys.create({
          tenant,
          makesTenant: true,
          name: '',
          scopes: ['write'],
          expiresAt: null,
        });
        bearers.push(`Bearer ${made.key}`);
      }
      const key = newKey();
      const send = (authorization: string, total_steps: number) =>
        keyed.fetch('/v1/schedules', {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'idempotency-key': key, authorization },
          body: JSON.stringify({ source_rank: 8, target_rank: 4, total_steps }),
        });
      assert.equal((await send(bearers[0]!, 4000)).headers.get('idempotent-replayed'), null);
      const foreign = await send(bearers[1]!, 8000);
      assert.deepEqual([foreign.status, foreign.headers.get('idempotent-replayed')], [200, null]);
      assert.equal((await send(bearers[0]!, 4000)).headers.get('idempotent-replayed'), 'true');
      await problemIn(await send(bearers[1]!, 4000), 422, 'IDEMPOTENCY_MISMATCH');
    } finally {
      await keyed.close();
    }
  });

  it('is saved later if the database was away while the request was handled', async () => {
    const state = { isAway: false };
    const { database } = server;
    const claims = new ClaimStore({
      ...database,
      write: (work) => (state.isAway ? away(database) : database).write(work),
    });
    const other = await startServer({}, { claims });
    try {
      const { id } = await other.upload();
      const key = newKey();
      const send = (prefer = 'wait=0') =>
        other.fetch('/v1/jobs', {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'idempotency-key': key, prefer },
          body: JSON.stringify({ ...job(), adapter_id: id }),
        });
      const waiting = send('wait=1');
      await until('the job', async () => (await unfinished(other.jobStore))[0]);
      state.isAway = true;
      assert.equal((await waiting).status, 202, 'the client has its answer all the same');
      await problemIn(await send(), 503, 'DATABASE_UNAVAILABLE');
      state.isAway = false;
      const replayed = await until('the next try', async () => {
        const response = await send();
        return response.status === 409 ? undefined : response;
      });
      assert.equal(replayed.headers.get('idempotent-replayed'), 'true');
      assert.equal(await jobsOf(other.workspaces.of('default')), 1);
    } finally {
      await other.close();
    }
  });

  it('frees the connection, and the key, of a request whose body never arrives', async () => {
    const key = newKey();
    const socket = await openSocket(server.port);
    socket.write(
      `POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nIdempotency-Key: ${key}\r\nContent-Length: 500\r\n\r\n{`,
    );
    socket.destroy();
    assert.equal((await post(key)).status, 202);
  });
});
