import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Value } from 'typebox/value';
import { BatchList, BatchRecord } from '../../src/contract/batch.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import type { KeyRequest } from '../../src/contract/key.ts';
import { jobsOf } from '../resources/batches/insert-batch.ts';
import { openSocket, parseResponse, readAll } from './raw-request.ts';
import { checkedProblem, problemIn, startServer, type TestServer } from './server.ts';
import { formOf, tinyAdapter } from './tiny-adapter.ts';

const MISSING_BATCH = `batch_${'0'.repeat(32)}`;

describe('batches over HTTP', () => {
  let server: TestServer;
  const ids: string[] = [];
  before(async () => {
    server = await startServer();
    for (let seed = 1; seed <= 3; seed++) ids.push((await server.upload(tinyAdapter(seed))).id);
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
  const post = (body: unknown) => send('POST', '/v1/batches', body);
  const submit = async (more: object = {}): Promise<BatchRecord> => {
    const response = await post({ adapter_ids: ids, targets: [{ rank: 2 }], reuse: false, ...more });
    assert.equal(response.status, 202, await response.clone().text());
    return (await response.json()) as BatchRecord;
  };
  const get = async (id: string) => (await (await server.fetch(`/v1/batches/${id}`)).json()) as BatchRecord;

  it('accepts one, shows it and its jobs, and how it ended', async () => {
    const response = await post({ adapter_ids: ids, targets: [{ rank: 2 }], labels: { release: '1' } });
    assert.equal(response.status, 202);
    const batch = (await response.json()) as BatchRecord;
    assert.ok(Value.Check(BatchRecord, batch));
    assert.equal(response.headers.get('location'), `/v1/batches/${batch.id}`);
    assert.deepEqual(await get(batch.id), batch);
    const jobs = await server.jobsOf(batch);
    for (const id of jobs) {
      const job = (await (await server.fetch(`/v1/jobs/${id}`)).json()) as JobRecord;
      assert.deepEqual([job.batch_id, job.labels], [batch.id, { release: '1' }]);
    }
    const listed = (await (await server.fetch(`/v1/jobs?batch_id=${batch.id}`)).json()) as {
      data: JobRecord[];
    };
    assert.equal(listed.data.length, 3);
    for (const [i, id] of jobs.entries()) await server.worker[i === 1 ? 'fail' : 'succeed'](id);
    const ended = await get(batch.id);
    assert.deepEqual(
      [ended.state, ended.counts.succeeded, ended.counts.failed, ended.progress],
      ['partial', 2, 1, { done: 3, total: 3 }],
    );
    const metrics = await (await server.fetch('/metrics')).text();
    assert.match(metrics, /^lora_squeeze_batches_total\{state="partial"\} 1$/m);
    assert.match(metrics, /^lora_squeeze_batch_jobs_total\{state="succeeded"\} 2$/m);
  });

  it('waits for the end on request', async () => {
    const batch = await submit();
    const { id } = batch;
    const ask = (prefer: string) => server.fetch(`/v1/batches/${id}`, { headers: { prefer } });
    const early = await ask('wait=1');
    assert.deepEqual([early.status, early.headers.get('preference-applied')], [200, 'wait=1']);
    assert.equal(((await early.json()) as BatchRecord).state, 'active');
    const waiting = ask('wait=30');
    for (const job of await server.jobsOf(batch)) await server.worker.succeed(job);
    assert.equal(((await (await waiting).json()) as BatchRecord).state, 'succeeded');
    await problemIn(
      await server.fetch(`/v1/batches/${MISSING_BATCH}`, { headers: { prefer: 'wait=30' } }),
      404,
      'BATCH_NOT_FOUND',
    );
    const done = await server.fetch('/v1/batches', {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer: 'wait=30' },
      body: JSON.stringify({ adapter_ids: ids, targets: [{ rank: 2 }] }),
    });
    assert.equal(done.status, 200, 'the work was done before');
    assert.equal(((await done.json()) as BatchRecord).state, 'succeeded');
  });

  it('cancels, retries and deletes', async () => {
    const batch = await submit();
    const path = `/v1/batches/${batch.id}`;
    const [job] = (await server.jobsOf(batch)) as [string];
    await problemIn(await send('DELETE', path), 409, 'BATCH_NOT_FINAL');
    await problemIn(await send('POST', `${path}/retry`), 409, 'BATCH_NOT_FINAL');
    const response = await send('POST', `${path}/cancel`);
    assert.deepEqual([response.status, ((await response.json()) as BatchRecord).state], [200, 'cancelled']);
    await server.workspaces.of('default').batches.settled();
    const ended = await get(batch.id);
    assert.deepEqual([ended.state, ended.counts.cancelled], ['cancelled', 3]);
    const retried = await send('POST', `${path}/retry`);
    assert.equal(retried.status, 202);
    const again = (await retried.json()) as BatchRecord;
    assert.deepEqual([again.retry_of, again.progress.total], [batch.id, 3]);
    assert.equal(retried.headers.get('location'), `/v1/batches/${again.id}`);
    assert.equal((await send('DELETE', path)).status, 204);
    await problemIn(await server.fetch(path), 404, 'BATCH_NOT_FOUND');
    await problemIn(await server.fetch(`/v1/jobs/${job}`), 404, 'JOB_NOT_FOUND');
    for (const id of await server.jobsOf(again)) await server.worker.succeed(id);
    const final = `/v1/batches/${again.id}`;
    await problemIn(await send('POST', `${final}/cancel`), 409, 'BATCH_FINAL');
    await problemIn(await send('POST', `${final}/retry`), 409, 'BATCH_SUCCEEDED');
    for (const [method, way] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/cancel'],
      ['POST', '/retry'],
    ] as const)
      await problemIn(await send(method, `/v1/batches/${MISSING_BATCH}${way}`), 404, 'BATCH_NOT_FOUND');
  });

  it('lists them page by page, the newest first', async () => {
    const made: string[] = [];
    for (let i = 0; i < 3; i++) made.unshift((await submit()).id);
    const found: string[] = [];
    let next: string | null = '/v1/batches?limit=2';
    while (next !== null) {
      const response: Response = await server.fetch(next);
      assert.equal(response.status, 200);
      const page = (await response.json()) as BatchList;
      assert.ok(Value.Check(BatchList, page));
      found.push(...page.data.map(({ id }) => id));
      next = page.next_cursor === null ? null : `/v1/batches?limit=2&cursor=${page.next_cursor}`;
    }
    assert.deepEqual(found.slice(0, 3).toSorted(), made.toSorted());
    await problemIn(await server.fetch('/v1/batches?cursor=x'), 400, 'VALIDATION_FAILED');
    await problemIn(await server.fetch('/v1/batches?limit=0'), 400, 'VALIDATION_FAILED');
    await problemIn(await server.fetch('/v1/batches?state=queued'), 400, 'VALIDATION_FAILED');
    await problemIn(await server.fetch('/v1/batches?kind=x'), 400, 'UNKNOWN_OPTION');
    const none = await server.fetch(
      '/v1/batches?state=active&state=failed&label=n:o&created_after=2026-01-01',
    );
    assert.deepEqual(await none.json(), { data: [], next_cursor: null });
  });

  it('changes the name and the labels, which a retry keeps and lists find', async () => {
    const batch = await submit({ name: 'weekly 1', labels: { of: 'w' } });
    const change = async (patch: object) =>
      (await (await send('PATCH', `/v1/batches/${batch.id}`, patch)).json()) as BatchRecord;
    const found = async (query: string) =>
      ((await (await server.fetch(`/v1/batches?${query}`)).json()) as BatchList).data.map(({ id }) => id);
    assert.equal(batch.name, 'weekly 1');
    const named = await change({ name: 'weekly 2' });
    assert.deepEqual([named.name, named.labels], ['weekly 2', { of: 'w' }]);
    const labelled = await change({ labels: { of: 'v' } });
    assert.deepEqual([labelled.name, labelled.labels], ['weekly 2', { of: 'v' }]);
    assert.deepEqual(await found('label=of:w'), []);
    for (const id of await server.jobsOf(batch)) await server.worker.fail(id);
    const again = (await (await send('POST', `/v1/batches/${batch.id}/retry`)).json()) as BatchRecord;
    assert.deepEqual([again.name, again.labels], ['weekly 2', { of: 'v' }]);
    assert.deepEqual(await found('name=weekly&label=of:v'), [again.id, batch.id]);
    assert.equal((await change({ name: null })).name, null);
    assert.deepEqual(await found('name=weekly'), [again.id]);
    const path = `/v1/batches/${batch.id}`;
    await problemIn(await send('PATCH', path, { name: 'a\tb' }), 400, 'VALIDATION_FAILED');
    await problemIn(await send('PATCH', path, {}), 400, 'VALIDATION_FAILED');
    await problemIn(
      await send('PATCH', `/v1/batches/${MISSING_BATCH}`, { name: 'x' }),
      404,
      'BATCH_NOT_FOUND',
    );
  });

  describe('a wrong request', () => {
    const job = { kind: 'squeeze', adapter_id: 'ad_any', targets: [{ rank: 2 }] };
    const cases: [what: string, body: unknown, code: string, detail: RegExp, pointers: string[]][] = [
      [
        'nothing',
        {},
        'VALIDATION_FAILED',
        /must have at least one of adapter_ids, sources, source_prefix, jobs/,
        [''],
      ],
      [
        'both',
        { adapter_ids: ['a'], jobs: [job] },
        'VALIDATION_FAILED',
        /may have only one of adapter_ids, jobs/,
        [''],
      ],
      [
        'too many',
        { jobs: Array.from({ length: 10_001 }, () => job) },
        'VALIDATION_FAILED',
        /jobs has 10001 items but may have at most 10000/,
        ['/jobs'],
      ],
      [
        'an unknown option',
        { adapter_ids: ['a'], target: [] },
        'UNKNOWN_OPTION',
        /no option "target"/,
        ['/target'],
      ],
      [
        'wrong jobs, each with its index',
        {
          jobs: [
            job,
            { ...job, targets: [{ rank: 0 }] },
            job,
            { ...job, kind: 'shrink' },
            { ...job, targets: [{ rank: 1, energy: 1 }] },
          ],
        },
        'VALIDATION_FAILED',
        /^jobs\[1\]\.targets\[0\]\.rank is 0 but must be at least 1 \(and 2 more, see errors\)\.$/,
        ['/jobs/1/targets/0/rank', '/jobs/3/kind', '/jobs/4/targets/0'],
      ],
      [
        'an unknown option of a job',
        { jobs: [job, { ...job, ranks: 3 }] },
        'UNKNOWN_OPTION',
        /^jobs\[1\] has no option "ranks"/,
        ['/jobs/1/ranks'],
      ],
      ['a job that is none', { jobs: ['x'] }, 'VALIDATION_FAILED', /jobs\[0\] is "x"/, ['/jobs/0']],
      [
        'a wrong target',
        { adapter_ids: ['a'], targets: [{ rank: 0 }] },
        'VALIDATION_FAILED',
        /^targets\[0\]\.rank is 0/,
        ['/targets/0/rank'],
      ],
      [
        'a priority',
        { adapter_ids: ['a'], targets: [{ rank: 1 }], priority: 'urgent' },
        'VALIDATION_FAILED',
        /priority is "urgent"/,
        ['/priority'],
      ],
    ];
    for (const [what, body, code, detail, pointers] of cases) {
      it(`is explained: ${what}`, async () => {
        const problem = await problemIn(await post(body), 400, code);
        assert.match(problem.detail, detail);
        assert.deepEqual(
          problem.errors?.map(({ pointer }) => pointer),
          pointers,
        );
      });
    }

    it('is explained: nothing to do, and contradictions', async () => {
      await problemIn(await post({ adapter_ids: [], targets: [{ rank: 2 }] }), 422, 'BATCH_EMPTY');
      await problemIn(await post({ jobs: [] }), 422, 'BATCH_EMPTY');
      const [id] = ids;
      const twice = await problemIn(
        await post({ adapter_ids: [id, id], targets: [{ rank: 2 }] }),
        422,
        'BATCH_INVALID',
      );
      assert.match(
        twice.detail,
        /^adapter_ids\[1\] is the same as adapter_ids\[0\]\. Nothing was accepted\.$/,
      );
      assert.deepEqual(
        twice.errors?.map(({ pointer }) => pointer),
        ['/adapter_ids/1'],
      );
    });

    it('of a thousand wrong jobs is explained in part, and does not delay others', async () => {
      const wrong = { ...job, targets: Array.from({ length: 4 }, () => ({ rank: 0 })) };
      const answer = post({ jobs: Array.from({ length: 1000 }, () => wrong) });
      const problem = await problemIn(await answer, 400, 'VALIDATION_FAILED');
      assert.equal(problem.errors?.length, 100);
      assert.match(problem.detail, /\(and 3999 more, see errors\)/);
    });

    it('is refused if it announces too large a size', async () => {
      const pattern = Object.fromEntries(Array.from({ length: 4000 }, (_, i) => [`model.layers.${i}`, 1]));
      const large = { ...job, targets: [{ rank_pattern: pattern }] };
      const body = { jobs: Array.from({ length: 60 }, () => large) };
      const { detail, context } = await problemIn(await post(body), 413, 'UPLOAD_TOO_LARGE');
      const bytes = JSON.stringify(body).length;
      assert.deepEqual(context, { bytes, limit_bytes: 4_194_304 });
      assert.equal(detail, `The body of this request has ${bytes} bytes; the limit is 4194304 bytes.`);
    });

    it('is refused if it turns out too large without announcing it', async () => {
      const socket = await openSocket(server.port);
      socket.write(
        'POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
      );
      socket.write(`81000\r\n${' '.repeat(0x81000)}\r\n`);
      const { body } = parseResponse(await readAll(socket));
      const { detail, context } = checkedProblem(JSON.parse(body), 413, 'UPLOAD_TOO_LARGE');
      assert.deepEqual(context, { limit_bytes: 524_288 });
      assert.match(detail, /is too large; the limit is 524288 bytes/);
    });
  });
});

