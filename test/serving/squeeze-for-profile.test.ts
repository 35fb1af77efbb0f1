import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { Target } from '../../src/contract/target.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { PROFILES } from '../../src/serving/profiles.ts';
import { buildGguf, TYPE } from '../gguf/gguf-file.ts';
import { factorsWithSpectrum } from '../oracle/known-matrices.ts';
import { readPeftAdapter } from '../oracle/peft-adapter.ts';
import { buildSafetensors, float32Tensor, readSafetensors } from '../oracle/safetensors.ts';
import { scoreAdapter } from '../oracle/score.ts';
import { computeFixture } from '../squeeze/compute-fixture.ts';
import { type ModuleFactors, readResult, someModules, squeezing } from '../squeeze/make-adapter.ts';

const compute = computeFixture();
const { adapter } = compute;

const exact = { method: 'exact' } as const;
const failedRules = (serving: { rules: { rule: string; passed: boolean }[] } | null | undefined): string[] =>
  serving!.rules.filter(({ passed }) => !passed).map(({ rule }) => rule);
const configOf = (files: readonly { name: string; path: string }[] | null) =>
  JSON.parse(readFileSync(files!.find(({ name }) => name === 'adapter_config.json')!.path, 'utf8'));

describe('a squeeze for a profile', () => {
  it('loads there, for every profile, in one job', async () => {
    const dir = adapter(someModules(24), { model_type: 'llama', use_rslora: true });
    const ofPeft = PROFILES.filter(({ formats }) => formats.includes('peft'));
    const targets: Target[] = ofPeft.map(({ name }) => ({ profile: name, max_rank: 8 }));
    await squeezing(compute.pool, dir, { targets, options: exact }, ({ targets: outcomes }) => {
      for (const [index, { result, files }] of outcomes.entries()) {
        assert.equal(result.serving!.profile, ofPeft[index]!.name);
        assert.equal(result.serving!.loads, true, JSON.stringify(result.serving));
        assert.deepEqual(result.rank, { min: 8, max: 8 });
        assert.deepEqual(result.target, targets[index], 'reported as it was requested');
        const { r, lora_alpha, use_rslora } = configOf(files);
        assert.deepEqual([r, lora_alpha, use_rslora], [8, 8, false]);
      }
    });
  });

  it('mentions no server without a profile', async () => {
    await squeezing(
      compute.pool,
      adapter(someModules(8)),
      { targets: [{ rank: 2 }, { rank: 8 }] },
      ({ targets }) => {
        for (const { result } of targets) assert.equal(result.serving, null);
      },
    );
  });

  it("keeps a policy within the server's limit", async () => {
    const dir = adapter(someModules(40));
    const targets: Target[] = [
      { energy: 1, profile: 'vllm' },
      { energy: 1, profile: 'vllm', max_rank: 32 },
      { tolerance: 0.9, profile: 'fireworks' },
    ];
    await squeezing(compute.pool, dir, { targets }, ({ targets: outcomes }) => {
      assert.deepEqual(
        outcomes.map(({ result }) => result.rank.max),
        [16, 32, 4],
      );
      // Fireworks accepts only some names of modules, and these generated modules have others.
      assert.deepEqual(
        outcomes.map(({ result }) => result.serving!.loads),
        [true, true, true],
      );
    });
  });

  it('records in the metadata what the profile decided', async () => {
    await squeezing(
      compute.pool,
      adapter(someModules(20)),
      { targets: [{ profile: 'vllm' }] },
      ({ targets: [outcome] }) => {
        const { metadata } = readSafetensors(outcome!.files![0]!.path);
        assert.deepEqual(JSON.parse(metadata['lora_squeeze.target']!), {
          profile: 'vllm',
          rank: 16,
          uniform: true,
          scale: 'fold',
          split: 'balanced',
          dtype: 'match',
        });
      },
    );
  });

  it('does not promise loading if a head, a bias or DoRA prevents it', async () => {
    const head = { 'base_model.model.score.weight': float32Tensor([1, 4], [1, 2, 3, 4]) };
    const dir = adapter(someModules(8), { modules_to_save: ['score'] }, { extra: head });
    const targets: Target[] = [
      { rank: 2, profile: 'vllm' },
      { rank: 2, profile: 'peft' },
      { rank: 8, profile: 'vllm' },
    ];
    await squeezing(compute.pool, dir, { targets }, ({ targets: [vllm, peft, unchanged] }) => {
      for (const outcome of [vllm!, unchanged!]) {
        assert.equal(outcome.result.serving!.loads, false);
        assert.deepEqual(failedRules(outcome.result.serving), ['no-modules-to-save']);
        const rule = outcome.result.serving!.rules.find(({ passed }) => !passed)!;
        assert.match(rule.detail, /score\.weight.*vLLM.*merge/);
      }
      assert.equal(unchanged!.files, null);
      assert.equal(peft!.result.serving!.loads, true);
    });
  });

  it('does not promise one rank if a module has less', async () => {
    const [small] = someModules(3, 1);
    const large: ModuleFactors = { ...someModules(12, 2)[1]!, name: 'layers.9.v_proj' };
    const dir = adapter([small!, large], { r: 12, lora_alpha: 12, rank_pattern: { 'layers.0.q_proj': 3 } });
    const targets: Target[] = [
      { rank: 6, profile: 'sglang' },
      { rank: 3, profile: 'sglang' },
    ];
    await squeezing(compute.pool, dir, { targets }, ({ targets: [six, three] }) => {
      assert.deepEqual(failedRules(six!.result.serving), ['uniform-rank', 'no-patterns']);
      assert.match(JSON.stringify(six!.result.serving), /squeeze to rank 3, which every module has/);
      assert.equal(three!.result.serving!.loads, true);
    });
  });

  it('refuses impossible targets and unknown profiles before any work', async () => {
    const dir = adapter(someModules(8));
    const cases: [Target, string][] = [
      [{ rank: 2, profile: 'nowhere' }, 'UNKNOWN_PROFILE'],
      [{ rank: 64, profile: 'vllm' }, 'VALIDATION_FAILED'],
    ];
    for (const [target, code] of cases) {
      const phases: string[] = [];
      const onProgress = ({ phase }: { phase: string }) => phases.push(phase);
      await assert.rejects(
        squeezing(compute.pool, dir, { targets: [target], onProgress }, () => {}),
        (error) => error instanceof AppError && error.code === code,
      );
      assert.deepEqual(phases, ['load']);
    }
  });
});

