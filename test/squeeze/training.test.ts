import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Target } from '../../src/contract/target.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { WrittenTarget } from '../../src/squeeze/job-context.ts';
import { gaussianMatrix } from '../oracle/known-matrices.ts';
import {
  differenceNorm,
  frobenius,
  type Matrix,
  matrix,
  multiply,
  productNorm,
  scaled,
  transpose,
} from '../oracle/linear-algebra.ts';
import type { OracleModule } from '../oracle/peft-adapter.ts';
import { buildSafetensors, parseSafetensors, type Tensor } from '../oracle/safetensors.ts';
import { computeFixture } from './compute-fixture.ts';
import {
  bfloat16Tensor,
  type ModuleFactors,
  readResult,
  someModules,
  squeezing,
  tensorOf,
} from './make-adapter.ts';

const RANK = 12;
const fixture = computeFixture();

/** A file that the squeeze wrote for the trainer, as float64 matrices by tensor name. */
function extra(outcome: WrittenTarget, name: string): Map<string, Matrix> {
  const file = outcome.extra.find((candidate) => candidate.name === name);
  assert.ok(file, `${name} is there`);
  const { tensors } = parseSafetensors(readFileSync(file.path));
  return new Map([...tensors].map(([tensor, content]) => [tensor, numbersOf(content)]));
}

function numbersOf({ dtype, shape, bytes }: Tensor): Matrix {
  const copy = Uint8Array.from(bytes).buffer;
  const data =
    dtype === 'F64'
      ? new Float64Array(copy)
      : dtype === 'F32'
        ? new Float32Array(copy)
        : new Float32Array(Uint32Array.from(new Uint16Array(copy), (bits) => bits << 16).buffer);
  return matrix(shape[0]!, shape[1]!, data);
}

const names = (module: string) =>
  ({
    a: `base_model.model.${module}.lora_A.weight`,
    b: `base_model.model.${module}.lora_B.weight`,
  }) as const;

/** Writes an optimizer state without other tensors. */
function stateFile(tensors: Record<string, Tensor>): { path: string; remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), 'moments-'));
  const path = join(dir, 'optimizer.safetensors');
  writeFileSync(path, buildSafetensors(tensors, { format: 'pt' }));
  return { path, remove: () => rmSync(dir, { recursive: true }) };
}

const relative = (found: Matrix, expected: Matrix): number =>
  frobenius(
    matrix(
      found.rows,
      found.columns,
      found.data.map((x, i) => x - expected.data[i]!),
    ),
  ) / Math.max(frobenius(expected), 1e-300);

const squared = (x: Matrix): Matrix =>
  matrix(
    x.rows,
    x.columns,
    x.data.map((value) => value ** 2),
  );

/** ∂L/∂B = s·G·Aᵀ and ∂L/∂A = s·Bᵀ·G for L = ⟨G, s·B·A⟩. */
const gradients = (g: Matrix, { b, a, scale }: Pick<OracleModule, 'a' | 'b' | 'scale'>) => ({
  b: scaled(multiply(g, transpose(a)), scale),
  a: scaled(multiply(transpose(b), g), scale),
});

const TARGETS: [string, Target][] = [
  ['keep', { rank: 5, scale: 'keep', projections: true }],
  ['fold', { rank: 5, projections: true }],
  ['sqrt', { rank: 5, scale: 'sqrt', projections: true }],
  ['all in B', { rank: 5, scale: 'keep', split: 'b', projections: true }],
  ['all in A', { rank: 3, scale: 'fold', split: 'a', projections: true }],
  ['ranks of their own', { energy: 0.9, uniform: false, scale: 'keep', projections: true }],
];

