import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '../../src/errors/app-error.ts';
import type { ErrorCode } from '../../src/errors/error-kinds.ts';
import { splitFactor } from '../../src/squeeze/merge/stack-file.ts';
import fc from '../fast-check.ts';
import { factorsWithSpectrum, gaussianMatrix } from '../oracle/known-matrices.ts';
import { frobenius, matrix, multiply, productNorm } from '../oracle/linear-algebra.ts';
import { readPeftAdapter } from '../oracle/peft-adapter.ts';
import { float32Tensor, type Tensor } from '../oracle/safetensors.ts';
import { allowedError, overallError, scoreAdapter } from '../oracle/score.ts';
import { computeFixture } from './compute-fixture.ts';
import { bfloat16Tensor, type ModuleFactors, readResult } from './make-adapter.ts';
import { idOf, merging, sumOf, type Term } from './merging.ts';

const compute = computeFixture();
const { adapter } = compute;

const SHAPES = { q_proj: [40, 32], v_proj: [24, 32], up_proj: [56, 32] } as const;
type ModuleName = keyof typeof SHAPES;

/** Modules of one rank, with a different spectrum for each seed. */
function modulesOf(
  rank: number,
  seed: number,
  names: readonly ModuleName[] = ['q_proj', 'v_proj'],
): ModuleFactors[] {
  return names.map((name, index) => ({
    name: `layers.0.${name}`,
    ...factorsWithSpectrum(
      SHAPES[name][0],
      SHAPES[name][1],
      Array.from({ length: rank }, (_, i) => (i + 1) ** -(0.4 + 0.1 * index)),
      10 * seed + index,
    ),
  }));
}

const failsWith =
  (code: ErrorCode, ...words: string[]) =>
  (error: unknown): true => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code, error.message);
    for (const word of words) assert.ok(error.message.includes(word), `"${error.message}" lacks "${word}"`);
    return true;
  };

const BASE = { base_model_name_or_path: 'base/model' };

/** Ranks 8, 5 and 12; plain scale, rsLoRA, bfloat16; each lacks a module that another has. */
const threeDifferent = (): Term[] => [
  { dir: adapter(modulesOf(8, 1), { ...BASE, lora_alpha: 16 }), weight: 0.7 },
  {
    dir: adapter(modulesOf(5, 2, ['v_proj', 'up_proj']), {
      ...BASE,
      lora_alpha: 3,
      use_rslora: true,
      target_modules: ['v_proj', 'up_proj'],
    }),
    weight: -1.5,
  },
  {
    dir: adapter(
      modulesOf(12, 3, ['q_proj', 'v_proj', 'up_proj']),
      { ...BASE, lora_alpha: 12, target_modules: ['q_proj', 'v_proj', 'up_proj'] },
      { encode: bfloat16Tensor },
    ),
    weight: 1,
  },
];

