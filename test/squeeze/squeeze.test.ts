import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ComputePool } from '../../src/compute/pool.ts';
import { PHASES } from '../../src/contract/job.ts';
import type { Target } from '../../src/contract/target.ts';
import { normals } from '../../src/core/random.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { ErrorCode } from '../../src/errors/error-kinds.ts';
import { matrix } from '../oracle/linear-algebra.ts';
import { readPeftAdapter } from '../oracle/peft-adapter.ts';
import { decodeTensor, float32Tensor, readSafetensors } from '../oracle/safetensors.ts';
import { overallError, scoreAdapter } from '../oracle/score.ts';
import { computeFixture } from './compute-fixture.ts';
import { bfloat16Tensor, readResult, someModules, squeezing } from './make-adapter.ts';

const compute = computeFixture();
const { adapter } = compute;

const failsWith =
  (code: ErrorCode, ...words: string[]) =>
  (error: unknown): true => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code);
    for (const word of words) assert.ok(error.message.includes(word), `"${error.message}" lacks "${word}"`);
    return true;
  };

describe('a squeeze', () => {
  const plain = () => adapter(someModules(24));

  it('reaches every target of a job with one decomposition each, optimally in exact mode', async () => {
    const dir = plain();
    const source = readPeftAdapter(dir);
    const targets: Target[] = [{ rank: 4 }, { rank: 12 }, { energy: 0.9 }];
    await squeezing(
      compute.pool,
      dir,
      { targets, options: { method: 'exact' } },
      ({ targets: outcomes, report }) => {
        for (const [index, outcome] of outcomes.entries()) {
          const scores = scoreAdapter(source, readResult(outcome));
          for (const reported of report.targets[index]!.modules) {
            const score = scores.get(reported.name)!;
            assert.ok(score.actualError <= score.optimalError * (1 + 1e-6));
            assert.ok(Math.abs(reported.relative_error / score.actualError - 1) < 1e-6, reported.name);
            assert.ok(Math.abs(reported.optimal_error! / score.optimalError - 1) < 1e-6, reported.name);
            assert.equal(reported.rank, score.rank);
            assert.ok(Math.abs(reported.energy_retained - (1 - score.actualError ** 2)) < 1e-9);
          }
          const total = overallError(scores.values());
          assert.ok(Math.abs(outcome.result.relative_error / total - 1) < 1e-6);
          assert.equal(
            outcome.result.worst_module!.relative_error,
            Math.max(...report.targets[index]!.modules.map((m) => m.relative_error)),
          );
        }
        assert.deepEqual(
          outcomes.slice(0, 2).map(({ result }) => result.rank),
          [
            { min: 4, max: 4 },
            { min: 12, max: 12 },
          ],
        );
      },
    );
  });

  it('reports every module of the source with its spectrum and its scale', async () => {
    const dir = plain();
    const source = readPeftAdapter(dir);
    await squeezing(
      compute.pool,
      dir,
      { targets: [{ rank: 4 }], options: { method: 'exact' } },
      ({ targets, report }) => {
        const scores = scoreAdapter(source, readResult(targets[0]!));
        for (const reported of report.modules) {
          const score = scores.get(reported.name)!;
          assert.equal(reported.scale, 2);
          assert.deepEqual(reported.shape, [
            source.modules.get(reported.name)!.b.rows,
            source.modules.get(reported.name)!.a.columns,
          ]);
          assert.equal(reported.singular_values.length, 24);
          for (const [i, value] of reported.singular_values.entries())
            assert.ok(Math.abs(value / score.sigma[i]! - 1) < 1e-9);
          assert.ok(Math.abs(reported.energy / score.energy - 1) < 1e-12);
          assert.ok(Math.abs(reported.energy_curve.at(-1)! - 1) < 1e-12);
        }
      },
    );
  });

  it('chooses the smallest rank at which every module keeps the energy', async () => {
    const dir = plain();
    const targets: Target[] = [{ energy: 0.95 }, { energy: 0.95, uniform: false }];
    await squeezing(compute.pool, dir, { targets }, ({ targets: [uniform, own], report }) => {
      assert.equal(report.method.used, 'exact');
      const needed = report.modules.map(
        ({ energy_curve }) => 1 + energy_curve.findIndex((share) => share >= 0.95),
      );
      assert.ok(new Set(needed).size > 1, 'the modules should differ for this test to say anything');
      assert.deepEqual(uniform!.result.rank, { min: Math.max(...needed), max: Math.max(...needed) });
      const result = readResult(own!);
      assert.deepEqual(
        [...result.modules.values()].map(({ rank }) => rank),
        needed,
      );
      for (const { energy_retained } of report.targets[0]!.modules) assert.ok(energy_retained >= 0.95 - 1e-6);
    });
  });

  it('comes close with the sketch, and reports the method', async () => {
    const dir = adapter(someModules(96, 2));
    const source = readPeftAdapter(dir);
    await squeezing(compute.pool, dir, { targets: [{ rank: 8 }] }, ({ targets, report }) => {
      assert.equal(report.method.used, 'rsvd');
      for (const score of scoreAdapter(source, readResult(targets[0]!)).values()) {
        assert.ok(score.actualError <= score.optimalError * (1 + 1e-4));
      }
      for (const { excess_bound } of [targets[0]!.result, ...report.targets[0]!.modules])
        assert.ok(excess_bound! > 0 && excess_bound! < 1e-2, `${excess_bound}`);
      for (const reported of report.modules) {
        assert.ok(reported.power_iterations >= 1);
        assert.equal(reported.singular_values.length, 32);
      }
      assert.ok(report.targets[0]!.modules.every(({ optimal_error }) => optimal_error === null));
    });
  });

  it('does as many power iterations as requested', async () => {
    const dir = adapter(someModules(64, 1));
    const errors: number[] = [];
    for (const power_iterations of [0, 2]) {
      const options = { power_iterations, oversampling: 0, seed: 3 };
      await squeezing(compute.pool, dir, { targets: [{ rank: 16 }], options }, ({ targets, report }) => {
        assert.equal(report.modules[0]!.power_iterations, power_iterations);
        assert.deepEqual(report.method, { requested: 'rsvd', used: 'rsvd', ...options });
        errors.push(targets[0]!.result.relative_error);
      });
    }
    assert.ok(errors[1]! < errors[0]!);
  });

  it('folds the scale into the factors or keeps it, with the same update', async () => {
    for (const config of [
      {},
      { lora_alpha: 13 },
      { use_rslora: true },
      { lora_alpha: -3 },
      { alpha_pattern: { 'layers.1.q_proj': 5 } },
    ]) {
      const dir = adapter(someModules(16), config);
      const source = readPeftAdapter(dir);
      const targets: Target[] = [{ rank: 5 }, { rank: 5, scale: 'keep' }];
      await squeezing(
        compute.pool,
        dir,
        { targets, options: { method: 'exact' } },
        ({ targets: [folded, kept] }) => {
          const [inside, outside] = [readResult(folded!), readResult(kept!)];
          for (const [name, score] of scoreAdapter(source, inside)) {
            assert.equal(inside.modules.get(name)!.scale, 1);
            assert.ok(score.actualError <= score.optimalError * (1 + 1e-6), JSON.stringify(config));
          }
          for (const [name, score] of scoreAdapter(source, outside)) {
            assert.ok(
              Math.abs(outside.modules.get(name)!.scale / source.modules.get(name)!.scale - 1) < 1e-12,
            );
            assert.ok(score.actualError <= score.optimalError * (1 + 1e-6), JSON.stringify(config));
          }
        },
      );
    }
  });

  it('writes the requested dtype, and measures after rounding', async () => {
    const dir = plain();
    const source = readPeftAdapter(dir);
    const targets: Target[] = [
      { rank: 20, dtype: 'bfloat16' },
      { rank: 20, dtype: 'float16' },
      { rank: 24, dtype: 'bfloat16' },
    ];
    await squeezing(
      compute.pool,
      dir,
      { targets, options: { method: 'exact' } },
      ({ targets: outcomes, report }) => {
        for (const [index, outcome] of outcomes.entries()) {
          const result = readResult(outcome);
          assert.deepEqual(
            new Set([...result.modules.values()].map(({ dtype }) => dtype)),
            new Set([['BF16', 'F16', 'BF16'][index]]),
          );
          const scores = scoreAdapter(source, result);
          for (const reported of report.targets[index]!.modules) {
            assert.ok(Math.abs(reported.relative_error / scores.get(reported.name)!.actualError - 1) < 1e-3);
          }
        }
      },
    );
  });

  it('reads bfloat16 and writes it back', async () => {
    const dir = adapter(someModules(16), {}, { encode: bfloat16Tensor });
    const source = readPeftAdapter(dir);
    await squeezing(
      compute.pool,
      dir,
      { targets: [{ rank: 8 }, { rank: 8, dtype: 'float32' }] },
      ({ targets: [half, full] }) => {
        const [rounded, exact] = [readResult(half!), readResult(full!)];
        assert.equal(rounded.modules.values().next().value!.dtype, 'BF16');
        assert.equal(exact.modules.values().next().value!.dtype, 'F32');
        for (const score of scoreAdapter(source, exact).values())
          assert.ok(score.actualError <= score.optimalError * (1 + 1e-6));
      },
    );
  });

  it('carries over every other tensor, byte for byte', async () => {
    const extra = {
      'base_model.model.score.weight': float32Tensor(
        [3, 5],
        Array.from({ length: 15 }, (_, i) => Math.PI * i),
      ),
      'base_model.model.classifier.bias': { dtype: 'I64', shape: [2], bytes: new Uint8Array(16).fill(7) },
      'base_model.model.flags': { dtype: 'U8', shape: [3], bytes: Uint8Array.of(1, 2, 255) },
    };
    const dir = adapter(someModules(8), {}, { extra });
    await squeezing(compute.pool, dir, { targets: [{ rank: 2 }] }, ({ targets: [outcome] }) => {
      const { tensors } = readSafetensors(outcome!.files![0]!.path);
      for (const [name, { dtype, shape, bytes }] of Object.entries(extra)) {
        const found = tensors.get(name)!;
        assert.deepEqual(
          [found.dtype, found.shape, Buffer.from(found.bytes)],
          [dtype, shape, Buffer.from(bytes)],
        );
      }
    });
  });

  it('records in the metadata how the file was made', async () => {
    const dir = plain();
    const options = { method: 'exact', seed: 9 } as const;
    await squeezing(
      compute.pool,
      dir,
      { targets: [{ rank: 3, scale: 'keep' }], options },
      ({ targets: [outcome] }) => {
        const { metadata } = readSafetensors(outcome!.files![0]!.path);
        assert.equal(metadata.format, 'pt');
        assert.equal(metadata['lora_squeeze.source_sha256'], 'f'.repeat(64));
        assert.equal(metadata['lora_squeeze.method'], 'exact');
        assert.deepEqual(JSON.parse(metadata['lora_squeeze.target']!), { rank: 3, scale: 'keep' });
        assert.equal(JSON.parse(metadata['lora_squeeze.options']!).seed, 9);
        assert.match(metadata['lora_squeeze.version']!, /^\d+\.\d+\.\d+/);
      },
    );
  });

  it('reports digests and sizes of the files on disk', async () => {
    await squeezing(
      compute.pool,
      plain(),
      { targets: [{ rank: 3 }] },
      ({ targets: [outcome], bytesWritten }) => {
        for (const { path, sha256, bytes } of outcome!.files!) {
          const content = readFileSync(path);
          assert.equal(content.length, bytes);
          assert.equal(createHash('sha256').update(content).digest('hex'), sha256);
        }
        assert.equal(outcome!.result.bytes, outcome!.files![0]!.bytes);
        assert.equal(bytesWritten, outcome!.result.bytes);
      },
    );
  });

  it('goes through its phases in order and counts every module', async () => {
    const seen: { phase: string; done: number; total: number }[] = [];
    await squeezing(
      compute.pool,
      plain(),
      { targets: [{ rank: 3 }], onProgress: (progress) => seen.push(progress) },
      ({ timings }) => {
        for (const [name, seconds] of Object.entries(timings)) assert.ok(seconds >= 0, name);
        assert.ok(timings.total > 0);
      },
    );
    const order = seen.map(({ phase }) => PHASES.indexOf(phase as (typeof PHASES)[number]));
    assert.deepEqual(
      order,
      [...order].sort((x, y) => x - y),
    );
    assert.equal(seen.at(-1)!.phase, 'done');
    const project = seen.filter(({ phase }) => phase === 'project').map(({ done }) => done);
    assert.deepEqual(project, [0, 1, 2, 3]);
  });
});