describe('a source that already has the rank', () => {
  it('is the result if it loads unchanged', async () => {
    const dir = adapter(someModules(8));
    await squeezing(
      compute.pool,
      dir,
      { targets: [{ rank: 8, profile: 'vllm' }] },
      ({ targets: [outcome] }) => {
        assert.equal(outcome!.files, null);
        assert.equal(outcome!.result.serving!.loads, true);
      },
    );
  });

  it('is written again with its scale folded, if only the scale prevents it from loading', async () => {
    const config = { use_rslora: true, alpha_pattern: { 'layers.1.q_proj': 5 } };
    const dir = adapter(someModules(8), config);
    const source = readPeftAdapter(dir);
    const targets: Target[] = [
      { rank: 8, profile: 'sglang' },
      { rank: 8, profile: 'peft' },
      { rank: 8, profile: 'sglang', scale: 'keep' },
    ];
    await squeezing(
      compute.pool,
      dir,
      { targets, options: exact },
      ({ targets: [folded, untouched, kept] }) => {
        assert.equal(folded!.result.serving!.loads, true, JSON.stringify(folded!.result.serving));
        const after = readResult(folded!);
        for (const [name, score] of scoreAdapter(source, after)) {
          assert.equal(after.modules.get(name)!.scale, 1);
          assert.ok(score.actualError < 1e-6, `${name}: ${score.actualError}`);
        }
        assert.equal(untouched!.files, null);
        assert.equal(untouched!.result.serving!.loads, true);
        assert.equal(kept!.files, null);
        assert.deepEqual(failedRules(kept!.result.serving), ['scale', 'no-patterns']);
      },
    );
  });
});

describe('a profile without a policy and without a limit', () => {
  it('keeps the ranks and writes the adapter so that it loads', async () => {
    const dir = adapter(someModules(8), { use_rslora: true });
    const targets: Target[] = [
      { profile: 'sglang' },
      { profile: 'peft' },
      { profile: 'peft', dtype: 'bfloat16' },
    ];
    await squeezing(compute.pool, dir, { targets }, ({ targets: [sglang, peft, converted] }) => {
      for (const { result } of [sglang!, peft!, converted!]) {
        assert.deepEqual(result.rank, { min: 8, max: 8 });
        assert.equal(result.serving!.loads, true);
      }
      assert.equal(configOf(sglang!.files).use_rslora, false);
      assert.equal(peft!.files, null);
      assert.equal([...readResult(converted!).modules.values()][0]!.dtype, 'BF16');
    });
  });
});