describe('batches of tenants', () => {
  it('are visible to their own tenant only', async () => {
    const server = await startServer({}, { auth: { mode: 'keys', adminKey: () => 'lsq_admin' } });
    try {
      const ask = (key: string, method: string, path: string, body?: unknown) =>
        server.fetch(path, {
          method,
          headers: {
            authorization: `Bearer ${key}`,
            ...(body !== undefined && { 'content-type': 'application/json' }),
          },
          ...(body !== undefined && { body: JSON.stringify(body) }),
        });
      const keyOf = async (tenant: string) => {
        await server.workspaces.tenants.put(tenant, {});
        const request: KeyRequest = { tenant, scopes: ['read', 'write'] };
        const response = await ask('lsq_admin', 'POST', '/v1/keys', request);
        assert.equal(response.status, 201, await response.clone().text());
        return ((await response.json()) as { key: string }).key;
      };
      const [mine, other] = [await keyOf('mine'), await keyOf('other')];
      const uploaded = await server.fetch('/v1/adapters', {
        method: 'POST',
        headers: { authorization: `Bearer ${mine}` },
        body: formOf(tinyAdapter()),
      });
      const { id } = (await uploaded.json()) as { id: string };
      const request = { adapter_ids: [id], targets: [{ rank: 2 }] };
      const refused = (await (await ask(other, 'POST', '/v1/batches', request)).json()) as BatchRecord;
      assert.equal(refused.state, 'failed', 'it has no such adapter');
      await ask(other, 'DELETE', `/v1/batches/${refused.id}`);
      const batch = (await (await ask(mine, 'POST', '/v1/batches', request)).json()) as BatchRecord;
      for (const [method, way, body] of [
        ['GET', ''],
        ['GET', '/items'],
        ['POST', '/cancel'],
        ['POST', '/retry'],
        ['PATCH', '', { labels: {} }],
        ['DELETE', ''],
      ] as const)
        await problemIn(
          await ask(other, method, `/v1/batches/${batch.id}${way}`, body),
          404,
          'BATCH_NOT_FOUND',
        );
      const { batches } = server.workspaces.of('mine');
      const [job] = (await jobsOf(batches, batch)) as [string];
      const href = `/v1/jobs/${job}`;
      for (const [method, way, body] of [
        ['POST', '/cancel'],
        ['POST', '/retry'],
        ['PATCH', '', { labels: {} }],
        ['DELETE', ''],
      ] as const)
        await problemIn(await ask(other, method, `${href}${way}`, body), 404, 'JOB_NOT_FOUND');
      const theirs = (await (await ask(other, 'GET', '/v1/batches')).json()) as BatchList;
      assert.deepEqual(theirs.data, []);
    } finally {
      await server.close();
    }
  });
});