describe('a target that is not smaller than the source', () => {
  it('returns the source itself, with a warning, if nothing changes', async () => {
    const dir = adapter(someModules(8));
    const size = readFileSync(join(dir, 'adapter_model.safetensors')).length;
    await squeezing(
      compute.pool,
      dir,
      { targets: [{ rank: 8 }, { rank: 100, scale: 'keep' }] },
      ({ targets, report }) => {
        for (const { files, result } of targets) {
          assert.equal(files, null);
          assert.equal(result.warnings.length, 1);
          assert.match(result.warnings[0]!, /rank is already 8/);
          assert.deepEqual(
            [result.rank, result.relative_error, result.energy_retained, result.worst_module, result.bytes],
            [{ min: 8, max: 8 }, 0, 1, null, size],
          );
        }
        assert.ok(report.targets.every(({ modules }) => modules.every(({ passthrough }) => passthrough)));
      },
    );
  });

  it('copies modules that already have the rank and squeezes the others', async () => {
    const [small] = someModules(4, 1);
    const large = { ...someModules(12, 2)[1]!, name: 'layers.9.v_proj' };
    const config = { r: 4, lora_alpha: 8, rank_pattern: { 'layers.9.v_proj': 12 } };
    const dir = adapter([small!, large], config);
    const before = readSafetensors(join(dir, 'adapter_model.safetensors'));
    const source = readPeftAdapter(dir);
    await squeezing(
      compute.pool,
      dir,
      { targets: [{ rank: 6, scale: 'keep' }, { rank: 6 }] },
      ({ targets: [kept, folded] }) => {
        assert.match(kept!.result.warnings.join(), /1 of 2 modules/);
        assert.deepEqual(kept!.result.rank, { min: 4, max: 6 });
        const after = readSafetensors(kept!.files![0]!.path);
        for (const factor of ['A', 'B']) {
          const name = `base_model.model.layers.0.q_proj.lora_${factor}.weight`;
          assert.deepEqual(
            Buffer.from(after.tensors.get(name)!.bytes),
            Buffer.from(before.tensors.get(name)!.bytes),
          );
        }
        for (const outcome of [kept!, folded!]) {
          const scores = scoreAdapter(source, readResult(outcome));
          assert.ok(scores.get('layers.0.q_proj')!.actualError < 1e-7);
          const squeezed = scores.get('layers.9.v_proj')!;
          assert.ok(squeezed.actualError <= squeezed.optimalError * (1 + 1e-6));
        }
      },
    );
  });
});