describe('the split', () => {
  const norms = (target: Target, dir: string) =>
    squeezing(compute.pool, dir, { targets: [target], options: exact }, ({ targets: [outcome] }) => {
      const source = readPeftAdapter(dir);
      const result = readResult(outcome!);
      for (const score of scoreAdapter(source, result).values()) {
        assert.ok(score.actualError <= score.optimalError * (1 + 1e-6), JSON.stringify(target));
      }
      const [module] = result.modules.values();
      const { a, b } = module!;
      const row = (i: number) =>
        Math.hypot(...Array.from({ length: a.columns }, (_, j) => a.data[i * a.columns + j]!));
      const column = (i: number) =>
        Math.hypot(...Array.from({ length: b.rows }, (_, j) => b.data[j * b.columns + i]!));
      return { a: [0, 1, 2, 3].map(row), b: [0, 1, 2, 3].map(column), sigma: sigmaOf(source) };
    });
  const sigmaOf = (source: ReturnType<typeof readPeftAdapter>) =>
    [...scoreAdapter(source, source).values()][0]!.sigma;
  const near = (found: readonly number[], expected: readonly number[]) => {
    for (const [i, value] of found.entries()) {
      assert.ok(Math.abs(value / expected[i]! - 1) < 1e-5, `${found.join()} is not ${expected.join()}`);
    }
  };

  it('puts all singular values, with a folded scale, into the requested factor, or half of each into both', async () => {
    for (const lora_alpha of [24, -24]) {
      const dir = adapter(someModules(8, 1), { lora_alpha });
      const ones = [1, 1, 1, 1];
      const b = await norms({ rank: 4, split: 'b' }, dir);
      near(b.a, ones);
      near(b.b, b.sigma);
      const a = await norms({ rank: 4, split: 'a' }, dir);
      near(a.a, a.sigma);
      near(a.b, ones);
      const both = await norms({ rank: 4 }, dir);
      const roots = [...both.sigma].map(Math.sqrt);
      near(both.a, roots);
      near(both.b, roots);
    }
  });

  it('leaves out a scale that is kept', async () => {
    const dir = adapter(someModules(8, 1), { lora_alpha: 24 });
    const { a, b, sigma } = await norms({ rank: 4, split: 'b', scale: 'keep' }, dir);
    near(a, [1, 1, 1, 1]);
    near(
      b,
      [...sigma].map((value) => value / 3),
    );
  });
});

