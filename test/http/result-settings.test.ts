import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { BatchRecord } from '../../src/contract/batch.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { formOf, tinyAdapter } from './tiny-adapter.ts';

/** How they are applied is tested with a whole service: see test/e2e/result-settings.test.ts. */
describe('the settings of results in requests', () => {
  let server: TestServer;
  let adapter_id: string;
  before(async () => {
    server = await startServer();
    adapter_id = (await server.upload()).id;
  });
  after(() => server.close());

  const post = (path: string, body: unknown) =>
    server.fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const accepted = async <T>(response: Response): Promise<T> => {
    assert.equal(response.status, 202, await response.clone().text());
    return (await response.json()) as T;
  };
  const squeeze = (results: unknown, more: object = {}) => ({
    kind: 'squeeze',
    adapter_id,
    targets: [{ rank: 2 }],
    results,
    ...more,
  });
  const RESULTS = { name: '{source}-{rank}-{target}', labels: { team: 'search' }, ttl_seconds: 3600 };

  it('are shown with the job as they were sent, for every kind that creates adapters', async () => {
    const target = { rank: 1, results: { name: 'mine', labels: {} } };
    const source = {
      kind: 'url',
      files: { 'adapter_model.safetensors': { url: 'https://receiver.test/a' } },
    };
    const requests = [
      squeeze(RESULTS, { targets: [{ rank: 2 }, target, { ...target, profile: 'peft' }] }),
      { kind: 'merge', sources: [{ adapter_id }], targets: [target], results: RESULTS },
      { kind: 'import', source, results: { name: 'hub/{source}-r{rank}', labels: { from: 'hub' } } },
    ];
    for (const request of requests) {
      const { id } = await accepted<JobRecord>(await post('/v1/jobs', request));
      const job = (await (await server.fetch(`/v1/jobs/${id}`)).json()) as JobRecord;
      const { source: _encrypted, ...shown } = job.request as JobRecord['request'] & { source?: unknown };
      const { source: _sent, ...sent } = request as typeof request & { source?: unknown };
      assert.deepEqual(shown, sent);
    }
  });

  it('can be sent with an upload too', async () => {
    const body = formOf(tinyAdapter(70));
    body.append('request', JSON.stringify({ targets: [{ rank: 1 }], results: RESULTS }));
    const job = await accepted<JobRecord>(await server.fetch('/v1/squeeze', { method: 'POST', body }));
    assert.deepEqual('results' in job.request && job.request.results, RESULTS);
  });

  it('of a batch apply to jobs that create adapters, field by field unless these set it', async () => {
    const other = (await server.upload(tinyAdapter(71))).id;
    const batch = await accepted<BatchRecord>(
      await post('/v1/batches', {
        jobs: [
          squeeze({ name: 'mine', labels: { env: 'prod' } }),
          { kind: 'analyze', adapter_id },
          { kind: 'squeeze', adapter_id: other, targets: [{ rank: 1 }] },
        ],
        results: RESULTS,
      }),
    );
    const ids = await server.jobsOf(batch);
    const requests = await Promise.all(ids.map(async (id) => (await server.jobs.get(id)).request));
    assert.deepEqual(
      requests.map((request) => ('results' in request ? request.results : null)),
      [{ ...RESULTS, name: 'mine', labels: { env: 'prod' } }, null, RESULTS],
    );
    const same = await accepted<BatchRecord>(
      await post('/v1/batches', { adapter_ids: [other], targets: [{ rank: 2 }], results: RESULTS }),
    );
    const { request } = await server.jobs.get((await server.jobsOf(same))[0]!);
    assert.deepEqual('results' in request && request.results, RESULTS);
  });

  const known = /the placeholders are \{source\}, \{rank\}, \{target\}\.$/;
  const refused: [what: string, path: string, body: () => object, detail: RegExp, pointer: string][] = [
    ['a placeholder that is unknown', 'jobs', () => squeeze({ name: 'x-{step}' }), known, '/results/name'],
    [
      'a brace that is left open',
      'jobs',
      () => squeeze({ name: '{source' }),
      /^results\.name has an unmatched brace\.$/,
      '/results/name',
    ],
    [
      'a control character',
      'jobs',
      () => squeeze({ name: 'a\tb' }),
      /must not contain control characters\.$/,
      '/results/name',
    ],
    ['no name at all', 'jobs', () => squeeze({ name: '' }), /at least 1 character/, '/results/name'],
    ['a name too long', 'jobs', () => squeeze({ name: 'x'.repeat(201) }), /at most 200/, '/results/name'],
    ['a time too short', 'jobs', () => squeeze({ ttl_seconds: 59 }), /at least 60/, '/results/ttl_seconds'],
    [
      'a target’s name',
      'jobs',
      () => squeeze({}, { targets: [{ rank: 2 }, { rank: 1, results: { name: '{}' } }] }),
      /^targets\[1\]\.results\.name has the placeholder "\{\}"/,
      '/targets/1/results/name',
    ],
    [
      'the target of what is only fetched',
      'jobs',
      () => ({ kind: 'import', source: { kind: 'hub', repo: 'a/b' }, results: { name: '{target}' } }),
      /the placeholders are \{source\}, \{rank\}\.$/,
      '/results/name',
    ],
    [
      'a job of a batch',
      'batches',
      () => ({ jobs: [squeeze({}), squeeze({ name: '}' })] }),
      /^jobs\[1\]\.results\.name has an unmatched brace/,
      '/jobs/1/results/name',
    ],
    [
      'a batch',
      'batches',
      () => ({ adapter_ids: [adapter_id], targets: [{ rank: 1 }], results: { name: '{r}' } }),
      known,
      '/results/name',
    ],
    [
      'a run',
      'runs',
      () => ({
        schedule: { source_rank: 8, target_rank: 2, total_steps: 1000 },
        results: { name: '{step}' },
      }),
      known,
      '/results/name',
    ],
  ];
  for (const [what, path, body, detail, pointer] of refused) {
    it(`are refused: ${what}`, async () => {
      const problem = await problemIn(await post(`/v1/${path}`, body()), 400, 'VALIDATION_FAILED');
      assert.match(problem.detail, detail);
      assert.deepEqual(
        problem.errors?.map((error) => error.pointer),
        [pointer],
      );
    });
  }

  it('are refused if no adapter is created, and if a field is unknown', async () => {
    const analyze = { kind: 'analyze', adapter_id };
    const to = { kind: 'hub', repo: 'a/b', token: 'hf_1' };
    for (const request of [analyze, { kind: 'export', adapter_id, to }])
      await problemIn(await post('/v1/jobs', { ...request, results: {} }), 400, 'UNKNOWN_OPTION');
    await problemIn(await post('/v1/jobs', squeeze({ ttl: 60 })), 400, 'UNKNOWN_OPTION');
    const batch = { kind: 'analyze', adapter_ids: [adapter_id], results: RESULTS };
    const problem = await problemIn(await post('/v1/batches', batch), 422, 'BATCH_INVALID');
    assert.match(problem.detail, /^results cannot be used with kind "analyze"/);
  });
});