describe('a merge', () => {
  it('is the optimal truncation of the true sum, whatever the ranks, dtypes, scales and sets of modules', async () => {
    const terms = threeDifferent();
    const sum = sumOf(terms);
    const targets = [{ rank: 1 }, { rank: 6 }, { rank: 13 }, { energy: 0.8 }];
    await merging(
      compute.pool,
      terms,
      { targets, options: { method: 'exact' } },
      ({ targets: outcomes, report }) => {
        for (const [index, outcome] of outcomes.entries()) {
          const scores = scoreAdapter(sum, readResult(outcome));
          for (const reported of report.targets[index]!.modules) {
            const score = scores.get(reported.name)!;
            assert.ok(
              score.actualError <= allowedError(score, 1e-6),
              `${reported.name}: ${score.actualError}`,
            );
            assert.ok(
              Math.abs(reported.relative_error - score.actualError) <= 1e-6 * score.actualError + 1e-7,
            );
          }
          const total = overallError(scores.values());
          assert.ok(Math.abs(outcome.result.relative_error - total) <= 1e-6 * total + 1e-7);
        }
        assert.deepEqual(outcomes[1]!.result.rank, { min: 6, max: 6 });
      },
    );
  });

  it('sketches wide stacks, like any adapter', async () => {
    const terms = Array.from({ length: 12 }, (_, i) => ({
      dir: adapter(modulesOf(10, 20 + i)),
      weight: 1 / 12,
    }));
    const sum = sumOf(terms);
    await merging(compute.pool, terms, { targets: [{ rank: 4 }] }, ({ targets: [outcome], report }) => {
      assert.equal(report.method.used, 'rsvd');
      for (const score of scoreAdapter(sum, readResult(outcome!)).values()) {
        assert.ok(
          score.actualError <= allowedError(score, 1e-3),
          `${score.actualError} ${score.optimalError}`,
        );
      }
    });
  });

  it('returns the stack itself for a rank that loses nothing: a new adapter of scale 1', async () => {
    const terms = threeDifferent();
    const sum = sumOf(terms);
    await merging(compute.pool, terms, { targets: [{ rank: 64 }] }, ({ targets: [outcome] }, left) => {
      const result = readResult(outcome!);
      assert.deepEqual(
        [...result.modules].map(([name, { rank, scale, dtype }]) => [name, rank, scale, dtype]),
        [
          ['layers.0.q_proj', 20, 1, 'F32'],
          ['layers.0.up_proj', 17, 1, 'F32'],
          // It has 24 rows or columns, so none of 25 directions is lost.
          ['layers.0.v_proj', 24, 1, 'F32'],
        ],
      );
      for (const { actualError } of scoreAdapter(sum, result).values()) assert.ok(actualError < 1e-7);
      assert.deepEqual(left.includes('stack.safetensors'), false, 'the stack is gone');
    });
  });

  it('names all sources with their weights, in the report and in the file', async () => {
    const terms = threeDifferent();
    await merging(
      compute.pool,
      terms,
      { targets: [{ rank: 4 }] },
      ({ targets: [outcome], report, bytesRead }) => {
        assert.equal(report.kind, 'merge');
        assert.deepEqual(
          report.sources.map(({ id, weight, base_model }) => ({ id, weight, base_model })),
          terms.map(({ dir, weight }) => ({ id: idOf(dir), weight, base_model: 'base/model' })),
        );
        assert.equal(
          bytesRead,
          report.sources.reduce((sum, { bytes }) => sum + bytes, 0),
        );
        const { metadata, config } = readResult(outcome!);
        assert.deepEqual(
          JSON.parse(metadata['lora_squeeze.sources']!),
          terms.map(({ weight }, i) => ({ sha256: report.sources[i]!.sha256, weight })),
        );
        assert.equal(metadata['lora_squeeze.source_sha256'], undefined);
        assert.equal(config.base_model_name_or_path, 'base/model');
        assert.deepEqual([...(config.target_modules as string[])].sort(), ['q_proj', 'up_proj', 'v_proj']);
      },
    );
  });

  it('writes the same bytes again', async () => {
    const terms = threeDifferent();
    const run = () =>
      merging(compute.pool, terms, { targets: [{ rank: 3 }] }, ({ targets: [outcome] }) =>
        outcome!.files!.map(({ sha256 }) => sha256),
      );
    assert.deepEqual(await run(), await run());
  });

  it('uses the common dtype of the adapters for "match", or else float32', async () => {
    const [plain, , half] = threeDifferent();
    const other = adapter(modulesOf(3, 7), BASE, { encode: bfloat16Tensor });
    for (const [terms, dtype] of [
      [[half!, { dir: other, weight: 2 }], 'BF16'],
      [[half!, plain!], 'F32'],
    ] as const) {
      await merging(compute.pool, terms, { targets: [{ rank: 4 }, { rank: 99 }] }, ({ targets }) => {
        for (const target of targets) {
          for (const module of readResult(target).modules.values()) assert.equal(module.dtype, dtype);
        }
      });
    }
    await merging(
      compute.pool,
      [half!],
      { targets: [{ rank: 4, dtype: 'float32' }] },
      ({ targets: [outcome] }) => {
        for (const module of readResult(outcome!).modules.values()) assert.equal(module.dtype, 'F32');
      },
    );
  });

  it('reports its progress to the end and adds up its timings', async () => {
    const phases: string[] = [];
    const onProgress = ({ phase }: { phase: string }) => void phases.push(phase);
    await merging(
      compute.pool,
      threeDifferent(),
      { targets: [{ rank: 2 }], onProgress },
      ({ timings, report }) => {
        assert.deepEqual([...new Set(phases)], ['load', 'gram', 'core', 'project', 'write', 'done']);
        assert.deepEqual(report.timings, timings);
        assert.ok(timings.load > 0 && timings.total >= timings.load / 2);
      },
    );
  });

  it('stacks a module that is larger than the pieces in memory', async () => {
    const wide = (seed: number) => {
      const [b, a] = [gaussianMatrix(3, 8, seed), gaussianMatrix(8, 280_000, seed + 1)];
      return adapter([{ name: 'layers.0.q_proj', b, a }], BASE);
    };
    const terms = [
      { dir: wide(1), weight: 1 },
      { dir: wide(3), weight: -0.25 },
    ];
    const sum = sumOf(terms);
    await merging(
      compute.pool,
      terms,
      { targets: [{ rank: 2 }, { rank: 16 }] },
      ({ targets: [cut, whole] }) => {
        const [score] = scoreAdapter(sum, readResult(cut!)).values();
        assert.ok(score!.actualError <= allowedError(score!, 1e-6));
        const [same] = scoreAdapter(sum, readResult(whole!)).values();
        assert.ok(same!.actualError < 1e-7);
      },
    );
  });

  it('stops when it is cancelled', async () => {
    const signal = AbortSignal.abort();
    await assert.rejects(
      merging(compute.pool, threeDifferent(), { targets: [{ rank: 2 }], signal }, () => {}),
      failsWith('CANCELLED'),
    );
  });
});