describe('a squeeze for a program that loads another format', () => {
  /** Layers of a language model whose spectra differ, so that a budget gives them different ranks. */
  const layers = (): ModuleFactors[] =>
    ['q_proj', 'k_proj', 'v_proj'].map((name, index) => ({
      name: `model.layers.0.self_attn.${name}`,
      ...factorsWithSpectrum(
        24,
        20,
        Array.from({ length: 8 }, (_, i) => (i + 1) ** -(0.2 + index)),
        30 + index,
      ),
    }));
  const config = { target_modules: ['q_proj', 'k_proj', 'v_proj'], lora_alpha: 20 };
  /** A folder with these files under the names that `squeezing` reads. */
  function holding(weights: Uint8Array, text: string): string {
    const dir = mkdtempSync(join(tmpdir(), 'for-profile-'));
    writeFileSync(join(dir, 'adapter_model.safetensors'), weights);
    writeFileSync(join(dir, 'adapter_config.json'), text);
    after(() => rmSync(dir, { recursive: true }));
    return dir;
  }

  it('loads there, even if modules have different ranks, which mlx-lm refuses', async () => {
    const gguf = { profile: 'llama-cpp', format: 'gguf', format_options: { architecture: 'qwen2' } } as const;
    const mlx = { profile: 'mlx-lm', format: 'mlx' } as const;
    const targets: Target[] = [gguf, mlx].flatMap((to): Target[] => [
      { rank: 3, ...to },
      { budget_parameters: 500, ...to },
    ]);
    await squeezing(compute.pool, adapter(layers(), config), { targets }, ({ targets: outcomes }) => {
      for (const { result } of outcomes) {
        assert.deepEqual(failedRules(result.serving), []);
        assert.equal(result.serving!.loads, true);
      }
      const [, ofGguf, , ofMlx] = outcomes.map(({ result: { rank } }) => rank);
      assert.ok(ofGguf!.min < ofGguf!.max, `${ofGguf!.min} to ${ofGguf!.max}`);
      assert.equal(ofMlx!.min, ofMlx!.max);
      const rulesOf = (at: number) => outcomes[at]!.result.serving!.rules.map(({ rule }) => rule);
      assert.deepEqual(rulesOf(0), ['scale', 'dtype', 'no-modules-to-save', 'module-kinds']);
      assert.deepEqual(rulesOf(2), [
        'uniform-rank',
        'scale',
        'dtype',
        'no-modules-to-save',
        'module-kinds',
        'config-fields',
        'file-names',
      ]);
    });
  });

  it('fails for mlx-lm without the fields that it reads without a default', async () => {
    const name = 'model.layers.0.self_attn.q_proj';
    const weights = buildSafetensors({
      [`${name}.lora_a`]: float32Tensor([2, 1], [1, 2]),
      [`${name}.lora_b`]: float32Tensor([1, 2], [3, 4]),
    });
    const parameters = { rank: 1, scale: 1, dropout: 0, keys: ['self_attn.q_proj'] };
    const config = JSON.stringify({ fine_tune_type: 'lora', lora_parameters: parameters });
    const targets = [{ profile: 'mlx-lm', dtype: 'float16' }] as const;
    await squeezing(compute.pool, holding(weights, config), { targets }, ({ targets: [outcome] }) => {
      const [rule] = outcome!.result.serving!.rules.filter(({ passed }) => !passed);
      assert.deepEqual([rule!.rule, failedRules(outcome!.result.serving).length], ['config-fields', 1]);
      assert.match(rule!.detail, /num_layers must be set/);
    });
  });

  it('loads in mlx-lm with the magnitudes of DoRA, but not with other tensors', async () => {
    const name = 'model.layers.0.self_attn.q_proj';
    const tensors = {
      [`${name}.lora_a`]: float32Tensor([2, 2], [1, 2, 3, 5]),
      [`${name}.lora_b`]: float32Tensor([2, 2], [3, 4, 1, 2]),
      [`${name}.m`]: float32Tensor([2], [1, 2]),
    };
    const config = JSON.stringify({
      fine_tune_type: 'dora',
      num_layers: -1,
      lora_parameters: { rank: 2, scale: 1, dropout: 0, keys: ['self_attn.q_proj'] },
    });
    const targets = [{ profile: 'mlx-lm', rank: 1 }] as const;
    for (const [others, failed] of [
      [{}, []],
      [{ 'model.norm.weight': float32Tensor([2], [1, 1]) }, ['no-modules-to-save']],
    ] as const) {
      const weights = buildSafetensors({ ...tensors, ...others });
      await squeezing(compute.pool, holding(weights, config), { targets }, ({ targets: [outcome] }) =>
        assert.deepEqual(failedRules(outcome!.result.serving), failed),
      );
    }
  });

  it('fails for llama.cpp with norms, which it ignores', async () => {
    const factor = (name: string, ne: readonly number[]) => ({
      name,
      ne,
      type: 'F32' as const,
      bytes: new Uint8Array(Float32Array.of(1, 2).buffer),
    });
    const weights = buildGguf({
      keyValues: [
        ['general.architecture', TYPE.str, 'qwen2'],
        ['general.type', TYPE.str, 'adapter'],
        ['adapter.type', TYPE.str, 'lora'],
        ['adapter.lora.alpha', TYPE.f32, 1],
      ],
      tensors: [
        factor('blk.0.attn_q.weight.lora_a', [2, 1]),
        factor('blk.0.attn_q.weight.lora_b', [1, 2]),
        factor('blk.0.attn_norm.weight', [2]),
      ],
    });
    await squeezing(
      compute.pool,
      holding(weights, '{}'),
      { targets: [{ profile: 'llama-cpp' }] },
      ({ targets: [outcome] }) => {
        assert.deepEqual(failedRules(outcome!.result.serving), ['no-modules-to-save']);
        assert.match(JSON.stringify(outcome!.result.serving), /attn_norm\.weight is ignored by llama\.cpp/);
      },
    );
  });
});
