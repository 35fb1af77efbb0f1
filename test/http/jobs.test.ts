import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Value } from 'typebox/value';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import { JobRecord } from '../../src/contract/job.ts';
import { fakeResult } from '../resources/jobs/fake-result.ts';
import { jobIds, reportFile } from '../resources/jobs/job-rows.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { formOf, tinyAdapter } from './tiny-adapter.ts';

describe('jobs over HTTP', () => {
  let server: TestServer;
  // Any id will do if the request is refused before the adapter is looked for.
  let adapterId = 'ad_any';
  before(async () => {
    server = await startServer();
    adapterId = (await server.upload()).id;
  });
  after(() => server.close());

  const post = (body: unknown, headers: Record<string, string> = {}, path = '/v1/jobs') =>
    server.fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const request = (targets: unknown = [{ rank: 2 }], more: object = {}) => ({
    kind: 'squeeze',
    adapter_id: adapterId,
    targets,
    ...more,
  });
  const accepted = async (response: Response): Promise<JobRecord> => {
    assert.equal(response.status, 202, await response.clone().text());
    return (await response.json()) as JobRecord;
  };

  it('accepts a job, shows it, and its outcome', async () => {
    const response = await post(
      request([{ rank: 2 }, { energy: 0.99, uniform: false }], { options: { seed: 7 } }),
    );
    assert.equal(response.headers.get('preference-applied'), null);
    const job = await accepted(response);
    assert.equal(response.headers.get('location'), `/v1/jobs/${job.id}`);
    assert.equal(job.state, 'queued');
    assert.deepEqual(
      job.request,
      request([{ rank: 2 }, { energy: 0.99, uniform: false }], { options: { seed: 7 } }),
      'as sent, nothing filled in',
    );
    await server.worker.begin(job.id);
    const running = await server.fetch(`/v1/jobs/${job.id}`);
    assert.equal(running.headers.get('cache-control'), 'no-store');
    assert.equal(((await running.json()) as JobRecord).state, 'active');
    await server.worker.succeed(job.id);
    const finished = (await (await server.fetch(`/v1/jobs/${job.id}`)).json()) as JobRecord;
    assert.ok(Value.Check(JobRecord, finished), 'fits the contract');
    assert.equal(finished.state, 'succeeded');
    const [result] = succeededResults(finished);
    assert.deepEqual(result, { ...fakeResult(), adapter_id: result!.adapter_id });
    assert.notEqual(result!.adapter_id, adapterId, 'a record of its own, also where nothing changed');
  });

  it('accepts every policy, with all other fields', async () => {
    const beside = { min_rank: 1, max_rank: 64, uniform: true, scale: 'keep', split: 'b', dtype: 'float16' };
    const targets = [
      { rank: 2 },
      { energy: 0.9 },
      { ratio: 10 },
      { cumulative: 0.5 },
      { knee: true },
      { tolerance: 0 },
      { budget_bytes: 1_000_000 },
      { budget_parameters: 1 },
      { rank_pattern: { q_proj: 2, '.*\\.v_proj': 4 } },
      { profile: 'peft' },
    ];
    for (const target of targets) {
      await accepted(await post(request([target, { ...target, ...beside, profile: 'peft' }])));
    }
  });

  it('returns the report once it exists', async () => {
    const job = await accepted(await post(request([{ rank: 3 }])));
    const path = `/v1/jobs/${job.id}/report`;
    await problemIn(await server.fetch(path), 409, 'REPORT_NOT_READY');
    const report = { job_id: job.id, notes: ['a note'] };
    await server.worker.succeed(job.id, { files: [reportFile(report)] });
    assert.deepEqual(await (await server.fetch(path)).json(), report);
  });

  it('has no report of a failed job', async () => {
    const job = await accepted(await post(request()));
    await server.worker.fail(job.id);
    const problem = await problemIn(await server.fetch(`/v1/jobs/${job.id}/report`), 409, 'REPORT_NOT_READY');
    assert.match(problem.detail, /failed/);
  });

  it('does not find other ids', async () => {
    for (const id of [
      `job_${'0'.repeat(32)}`,
      'a:b',
      '%00',
      '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
      '%252e%252e%252f',
    ]) {
      await problemIn(await server.fetch(`/v1/jobs/${id}`), 404, 'JOB_NOT_FOUND');
      await problemIn(await server.fetch(`/v1/jobs/${id}/report`), 404, 'JOB_NOT_FOUND');
    }
  });

  it('refuses a job for an unknown adapter', async () => {
    const problem = await problemIn(
      await post({ ...request(), adapter_id: `ad_${'0'.repeat(32)}` }),
      404,
      'ADAPTER_NOT_FOUND',
    );
    assert.match(problem.detail, /ad_0000/);
  });

  it('accepts jobs, and shows them, while the queue is gone', async () => {
    server.queue.down = true;
    try {
      const { id } = await accepted(await post(request()));
      const shown = await server.fetch(`/v1/jobs/${id}`);
      assert.deepEqual([shown.status, ((await shown.json()) as JobRecord).state], [200, 'queued']);
      await server.worker.begin(id);
      assert.equal(((await (await server.fetch(`/v1/jobs/${id}`)).json()) as JobRecord).state, 'active');
    } finally {
      server.queue.down = false;
    }
  });

  describe('a wrong request', () => {
    const cases: [what: string, body: unknown, detail: RegExp, pointer: string][] = [
      [
        'rank 0',
        request([{ rank: 0 }]),
        /^targets\[0\]\.rank is 0 but must be at least 1\.$/,
        '/targets/0/rank',
      ],
      [
        'negative rank',
        request([{ rank: -1 }]),
        /targets\[0\]\.rank is -1 but must be at least 1/,
        '/targets/0/rank',
      ],
      [
        'a fraction',
        request([{ rank: 1.5 }]),
        /targets\[0\]\.rank is 1.5 but must be an integer/,
        '/targets/0/rank',
      ],
      [
        'a string',
        request([{ rank: '4' }]),
        /targets\[0\]\.rank is "4" but must be an integer/,
        '/targets/0/rank',
      ],
      [
        'energy 0',
        request([{ energy: 0 }]),
        /targets\[0\]\.energy is 0 but must be greater than 0/,
        '/targets/0/energy',
      ],
      ['energy 1.1', request([{ energy: 1.1 }]), /is 1.1 but must be at most 1/, '/targets/0/energy'],
      [
        'no policy',
        request([{}]),
        /^targets\[0\] must have at least one of rank, energy, ratio, .*, rank_pattern, profile, format\.$/,
        '/targets/0',
      ],
      [
        'only options',
        request([{ scale: 'keep', max_rank: 4 }]),
        /must have at least one of rank, .*, profile, format\.$/,
        '/targets/0',
      ],
      [
        'two policies',
        request([{ rank: 1 }, { rank: 1, energy: 1 }]),
        /^targets\[1\] may have only one of rank, energy\.$/,
        '/targets/1',
      ],
      [
        'three policies beside a profile',
        request([{ profile: 'vllm', knee: true, budget_bytes: 1, ratio: 2 }]),
        /^targets\[0\] may have only one of ratio, knee, budget_bytes\.$/,
        '/targets/0',
      ],
      [
        'a profile that is no name',
        request([{ profile: 4 }]),
        /^targets\[0\]\.profile is 4 but must be a string\.$/,
        '/targets/0/profile',
      ],
      [
        'ratio below 1',
        request([{ ratio: 0.5 }]),
        /ratio is 0\.5 but must be at least 1/,
        '/targets/0/ratio',
      ],
      [
        'cumulative 0',
        request([{ cumulative: 0 }]),
        /is 0 but must be greater than 0/,
        '/targets/0/cumulative',
      ],
      ['tolerance 1', request([{ tolerance: 1 }]), /is 1 but must be less than 1/, '/targets/0/tolerance'],
      [
        'a knee that is not wanted',
        request([{ knee: false }]),
        /knee is false but must be true/,
        '/targets/0/knee',
      ],
      [
        'a budget of nothing',
        request([{ budget_bytes: 0 }]),
        /budget_bytes is 0 but must be at least 1/,
        '/targets/0/budget_bytes',
      ],
      [
        'half a parameter',
        request([{ budget_parameters: 0.5 }]),
        /budget_parameters is 0\.5 but must be an integer/,
        '/targets/0/budget_parameters',
      ],
      [
        'an empty rank_pattern',
        request([{ rank_pattern: {} }]),
        /^targets\[0\]\.rank_pattern must have at least 1 entry\.$/,
        '/targets/0/rank_pattern',
      ],
      [
        'a rank_pattern of too many entries',
        request([{ rank_pattern: Object.fromEntries(Array.from({ length: 4097 }, (_, i) => [`m${i}`, 1])) }]),
        /rank_pattern has 4097 entries but may have at most 4096/,
        '/targets/0/rank_pattern',
      ],
      [
        'rank 0 in a rank_pattern',
        request([{ rank_pattern: { 'layers.0.q_proj': 0 } }]),
        /^targets\[0\]\.rank_pattern\["layers\.0\.q_proj"\] is 0 but must be at least 1\.$/,
        '/targets/0/rank_pattern/layers.0.q_proj',
      ],
      [
        'text in a rank_pattern under a name of two lines',
        request([{ rank_pattern: { 'q\nproj': 'x' } }]),
        /rank_pattern\["q\\nproj"\] is "x" but must be an integer/,
        '/targets/0/rank_pattern/q\nproj',
      ],
      [
        'min_rank',
        request([{ energy: 0.9, min_rank: 0 }]),
        /targets\[0\]\.min_rank is 0 but must be at least 1/,
        '/targets/0/min_rank',
      ],
      [
        'uniform',
        request([{ budget_bytes: 9, uniform: 'no' }]),
        /targets\[0\]\.uniform is "no" but must be true or false/,
        '/targets/0/uniform',
      ],
      [
        'a split',
        request([{ tolerance: 0.1, split: 'c' }]),
        /split is "c" but must be "balanced" or "b" or "a"/,
        '/targets/0/split',
      ],
      ['a number as target', request([4]), /targets\[0\] is 4 but must be an object/, '/targets/0'],
      ['no targets', request([]), /targets must have at least 1 item/, '/targets'],
      [
        '17 targets',
        request(Array(17).fill({ rank: 1 })),
        /targets has 17 items but may have at most 16/,
        '/targets',
      ],
      [
        'a dtype',
        request([{ rank: 1, dtype: 'float128' }]),
        /targets\[0\]\.dtype is "float128" but must be "match" or "float32" or/,
        '/targets/0/dtype',
      ],
      [
        'a scale',
        request([{ energy: 1, scale: 2 }]),
        /targets\[0\]\.scale is 2 but must be "fold" or "keep"/,
        '/targets/0/scale',
      ],
      [
        'a method',
        request(undefined, { options: { method: 'x' } }),
        /options\.method is "x" but must be "rsvd" or "exact"/,
        '/options/method',
      ],
      [
        'power iterations',
        request(undefined, { options: { power_iterations: 1_000_000 } }),
        /options\.power_iterations is 1000000 but must be an integer from 0 to 64 or "auto"/,
        '/options/power_iterations',
      ],
      [
        'oversampling',
        request(undefined, { options: { oversampling: -1 } }),
        /options\.oversampling is -1 but must be at least 0/,
        '/options/oversampling',
      ],
      [
        'a seed',
        request(undefined, { options: { seed: 'x' } }),
        /options\.seed is "x" but must be an integer/,
        '/options/seed',
      ],
      [
        'options that are text',
        request(undefined, { options: 'x' }),
        /options is "x" but must be an object/,
        '/options',
      ],
      [
        'a kind',
        request(undefined, { kind: 'shrink' }),
        /^kind is "shrink" but must be "squeeze" or "analyze" or "merge" or "import" or "export"\.$/,
        '/kind',
      ],
      [
        'no kind',
        { adapter_id: 'ad_any', targets: [{ rank: 1 }] },
        /^the request must have "kind": "squeeze" or "analyze" or "merge" or "import" or "export"\.$/,
        '',
      ],
      [
        'an analysis of nothing',
        { kind: 'analyze' },
        /^The request has neither "adapter_id" nor "source"; exactly one is required\.$/,
        '',
      ],
      [
        'a merge without sources',
        { kind: 'merge', sources: [], targets: [{ rank: 1 }] },
        /^sources must have at least 1 item/,
        '/sources',
      ],
      [
        'a weight',
        { kind: 'merge', sources: [{ adapter_id: 'ad_any', weight: 'x' }], targets: [{ rank: 1 }] },
        /^sources\[0\]\.weight is "x" but must be a number\.$/,
        '/sources/0/weight',
      ],
      [
        'a merge with a wrong target',
        { kind: 'merge', sources: [{ adapter_id: 'ad_any' }], targets: [{ ratio: 0 }] },
        /^targets\[0\]\.ratio is 0 but must be at least 1\.$/,
        '/targets/0/ratio',
      ],
      [
        'a source of another kind',
        { kind: 'import', source: { kind: 'ftp' } },
        /^source\.kind is "ftp" but must be "url" or "s3" or "hub"\.$/,
        '/source/kind',
      ],
      [
        'a source of no type',
        { kind: 'import', source: { repo: 'owner/adapter' } },
        /^source must have "kind": "url" or "s3" or "hub"\.$/,
        '/source',
      ],
      [
        'a bucket that no store has, not what tells sources apart',
        {
          kind: 'import',
          source: {
            kind: 's3',
            bucket: 'Not A Bucket',
            prefix: 'adapters',
            credentials: { access_key_id: 'id', secret_access_key: 'key' },
          },
        },
        /^source\.bucket must have the form of the regular expression /,
        '/source/bucket',
      ],
      [
        'a delivery to another type',
        { kind: 'export', adapter_id: 'ad_any', to: { kind: 'hub', token: 'hf_x' } },
        /^to must have "repo"\.$/,
        '/to',
      ],
      [
        'a place that is none',
        { kind: 'export', adapter_id: 'ad_any', to: 'ftp://host/x' },
        /^to must have the form of the regular expression /,
        '/to',
      ],
      [
        'a source that leads elsewhere',
        { kind: 'import', source: 's3://models/in/../out' },
        /has the part "\.\.", which leads elsewhere/,
        '/source',
      ],
      [
        'a delivery that is neither text nor object',
        { kind: 'squeeze', adapter_id: 'ad_any', targets: [{ rank: 1 }], deliver: 3 },
        /^deliver is 3 but must be a list or an object or a string\.$/,
        '/deliver',
      ],
      ['no adapter', { kind: 'squeeze', targets: [{ rank: 1 }] }, /neither "adapter_id" nor "source"/, ''],
      ['a list', [], /the request is \[\] but must be an object/, ''],
      ['null', 'null', /the request is null but must be an object/, ''],
    ];
    for (const [what, body, detail, pointer] of cases) {
      it(`is explained: ${what}`, async () => {
        const problem = await problemIn(await post(body), 400, 'VALIDATION_FAILED');
        assert.match(problem.detail, detail);
        assert.deepEqual(
          problem.errors?.map((error) => error.pointer),
          [pointer],
        );
      });
    }

    it('names an unknown option and the known ones', async () => {
      const cases: [unknown, RegExp, string][] = [
        [
          request([{ ranks: 4 }]),
          /^targets\[0\] has no option "ranks"; the options are rank, .*tolerance, budget_bytes.* \(and 1 more/,
          '/targets/0/ranks',
        ],
        [
          request([{ rank: 4, maxRank: 8 }]),
          /^targets\[0\] has no option "maxRank"; the options are rank, energy, .*, criterion, compat, min_rank, max_rank, uniform, .*, results\.$/,
          '/targets/0/maxRank',
        ],
        [
          request([{ budget_bytes: 4, share: 8 }]),
          /^targets\[0\] has no option "share"; the options are rank, energy, ratio, /,
          '/targets/0/share',
        ],
        [
          { kind: 'analyze', adapter_id: adapterId, targets: [{ rank: 1 }] },
          /^the request has no option "targets"; the options are kind, adapter_id, source, name, labels, priority, ttl_seconds, webhook, reuse, dry_run\.$/,
          '/targets',
        ],
        [
          { kind: 'merge', sources: [{ id: 'x' }], targets: [{ rank: 1 }] },
          /^sources\[0\] has no option "id"; the options are adapter_id, weight \(and 1 more/,
          '/sources/0/id',
        ],
        [
          request(undefined, { options: { powerIterations: 2 } }),
          /options has no option "powerIterations"; the options are method, oversampling, power_iterations, seed/,
          '/options/powerIterations',
        ],
        [
          request([{ rank: 4, criterion: 'energy' }]),
          /targets\[0\]\.criterion can only be used with budget_bytes or budget_parameters\.$/,
          '/targets/0/criterion',
        ],
        [
          request([{ rank: 4, compat: 'kohya' }]),
          /targets\[0\]\.compat can only be used with energy or ratio or cumulative\.$/,
          '/targets/0/compat',
        ],
        [
          request([{ profile: 'vllm', criterion: 'energy' }]),
          /targets\[0\]\.criterion can only be used with budget_bytes or budget_parameters\.$/,
          '/targets/0/criterion',
        ],
        [
          request(undefined, { webhooks: 'x' }),
          /the request has no option "webhooks"; the options are kind, adapter_id, source, targets, options, results, deliver, name, labels, priority, ttl_seconds, webhook, reuse, dry_run\.$/,
          '/webhooks',
        ],
      ];
      for (const [body, detail, pointer] of cases) {
        const problem = await problemIn(await post(body), 400, 'UNKNOWN_OPTION');
        assert.match(problem.detail, detail);
        assert.equal(problem.errors?.[0]?.pointer, pointer);
      }
    });

    it('is explained at every place, up to a limit', async () => {
      const problem = await problemIn(
        await post(request([{ rank: 0 }, {}, { energy: 2 }])),
        400,
        'VALIDATION_FAILED',
      );
      assert.deepEqual(problem.errors?.map((error) => error.pointer).sort(), [
        '/targets/0/rank',
        '/targets/1',
        '/targets/2/energy',
      ]);
      const many = await problemIn(
        await post(request(Array(200).fill({ rank: 0 }))),
        400,
        'VALIDATION_FAILED',
      );
      assert.ok(many.errors!.length <= 20);
    });

    it('is refused if it is not JSON', async () => {
      for (const body of ['{bad', '', '{"kind":"squeeze",}', '\u0000']) {
        await problemIn(await post(body), 400, 'REQUEST_JSON');
      }
    });

    it('cannot touch prototypes', async () => {
      const bodies = [
        `{"kind":"squeeze","adapter_id":"${adapterId}","targets":[{"rank":1}],"options":{"__proto__":{"seed":8}}}`,
        '{"__proto__":{"polluted":1}}',
        '{"constructor":{"prototype":{"polluted":1}}}',
      ];
      for (const body of bodies) assert.equal((await post(body)).status, 400);
      assert.equal(({} as Record<string, unknown>).polluted, undefined);
    });

    it('is refused with another media type, encoding or size', async () => {
      const text = JSON.stringify(request());
      for (const type of [
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
        'nonsense',
      ]) {
        await problemIn(await post(text, { 'content-type': type }), 415, 'UNSUPPORTED_MEDIA_TYPE');
      }
      await problemIn(await post(text, { 'content-encoding': 'br' }), 415, 'UNSUPPORTED_CONTENT_ENCODING');
      await problemIn(await post(' '.repeat(530_000) + text), 413, 'UPLOAD_TOO_LARGE');
      await accepted(await post(text, { 'content-type': 'application/json; charset=utf-8' }));
    });
  });

  it('waits for the end of the requested job, on request', async () => {
    const { id } = await accepted(await post(request([{ energy: 0.97 }])));
    const ask = (prefer: string) => server.fetch(`/v1/jobs/${id}`, { headers: { prefer } });
    const early = await ask('wait=1');
    assert.deepEqual([early.status, early.headers.get('preference-applied')], [200, 'wait=1']);
    assert.equal(((await early.json()) as JobRecord).state, 'queued');
    const waiting = ask('wait=30');
    await server.worker.succeed(id);
    const ended = await waiting;
    assert.match(ended.headers.get('etag')!, /^"/);
    assert.equal(((await ended.json()) as JobRecord).state, 'succeeded');
    await problemIn(
      await server.fetch('/v1/jobs/x', { headers: { prefer: 'wait=30' } }),
      404,
      'JOB_NOT_FOUND',
    );
  });

  describe('squeeze in one call', () => {
    const form = (wanted: unknown, seed: number, first = false) => {
      const text = typeof wanted === 'string' ? wanted : JSON.stringify(wanted);
      const files = formOf(tinyAdapter(seed));
      if (!first) {
        files.append('request', text);
        return files;
      }
      const all = new FormData();
      all.append('request', text);
      for (const [name, value] of files) all.append(name, value);
      return all;
    };
    const squeeze = (body: FormData, headers: Record<string, string> = {}) =>
      server.fetch('/v1/squeeze', { method: 'POST', body, headers });

    it('uploads and submits, whether the request comes first or last, as text or as JSON', async () => {
      const wanted = { targets: [{ rank: 2, scale: 'keep' }], options: { method: 'exact' } };
      const typed = formOf(tinyAdapter(22));
      typed.append(
        'request',
        new Blob([JSON.stringify(wanted)], { type: 'application/json' }),
        'request.json',
      );
      for (const [index, body] of [form(wanted, 20), form(wanted, 21, true), typed].entries()) {
        const response = await squeeze(body);
        const job = await accepted(response);
        assert.equal(response.headers.get('location'), `/v1/jobs/${job.id}`);
        assert.ok(job.request.kind === 'squeeze');
        assert.deepEqual(
          job.request,
          { kind: 'squeeze', adapter_id: job.request.adapter_id, ...wanted },
          String(index),
        );
        assert.equal((await server.fetch(`/v1/adapters/${job.request.adapter_id}`)).status, 200);
      }
      await server.assertNoLeftovers();
    });

    it('waits for the job on request', async () => {
      const known = await jobIds(server.database);
      const waiting = squeeze(form({ targets: [{ rank: 1 }] }, 23), { prefer: 'respond-async, wait=20' });
      let ids = known;
      for (; ids.length === known.length; await sleep(5)) ids = await jobIds(server.database);
      const id = ids.at(-1)!;
      await server.worker.succeed(id);
      const response = await waiting;
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('preference-applied'), 'wait=20');
      assert.equal(response.headers.get('location'), `/v1/jobs/${id}`);
      assert.equal(((await response.json()) as JobRecord).state, 'succeeded');
    });

    it('answers 202 if the job takes longer, and waits at most a minute', async () => {
      const response = await squeeze(form({ targets: [{ rank: 1 }] }, 24), { prefer: 'wait=1' });
      await accepted(response);
      assert.equal(response.headers.get('preference-applied'), 'wait=1');
      await accepted(await post(request(), { prefer: 'wait=0' }));
      await accepted(await post(request(), { prefer: 'wait=soon' }));
    });

    it('accepts a rank for each of as many modules as the contract allows, by their full names', async () => {
      const ranks = Array.from({ length: 4096 }, (_, index) => [
        `base_model.model.model.layers.${index >> 5}.block_sparse_moe.experts.${index & 31}.w1`,
        1 + (index % 3),
      ]);
      const targets = [{ rank_pattern: Object.fromEntries(ranks) }];
      for (const answer of [await post(request(targets)), await squeeze(form({ targets }, 31))]) {
        const job = await accepted(answer);
        assert.ok(job.request.kind === 'squeeze');
        assert.deepEqual(job.request.targets, targets);
      }
    });

    it('keeps no adapter whose job is refused, before it is stored or after', async () => {
      const adapters = () => server.database.reader.selectFrom('adapter').select('id').execute();
      const before = await adapters();
      const forbidden = { targets: [{ rank: 1 }], webhook: { url: 'https://10.0.0.1/' } };
      await problemIn(await squeeze(form(forbidden, 32)), 422, 'OUTBOUND_FORBIDDEN');
      // Only the adapter shows that its format cannot become this one without an option.
      const unknown = [{ rank: 1, format: 'gguf' }];
      await problemIn(await squeeze(form({ targets: unknown }, 32)), 400, 'VALIDATION_FAILED');
      assert.deepEqual(await adapters(), before);
    });

    it('keeps nothing of an upload with a wrong request', async () => {
      const before = await server.store.list('');
      await problemIn(await squeeze(form('{bad', 30)), 400, 'REQUEST_JSON');
      await problemIn(await squeeze(form({ targets: [{ rank: 0 }] }, 30)), 400, 'VALIDATION_FAILED');
      await problemIn(
        await squeeze(form({ targets: [{ rank: 1 }], kind: 'squeeze' }, 30)),
        400,
        'UNKNOWN_OPTION',
      );
      await problemIn(await squeeze(form('{"__proto__":{}}', 30)), 400, 'REQUEST_FORBIDDEN_KEY');
      await problemIn(await squeeze(form('x'.repeat(530_000), 30)), 413, 'FIELD_TOO_LARGE');
      const none = await problemIn(await squeeze(formOf(tinyAdapter(30))), 422, 'FILE_MISSING');
      assert.deepEqual(none.context, { missing: ['request'] });
      const typed = formOf(tinyAdapter(30));
      typed.append('request', new Blob(['{bad'], { type: 'application/json' }));
      await problemIn(await squeeze(typed), 400, 'REQUEST_JSON');
      const twice = form({ targets: [{ rank: 1 }] }, 30);
      twice.append('request', '{}');
      await problemIn(await squeeze(twice), 400, 'DUPLICATE_PART');
      assert.deepEqual(await server.store.list(''), before);
      await server.assertNoLeftovers();
    });
  });
});
