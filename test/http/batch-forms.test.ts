import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BatchRecord, BatchRequest } from '../../src/contract/batch.ts';
import type { BatchItem, BatchItemList } from '../../src/contract/batch-item.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { tinyAdapter } from './tiny-adapter.ts';

const credentials = { access_key_id: 'KEYID', secret_access_key: 'hush-hush' };
const targets = [{ rank: 2 }];

type Post = (body: object, headers?: Record<string, string>) => Promise<Response>;
interface Context {
  readonly server: TestServer;
  readonly post: Post;
  readonly accepted: (body: Partial<BatchRequest> & object) => Promise<BatchRecord>;
  readonly items: (batch: BatchRecord) => Promise<BatchItem[]>;
  readonly requestOf: (item: BatchItem) => Promise<Extract<JobRecord['request'], { kind: 'squeeze' }>>;
}

async function withServer(work: (context: Context) => Promise<void>): Promise<void> {
  const server = await startServer();
  const send = (path: string, body: object, headers = {}) =>
    server.fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  const post: Post = (body, headers) => send('/v1/batches', body, headers);
  try {
    for (const [name, prefixes] of Object.entries({ models: ['s3://models'], team: ['hf://team'] })) {
      const kind = prefixes[0]!.startsWith('hf') ? 'hub' : 's3';
      const own = kind === 's3' ? { credentials } : { credentials: { token: 'hf_hush' } };
      const response = await send('/v1/connections', { kind, name, prefixes, ...own });
      assert.equal(response.status, 201, await response.clone().text());
    }
    await work({
      server,
      post,
      async accepted(body) {
        const response = await post(body);
        assert.equal(response.status, 202, await response.clone().text());
        return (await response.json()) as BatchRecord;
      },
      async items({ id }) {
        return ((await (await server.fetch(`/v1/batches/${id}/items`)).json()) as BatchItemList).data;
      },
      async requestOf({ job_href }) {
        const { request } = (await (await server.fetch(job_href!)).json()) as JobRecord;
        return request as Extract<JobRecord['request'], { kind: 'squeeze' }>;
      },
    });
  } finally {
    await server.close();
  }
}

