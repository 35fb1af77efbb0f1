import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TargetForecast } from '../../src/contract/forecast.ts';
import type { WorkRequest } from '../../src/contract/job-request.ts';
import type { ModuleSpectrum } from '../../src/contract/report.ts';
import type { Target } from '../../src/contract/target.ts';
import { forecastRequest } from '../../src/squeeze/forecast-request.ts';
import type { JobOutcome, SourceFiles } from '../../src/squeeze/job-context.ts';
import { runRequest } from '../../src/squeeze/run-request.ts';
import { computeFixture } from './compute-fixture.ts';

const EXAMPLES = join(import.meta.dirname, '../../examples/adapters');
const FIXTURES = join(import.meta.dirname, '../fixtures/adapters');
const GPT2 = join(EXAMPLES, 'gpt2-lora-r8');
const FIRST: SourceFiles = sourceIn(GPT2);

const BY_SHAPES: readonly Target[] = [
  { rank: 2 },
  { rank: 3, dtype: 'bfloat16' },
  { rank: 2, scale: 'keep', projections: true },
  { rank: 1000 },
  { ratio: 3, max_rank: 4, uniform: false },
];
const BY_SPECTRA: readonly Target[] = [
  { energy: 0.9, uniform: false },
  { tolerance: 0.3 },
  { knee: true },
  { budget_parameters: 200_000 },
  { budget_bytes: 1_000_000, dtype: 'float16' },
];
const OF_PLACES: readonly Target[] = [
  { profile: 'vllm' },
  { profile: 'cloudflare', max_rank: 8 },
  { rank: 2, format: 'mlx' },
];

/** The only adapter of a folder, whatever its format. */
function sourceIn(dir: string): SourceFiles {
  const weights = readdirSync(dir).find((name) => name.endsWith('.safetensors'))!;
  const config = join(dir, 'adapter_config.json');
  const weightsPath = join(dir, weights);
  return {
    id: 'ad_1',
    sha256: 'f'.repeat(64),
    bytes: statSync(weightsPath).size,
    base_model: null,
    weightsPath,
    configBytes: existsSync(config) ? readFileSync(config) : null,
  };
}

/** A report after it has been stored and read again. */
const reread = ({ report }: Pick<JobOutcome, 'report'>): ModuleSpectrum[] =>
  JSON.parse(JSON.stringify(report!.modules));

