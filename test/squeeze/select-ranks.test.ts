import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FactorDtype, LoraModule } from '../../src/adapter/adapter.ts';
import type { Target } from '../../src/contract/target.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { ErrorCode } from '../../src/errors/error-kinds.ts';
import { NO_LIMITS, type RankLimits } from '../../src/serving/rank-limits.ts';
import { needsSpectrum, selectRanks } from '../../src/squeeze/select-ranks.ts';
import fc from '../fast-check.ts';

interface Made {
  readonly name?: string;
  readonly sigma: readonly number[];
  readonly m?: number;
  readonly n?: number;
  readonly scale?: number;
  readonly dtypeA?: FactorDtype;
  readonly dtypeB?: FactorDtype;
}

const factor = (dtype: FactorDtype, shape: number[]) => ({
  name: 'x',
  dtype,
  shape,
  beginByte: 0,
  endByte: 0,
});

function modulesOf(made: readonly Made[]): LoraModule[] {
  return made.map(
    ({ name, sigma, m = 10, n = 20, scale = 1, dtypeA = 'F32', dtypeB = 'F32' }, index): LoraModule => ({
      name: name ?? `layers.${index}.q_proj`,
      kind: 'linear',
      a: factor(dtypeA, [sigma.length, n]),
      b: factor(dtypeB, [m, sigma.length]),
      rank: sigma.length,
      m,
      n,
      scale,
    }),
  );
}

/** Spectra as the engine returns them: padded with zeros to the width of its blocks. */
const spectraOf = (made: readonly Made[]) =>
  made.map(({ sigma }) => ({ sigma: Float64Array.from([...sigma, ...Array(8).fill(0)]) }));

const choose = (target: Target, made: readonly Made[], limits: Partial<RankLimits> = {}) =>
  selectRanks(target, { ...NO_LIMITS, ...limits }, modulesOf(made), spectraOf(made));

const ranks = (target: Target, made: readonly Made[], limits: Partial<RankLimits> = {}): number[] =>
  choose(target, made, limits).ranks;

function refusal(code: ErrorCode, run: () => unknown): AppError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code);
    return error;
  }
  return assert.fail('was not refused');
}

const STEEP = { sigma: [8, 4, 2, 1] };
const FLAT = { sigma: [1, 1, 1, 1] };
const SHORT = { sigma: [3, 1] };
const ALL = [STEEP, FLAT, SHORT];

describe('ranks that limits keep below what the target promises', () => {
  const missed =
    "The target's energy is missed by 1 of 3 modules, which would need ranks of up to 4 and get at most";

  it('are reported with the ranks that would be needed', () => {
    const warnings = (target: Target, limits: Partial<RankLimits>) => choose(target, ALL, limits).warnings;
    assert.deepEqual(warnings({ energy: 0.9 }, {}), []);
    assert.deepEqual(warnings({ energy: 0.9 }, { maxRank: 2 }), [`${missed} 2 (max_rank).`]);
    assert.deepEqual(warnings({ energy: 0.9, profile: 'vllm' }, { allowedRanks: [2, 8] }), [
      `${missed} 2 (max_rank, or the limits of vllm).`,
    ]);
    assert.deepEqual(warnings({ budget_parameters: 120 }, { maxRank: 2 }), []);
  });
});

describe('ranks with compat kohya', () => {
  const kohya = { compat: 'kohya' } as const;

  it('are one direction more than the policy’s, for each module, up to all directions', () => {
    assert.deepEqual(ranks({ energy: 0.9, ...kohya }, ALL), [3, 4, 2]);
    assert.deepEqual(ranks({ ratio: 3, ...kohya }, ALL), [3, 4, 2]);
    assert.deepEqual(ranks({ cumulative: 0.5, ...kohya }, ALL), [2, 3, 2]);
  });

  it('are limited by max_rank afterwards, like by --new_rank', () => {
    assert.deepEqual(ranks({ energy: 0.9, ...kohya }, ALL, { maxRank: 2 }), [2, 2, 2]);
    assert.deepEqual(ranks({ energy: 0.9, ...kohya }, ALL, { maxRank: 3 }), [3, 3, 2]);
  });

  it('are made uniform on request', () => {
    assert.deepEqual(ranks({ cumulative: 0.5, uniform: true, ...kohya }, ALL), [3, 3, 2]);
  });

  it('are 1 for an update whose σ₁ is at most 1e-6 before scaling, whatever the scale', () => {
    const almostZero = { sigma: [1e-6, 1e-6, 1e-6], scale: 100 };
    const small = { sigma: [2e-6, 1e-6, 1e-7], scale: 0.001 };
    assert.deepEqual(ranks({ energy: 0.9, ...kohya }, [almostZero, small]), [1, 3]);
  });

  it('never exceed the number of directions of a matrix', () => {
    assert.deepEqual(ranks({ energy: 1, ...kohya }, [{ sigma: [3, 2, 0, 0], m: 2 }]), [2]);
  });
});