describe('a batch of sources', () => {
  it('has each source fetched by its job, and its results delivered to a folder of its name', () =>
    withServer(async ({ accepted, items, requestOf }) => {
      const batch = await accepted({
        sources: [
          's3://models/in/support',
          's3://models/in/code.safetensors',
          { kind: 's3', bucket: 'models', prefix: 'in/chat', connection: 'models' },
          'hf://team/tools@main/checkpoint-5',
          'hf://public/adapter@v1',
          'https://models.example.com/a/adapter_model.safetensors?signature=hush-hush',
          's3://elsewhere/x',
        ],
        targets: [{ rank: 4 }, { rank: 2 }],
        deliver: { to: 's3://models/out/', include: ['report'] },
      });
      const all = await items(batch);
      assert.deepEqual(
        all.map(({ name, source, adapter_id, state }) => [name, source, adapter_id, state]),
        [
          ['support', 's3://models/in/support', null, 'queued'],
          ['code', 's3://models/in/code.safetensors', null, 'queued'],
          ['chat', 's3://models/in/chat', null, 'queued'],
          ['checkpoint-5', 'hf://team/tools@main/checkpoint-5', null, 'queued'],
          ['adapter', 'hf://public/adapter@v1', null, 'queued'],
          ['a', 'https://models.example.com/a/adapter_model.safetensors', null, 'queued'],
          ['x', 's3://elsewhere/x', null, 'failed'],
        ],
      );
      assert.equal(all[6]!.error!.code, 'CONNECTION_NEEDED');
      const { source, deliver } = await requestOf(all[1]!);
      assert.deepEqual(source, {
        kind: 's3',
        place: 's3://models/in',
        connection: 'models',
        bucket: 'models',
        prefix: 'in',
        weights: 'code.safetensors',
      });
      assert.deepEqual(
        deliver!.map(({ to, target, include }) => [target, to.place, to.connection, include]),
        [
          [0, 's3://models/out/code/r4', 'models', ['report']],
          [1, 's3://models/out/code/r2', 'models', ['report']],
        ],
      );
      assert.doesNotMatch(JSON.stringify([batch, all]), /hush/);
    }));

  it('is refused if two sources would be delivered to one folder, naming both', () =>
    withServer(async ({ post, accepted }) => {
      const sources = ['s3://models/in/a/support', 's3://models/in/b/code', 's3://models/in/b/support'];
      const same = await problemIn(
        await post({ sources, targets, deliver: 's3://models/out' }),
        422,
        'BATCH_INVALID',
      );
      assert.match(
        same.detail,
        /^sources\[2\] and sources\[0\] would both be delivered to the folder "support"\. Nothing was accepted\.$/,
      );
      assert.deepEqual(
        same.errors?.map(({ pointer }) => pointer),
        ['/sources/2'],
      );
      await accepted({ sources, targets });
      const twice = await post({ sources: [sources[0], sources[0]], targets });
      assert.match(
        (await problemIn(twice, 422, 'BATCH_INVALID')).detail,
        /^sources\[1\] is the same as sources\[0\]/,
      );
    }));

  it('is refused if settings for all jobs are impossible', () =>
    withServer(async ({ post, server }) => {
      const sources = ['s3://models/in/a'];
      const cases: [more: object, status: number, code: string, pointer: string | undefined][] = [
        [{ deliver: 's3://elsewhere/out' }, 422, 'CONNECTION_NEEDED', undefined],
        [{ deliver: 's3://models/out/../x' }, 400, 'VALIDATION_FAILED', '/deliver'],
        [{ deliver: 's3://models/out/x.safetensors' }, 400, 'VALIDATION_FAILED', '/deliver'],
        [{ targets: [{ rank: 2, profile: 'none' }] }, 422, 'BATCH_INVALID', '/targets/0'],
        [{ adapter_ids: ['ad_x'] }, 400, 'VALIDATION_FAILED', ''],
        [{ kind: 'analyze' }, 422, 'BATCH_INVALID', '/targets'],
      ];
      for (const [more, status, code, pointer] of cases) {
        const problem = await problemIn(await post({ sources, targets, ...more }), status, code);
        assert.equal(problem.errors?.[0]?.pointer, pointer, JSON.stringify(more));
      }
      const { data } = (await (await server.fetch('/v1/batches')).json()) as { data: unknown[] };
      assert.deepEqual(data, []);
      assert.deepEqual(await server.database.reader.selectFrom('batch_member').selectAll().execute(), []);
    }));

  it('is retried through its connections, and reports that credentials of the request are gone', () =>
    withServer(async ({ server, accepted, items, requestOf }) => {
      const own = { kind: 's3' as const, bucket: 'other', prefix: 'in/own', credentials };
      const sources = ['s3://models/in/a', own, 's3://nowhere/b'];
      const batch = await accepted({
        sources,
        targets,
        deliver: 's3://models/out',
        labels: { team: 'a' },
        priority: 'low',
      });
      await server.fetch(`/v1/batches/${batch.id}/cancel`, { method: 'POST' });
      await server.workspaces.of('default').batches.settled();
      const response = await server.fetch(`/v1/batches/${batch.id}/retry`, { method: 'POST' });
      const again = (await response.json()) as BatchRecord;
      assert.equal(response.status, 202, JSON.stringify(again));
      const all = await items(again);
      assert.deepEqual(
        all.map(({ name, source, state, error }) => [name, source, state, error?.code]),
        [
          ['a', 's3://models/in/a', 'queued', undefined],
          ['own', 's3://other/in/own', 'failed', 'SECRETS_GONE'],
          ['b', 's3://nowhere/b', 'failed', 'CONNECTION_NEEDED'],
        ],
      );
      const { source, deliver } = await requestOf(all[0]!);
      assert.deepEqual([source!.connection, deliver![0]!.to.place], ['models', 's3://models/out/a']);
      const job = (await (await server.fetch(all[0]!.job_href!)).json()) as JobRecord;
      assert.deepEqual([job.labels, job.priority, job.retry_of !== null], [{ team: 'a' }, 'low', true]);
      const rows = await server.database.reader
        .selectFrom('batch_member')
        .select(['encrypted', 'request'])
        .execute();
      assert.ok(
        rows.every(({ encrypted }) => encrypted === null),
        'the jobs have what is encrypted',
      );
      assert.doesNotMatch(JSON.stringify(rows), /hush|KEYID/);
    }));

  it('may be written as a list of jobs, with destinations of their own', () =>
    withServer(async ({ server, accepted, items, requestOf }) => {
      const adapter = await server.upload(tinyAdapter(1));
      const batch = await accepted({
        jobs: [
          { kind: 'squeeze', source: 's3://models/in/a', targets, deliver: 's3://models/mine' },
          { kind: 'squeeze', adapter_id: adapter.id, targets },
          { kind: 'import', source: 's3://models/in/b' },
          { kind: 'export', adapter_id: adapter.id, to: 's3://models/copy' },
        ],
        deliver: 'hf://team/out/small',
      });
      const all = await items(batch);
      assert.deepEqual(
        all.map(({ kind, name, state }) => [kind, name, state]),
        [
          ['squeeze', 'a', 'queued'],
          ['squeeze', adapter.name, 'queued'],
          ['import', 'b', 'queued'],
          ['export', adapter.name, 'queued'],
        ],
      );
      assert.equal((await requestOf(all[0]!)).deliver![0]!.to.place, 's3://models/mine');
      const { to } = (await requestOf(all[1]!)).deliver![0]!;
      assert.equal('path_in_repo' in to && to.path_in_repo, `small/${adapter.name.replaceAll(' ', '_')}`);
    }));
});