describe('the bytes of a result', () => {
  it('do not depend on threads, runs, other targets or other modules', async () => {
    // More modules of a rank than a stack holds, so that the work is really split.
    const modules = someModules(40, 45);
    const dir = adapter(modules);
    const digests = async (threads: number, targets: Target[]): Promise<string[]> => {
      const own = await ComputePool.start('cpu', threads);
      try {
        return await squeezing(own, dir, { targets }, ({ targets: outcomes }) =>
          outcomes.map(({ files }) => files![0]!.sha256),
        );
      } finally {
        await own.close();
      }
    };
    const [one] = await digests(1, [{ rank: 8 }]);
    assert.deepEqual(await digests(2, [{ rank: 8 }]), [one]);
    assert.deepEqual(await digests(3, [{ rank: 8 }]), [one]);
    assert.deepEqual((await digests(2, [{ rank: 3 }, { rank: 8 }]))[1], one);

    const alone = adapter([modules[44]!]);
    const last = `base_model.model.${modules[44]!.name}.lora_B.weight`;
    const bytesOf = (from: string) =>
      squeezing(compute.pool, from, { targets: [{ rank: 8 }] }, ({ targets: [outcome] }) =>
        Buffer.from(readSafetensors(outcome!.files![0]!.path).tensors.get(last)!.bytes),
      );
    assert.deepEqual(await bytesOf(alone), await bytesOf(dir));
  });

  it('depend on the seed only if a sketch is used', async () => {
    const dir = adapter(someModules(96, 1));
    const digest = (seed: number, method: 'rsvd' | 'exact') =>
      squeezing(
        compute.pool,
        dir,
        { targets: [{ rank: 8 }], options: { seed, method } },
        ({ targets: [outcome] }) =>
          Buffer.from(
            readSafetensors(outcome!.files![0]!.path).tensors.values().next().value!.bytes,
          ).toString('hex'),
      );
    assert.equal(await digest(1, 'rsvd'), await digest(1, 'rsvd'));
    assert.notEqual(await digest(1, 'rsvd'), await digest(2, 'rsvd'));
    assert.equal(await digest(1, 'exact'), await digest(2, 'exact'));
  });
});