describe('projections', () => {
  for (const [name, target] of TARGETS) {
    it(`map the old factors to the new ones: ${name}`, async () => {
      const modules = someModules(RANK);
      await squeezing(fixture.pool, fixture.adapter(modules), { targets: [target] }, ({ targets }) => {
        const [outcome] = targets;
        const matrices = extra(outcome!, 'projections.safetensors');
        const result = readResult(outcome!);
        for (const { name: module, b, a } of modules) {
          const p = matrices.get(`${module}.P`)!;
          const r = matrices.get(`${module}.R`)!;
          const written = result.modules.get(module)!;
          assert.deepEqual([p.rows, p.columns, r.rows], [RANK, written.rank, written.rank]);
          assert.ok(relative(written.b, multiply(b, p)) < 1e-6);
          assert.ok(relative(written.a, multiply(r, a)) < 1e-6);
        }
      });
    });
  }

  it('of several targets have numbered names, and exist only for targets that request them', async () => {
    const targets: Target[] = [{ rank: 4, projections: true }, { rank: 3 }, { rank: 2, projections: true }];
    await squeezing(fixture.pool, fixture.adapter(someModules(RANK)), { targets }, (outcome) => {
      const files = outcome.targets.map(({ extra: files }) => files.map(({ name }) => name));
      assert.deepEqual(files, [['projections-0.safetensors'], [], ['projections-2.safetensors']]);
      assert.equal(outcome.targets[1]!.result.training, null);
      assert.equal(outcome.targets[0]!.result.training!.optimizer, 'none');
    });
  });

  it('are the identity if a module keeps its rank', async () => {
    const targets: Target[] = [{ rank_pattern: { 'layers.0.q_proj': 4 }, scale: 'keep', projections: true }];
    await squeezing(fixture.pool, fixture.adapter(someModules(RANK)), { targets }, (outcome) => {
      const matrices = extra(outcome.targets[0]!, 'projections.safetensors');
      const eye = matrix(RANK, RANK);
      for (let i = 0; i < RANK; i++) eye.data[i * RANK + i] = 1;
      for (const side of ['P', 'R']) assert.deepEqual(matrices.get(`layers.1.q_proj.${side}`), eye);
    });
  });

  it('are not written if nothing changes', async () => {
    const targets: Target[] = [{ rank: RANK, scale: 'keep', projections: true }];
    await squeezing(fixture.pool, fixture.adapter(someModules(RANK)), { targets }, (outcome) => {
      assert.equal(outcome.targets[0]!.files, null);
      assert.deepEqual(outcome.targets[0]!.result.training, {
        learning_rate_factor: 1,
        revived_directions: 0,
        optimizer: 'none',
        files: [],
      });
    });
  });
});