describe('a batch of a prefix', () => {
  it('is refused if it cannot be listed, or if it would contain its own results', () =>
    withServer(async ({ post }) => {
      const cases: [more: object, status: number, code: string, pointer: string | undefined][] = [
        [{ source_prefix: 's3://elsewhere/in' }, 422, 'CONNECTION_NEEDED', undefined],
        [{ source_prefix: 'https://models.example.com/in' }, 400, 'VALIDATION_FAILED', '/source_prefix'],
        [{ source_prefix: 's3://models/in/x.safetensors' }, 400, 'VALIDATION_FAILED', '/source_prefix'],
        [{ source_prefix: 's3://models/../x' }, 400, 'VALIDATION_FAILED', '/source_prefix'],
        [
          { source_prefix: 's3://models/in', deliver: 's3://models/in/out' },
          422,
          'BATCH_INVALID',
          '/deliver',
        ],
        [{ source_prefix: 's3://models/in', deliver: 's3://models/in' }, 422, 'BATCH_INVALID', '/deliver'],
        [{ source_prefix: 'hf://team/in', deliver: 'hf://team/in/small' }, 422, 'BATCH_INVALID', '/deliver'],
        [{ source_prefix: 's3://models/in' }, 422, 'BATCH_INVALID', ''],
      ];
      for (const [more, status, code, pointer] of cases) {
        const own = 'deliver' in more || code !== 'BATCH_INVALID' ? { targets } : {};
        const problem = await problemIn(await post({ ...own, ...more }), status, code);
        assert.equal(problem.errors?.[0]?.pointer, pointer, JSON.stringify([more, problem]));
      }
    }));
});

describe('a dry run of a batch', () => {
  it('lists what would be refused and what is known of the rest, and writes nothing', () =>
    withServer(async ({ server, post, accepted }) => {
      const ids = [(await server.upload(tinyAdapter(1))).id, (await server.upload(tinyAdapter(2))).id];
      const jobs = [
        { kind: 'squeeze', adapter_id: ids[0], targets: [{ rank: 2 }, { rank: 1 }] },
        { kind: 'squeeze', adapter_id: 'ad_none', targets },
        { kind: 'squeeze', source: 's3://models/in/a', targets },
        { kind: 'analyze', adapter_id: ids[1] },
      ];
      const ask = (more: object = {}) => post({ jobs, dry_run: true, ...more });
      const response = await ask({ labels: { team: 'a' } });
      const batch = (await response.json()) as BatchRecord;
      assert.equal(response.status, 200, JSON.stringify(batch));
      assert.deepEqual([batch.id, batch.state, batch.labels], ['dry_run', 'active', { team: 'a' }]);
      assert.deepEqual([batch.counts.queued, batch.counts.failed, batch.progress.total], [3, 1, 4]);
      const { refused, unknown, rank, bytes, parameters, reused } = batch.forecast!;
      assert.deepEqual(
        refused.map(({ index, name, code }) => [index, name, code]),
        [[1, 'ad_none', 'ADAPTER_NOT_FOUND']],
      );
      assert.deepEqual([unknown, rank, reused], [1, { min: 1, max: 2 }, 0]);
      assert.ok(bytes > 0 && parameters > 0);
      for (const table of ['batch', 'batch_member', 'job'] as const)
        assert.deepEqual(await server.database.reader.selectFrom(table).selectAll().execute(), []);
      await problemIn(
        await ask({ jobs: [{ ...jobs[0], targets: [{ rank: 0 }] }] }),
        400,
        'VALIDATION_FAILED',
      );
      await problemIn(await post({ adapter_ids: [], targets, dry_run: true }), 422, 'BATCH_EMPTY');
      const all = await post({ adapter_ids: ['ad_x'], targets, dry_run: true });
      assert.equal(((await all.json()) as BatchRecord).state, 'failed');
      await server.limit({ max_queued: 2 });
      await problemIn(await ask(), 422, 'QUOTA_TOO_SMALL');
      await server.limit({});
      const key = { 'idempotency-key': 'dry' };
      assert.equal((await post({ adapter_ids: ids, targets, dry_run: true }, key)).status, 200);
      await accepted({ adapter_ids: ids, targets });
    }));
});

describe('the quota of jobs', () => {
  it('applies to every form, and does not count items that could not be tried', () =>
    withServer(async ({ server, post }) => {
      const ids = [(await server.upload(tinyAdapter(1))).id, (await server.upload(tinyAdapter(2))).id];
      await server.limit({ max_queued: 1 });
      const job = { kind: 'analyze', adapter_id: ids[0] };
      for (const body of [
        { adapter_ids: ids, targets },
        { sources: ['s3://models/in/a', 's3://models/in/b'], targets },
        { jobs: [job, { ...job, adapter_id: ids[1] }] },
      ])
        await problemIn(await post(body), 422, 'QUOTA_TOO_SMALL');
      assert.deepEqual(await server.database.reader.selectFrom('batch').selectAll().execute(), []);
      const response = await post({ adapter_ids: [ids[0], 'ad_x', 'ad_y'], targets });
      assert.equal(response.status, 202, await response.clone().text());
      await problemIn(await post({ jobs: [job] }), 429, 'QUOTA_QUEUED_JOBS');
      assert.equal((await post({ adapter_ids: ['ad_x'], targets })).status, 200, 'nothing of it is a job');
    }));
});