describe('the ranks of a target', () => {
  const cases: [target: Target, uniform: number[], each: number[]][] = [
    [{ rank: 3 }, [3, 3, 2], [3, 3, 2]],
    [{ rank: 300 }, [4, 4, 2], [4, 4, 2]],
    [{ energy: 0.9 }, [4, 4, 2], [2, 4, 1]],
    [{ energy: 0.5 }, [2, 2, 2], [1, 2, 1]],
    [{ ratio: 3 }, [4, 4, 2], [2, 4, 1]],
    [{ cumulative: 0.5 }, [2, 2, 2], [1, 2, 1]],
    [{ knee: true }, [4, 4, 2], [1, 4, 1]],
    [{ tolerance: 0.3 }, [4, 4, 2], [2, 4, 2]],
    [{ tolerance: 0.6 }, [3, 3, 2], [1, 3, 1]],
  ];
  for (const [target, uniform, each] of cases) {
    it(`are uniform by default, and different for each module on request: ${JSON.stringify(target)}`, () => {
      assert.deepEqual(ranks(target, ALL), uniform);
      assert.deepEqual(ranks({ ...target, uniform: true }, ALL), uniform);
      assert.deepEqual(ranks({ ...target, uniform: false }, ALL), each);
      assert.deepEqual(choose(target, ALL).warnings, []);
    });
  }

  it('do not depend on the scale of a module, except for budgets', () => {
    const scaled = ALL.map((made, index) => ({ ...made, scale: [-3, 1e-9, 1e9][index]! }));
    for (const [target] of cases) {
      const own = { ...target, uniform: false };
      assert.deepEqual(ranks(own, scaled), ranks(own, ALL));
    }
  });

  it('do not count singular values below the resolution', () => {
    const noisy = [{ sigma: [1, 0.5, 5e-8, 5e-8] }];
    for (const target of [
      { energy: 1 },
      { ratio: 1e7 },
      { cumulative: 1 },
      { knee: true },
      { tolerance: 0 },
    ] as Target[]) {
      assert.ok(ranks(target, noisy)[0]! <= 2, JSON.stringify(target));
    }
    assert.deepEqual(ranks({ tolerance: 0 }, noisy), [2]);
  });

  it('are 1 for modules of zeros', () => {
    const dead = [{ sigma: [0, 0, 0] }];
    for (const target of [{ energy: 1 }, { ratio: 10 }, { knee: true }, { tolerance: 0 }] as Target[]) {
      assert.deepEqual(ranks(target, dead), [1], JSON.stringify(target));
    }
  });

  it('are as large as the limits allow for a profile without a policy', () => {
    const wide = [{ sigma: Array(64).fill(1) }, { sigma: Array(8).fill(1) }];
    assert.deepEqual(ranks({ profile: 'vllm' }, wide, { maxRank: 16 }), [16, 8]);
    assert.deepEqual(ranks({ profile: 'x' }, wide, { allowedRanks: [4, 32, 128] }), [32, 4]);
  });

  it('respect the limits, whatever the policy', () => {
    const wide = [{ sigma: Array.from({ length: 40 }, (_, i) => 0.9 ** i), m: 50, n: 60 }, STEEP];
    const targets: Target[] = [
      { rank: 11 },
      { energy: 0.9 },
      { ratio: 4 },
      { cumulative: 0.7 },
      { knee: true },
      { tolerance: 0.3 },
      { rank_pattern: { '0.q_proj': 11 } },
    ];
    for (const target of targets) {
      for (const uniform of [true, false]) {
        const [free] = ranks({ ...target, uniform }, wide);
        const [found, small] = ranks({ ...target, uniform }, wide, {
          minRank: 3,
          allowedRanks: [4, 8, 16, 32],
        });
        assert.equal(found, [4, 8, 16, 32].find((allowed) => allowed >= free!) ?? 32, JSON.stringify(target));
        assert.equal(small, 4);
      }
    }
  });

  it('are limited to the directions of a module, unless one rank for all is requested', () => {
    const flat = { sigma: Array(6).fill(1), m: 3 };
    const usual = { sigma: Array(6).fill(1) };
    assert.deepEqual(ranks({ rank: 5 }, [flat, usual]), [3, 5]);
    assert.deepEqual(ranks({ rank: 8 }, [flat, usual]), [3, 6]);
    assert.deepEqual(ranks({ rank: 5, uniform: true }, [flat, usual]), [5, 5]);
    assert.deepEqual(ranks({ rank: 5, uniform: true }, [flat, flat]), [3, 3]);
    assert.deepEqual(ranks({ rank_pattern: { '0.q_proj': 5 } }, [flat, flat]), [3, 6]);
    assert.deepEqual(ranks({ energy: 1 }, [flat, usual], { minRank: 4 }), [3, 6]);
    assert.deepEqual(ranks({ budget_parameters: 1000 }, [flat, usual]), [3, 6]);
    // A format alone leaves the ranks unchanged.
    assert.deepEqual(ranks({ format: 'peft' }, [flat]), [6]);
  });

  it('need the spectrum for all policies but a rank, a pattern and a profile alone', () => {
    for (const target of [
      { rank: 1 },
      { rank_pattern: { x: 1 } },
      { profile: 'vllm', max_rank: 8 },
    ] as Target[]) {
      assert.equal(needsSpectrum(target), false);
      assert.doesNotThrow(() => selectRanks(target, NO_LIMITS, modulesOf(ALL), []));
    }
    for (const [target] of cases.slice(2)) assert.equal(needsSpectrum({ ...target, profile: 'vllm' }), true);
    assert.equal(needsSpectrum({ budget_bytes: 1 }), true);
    assert.equal(needsSpectrum({ budget_parameters: 1 }), true);
  });
});