describe('optimizer state', () => {
  /** Gradients of a random linear loss at the source as first moments, their squares as second. */
  function made(modules: readonly ModuleFactors[], encode: (x: Matrix) => Tensor = tensorOf) {
    const scale = 2;
    const losses = new Map(
      modules.map(({ name, b, a }, i) => [name, gaussianMatrix(b.rows, a.columns, 7 + i)]),
    );
    const tensors: Record<string, Tensor> = {};
    for (const { name, b, a } of modules) {
      const gradient = gradients(losses.get(name)!, { b, a, scale });
      for (const side of ['a', 'b'] as const) {
        tensors[`${names(name)[side]}.exp_avg`] = encode(gradient[side]);
        tensors[`${names(name)[side]}.exp_avg_sq`] = encode(squared(gradient[side]));
      }
    }
    return { losses, tensors };
  }

  for (const [name, target] of TARGETS) {
    it(`first moments become the gradients at the new factors: ${name}`, async () => {
      const modules = someModules(RANK);
      const { losses, tensors } = made(modules);
      const { path, remove } = stateFile(tensors);
      const run = { targets: [target], optimizer: { path, mode: 'carry' as const } };
      await squeezing(fixture.pool, fixture.adapter(modules), run, ({ targets: [outcome] }) => {
        const carried = extra(outcome!, 'optimizer.safetensors');
        assert.equal(outcome!.result.training!.optimizer, 'carried');
        assert.equal(carried.size, 4 * modules.length);
        for (const [module, written] of readResult(outcome!).modules) {
          const expected = gradients(losses.get(module)!, written);
          for (const side of ['a', 'b'] as const) {
            const found = carried.get(`${names(module)[side]}.exp_avg`)!;
            assert.ok(relative(found, expected[side]) < 1e-5, `${module} ${side}`);
          }
        }
      });
      remove();
    });
  }

  it('second moments are projected by the squares of the projections', async () => {
    const modules = someModules(RANK);
    const { tensors } = made(modules);
    const { path, remove } = stateFile(tensors);
    const targets: Target[] = [{ rank: 5, scale: 'sqrt', projections: true }];
    const run = { targets, optimizer: { path, mode: 'carry' as const } };
    await squeezing(fixture.pool, fixture.adapter(modules), run, ({ targets: [outcome] }) => {
      const carried = extra(outcome!, 'optimizer.safetensors');
      const matrices = extra(outcome!, 'projections.safetensors');
      const ratio = Math.sqrt(RANK / 5);
      for (const { name: module } of modules) {
        const before = (side: 'a' | 'b') => numbersOf(tensors[`${names(module)[side]}.exp_avg_sq`]!);
        const p = squared(matrices.get(`${module}.P`)!);
        const r = squared(matrices.get(`${module}.R`)!);
        const expected = {
          a: scaled(multiply(transpose(p), before('a')), ratio ** 2),
          b: scaled(multiply(before('b'), transpose(r)), ratio ** 2),
        };
        for (const side of ['a', 'b'] as const) {
          const found = carried.get(`${names(module)[side]}.exp_avg_sq`)!;
          assert.ok(found.data.every((value) => value >= 0));
          assert.ok(relative(found, expected[side]) < 1e-6);
        }
      }
    });
    remove();
  });

  it('keeps its dtype and its names, whatever they are: momentum of SGD in bfloat16', async () => {
    const modules = someModules(RANK);
    const { losses, tensors: all } = made(modules, bfloat16Tensor);
    const tensors = Object.fromEntries(
      Object.entries(all)
        .filter(([name]) => name.endsWith('.exp_avg'))
        .map(([name, tensor]) => [name.replace('.exp_avg', '.momentum_buffer'), tensor]),
    );
    const { path, remove } = stateFile(tensors);
    const targets: Target[] = [{ rank: 5, scale: 'keep', projections: true }];
    const run = { targets, optimizer: { path, mode: 'carry' as const } };
    await squeezing(fixture.pool, fixture.adapter(modules), run, ({ targets: [outcome] }) => {
      const file = outcome!.extra.find(({ name }) => name === 'optimizer.safetensors')!;
      const { tensors: written } = parseSafetensors(readFileSync(file.path));
      assert.deepEqual([...written.keys()].sort(), Object.keys(tensors).sort());
      for (const tensor of written.values()) assert.equal(tensor.dtype, 'BF16');
      for (const [module, result] of readResult(outcome!).modules) {
        const expected = gradients(losses.get(module)!, result);
        const found = numbersOf(written.get(`${names(module).b}.momentum_buffer`)!);
        // 2⁻⁸ of rounding in both directions, added up over a few columns.
        assert.ok(relative(found, expected.b) < 2 ** -5);
      }
    });
    remove();
  });

  it('is all zeros, in the new shapes, if it is reset', async () => {
    const modules = someModules(RANK);
    const { path, remove } = stateFile(made(modules).tensors);
    const targets: Target[] = [{ rank: 5, scale: 'keep', projections: true }];
    const run = { targets, optimizer: { path, mode: 'reset' as const } };
    await squeezing(fixture.pool, fixture.adapter(modules), run, ({ targets: [outcome] }) => {
      const reset = extra(outcome!, 'optimizer.safetensors');
      assert.equal(outcome!.result.training!.optimizer, 'reset');
      for (const { name, b, a } of modules) {
        const found = reset.get(`${names(name).b}.exp_avg_sq`)!;
        assert.deepEqual([found.rows, found.columns], [b.rows, 5]);
        assert.deepEqual(reset.get(`${names(name).a}.exp_avg`)!.columns, a.columns);
      }
      for (const { data } of reset.values()) assert.ok(data.every((value) => value === 0));
    });
    remove();
  });

  it('is projected in pieces if a module is too large for one', async () => {
    // (m + n)·r is slightly more than the numbers held at a time.
    const big: ModuleFactors = {
      name: 'big',
      b: gaussianMatrix(140_000, 16, 1),
      a: gaussianMatrix(16, 130_000, 2),
    };
    const first = { a: gaussianMatrix(16, 130_000, 3), b: gaussianMatrix(140_000, 16, 4) };
    const tensors = {
      [`${names('big').a}.exp_avg`]: tensorOf(first.a),
      [`${names('big').b}.exp_avg`]: tensorOf(first.b),
    };
    const { path, remove } = stateFile(tensors);
    const targets: Target[] = [{ rank: 2, scale: 'keep', projections: true }];
    const run = { targets, optimizer: { path, mode: 'carry' as const } };
    await squeezing(fixture.pool, fixture.adapter([big]), run, ({ targets: [outcome] }) => {
      const carried = extra(outcome!, 'optimizer.safetensors');
      const matrices = extra(outcome!, 'projections.safetensors');
      const expectedB = multiply(first.b, transpose(matrices.get('big.R')!));
      const expectedA = multiply(transpose(matrices.get('big.P')!), first.a);
      assert.ok(relative(carried.get(`${names('big').b}.exp_avg`)!, expectedB) < 1e-6);
      assert.ok(relative(carried.get(`${names('big').a}.exp_avg`)!, expectedA) < 1e-6);
    });
    remove();
  });

  const faults: [string, (tensors: Record<string, Tensor>) => Record<string, Tensor>, RegExp][] = [
    ['nothing', () => ({}), /has no moments/],
    [
      'a factor without its moment',
      ({ [`${names('layers.1.q_proj').a}.exp_avg`]: _, ...rest }) => rest,
      /lacks tensor "base_model\.model\.layers\.1\.q_proj\.lora_A\.weight\.exp_avg"/,
    ],
    [
      'a tensor of no factor',
      (tensors) => ({ ...tensors, 'lm_head.weight.exp_avg': tensorOf(matrix(1, 1, [0])) }),
      /"lm_head\.weight\.exp_avg" is not a moment/,
    ],
    [
      'another shape',
      (tensors) => ({ ...tensors, [`${names('layers.0.q_proj').b}.exp_avg`]: tensorOf(matrix(3, 3)) }),
      /has shape \[3,3\], but its factor has \[42,12\]/,
    ],
    [
      'a NaN',
      (tensors) => {
        const name = `${names('layers.2.q_proj').a}.exp_avg`;
        const { shape } = tensors[name]!;
        const values = matrix(shape[0]!, shape[1]!);
        values.data[5] = Number.NaN;
        return { ...tensors, [name]: tensorOf(values) };
      },
      /layers\.2\.q_proj\.lora_A\.weight\.exp_avg" holds NaN or infinity/,
    ],
    [
      'a negative second moment',
      (tensors) => {
        const name = `${names('layers.2.q_proj').b}.exp_avg_sq`;
        const { shape } = tensors[name]!;
        const values = matrix(shape[0]!, shape[1]!);
        values.data[7] = -0.25;
        return { ...tensors, [name]: tensorOf(values) };
      },
      /layers\.2\.q_proj\.lora_B\.weight\.exp_avg_sq" holds -0\.25, but/,
    ],
  ];
  for (const [name, spoil, message] of faults) {
    it(`is refused by the tensor's name: ${name}`, async () => {
      const modules = someModules(RANK);
      const { path, remove } = stateFile(spoil(made(modules).tensors));
      const targets: Target[] = [{ rank: 5, scale: 'keep', projections: true }];
      const run = { targets, optimizer: { path, mode: 'carry' as const } };
      await assert.rejects(
        squeezing(fixture.pool, fixture.adapter(modules), run, () => {}),
        (error) =>
          error instanceof AppError &&
          error.code === 'OPTIMIZER_STATE_INVALID' &&
          message.test(error.message),
      );
      remove();
    });
  }
});