describe('weights', () => {
  it('make ½·x + ½·x equal to x, at its own rank', async () => {
    const dir = adapter(modulesOf(6, 4), { lora_alpha: 9 });
    const halves = [
      { dir, weight: 0.5 },
      { dir, weight: 0.5 },
    ];
    await merging(compute.pool, halves, { targets: [{ rank: 6 }] }, ({ targets: [outcome], report }) => {
      assert.deepEqual(outcome!.result.rank, { min: 6, max: 6 });
      const scores = scoreAdapter(readPeftAdapter(dir), readResult(outcome!));
      for (const { actualError } of scores.values()) assert.ok(actualError < 1e-7);
      assert.equal(report.sources.length, 2);
    });
  });

  it('can cancel to exactly zero, and no number is NaN', async () => {
    const dir = adapter(modulesOf(6, 4));
    for (const weights of [[1, -1], [0], [0, 0, -0]]) {
      const terms = weights.map((weight) => ({ dir, weight }));
      await merging(compute.pool, terms, { targets: [{ rank: 2 }, { rank: 6 }] }, ({ targets, report }) => {
        for (const target of targets) {
          for (const { b, a } of readResult(target).modules.values())
            assert.equal(frobenius(multiply(b, a)), 0);
          assert.equal(target.result.relative_error, 0);
          assert.equal(target.result.energy_retained, 1);
        }
        assert.doesNotMatch(JSON.stringify(report), /null,null|NaN|Infinity/);
      });
    }
  });

  it('can cancel two copies of an adapter up to rounding', async () => {
    const [dir, copy] = [adapter(modulesOf(6, 4)), adapter(modulesOf(6, 4))];
    const terms = [
      { dir, weight: 1 },
      { dir: copy, weight: -1 },
    ];
    const whole = [...readPeftAdapter(dir).modules.values()];
    await merging(compute.pool, terms, { targets: [{ rank: 3 }] }, ({ targets: [outcome] }) => {
      for (const [i, { b, a, scale }] of [...readResult(outcome!).modules.values()].entries()) {
        const left = productNorm(b, a, scale) / productNorm(whole[i]!.b, whole[i]!.a, whole[i]!.scale);
        assert.ok(left < 1e-6, `${left} of the norm is left`);
      }
    });
  });

  it('of zero omit an adapter except for its modules', async () => {
    const [x, y] = threeDifferent();
    const terms = [x!, { dir: y!.dir, weight: 0 }];
    await merging(compute.pool, terms, { targets: [{ rank: 8 }] }, ({ targets: [outcome] }) => {
      const result = readResult(outcome!);
      assert.deepEqual(
        [...result.modules.keys()],
        ['layers.0.q_proj', 'layers.0.up_proj', 'layers.0.v_proj'],
      );
      const up = result.modules.get('layers.0.up_proj')!;
      assert.equal(frobenius(multiply(up.b, up.a)), 0);
      for (const [name, { actualError }] of scoreAdapter(sumOf(terms), result))
        assert.ok(actualError < 1e-6, name);
    });
  });

  it('and scales at the ends of the range cancel out', async () => {
    const dir = adapter(modulesOf(4, 5), { lora_alpha: 4e-30 });
    const other = adapter(modulesOf(4, 6), { lora_alpha: 4 });
    const terms = [
      { dir, weight: 1e6 },
      { dir: other, weight: 1e-24 },
    ];
    await merging(compute.pool, terms, { targets: [{ rank: 8 }] }, ({ targets: [outcome] }) => {
      for (const { actualError } of scoreAdapter(sumOf(terms), readResult(outcome!)).values())
        assert.ok(actualError < 1e-6, String(actualError));
    });
  });

  it('are split so that only the exponents of A change', () => {
    for (const factor of [1, -1, 2, 0.7, -1e-30, 3e30, 1e-300, 1e300, 5e-324]) {
      const { factorA, factorB } = splitFactor(factor);
      assert.ok(factorA > 0 && Number.isInteger(Math.log2(factorA)), String(factor));
      assert.ok(Math.abs(factorA * factorB - factor) <= 1e-15 * Math.abs(factor));
      assert.ok(Math.abs(Math.log2(Math.abs(factorB / factorA))) <= 1.0001 || Math.abs(factor) < 1e-300);
    }
    assert.deepEqual(splitFactor(0), { factorB: 0, factorA: 1 });
  });
});