describe('a rank_pattern', () => {
  const made = [
    'model.layers.0.self_attn.q_proj',
    'model.layers.0.mlp.up_proj',
    'model.layers.10.self_attn.q_proj',
  ].map((name) => ({ name, sigma: Array(16).fill(1), m: 20, n: 20 }));

  it('is matched like in PEFT, and leaves the other modules unchanged', () => {
    const cases: [pattern: Record<string, number>, ranks: number[]][] = [
      [{ q_proj: 4 }, [4, 16, 4]],
      [{ 'layers.0.self_attn.q_proj': 4 }, [4, 16, 16]],
      [{ 'model.layers.0.self_attn.q_proj': 4 }, [4, 16, 16]],
      [{ '0.self_attn.q_proj': 4 }, [4, 16, 16]],
      [{ '.*layers\\.\\d\\..*': 4 }, [4, 4, 16]],
      [{ proj: 4 }, [16, 16, 16]],
      [{ 'layers.0.self_attn.q_proj': 2, q_proj: 4, up_proj: 8 }, [2, 8, 4]],
      [{ q_proj: 4, 'layers.0.self_attn.q_proj': 2 }, [4, 16, 4]],
      [{ up_proj: 64 }, [16, 16, 16]],
    ];
    for (const [rank_pattern, expected] of cases) {
      assert.deepEqual(ranks({ rank_pattern }, made), expected, JSON.stringify(rank_pattern));
    }
  });

  it('warns of patterns that apply to no module', () => {
    const { warnings } = choose({ rank_pattern: { q_proj: 4, k_proj: 2, '0.self_attn.q_proj': 3 } }, made);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /"k_proj", "0\.self_attn\.q_proj" matched no module/);
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`x${index}`, 1]));
    assert.match(choose({ rank_pattern: many }, made).warnings[0]!, /"x4" and 35 more matched no module/);
  });

  it('can be made uniform, which is reported', () => {
    const { ranks: found, warnings } = choose(
      { rank_pattern: { q_proj: 4, up_proj: 6 }, uniform: true },
      made,
    );
    assert.deepEqual(found, [6, 6, 6]);
    assert.match(warnings[0]!, /largest rank/);
  });

  it('respects max_rank, also for modules without a match', () => {
    assert.deepEqual(ranks({ rank_pattern: { q_proj: 12 } }, made, { maxRank: 8 }), [8, 8, 8]);
  });

  it('that cannot be parsed is refused as an error of the request', () => {
    const look = refusal('VALIDATION_FAILED', () => ranks({ rank_pattern: { '(?=q)': 4 } }, made));
    assert.match(look.message, /^The key "\(\?=q\)" of rank_pattern is not a valid expression in RE2 syntax/);
    refusal('VALIDATION_FAILED', () => ranks({ rank_pattern: { [`(${'x'.repeat(2000)})`]: 4 } }, made));
  });
});