describe('what a dry run predicts for targets', () => {
  const fixture = computeFixture();

  async function inFolder<T>(work: (scratchDir: string) => Promise<T>): Promise<T> {
    const dir = mkdtempSync(join(tmpdir(), 'forecast-'));
    try {
      return await work(dir);
    } finally {
      rmSync(dir, { recursive: true });
    }
  }
  const run = (request: WorkRequest, sources: readonly SourceFiles[]): Promise<JobOutcome> =>
    inFolder((scratchDir) =>
      runRequest(
        {
          request,
          sources: new Map(sources.map((source) => [source.id, source])),
          optimizerPath: null,
          scratchDir,
          onProgress: () => {},
          signal: new AbortController().signal,
        },
        fixture.pool,
      ),
    );
  const forecast = (
    request: WorkRequest,
    sources: readonly SourceFiles[],
    reports: readonly (readonly ModuleSpectrum[])[] = [],
  ): Promise<TargetForecast[]> =>
    forecastRequest({
      request,
      sources: new Map(sources.map((source) => [source.id, source])),
      reported: (async function* () {
        yield* reports;
      })(),
    });
  const squeezeOf = (targets: readonly Target[]): WorkRequest => ({
    kind: 'squeeze',
    adapter_id: 'ad_1',
    targets: [...targets],
  });

  /** All predictions except errors are exact; errors are those of the ranks, without rounding. */
  function assertCame(foretold: readonly TargetForecast[], { targets }: JobOutcome): void {
    for (const [index, outcome] of targets.entries()) {
      const { target, rank, parameters, bytes, relative_error, error } = foretold[index]!;
      const what = JSON.stringify(target);
      if (outcome.state === 'failed') {
        assert.deepEqual(error, outcome.error, what);
        continue;
      }
      const { result } = outcome;
      assert.equal(error, null, what);
      assert.deepEqual({ rank, parameters, bytes }, pick(result), what);
      if (relative_error === null) continue;
      const rounding = result.target.dtype === 'bfloat16' || result.target.dtype === 'float16' ? 5e-3 : 1e-5;
      assert.ok(Math.abs(result.relative_error - relative_error) < rounding, `${what} ${relative_error}`);
    }
  }
  const pick = ({ rank, parameters, bytes }: Pick<TargetForecast, 'rank' | 'parameters' | 'bytes'>) => ({
    rank,
    parameters,
    bytes,
  });

  for (const dir of [GPT2, ...readdirSync(FIXTURES).map((name) => join(FIXTURES, name))]) {
    if (!statSync(dir).isDirectory() || !readdirSync(dir).some((name) => name.endsWith('.safetensors')))
      continue;
    it(`is right for ${dir.split('/').at(-1)}`, async () => {
      const source = sourceIn(dir);
      const analysis = reread(await run({ kind: 'analyze', adapter_id: 'ad_1' }, [source]));
      const request = squeezeOf([...BY_SHAPES, ...BY_SPECTRA, ...OF_PLACES]);
      const foretold = await forecast(request, [source], [analysis]);
      assert.deepEqual(
        new Set(foretold.flatMap(({ error, basis }) => (error ? [] : [basis]))),
        new Set(['spectra']),
      );
      assertCame(foretold, await run(request, [source]));
    });
  }

  it('includes ranks and sizes from the shapes alone, if they do not depend on the weights', async () => {
    const targets = BY_SHAPES.filter((target) => !('ratio' in target));
    const foretold = await forecast(squeezeOf(targets), [FIRST]);
    assert.deepEqual(new Set(foretold.map(({ basis }) => basis)), new Set(['shapes']));
    assert.ok(foretold.every(({ relative_error }) => relative_error === null));
    assertCame(foretold, await run(squeezeOf(targets), [FIRST]));
  });

  it('names what would provide missing facts', async () => {
    const [unknown, small] = await forecast(squeezeOf([{ energy: 0.9 }, { budget_parameters: 1 }]), [FIRST]);
    assert.deepEqual(
      [unknown!.rank, unknown!.parameters, unknown!.bytes, unknown!.basis, unknown!.error],
      [null, null, null, null, null],
    );
    assert.match(unknown!.warnings.at(-1)!, /A job of kind "analyze"/);
    assert.equal(small!.error?.code, 'BUDGET_TOO_SMALL', 'which no spectra could help');
  });

  it('uses the first complete report, and none of a sketch', async () => {
    const sketched = reread(await run(squeezeOf([{ rank: 1 }]), [sourceIn(join(FIXTURES, 'peft-mountain'))]));
    const source = sourceIn(join(FIXTURES, 'peft-mountain'));
    const cut = sketched.map((module) => ({
      ...module,
      singular_values: module.singular_values.slice(0, 1),
    }));
    const request = squeezeOf([{ energy: 0.9 }]);
    assert.equal((await forecast(request, [source], [cut]))[0]!.rank, null);
    assert.equal((await forecast(request, [FIRST], [sketched]))[0]!.rank, null, 'of other modules');
    const exact = reread(await run({ kind: 'analyze', adapter_id: 'ad_1' }, [source]));
    assert.notEqual((await forecast(request, [source], [cut, exact]))[0]!.rank, null);
  });

  it('is right for a merge', async () => {
    const other = { ...FIRST, id: 'ad_2' };
    const request: WorkRequest = {
      kind: 'merge',
      sources: [{ adapter_id: 'ad_1', weight: 0.5 }, { adapter_id: 'ad_2' }],
      targets: [{ rank: 4 }, { rank: 8, dtype: 'float16' }, { profile: 'peft' }],
    };
    assertCame(await forecast(request, [FIRST, other]), await run(request, [FIRST, other]));
  });

  it('includes, as the error of each target, why adapters cannot be added', async () => {
    const other = { ...sourceIn(join(FIXTURES, 'mlx-qwen25-05b-r8')), id: 'ad_2' };
    const request: WorkRequest = {
      kind: 'merge',
      sources: [{ adapter_id: 'ad_1' }, { adapter_id: 'ad_2' }],
      targets: [{ rank: 4 }, { rank: 2 }],
    };
    const codes = (await forecast(request, [FIRST, other])).map(({ error }) => error?.code);
    assert.deepEqual(codes, ['MERGE_UNSUPPORTED', 'MERGE_UNSUPPORTED']);
  });
});