describe('any merge', () => {
  const anyAdapter = fc.record({
    rank: fc.integer({ min: 1, max: 7 }),
    seed: fc.integer({ min: 1, max: 1000 }),
    names: fc.subarray(Object.keys(SHAPES) as ModuleName[], { minLength: 1 }),
    alpha: fc.oneof(fc.integer({ min: 1, max: 64 }), fc.double({ min: 1e-3, max: 10, noNaN: true })),
    use_rslora: fc.boolean(),
    isHalf: fc.boolean(),
    weight: fc.oneof(
      fc.constantFrom(0, 1, -1, 1e-6, -1e6),
      fc.integer({ min: -3000, max: 3000 }).map((x) => x / 1000),
    ),
  });

  it('is within rounding of the optimal truncation of the sum', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(anyAdapter, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 20 }),
        async (given, rank) => {
          const terms = given.map(({ rank: own, seed, names, alpha, use_rslora, isHalf, weight }) => ({
            dir: adapter(
              modulesOf(own, seed, names),
              { ...BASE, lora_alpha: alpha, use_rslora, target_modules: names },
              isHalf ? { encode: bfloat16Tensor } : {},
            ),
            weight,
          }));
          const sum = sumOf(terms);
          const targets = [{ rank, dtype: 'float32' } as const];
          await merging(
            compute.pool,
            terms,
            { targets, options: { method: 'exact' } },
            ({ targets: [outcome] }) => {
              for (const [name, score] of scoreAdapter(sum, readResult(outcome!))) {
                // The precision of float32 for the terms, which may be larger than their sum.
                const size = terms.reduce((total, { dir, weight }) => {
                  const module = readPeftAdapter(dir).modules.get(name);
                  return module
                    ? total + Math.abs(weight) * productNorm(module.b, module.a, module.scale)
                    : total;
                }, 0);
                const resolution = score.energy > 0 ? (1e-6 * size) / Math.sqrt(score.energy) : 0;
                const allowed = allowedError(score, 1e-6) + resolution;
                assert.ok(score.actualError <= allowed, `${name}: ${score.actualError} > ${allowed}`);
              }
            },
          );
        },
      ),
      { numRuns: 30, seed: 7 },
    ));
});