describe('a budget', () => {
  const cost = (
    made: readonly Made[],
    found: readonly number[],
    bytes: (one: Made) => [a: number, b: number],
  ) =>
    made.reduce((sum, one, index) => {
      const [a, b] = bytes(one);
      return sum + found[index]! * ((one.n ?? 20) * a + (one.m ?? 10) * b);
    }, 0);

  it('by energy goes where the energy is, including the scale of each module', () => {
    const by = { budget_parameters: 90, criterion: 'energy' } as const;
    const quiet = [{ sigma: [8, 8] }, { sigma: [1, 1] }];
    assert.deepEqual(ranks(by, quiet), [2, 1]);
    const loud = [{ sigma: [8, 8] }, { sigma: [1, 1], scale: -100 }];
    assert.deepEqual(ranks(by, loud), [1, 2]);
  });

  it('goes by default where a module loses most of its own energy, however small its update', () => {
    const made = [{ sigma: [8, 1] }, { sigma: [0.5, 0.5] }];
    assert.deepEqual(ranks({ budget_parameters: 90 }, made), [1, 2]);
    assert.deepEqual(ranks({ budget_parameters: 90, criterion: 'relative' }, made), [1, 2]);
    assert.deepEqual(ranks({ budget_parameters: 90, criterion: 'energy' }, made), [2, 1]);
  });

  it('counts what the factors leave out as energy of the module', () => {
    const made = [{ sigma: [2, 1.1] }, { sigma: [2, 1] }];
    const withRest = spectraOf(made).map((one, index) => ({ ...one, residual: index === 0 ? 100 : 0 }));
    const target: Target = { budget_parameters: 90 };
    assert.deepEqual(ranks(target, made), [2, 1]);
    assert.deepEqual(selectRanks(target, NO_LIMITS, modulesOf(made), withRest).ranks, [1, 2]);
  });

  it('handles scales whose squares exceed the range of numbers', () => {
    const tiny = [
      { sigma: [8, 4], scale: 1e-200 },
      { sigma: [8, 6], scale: 1e-200 },
    ];
    assert.deepEqual(ranks({ budget_parameters: 90 }, tiny), [1, 2]);
    const huge = tiny.map((one) => ({ ...one, scale: 1e200 }));
    assert.deepEqual(ranks({ budget_parameters: 90 }, huge), [1, 2]);
  });

  it('in bytes counts the dtypes that are written', () => {
    const mixed = [{ sigma: [1, 1, 1, 1], dtypeA: 'F16', dtypeB: 'F32' } as const];
    // One rank: 20·2 + 10·4 = 80 bytes in the source's dtypes, 60 in float16, 120 in float32.
    const cases: [dtype: Target['dtype'], budget: number, rank: number][] = [
      [undefined, 160, 2],
      ['match', 159, 1],
      ['float16', 180, 3],
      ['bfloat16', 179, 2],
      ['float32', 240, 2],
      ['float32', 239, 1],
    ];
    for (const [dtype, budget_bytes, rank] of cases) {
      assert.deepEqual(
        ranks({ budget_bytes, ...(dtype && { dtype }) }, mixed),
        [rank],
        `${dtype} ${budget_bytes}`,
      );
    }
    assert.deepEqual(ranks({ budget_parameters: 90, dtype: 'float16' }, mixed), [3]);
  });

  it('gives the largest uniform rank that fits on request', () => {
    const made = [{ sigma: [9, 8, 7, 6] }, { sigma: [1, 1, 1, 1] }, { sigma: [5, 5] }];
    const cases: [parameters: number, ranks: number[]][] = [
      [90, [1, 1, 1]],
      [179, [1, 1, 1]],
      [180, [2, 2, 2]],
      [239, [2, 2, 2]],
      [240, [3, 3, 2]],
      [1e6, [4, 4, 2]],
    ];
    for (const [budget_parameters, expected] of cases) {
      assert.deepEqual(ranks({ budget_parameters, uniform: true }, made), expected, `${budget_parameters}`);
    }
    const allowed = { allowedRanks: [1, 2, 4] };
    assert.deepEqual(ranks({ budget_parameters: 299, uniform: true }, made, allowed), [2, 2, 2]);
    assert.deepEqual(ranks({ budget_parameters: 300, uniform: true }, made, allowed), [4, 4, 2]);
  });

  it('that gives one rank reports what ranks by module of that size would lose', () => {
    // One rank loses 2 of 84 and 2 of 4, ranks 1 and 3 lose 3 of 84 and 1 of 4.
    const made = [{ sigma: [9, 1, 1, 1] }, { sigma: [1, 1, 1, 1] }];
    const { warnings } = choose({ budget_parameters: 120, uniform: true }, made);
    assert.deepEqual(warnings, [
      'All modules have one rank. With "uniform": false and the same size, ranks by module (1 to 3) would have a mean module ' +
        'error of 37.8\u00a0% instead of 51.2\u00a0%, if the server can load them.',
    ]);
    assert.deepEqual(choose({ budget_parameters: 240, uniform: true }, made).warnings, []);
    assert.deepEqual(choose({ budget_parameters: 120 }, made).warnings, []);
    const alike = [FLAT, FLAT];
    assert.deepEqual(choose({ budget_parameters: 120, uniform: true }, alike).warnings, []);
  });

  it('gives every module its min_rank first and none more than max_rank', () => {
    const made = [{ sigma: [9, 8, 7, 6] }, { sigma: [1, 1, 1, 1] }];
    const by = { budget_parameters: 150, criterion: 'energy' } as const;
    assert.deepEqual(ranks(by, made, { minRank: 2 }), [3, 2]);
    assert.deepEqual(ranks(by, made, { maxRank: 2 }), [2, 2]);
    assert.deepEqual(ranks(by, made, { allowedRanks: [1, 2, 4] }), [4, 1]);
  });

  it('that is too small is refused with the smallest possible one', () => {
    const bytes = refusal('BUDGET_TOO_SMALL', () => ranks({ budget_bytes: 359 }, ALL));
    assert.match(bytes.message, /359 bytes is too small: the 3 modules take at least 360 bytes, at rank 1\./);
    assert.deepEqual(bytes.context, { budget_bytes: 359, least_bytes: 360 });
    assert.deepEqual(ranks({ budget_bytes: 360 }, ALL), [1, 1, 1]);
    const parameters = refusal('BUDGET_TOO_SMALL', () => {
      ranks({ budget_parameters: 200, uniform: true }, ALL, { minRank: 3 });
    });
    assert.match(parameters.message, /at least 240 parameters, at rank 2 to 3/);
  });

  it('is never exceeded, and a uniform rank leaves less than one more rank would need', () => {
    const dtypes = fc.constantFrom<FactorDtype>('F32', 'F16', 'BF16');
    const made = fc.record({
      sigma: fc
        .array(fc.double({ min: 0, max: 9, noNaN: true }), { minLength: 1, maxLength: 6 })
        .map((values) => values.sort((x, y) => y - x)),
      m: fc.integer({ min: 1, max: 9 }),
      n: fc.integer({ min: 1, max: 9 }),
      dtypeA: dtypes,
      dtypeB: dtypes,
    });
    const size = { F32: 4, F16: 2, BF16: 2 };
    const bytes = ({ dtypeA, dtypeB }: Made): [number, number] => [size[dtypeA!], size[dtypeB!]];
    fc.assert(
      fc.property(
        fc.array(made, { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        fc.nat(500),
        (all, uniform, more) => {
          const least = cost(
            all,
            all.map(() => 1),
            bytes,
          );
          const found = ranks({ budget_bytes: least + more, uniform }, all);
          assert.ok(cost(all, found, bytes) <= least + more);
          if (!uniform) return;
          const largest = Math.max(...found);
          const next = all.map(({ sigma }) => Math.min(sigma.length, largest + 1));
          const isAll = all.every(({ sigma, m, n }) => Math.min(sigma.length, m!, n!) <= largest);
          assert.ok(isAll || cost(all, next, bytes) > least + more);
        },
      ),
    );
  });
});