describe('dead directions', () => {
  const dead: ModuleFactors[] = [
    { name: 'untrained', b: matrix(20, 8), a: gaussianMatrix(8, 30, 1) },
    { name: 'flat', b: gaussianMatrix(20, 8, 2), a: flat(8, 30, 3) },
    { name: 'alive', b: gaussianMatrix(20, 8, 4), a: gaussianMatrix(8, 30, 5) },
  ];

  /** [rows, columns] of rank 1. */
  function flat(rows: number, columns: number, seed: number): Matrix {
    return multiply(gaussianMatrix(rows, 1, seed), gaussianMatrix(1, columns, seed + 1));
  }

  for (const dtype of ['float32', 'bfloat16', 'float16'] as const) {
    it(`get a random A and B = 0, so that ΔW stays and a gradient can change them: ${dtype}`, async () => {
      const targets: Target[] = [{ rank: 4, scale: 'keep', revive: true, projections: true, dtype }];
      await squeezing(fixture.pool, fixture.adapter(dead), { targets }, ({ targets: [outcome] }) => {
        const { modules } = readResult(outcome!);
        const rowsOf = ({ rows, columns, data }: Matrix) =>
          Array.from({ length: rows }, (_, i) => Math.hypot(...data.slice(i * columns, (i + 1) * columns)));
        for (const [name, count] of [
          ['untrained', 4],
          ['flat', 3],
          ['alive', 0],
        ] as const) {
          const { a, b } = modules.get(name)!;
          const columns = rowsOf(transpose(b));
          const isDead = columns.map((length) => length === 0);
          assert.equal(isDead.filter(Boolean).length, count, name);
          // E‖row‖² = 1/3.
          for (const [i, length] of rowsOf(a).entries()) {
            if (isDead[i]) assert.ok(length > 0.3 && length < 0.9, `${name} ${i}: ${length}`);
          }
        }
        assert.equal(outcome!.result.training!.revived_directions, 7);
        const { b, a } = modules.get('untrained')!;
        assert.equal(productNorm(b, a), 0);
      });
    });
  }

  it('stay zero by default', async () => {
    const targets: Target[] = [{ rank: 4, scale: 'keep' }];
    await squeezing(fixture.pool, fixture.adapter(dead), { targets }, ({ targets: [outcome] }) => {
      const { a, b } = readResult(outcome!).modules.get('untrained')!;
      assert.ok([...a.data, ...b.data].every((value) => value === 0));
    });
  });

  it('are the same for the same seed, and different for another', async () => {
    const targets: Target[] = [{ rank: 4, scale: 'keep', revive: true }];
    const digest = (seed: number) =>
      squeezing(
        fixture.pool,
        fixture.adapter(dead),
        { targets, options: { seed } },
        (outcome) => outcome.targets[0]!.files![0]!.sha256,
      );
    assert.equal(await digest(1), await digest(1));
    assert.notEqual(await digest(1), await digest(2));
  });
});