describe('tensors beside the factors', () => {
  const head = (value: number): Tensor => float32Tensor([2, 3], [1, 2, 3, 4, 5, value]);
  const withHead = (seed: number, extra: Record<string, Tensor>) =>
    adapter(modulesOf(4, seed), { ...BASE, modules_to_save: ['score'] }, { extra });

  it('are carried over from the adapters that have them', async () => {
    const terms = [
      { dir: withHead(1, { 'base_model.model.score.weight': head(6) }), weight: 1 },
      { dir: adapter(modulesOf(4, 2), BASE), weight: 1 },
      {
        dir: withHead(3, { 'base_model.model.score.weight': head(6), 'base_model.model.other': head(7) }),
        weight: 1,
      },
    ];
    await merging(
      compute.pool,
      [terms[1]!, terms[0]!, terms[2]!],
      { targets: [{ rank: 2 }] },
      ({ targets: [outcome] }) => {
        const { passthrough, config } = readResult(outcome!);
        assert.deepEqual([...passthrough.keys()].sort(), [
          'base_model.model.other',
          'base_model.model.score.weight',
        ]);
        assert.ok(
          head(6).bytes.every(
            (byte, i) => byte === passthrough.get('base_model.model.score.weight')!.bytes[i],
          ),
        );
        assert.ok(
          head(7).bytes.every((byte, i) => byte === passthrough.get('base_model.model.other')!.bytes[i]),
        );
        assert.deepEqual(config.modules_to_save, ['score']);
      },
    );
  });

  it('are refused if they differ in bytes, dtype or shape', async () => {
    const name = 'base_model.model.score.weight';
    const first = withHead(1, { [name]: head(6) });
    for (const tensor of [head(7), float32Tensor([3, 2], [1, 2, 3, 4, 5, 6]), { ...head(6), dtype: 'I32' }]) {
      const other = withHead(2, { [name]: tensor as Tensor });
      const terms = [first, other].map((dir) => ({ dir, weight: 1 }));
      await assert.rejects(
        merging(compute.pool, terms, { targets: [{ rank: 2 }] }, () => {}),
        failsWith('MERGE_TENSOR_CONFLICT', name, idOf(first), idOf(other)),
      );
    }
  });
});