describe('a result', () => {
  it('has its scale folded on request, even if nothing is squeezed', async () => {
    const dir = adapter(someModules(8));
    const targets: Target[] = [{ rank: 8 }, { rank: 8, scale: 'fold' }];
    await squeezing(compute.pool, dir, { targets }, ({ targets: [plain, folded] }) => {
      assert.equal(plain!.files, null);
      assert.ok([...readResult(folded!).modules.values()].every(({ scale }) => scale === 1));
      assert.ok(
        [...scoreAdapter(readPeftAdapter(dir), readResult(folded!)).values()].every(
          ({ actualError }) => actualError < 1e-6,
        ),
      );
    });
    const again = adapter(someModules(8), { lora_alpha: 8 });
    await squeezing(compute.pool, again, { targets: [targets[1]!] }, ({ targets: [folded] }) => {
      assert.equal(folded!.files, null, 'its scale is 1 already');
    });
  });

  it('reports how many digits are reliable if factors cancel', async () => {
    const [u, w, v] = [1, 2, 3].map((seed) => normals(seed, 'cancelling', 40)) as [
      Float64Array,
      ...Float64Array[],
    ];
    for (const [left, digits] of [
      [1e-1, null],
      [1e-3, '(4 digits in'],
      [1e-5, '(2 digits in'],
    ] as const) {
      const b = matrix(
        40,
        2,
        Float64Array.from({ length: 80 }, (_, at) => {
          const row = at >> 1;
          return at % 2 === 0 ? u[row]! : left * w![row]! - u[row]!;
        }),
      );
      const a = matrix(2, 40, Float64Array.from([...v!, ...v!]));
      const dir = adapter([{ name: 'layers.0.q_proj', b, a }]);
      await squeezing(compute.pool, dir, { targets: [{ rank: 1 }] }, ({ targets: [made] }) => {
        const warnings = made!.result.warnings.filter((text) => text.includes('nearly cancel'));
        if (digits === null) assert.deepEqual(warnings, []);
        else assert.ok(warnings[0]?.includes(`${digits} "layers.0.q_proj"`), `${left}: ${warnings}`);
      });
    }
  });

  it('reports that it is larger than its source', async () => {
    const dir = adapter(someModules(8), {}, { encode: bfloat16Tensor });
    const targets: Target[] = [{ rank: 7, dtype: 'float32' }, { rank: 7 }];
    await squeezing(compute.pool, dir, { targets }, ({ targets: [larger, smaller] }) => {
      const warnings = (made: typeof larger) =>
        made!.result.warnings.filter((text) => /larger than its source/.test(text));
      assert.equal(warnings(larger).length, 1);
      assert.deepEqual(warnings(smaller), []);
    });
  });
});

