import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SqueezeOptions } from '../../src/contract/job-request.ts';
import type { Target } from '../../src/contract/target.ts';
import { COLUMN_STEP } from '../../src/engine/column-step.ts';
import { NO_LIMITS, type RankLimits } from '../../src/serving/rank-limits.ts';
import { chooseMethod } from '../../src/squeeze/method.ts';

const choose = (
  ranks: number[],
  targets: Target[],
  options: SqueezeOptions = {},
  limits: RankLimits[] = [],
) => {
  const modules = ranks.map((rank, index) => ({ name: `layers.${index}.q_proj`, rank, m: 600, n: 500 }));
  const method = chooseMethod(modules, targets, options, limits);
  return { ...method, decomposers: modules.map((module) => method.decomposerFor(module)) };
};

describe('the method of a job', () => {
  it('is a sketch if that is narrower than the rank, wide enough for the largest target', () => {
    const { used, decomposers } = choose([128], [{ rank: 8 }, { rank: 30 }]);
    assert.equal(used, 'rsvd');
    assert.equal(decomposers[0]!.variant, 'randomised');
    assert.ok(decomposers[0]!.columns >= 40 && decomposers[0]!.columns % COLUMN_STEP === 0);
  });

  it('is exact if the sketch would be as wide as the rank', () => {
    const { used, requested, decomposers } = choose([16], [{ rank: 8 }]);
    assert.deepEqual([requested, used, decomposers[0]!.variant], ['rsvd', 'exact', 'exact']);
    assert.ok(decomposers[0]!.columns >= 16);
  });

  it('is chosen for each module, and reported as rsvd if any is sketched', () => {
    const { used, decomposers } = choose([8, 256], [{ rank: 4 }]);
    assert.equal(used, 'rsvd');
    assert.deepEqual(
      decomposers.map(({ variant }) => variant),
      ['exact', 'randomised'],
    );
  });

  it('is exact for everything if one target needs the whole spectrum', () => {
    const { used, decomposers } = choose([256], [{ rank: 4 }, { energy: 0.9 }]);
    assert.equal(used, 'exact');
    assert.equal(decomposers[0]!.columns, 256);
  });

  it('is exact for every policy that needs the spectrum', () => {
    const targets: Target[] = [
      { ratio: 2 },
      { cumulative: 0.9 },
      { knee: true },
      { tolerance: 0.1 },
      { budget_bytes: 1000 },
      { budget_parameters: 1000, uniform: true },
    ];
    for (const target of targets) {
      assert.equal(choose([256], [target]).used, 'exact', JSON.stringify(target));
    }
  });

  it('is a sketch as wide as the largest rank of a rank_pattern, whatever the other modules keep', () => {
    const { used, decomposers } = choose([256, 256], [{ rank_pattern: { '0.q_proj': 24 } }]);
    assert.equal(used, 'rsvd');
    assert.ok(decomposers[0]!.columns >= 34 && decomposers[0]!.columns < 64);
    assert.equal(decomposers[0]!.keep, 24);
  });

  it('is a sketch as wide as the target within its limits', () => {
    const limited = (target: Target, limits: Partial<RankLimits>) =>
      choose([256], [{ rank: 2 }, target], {}, [NO_LIMITS, { ...NO_LIMITS, ...limits }]).decomposers[0]!;
    assert.equal(limited({ rank: 64 }, { maxRank: 16 }).keep, 16);
    assert.equal(limited({ rank: 4 }, { minRank: 32 }).keep, 32);
    assert.equal(limited({ rank: 9 }, { allowedRanks: [8, 16, 32] }).keep, 16);
    assert.equal(limited({ profile: 'vllm' }, { maxRank: 16 }).keep, 16);
    assert.equal(limited({ rank_pattern: { x: 3 } }, { maxRank: 20 }).keep, 20);
    assert.equal(limited({ profile: 'vllm' }, { maxRank: 16 }).variant, 'randomised');
  });

  it('keeps the directions that a target may choose, and no more', () => {
    assert.equal(choose([256], [{ energy: 0.9 }]).decomposers[0]!.keep, 256);
    const bounded = choose([256, 8], [{ energy: 0.9 }, { rank: 4 }], {}, [{ ...NO_LIMITS, maxRank: 32 }]);
    assert.deepEqual(
      bounded.decomposers.map(({ keep }) => keep),
      [32, 8],
    );
    assert.equal(choose([64], []).decomposers[0]!.keep, 1);
  });

  it('is exact on request', () => {
    assert.equal(choose([256], [{ rank: 4 }], { method: 'exact' }).decomposers[0]!.variant, 'exact');
  });

  it('uses oversampling, power iterations and seed as given', () => {
    const { decomposers, oversampling, power_iterations, seed } = choose([256], [{ rank: 16 }], {
      oversampling: 50,
      power_iterations: 2,
      seed: 7,
    });
    assert.deepEqual([oversampling, power_iterations, seed], [50, 2, 7]);
    assert.ok(decomposers[0]!.columns >= 66);
    assert.equal(decomposers[0]!.maxIterations, 2);
    assert.equal(decomposers[0]!.tolerance, Number.NEGATIVE_INFINITY);
    assert.equal(decomposers[0]!.seed, 7);
  });

  it('has the documented defaults', () => {
    const { oversampling, power_iterations, seed, requested, decomposers } = choose([256], [{ rank: 16 }]);
    assert.deepEqual([requested, oversampling, power_iterations, seed], ['rsvd', 10, 'auto', 0]);
    assert.ok(decomposers[0]!.maxIterations > 8);
    assert.ok(decomposers[0]!.tolerance > 0);
  });
});