describe('a merge is refused', () => {
  const refused = (dirs: readonly string[], code: ErrorCode, ...words: string[]) =>
    assert.rejects(
      merging(
        compute.pool,
        dirs.map((dir) => ({ dir, weight: 1 })),
        { targets: [{ rank: 2 }] },
        () => {},
      ),
      failsWith(code, ...words),
    );
  const plain = (): string => adapter(modulesOf(4, 1), BASE);

  it('if the base models differ', async () => {
    const [x, y] = [plain(), adapter(modulesOf(4, 2), { base_model_name_or_path: 'base/other' })];
    await refused([x, y], 'MERGE_BASE_MISMATCH', '"base/model"', '"base/other"', idOf(x), idOf(y));
  });

  it('but not if one of them is unknown, which is reported', async () => {
    const [x, y] = [adapter(modulesOf(4, 2), { base_model_name_or_path: null }), plain()];
    const terms = [x, y].map((dir) => ({ dir, weight: 1 }));
    await merging(compute.pool, terms, { targets: [{ rank: 2 }] }, ({ targets: [outcome] }) => {
      const warnings = outcome!.result.warnings.filter((text) => text.includes(idOf(x)));
      assert.deepEqual(warnings, [
        `Adapter ${idOf(x)} does not name its base model, which is assumed to be "base/model".`,
      ]);
      assert.equal(readResult(outcome!).config.base_model_name_or_path, 'base/model');
    });
  });

  it('if a module has different shapes', async () => {
    const other: ModuleFactors[] = [{ name: 'layers.0.q_proj', ...factorsWithSpectrum(40, 31, [1, 0.5], 3) }];
    const [x, y] = [plain(), adapter(other, BASE)];
    const words = ['"layers.0.q_proj"', '[40, 32]', '[40, 31]', idOf(x), idOf(y)];
    await refused([x, y], 'MERGE_SHAPE_MISMATCH', ...words);
  });

  it('if a module is of different kinds', async () => {
    const factors = modulesOf(4, 1)[0]!;
    const conv = adapter(
      [],
      { ...BASE, r: 4 },
      {
        extra: {
          'base_model.model.layers.0.q_proj.lora_A.weight': float32Tensor([4, 8, 2, 2], factors.a.data),
          'base_model.model.layers.0.q_proj.lora_B.weight': float32Tensor([40, 4, 1, 1], factors.b.data),
        },
      },
    );
    await refused([plain(), conv], 'MERGE_SHAPE_MISMATCH', 'linear [40, 32]', 'conv [40, 8, 2, 2]');
    // Another kernel of equal size.
    const otherKernel = adapter(
      [],
      { ...BASE, r: 4 },
      {
        extra: {
          'base_model.model.layers.0.q_proj.lora_A.weight': float32Tensor([4, 8, 4, 1], factors.a.data),
          'base_model.model.layers.0.q_proj.lora_B.weight': float32Tensor([40, 4, 1, 1], factors.b.data),
        },
      },
    );
    await refused([conv, otherKernel], 'MERGE_SHAPE_MISMATCH', '[40, 8, 2, 2]', '[40, 8, 4, 1]');
    const terms = [conv, adapter([], { ...BASE, r: 4 }, { extra: tensorsOf(conv) })];
    await merging(
      compute.pool,
      terms.map((dir) => ({ dir, weight: 1 })),
      { targets: [{ rank: 4 }] },
      ({ targets: [outcome] }) => {
        const { a, b } = readResult(outcome!).modules.get('layers.0.q_proj')!;
        // lora_alpha 2, rank 4: the scale is a half, for both.
        const twice = productNorm(factors.b, factors.a, 1);
        assert.ok(Math.abs(productNorm(b, a) / twice - 1) < 1e-6);
      },
    );
  });

  it('if the ranks add up to too much', async () => {
    const wide = Array.from({ length: 3 }, (_, i) => {
      const [b, a] = [matrix(2, 700), matrix(700, 2)];
      return adapter([{ name: 'layers.0.q_proj', b, a }], { ...BASE, seed: i });
    });
    await refused(wide, 'MERGE_RANK_TOO_LARGE', '"layers.0.q_proj"', '2100', '2048');
  });

  it('if the adapter is not a sum of products', async () => {
    const vectors = Object.fromEntries(
      modulesOf(4, 1).map(({ name, b }) => [
        `base_model.model.${name}.lora_magnitude_vector`,
        float32Tensor([b.rows], new Array(b.rows).fill(1)),
      ]),
    );
    const dora = adapter(modulesOf(4, 1), { ...BASE, use_dora: true }, { extra: vectors });
    await refused([plain(), dora], 'MERGE_UNSUPPORTED', 'DoRA', idOf(dora));
  });

  it('if a factor contains NaN, or exceeds float32 through its weight', async () => {
    const [broken, huge] = [modulesOf(4, 1), modulesOf(4, 1)];
    broken[1]!.a.data[5] = Number.NaN;
    huge[0]!.b.data[3] = 3e38;
    const nan = adapter(broken, BASE);
    await refused([plain(), nan], 'NON_FINITE_WEIGHTS', 'v_proj.lora_A.weight', idOf(nan));
    const dir = adapter(huge, { ...BASE, lora_alpha: 400 });
    await refused([plain(), dir], 'NON_FINITE_RESULT', 'q_proj', idOf(dir), 'float32');
  });
});

function tensorsOf(dir: string): Record<string, Tensor> {
  const { modules } = readPeftAdapter(dir);
  const result: Record<string, Tensor> = {};
  for (const { tensorNames, a, b } of modules.values()) {
    result[tensorNames[0]] = float32Tensor([a.rows, 8, 2, 2], a.data);
    result[tensorNames[1]] = float32Tensor([b.rows, b.columns, 1, 1], b.data);
  }
  return result;
}