describe('scale "sqrt"', () => {
  for (const [name, config, alpha] of [
    ['lora_alpha / r', { lora_alpha: 24 }, (24 / RANK) * Math.sqrt(RANK / 3) * 3],
    ['rsLoRA, where lora_alpha stays', { lora_alpha: 24, use_rslora: true }, 24],
  ] as const) {
    it(`multiplies the scale by √(r/k) and leaves ΔW unchanged: ${name}`, async () => {
      const modules = someModules(RANK);
      const targets: Target[] = [
        { rank: 3, scale: 'sqrt' },
        { rank: 3, scale: 'keep' },
      ];
      await squeezing(fixture.pool, fixture.adapter(modules, config), { targets }, (outcome) => {
        const [grown, kept] = outcome.targets.map(readResult);
        assert.ok(Math.abs((grown!.config.lora_alpha as number) - alpha) < 1e-9 * alpha);
        for (const [module, one] of grown!.modules) {
          const other = kept!.modules.get(module)!;
          assert.ok(Math.abs(one.scale / other.scale - Math.sqrt(RANK / 3)) < 1e-12);
          const difference = differenceNorm(one.b, one.a, one.scale, other.b, other.a, other.scale);
          assert.ok(difference < 1e-6 * productNorm(other.b, other.a, other.scale));
        }
        assert.ok(outcome.targets[0]!.result.relative_error > 0);
      });
    });
  }
});

describe('the learning rate hint', () => {
  it('keeps the first-order size of an Adam step in ΔW', async () => {
    const modules = someModules(RANK);
    for (const scale of ['keep', 'sqrt', 'fold'] as const) {
      const targets: Target[] = [{ rank: 4, scale, projections: true }];
      await squeezing(fixture.pool, fixture.adapter(modules), { targets }, ({ targets: [outcome] }) => {
        const size = (parts: Iterable<{ a: Matrix; b: Matrix; scale: number }>) =>
          Math.sqrt(
            [...parts].reduce(
              (sum, { a, b, scale: s }) =>
                sum + s ** 2 * (b.rows * frobenius(a) ** 2 + a.columns * frobenius(b) ** 2),
              0,
            ),
          );
        const before = size(modules.map(({ a, b }) => ({ a, b, scale: 2 })));
        const after = size(readResult(outcome!).modules.values());
        const { learning_rate_factor: factor } = outcome!.result.training!;
        assert.ok(Math.abs(factor - before / after) < 1e-6 * factor, `${scale}: ${factor}`);
      });
    }
  });
});
