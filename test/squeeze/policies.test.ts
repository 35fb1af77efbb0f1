import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ComputePool } from '../../src/compute/pool.ts';
import type { SucceededResult } from '../../src/contract/job.ts';
import type { SucceededTargetReport } from '../../src/contract/report.ts';
import type { Target } from '../../src/contract/target.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { readSafetensors } from '../oracle/safetensors.ts';
import { squeezing } from './make-adapter.ts';

/** A real adapter: GPT-2, rank 8, three kinds of modules with spectra from flat to steep. */
const GPT2 = join(import.meta.dirname, '../../examples/adapters/gpt2-lora-r8');
/** What rounding to float32 and measuring may add to a relative error. */
const ROUNDING = 1e-6;

interface Found {
  readonly result: Omit<SucceededResult, 'adapter_id'>;
  readonly report: SucceededTargetReport;
  /** Bytes and numbers of all LoRA factors in the written file. */
  readonly factorBytes: number;
  readonly parameters: number;
}

describe('rank policies on a real adapter', () => {
  let pool: ComputePool;
  before(async () => {
    pool = await ComputePool.start('cpu', 2);
  });
  after(() => pool.close());

  /** All targets in one job, so with one decomposition each. */
  const squeeze = (...targets: Target[]): Promise<Found[]> =>
    squeezing(pool, GPT2, { targets }, ({ targets: outcomes, report }) =>
      outcomes.map(({ result, files }, index) => {
        const path = files ? files[0]!.path : join(GPT2, 'adapter_model.safetensors');
        const tensors = [...readSafetensors(path).tensors.values()];
        assert.equal(statSync(path).size, result.bytes);
        return {
          result,
          report: report.targets[index]!,
          factorBytes: tensors.reduce((sum, { bytes }) => sum + bytes.length, 0),
          parameters: tensors.reduce((sum, { shape }) => sum + shape.reduce((x, y) => x * y, 1), 0),
        };
      }),
    );
  const one = async (target: Target): Promise<Found> => (await squeeze(target))[0]!;
  const rankOf = ({ report }: Found): number[] => report.modules.map(({ rank }) => rank);

  it('meet a tolerance in every module of the file, and one rank less would not', async () => {
    const [each, less] = await squeeze({ tolerance: 0.2, uniform: false }, { tolerance: 0.2 });
    for (const { name, relative_error } of each!.report.modules) {
      assert.ok(relative_error <= 0.2 + ROUNDING, name);
    }
    const needed = Math.max(...rankOf(each!));
    assert.deepEqual(less!.result.rank, { min: needed, max: needed });
    const below = await one({ rank: needed - 1 });
    assert.ok(below.result.worst_module!.relative_error > 0.2);
  });

  it('keep the energy in every module', async () => {
    const { report, result } = await one({ energy: 0.95, uniform: false });
    for (const { name, energy_retained } of report.modules)
      assert.ok(energy_retained >= 0.95 - ROUNDING, name);
    assert.ok(result.rank.min < result.rank.max);
  });

  it('keep more when more is demanded, for every policy', async () => {
    const ladders: Target[][] = [
      [{ energy: 0.5 }, { energy: 0.9 }, { energy: 0.99 }],
      [{ ratio: 2 }, { ratio: 5 }, { ratio: 20 }],
      [{ cumulative: 0.4 }, { cumulative: 0.7 }, { cumulative: 0.95 }],
      [{ tolerance: 0.5 }, { tolerance: 0.2 }, { tolerance: 0.05 }],
      [{ budget_parameters: 150_000 }, { budget_parameters: 300_000 }, { budget_parameters: 600_000 }],
      [{ budget_bytes: 500_000 }, { budget_bytes: 1_000_000 }, { budget_bytes: 2_000_000 }],
    ];
    for (const ladder of ladders) {
      const found = await squeeze(...ladder.map((target) => ({ ...target, uniform: false })));
      for (const error of ['relative_error', 'module_relative_error'] as const) {
        const errors = found.map(({ result }) => result[error]!);
        assert.ok(errors[0]! > errors[1]! && errors[1]! > errors[2]!, JSON.stringify(ladder[0]));
      }
    }
  });

  it('never exceed a budget with the written factors, in any dtype, and nearly use it up', async () => {
    const [bytes, half, parameters] = await squeeze(
      { budget_bytes: 1_000_000 },
      { budget_bytes: 500_000, dtype: 'bfloat16' },
      { budget_parameters: 250_000 },
    );
    const cheapest = 1536;
    assert.ok(bytes!.factorBytes <= 1_000_000 && bytes!.factorBytes > 1_000_000 - 4 * cheapest);
    assert.ok(half!.factorBytes <= 500_000 && half!.factorBytes > 500_000 - 2 * cheapest);
    assert.ok(parameters!.parameters <= 250_000 && parameters!.parameters > 250_000 - cheapest);
    assert.equal(parameters!.parameters, parameters!.result.parameters);
    assert.deepEqual(rankOf(half!), rankOf(bytes!), 'half the bytes of half the size');
  });

  it('lose less with a budget than with one rank for all of the same size', async () => {
    const uniform = await one({ rank: 4 });
    const { parameters } = uniform;
    const [budget, energy, same] = await squeeze(
      { budget_parameters: parameters },
      { budget_parameters: parameters, criterion: 'energy' },
      { budget_parameters: parameters, uniform: true },
    );
    for (const [one, error] of [
      [budget, 'module_relative_error'],
      [energy, 'relative_error'],
    ] as const) {
      assert.ok(one!.parameters <= parameters);
      assert.ok(one!.result[error]! < 0.5 * uniform.result[error]!);
      // Each criterion is better by its own measure.
      const other = one === budget ? energy : budget;
      assert.ok(one!.result[error]! < other!.result[error]!, error);
    }
    assert.deepEqual(rankOf(same!), rankOf(uniform));
    const percent = `${(100 * budget!.result.module_relative_error!).toPrecision(3)}\u00a0%`;
    assert.ok(same!.result.warnings.some((warning) => warning.includes(`mean module error of ${percent}`)));
  });

  it('report the mean module error of the modules of the file', async () => {
    const found = await squeeze({ rank: 2 }, { energy: 0.9, uniform: false }, { rank: 1 }, { rank: 8 });
    for (const { result, report } of found) {
      const shares = report.modules.map(({ relative_error: error }) => error ** 2);
      const mean = shares.reduce((x, y) => x + y, 0) / shares.length;
      assert.ok(Math.abs(result.module_relative_error! - Math.sqrt(mean)) < 1e-12);
      assert.ok(Math.abs(result.module_energy_retained! - (1 - mean)) < 1e-12);
      for (const field of ['module_relative_error', 'module_energy_retained', 'expected_loss'] as const)
        assert.deepEqual(report[field], result[field]);
    }
  });

  it('change nothing for a budget that the adapter already keeps to', async () => {
    const { result } = await one({ budget_bytes: 10_000_000 });
    assert.equal(result.relative_error, 0);
    assert.match(result.warnings.join(), /already 8/);
  });

  it('refuse a budget that is too small for rank 1, with the smallest possible one', async () => {
    await assert.rejects(one({ budget_parameters: 101_375 }), (error) => {
      assert.ok(error instanceof AppError && error.code === 'BUDGET_TOO_SMALL');
      assert.match(error.message, /36 modules take at least 101376 parameters, at rank 1/);
      return true;
    });
    assert.deepEqual((await one({ budget_parameters: 101_376 })).result.rank, { min: 1, max: 1 });
  });

  it('apply rank_pattern by name, and report unused patterns', async () => {
    const { report, result } = await one({
      rank_pattern: { 'attn.c_proj': 2, 'h.0.mlp.c_proj': 1, q_proj: 4 },
    });
    for (const { name, rank, passthrough } of report.modules) {
      const wanted = name.endsWith('attn.c_proj') ? 2 : name.endsWith('.h.0.mlp.c_proj') ? 1 : 8;
      assert.deepEqual([rank, passthrough], [wanted, wanted === 8], name);
    }
    assert.match(result.warnings.join('\n'), /rank_pattern: "q_proj" matched no module/);
  });

  it('respect min_rank and max_rank', async () => {
    const bounds = { min_rank: 2, max_rank: 3, uniform: false };
    const found = await squeeze(
      { energy: 0.9, ...bounds },
      { knee: true, ...bounds },
      { budget_bytes: 900_000, ...bounds },
      { rank_pattern: { c_attn: 6 }, ...bounds },
      { rank: 1, ...bounds },
    );
    for (const { report } of found) {
      for (const { rank } of report.modules) assert.ok(rank === 2 || rank === 3);
    }
  });

  it('have the results in the table of docs/policies.md', async () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/policies.md'), 'utf8');
    const rows = [
      ...page.matchAll(
        /^\| `(\{.*\})` \| ([\d to]+) \| ([\d,]+) \| \**([\d.]+) %\** \| \**([\d.]+) %\** \| ([\d.]+) % \|$/gm,
      ),
    ];
    assert.ok(rows.length >= 17);
    const found = await squeeze(...rows.map(([, target]) => JSON.parse(target!) as Target));
    const cells = found.map(({ result }) => {
      const { rank, parameters, relative_error, module_relative_error, worst_module } = result;
      const errors = [relative_error, module_relative_error!, worst_module!.relative_error];
      return [
        rank.min === rank.max ? `${rank.max}` : `${rank.min} to ${rank.max}`,
        parameters.toLocaleString('en'),
        ...errors.map((error) => (100 * error).toFixed(1)),
      ].join(' | ');
    });
    // All rows at once, because a change of a policy affects several.
    assert.deepEqual(
      rows.map(([, target], index) => `${target} | ${cells[index]}`),
      rows.map(([, ...rest]) => rest.join(' | ')),
    );
  });
});
