import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import type { Target } from '../../src/contract/target.ts';
import { frobenius, multiply } from '../oracle/linear-algebra.ts';
import { type OracleAdapter, readPeftAdapter } from '../oracle/peft-adapter.ts';
import { allowedError, overallError, scoreAdapter } from '../oracle/score.ts';
import { weightedSum } from '../oracle/weighted-sum.ts';
import { Client, problemOf } from './client.ts';
import { assertNothingLeft, listKept } from './data-folder.ts';
import { fixtureAdapters } from './fixtures.ts';
import { runJob, succeed } from './run-job.ts';
import { type Service, startService } from './service.ts';
import { waitForMetrics } from './wait-for-metrics.ts';

const folder = (name: string): string => fixtureAdapters().find((each) => each.name === name)!.dir;
/** Two adapters of GPT-2 by different authors, one with a classification head; one of DistilGPT-2. */
const PLAIN = folder('peft-gpt2-mycguo');
const WITH_HEAD = folder('peft-gpt2-deepbiolab');
const OTHER_BASE = folder('peft-gpt2-niket');

describe('a merge of trained adapters', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'merge-e2e-'));
  const dataDir = join(scratch, 'data');
  let service: Service;
  let client: Client;
  let plain: AdapterRecord;
  let withHead: AdapterRecord;

  before(async () => {
    service = await startService({ dataDir, env: { EXECUTION_PROVIDER: 'cpu' } });
    client = new Client(service.url);
    plain = (await client.upload(PLAIN)).adapter;
    withHead = (await client.upload(WITH_HEAD)).adapter;
  });
  after(async () => {
    await service?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  async function merged(
    sources: readonly { adapter_id: string; weight: number }[],
    targets: Target[],
    method: 'exact' | 'rsvd' = 'exact',
  ): Promise<{ job: JobRecord; outputs: OracleAdapter[] }> {
    const job = await succeed(client, { kind: 'merge', sources: [...sources], targets, options: { method } });
    const outputs: OracleAdapter[] = [];
    for (const [at, { adapter_id }] of succeededResults(job).entries()) {
      outputs.push(readPeftAdapter(await client.download(adapter_id, join(scratch, job.id, String(at)))));
    }
    return { job, outputs };
  }

  const sum = weightedSum([
    { adapter: readPeftAdapter(PLAIN), weight: 0.75 },
    { adapter: readPeftAdapter(WITH_HEAD), weight: -0.5 },
  ]);
  for (const [method, tolerance] of [
    ['exact', 1e-6],
    ['rsvd', 1e-3],
  ] as const) {
    it(`is as close to the true sum as the rank allows (${method}), and reports how close`, async () => {
      const sources = [
        { adapter_id: plain.id, weight: 0.75 },
        { adapter_id: withHead.id, weight: -0.5 },
      ];
      const targets: Target[] = [{ rank: 8 }, { rank: 3 }, { rank: 3, dtype: 'bfloat16' }, { rank: 16 }];
      const { job, outputs } = await merged(sources, targets, method);
      for (const [at, output] of outputs.entries()) {
        const scores = scoreAdapter(sum, output);
        for (const [module, score] of scores) {
          const what = `target ${at}, ${module}: ${score.actualError}, optimum ${score.optimalError}`;
          assert.ok(score.actualError <= allowedError(score, tolerance), what);
          assert.ok(score.actualError >= (1 - 1e-9) * score.optimalError, what);
        }
        const total = overallError(scores.values());
        assert.ok(Math.abs(succeededResults(job)[at]!.relative_error - total) <= 1e-3 * total + 1e-7);
        assert.deepEqual(
          new Set([...output.modules.values()].map(({ rank }) => rank)),
          new Set([(targets[at] as { rank: number }).rank]),
        );
      }
    });
  }

  it('carries the head over, names its sources, and can be used like any adapter', async () => {
    const sources = [
      { adapter_id: plain.id, weight: 0.5 },
      { adapter_id: withHead.id, weight: 0.5 },
    ];
    const { job, outputs } = await merged(sources, [{ rank: 8 }]);
    const [{ passthrough, config, metadata }] = outputs as [OracleAdapter];
    const head = readPeftAdapter(WITH_HEAD).passthrough.get('base_model.model.score.weight')!;
    assert.deepEqual(passthrough.get('base_model.model.score.weight'), head);
    assert.deepEqual(
      [config.base_model_name_or_path, config.r, config.lora_alpha, config.modules_to_save],
      ['gpt2', 8, 8, ['classifier', 'score']],
    );
    assert.deepEqual(JSON.parse(metadata['lora_squeeze.sources']!), [
      { sha256: plain.sha256, weight: 0.5 },
      { sha256: withHead.sha256, weight: 0.5 },
    ]);
    const report = await client.report(job.id);
    assert.deepEqual(
      report.sources.map(({ id, sha256, weight, base_model }) => ({ id, sha256, weight, base_model })),
      [plain, withHead].map(({ id, sha256 }) => ({ id, sha256, weight: 0.5, base_model: 'gpt2' })),
    );
    assert.deepEqual(
      report.modules.map(({ rank }) => rank),
      new Array(36).fill(16),
    );
    const result = await client.json<AdapterRecord>(`/v1/adapters/${succeededResults(job)[0]!.adapter_id}`);
    assert.deepEqual([result.parent_id, result.job_id], [null, job.id]);
    const again = await client.squeeze(result.id, [{ rank: 2 }]);
    assert.equal(again.state, 'succeeded');
  });

  it('gives the same bytes again for the same request', async () => {
    const request = [
      { adapter_id: plain.id, weight: 1 },
      { adapter_id: withHead.id, weight: 2 },
    ];
    const [first, second] = [await merged(request, [{ rank: 5 }]), await merged(request, [{ rank: 5 }])];
    assert.deepEqual(await client.contents(first.job), await client.contents(second.job));
  });

  it('makes ½·x + ½·x equal to x, and x − x zero', async () => {
    const half = { adapter_id: withHead.id, weight: 0.5 };
    const same = await merged([half, half], [{ rank: 8 }, { rank: 4 }]);
    const source = readPeftAdapter(WITH_HEAD);
    for (const score of scoreAdapter(source, same.outputs[0]!).values()) assert.ok(score.actualError < 1e-6);
    for (const score of scoreAdapter(source, same.outputs[1]!).values())
      assert.ok(score.actualError <= allowedError(score, 1e-6));
    const parents = succeededResults(same.job).map(({ adapter_id }) =>
      client.json<AdapterRecord>(`/v1/adapters/${adapter_id}`),
    );
    for (const parent of await Promise.all(parents)) assert.equal(parent.parent_id, withHead.id);

    const { job, outputs } = await merged(
      [
        { ...half, weight: 1 },
        { ...half, weight: -1 },
      ],
      [{ rank: 4 }],
    );
    for (const { b, a } of outputs[0]!.modules.values()) assert.equal(frobenius(multiply(b, a)), 0);
    assert.deepEqual(
      [succeededResults(job)[0]!.relative_error, succeededResults(job)[0]!.energy_retained],
      [0, 1],
    );
  });

  it('can be written for a server', async () => {
    const sources = [plain, withHead].map(({ id }) => ({ adapter_id: id, weight: 0.5 }));
    const { job } = await merged(sources, [{ rank: 8, profile: 'peft' }]);
    assert.equal(succeededResults(job)[0]!.serving?.profile, 'peft');
    assert.equal(
      succeededResults(job)[0]!.serving?.loads,
      true,
      JSON.stringify(succeededResults(job)[0]!.serving),
    );
  });

  it('fails by name if the adapters do not fit, and leaves nothing behind', async () => {
    const { adapter: other } = await client.upload(OTHER_BASE);
    const before = listKept(dataDir);
    const sources = [plain, other].map(({ id }) => ({ adapter_id: id }));
    const job = await runJob(client, { kind: 'merge', sources, targets: [{ rank: 4 }] });
    assert.deepEqual([job.state, job.error?.code, job.attempts], ['failed', 'MERGE_BASE_MISMATCH', 1]);
    for (const word of ['"gpt2"', '"distilgpt2"', plain.id, other.id])
      assert.ok(job.error!.detail.includes(word), word);
    await assertNothingLeft(dataDir, before);
    await waitForMetrics(
      async () => (await client.bytes('/metrics')).toString('utf8'),
      /^lora_squeeze_job_failures_total\{kind="merge",code="MERGE_BASE_MISMATCH",fault="caller"\} 1$/m,
      /^lora_squeeze_jobs_total\{kind="merge",state="succeeded",tenant="default"\} [1-9]/m,
    );
  });

  it('is refused at once if the request itself shows a mistake', async () => {
    const source = { adapter_id: plain.id };
    const cases: [unknown, string, RegExp][] = [
      [{ sources: [], targets: [{ rank: 2 }] }, 'VALIDATION_FAILED', /sources must have at least 1 item/],
      [{ sources: new Array(33).fill(source), targets: [{ rank: 2 }] }, 'VALIDATION_FAILED', /at most 32/],
      [{ sources: [source] }, 'VALIDATION_FAILED', /targets/],
      [
        { sources: [{ ...source, weight: 2e6 }], targets: [{ rank: 2 }] },
        'VALIDATION_FAILED',
        /sources\[0\]\.weight/,
      ],
      [{ sources: [{ ...source, wieght: 1 }], targets: [{ rank: 2 }] }, 'UNKNOWN_OPTION', /wieght/],
      [
        { sources: [source, { adapter_id: `ad_${'0'.repeat(32)}` }], targets: [{ rank: 2 }] },
        'ADAPTER_NOT_FOUND',
        /ad_0/,
      ],
    ];
    for (const [body, code, words] of cases) {
      const problem = await problemOf(await client.postJob({ kind: 'merge', ...(body as object) }));
      assert.equal(problem.code, code, problem.detail);
      assert.match(problem.detail, words);
    }
  });
});