describe('a squeeze refuses', () => {
  it('NaN and infinity, naming the tensor', async () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (const factor of ['a', 'b'] as const) {
        const modules = someModules(8);
        modules[1]![factor].data[5] = bad;
        const name = `base_model.model.layers.1.q_proj.lora_${factor.toUpperCase()}.weight`;
        await assert.rejects(
          squeezing(compute.pool, adapter(modules), { targets: [{ rank: 2 }] }, () => {}),
          failsWith('NON_FINITE_WEIGHTS', name),
        );
      }
    }
  });

  it('a result that its dtype cannot represent, naming the module', async () => {
    const modules = someModules(8);
    modules[2] = {
      ...modules[2]!,
      b: matrix(
        modules[2]!.b.rows,
        8,
        modules[2]!.b.data.map((x) => x * 1e12),
      ),
    };
    await assert.rejects(
      squeezing(compute.pool, adapter(modules), { targets: [{ rank: 2, dtype: 'float16' }] }, () => {}),
      failsWith('NON_FINITE_RESULT', 'layers.2.q_proj', 'float16'),
    );
    await squeezing(compute.pool, adapter(modules), { targets: [{ rank: 2, dtype: 'bfloat16' }] }, () => {});
  });

  it('a result that its dtype turns into zeros, naming the module', async () => {
    const modules = someModules(8);
    const { a } = modules[1]!;
    modules[1] = {
      ...modules[1]!,
      a: matrix(
        a.rows,
        a.columns,
        a.data.map((x) => x * 1e-8),
      ),
    };
    const target = { rank: 2, dtype: 'float16' } as const;
    await squeezing(compute.pool, adapter(modules), { targets: [target] }, () => {});
    await assert.rejects(
      squeezing(compute.pool, adapter(modules), { targets: [{ ...target, split: 'a' }] }, () => {}),
      failsWith('NON_FINITE_RESULT', 'layers.1.q_proj', 'float16', 'become zero'),
    );
    // An update of zero is not an underflow.
    const zero = someModules(8, 1).map((module) => ({ ...module, b: matrix(module.b.rows, 8) }));
    await squeezing(compute.pool, adapter(zero), { targets: [target] }, () => {});
  });

  it('to continue when it is cancelled, and leaves the pool usable for the next one', async () => {
    // Three stacks for two threads: one has not begun yet.
    const dir = adapter(someModules(64, 40));
    const abort = new AbortController();
    const onProgress = ({ phase, done }: { phase: string; done: number }) => {
      if (phase === 'gram' && done === 1) abort.abort();
    };
    await assert.rejects(
      squeezing(compute.pool, dir, { targets: [{ rank: 2 }], signal: abort.signal, onProgress }, () => {}),
      failsWith('CANCELLED'),
    );
    await squeezing(compute.pool, dir, { targets: [{ rank: 2 }] }, ({ targets }) =>
      assert.equal(targets.length, 1),
    );
  });
});

