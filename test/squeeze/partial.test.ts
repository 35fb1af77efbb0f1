import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Target } from '../../src/contract/target.ts';
import type { JobOutcome, WrittenTarget } from '../../src/squeeze/job-context.ts';
import { squeeze } from '../../src/squeeze/squeeze.ts';
import { CONFIG, readPeftAdapter, WEIGHTS } from '../oracle/peft-adapter.ts';
import { overallError, scoreAdapter } from '../oracle/score.ts';
import { computeFixture } from './compute-fixture.ts';
import { readResult, someModules, squeezing } from './make-adapter.ts';

const GPT2 = join(import.meta.dirname, '../../examples/adapters/gpt2-lora-r8');
const compute = computeFixture();
const exact = { method: 'exact' } as const;

/** The outcome of a squeeze whose targets may fail, and the files in its folder at the end. */
async function tried(
  dir: string,
  targets: readonly Target[],
  use: (outcome: JobOutcome, scratchDir: string, phases: readonly string[]) => unknown,
  prepare: (scratchDir: string) => void = () => {},
): Promise<void> {
  const scratchDir = mkdtempSync(join(tmpdir(), 'partial-'));
  const phases: string[] = [];
  try {
    prepare(scratchDir);
    const outcome = await squeeze(
      {
        ...{ jobId: 'job_1', kind: 'squeeze', scratchDir, targets, options: exact },
        sources: [{ id: 'ad_1', sha256: 'f'.repeat(64), bytes: 0, base_model: null, weight: 1 }],
        weightsPath: join(dir, WEIGHTS),
        configBytes: readFileSync(join(dir, CONFIG)),
        onProgress: ({ phase }) => phases.push(phase),
        signal: new AbortController().signal,
      },
      compute.pool,
    );
    await use(outcome, scratchDir, phases);
  } finally {
    rmSync(scratchDir, { recursive: true });
  }
}

const codesOf = ({ targets }: JobOutcome): string[] =>
  targets.map((target) => (target.state === 'failed' ? target.error.code : target.state));

describe('a squeeze of several targets', () => {
  it('writes the possible ones as if the others did not exist', async () => {
    const wanted: Target[] = [
      { budget_bytes: 1 },
      { rank: 3 },
      { rank: 2, format: 'xlabs' },
      { energy: 0.9, uniform: false },
    ];
    const alone = await squeezing(
      compute.pool,
      GPT2,
      { targets: [wanted[1]!, wanted[3]!], options: exact },
      (one) => one.targets.map(({ files }) => files![0]!.sha256),
    );
    await tried(GPT2, wanted, (outcome, scratchDir) => {
      assert.deepEqual(codesOf(outcome), [
        'BUDGET_TOO_SMALL',
        'succeeded',
        'FORMAT_NOT_CONVERTIBLE',
        'succeeded',
      ]);
      const source = readPeftAdapter(GPT2);
      const sha256: string[] = [];
      for (const [index, target] of outcome.targets.entries()) {
        const reported = outcome.report!.targets[index]!;
        assert.deepEqual([reported.target, reported.state], [wanted[index], target.state]);
        if (target.state === 'failed') {
          assert.deepEqual(reported, target);
          assert.equal(existsSync(join(scratchDir, String(index))), false);
          continue;
        }
        sha256.push(target.files![0]!.sha256);
        const error = overallError(scoreAdapter(source, readResult(target)).values());
        assert.ok(Math.abs(target.result.relative_error / error - 1) < 1e-6);
      }
      assert.deepEqual(sha256, alone);
    });
  });

  it('continues if one does not fit its dtype, which is found while writing, and keeps nothing of that', async () => {
    const [module, ...others] = someModules(6);
    const large = { ...module!, b: { ...module!.b, data: module!.b.data.map((x) => x * 1e6) } };
    const dir = compute.adapter([large, ...others]);
    await tried(dir, [{ rank: 2, dtype: 'float16', split: 'b' }, { rank: 2 }], (outcome, scratchDir) => {
      assert.deepEqual(codesOf(outcome), ['NON_FINITE_RESULT', 'succeeded']);
      const [failed, made] = outcome.targets;
      assert.match((failed as { error: { detail: string } }).error.detail, /layers\.0\.q_proj/);
      assert.deepEqual(
        readdirSync(scratchDir).filter((name) => /^\d+$/.test(name)),
        ['1'],
      );
      const scores = scoreAdapter(readPeftAdapter(dir), readResult(made as WrittenTarget));
      for (const score of scores.values()) assert.ok(score.actualError <= score.optimalError * (1 + 1e-6));
    });
  });

  it('has no report if all fail, and does not begin if that is known', async () => {
    await tried(GPT2, [{ budget_bytes: 1 }, { budget_parameters: 2 }], (outcome, _, phases) => {
      assert.deepEqual(codesOf(outcome), ['BUDGET_TOO_SMALL', 'BUDGET_TOO_SMALL']);
      assert.deepEqual([outcome.report, outcome.bytesWritten], [null, 0]);
      assert.deepEqual([...new Set(phases)], ['load']);
    });
  });

  it('fails as a whole for an error that is not caused by a target', async () => {
    const blocked = (scratchDir: string) => writeFileSync(join(scratchDir, '0'), '');
    await assert.rejects(
      tried(GPT2, [{ rank: 2 }, { rank: 3 }], () => assert.fail(), blocked),
      { code: 'EEXIST' },
    );
  });
});