it('a bias of B keeps its value times its scale, whatever the scale of the result', async () => {
  const [module] = someModules(8, 1);
  const name = 'base_model.model.layers.0.q_proj.lora_B.bias';
  const bias = float32Tensor([module!.b.rows], module!.b.data.slice(0, module!.b.rows));
  const dir = adapter([module!], { lora_bias: true, lora_alpha: 20 }, { extra: { [name]: bias } });
  const targets: Target[] = [
    { rank: 2 },
    { rank: 8, scale: 'fold' },
    { rank: 2, scale: 'keep' },
    { rank: 2, scale: 'sqrt' },
  ];
  await squeezing(compute.pool, dir, { targets }, ({ targets: outcomes }) => {
    for (const [index, outcome] of outcomes.entries()) {
      const { modules, passthrough, config } = readResult(outcome);
      const { scale } = modules.get('layers.0.q_proj')!;
      assert.equal(config.lora_bias, true);
      const made = decodeTensor(passthrough.get(name)!);
      for (const [at, value] of decodeTensor(bias).entries()) {
        const difference = Math.abs(scale * made[at]! - 2.5 * value);
        assert.ok(difference <= 1e-6 * Math.abs(value), `${JSON.stringify(targets[index])}: ${difference}`);
      }
    }
  });
});
