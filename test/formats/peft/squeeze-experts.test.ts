import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { Target } from '../../../src/contract/target.ts';
import { factorsWithSpectrum } from '../../oracle/known-matrices.ts';
import {
  buildSafetensors,
  decodeTensor,
  float32Tensor,
  readSafetensors,
  type Tensor,
} from '../../oracle/safetensors.ts';
import { computeFixture } from '../../squeeze/compute-fixture.ts';
import { squeezing } from '../../squeeze/make-adapter.ts';

const compute = computeFixture();
const dirs: string[] = [];
after(() => {
  for (const dir of dirs) rmSync(dir, { recursive: true });
});

const EXPERTS = 5;
const RANK = 8;
const PREFIX = 'base_model.model.layers.0.mlp.experts';
const TARGETS = ['experts.gate_up_proj', 'experts.down_proj'];

/** Experts with random factors, stacked as in PEFT: A [E·r, in], B [out, r·E]. */
function stacked(out: number, inside: number, seed: number): { a: Tensor; b: Tensor } {
  const a = new Float64Array(EXPERTS * RANK * inside);
  const b = new Float64Array(out * RANK * EXPERTS);
  for (let expert = 0; expert < EXPERTS; expert++) {
    const sigma = Array.from({ length: RANK }, (_, i) => (expert + 1) / (i + 1));
    const made = factorsWithSpectrum(out, inside, sigma, seed + expert);
    a.set(made.a.data, expert * RANK * inside);
    for (let o = 0; o < out; o++)
      for (let r = 0; r < RANK; r++) b[(o * RANK + r) * EXPERTS + expert] = made.b.data[o * RANK + r]!;
  }
  return { a: float32Tensor([EXPERTS * RANK, inside], a), b: float32Tensor([out, RANK * EXPERTS], b) };
}

/** einsum("o r e, e r i -> e o i", B, A), after peft/tuners/lora/layer.py (`ParamWrapper.get_delta_weight`). */
function deltas(a: Tensor, b: Tensor, r: number, scale: number): Float64Array[] {
  const [numbersA, numbersB] = [decodeTensor(a), decodeTensor(b)];
  const [out, inside] = [b.shape[0]!, a.shape[1]!];
  return Array.from({ length: EXPERTS }, (_, e) => {
    const delta = new Float64Array(out * inside);
    for (let o = 0; o < out; o++)
      for (let k = 0; k < r; k++)
        for (let i = 0; i < inside; i++)
          delta[o * inside + i]! +=
            scale * numbersB[(o * r + k) * EXPERTS + e]! * numbersA[(e * r + k) * inside + i]!;
    return delta;
  });
}

function mixture(): string {
  const dir = mkdtempSync(join(tmpdir(), 'mixture-'));
  dirs.push(dir);
  const [outer, inner] = [stacked(30, 20, 1), stacked(40, 30, 50)];
  const tensors = {
    [`${PREFIX}.lora_A.weight`]: outer.a,
    [`${PREFIX}.lora_B.weight`]: outer.b,
    [`${PREFIX}.base_layer.lora_A.weight`]: inner.a,
    [`${PREFIX}.base_layer.lora_B.weight`]: inner.b,
    'base_model.model.score.weight': float32Tensor([2, 3], [1, 2, 3, 4, 5, 6]),
  };
  writeFileSync(join(dir, 'adapter_model.safetensors'), buildSafetensors(tensors));
  writeFileSync(
    join(dir, 'adapter_config.json'),
    JSON.stringify({ peft_type: 'LORA', r: RANK, lora_alpha: 16, target_parameters: TARGETS }),
  );
  return dir;
}

const norm = (values: Iterable<number>): number => Math.sqrt([...values].reduce((sum, x) => sum + x * x, 0));

describe('squeezing a mixture of experts', () => {
  const cases: readonly (readonly [Target, number])[] = [
    [{ rank: 3 }, 3],
    [{ rank: 3, scale: 'keep' }, 3],
    [{ rank: 8, dtype: 'float16' }, 8],
  ];
  for (const [target, r] of cases) {
    it(`gives every expert the best matrix of its rank: ${JSON.stringify(target)}`, async () => {
      const dir = mixture();
      const source = readSafetensors(join(dir, 'adapter_model.safetensors')).tensors;
      await squeezing(
        compute.pool,
        dir,
        { targets: [target], options: { method: 'exact' } },
        ({ targets: [outcome], report }) => {
          const files = outcome!.files!;
          const result = readSafetensors(files[0]!.path).tensors;
          const config = JSON.parse(readFileSync(files[1]!.path, 'utf8'));
          assert.deepEqual([config.r, config.target_parameters], [r, TARGETS]);
          assert.deepEqual([...result.keys()].sort(), [...source.keys()].sort());
          const scale = config.lora_alpha / config.r;
          for (const [path, parameter] of [
            ['', 'down_proj'],
            ['.base_layer', 'gate_up_proj'],
          ]) {
            const [nameA, nameB] = ['A', 'B'].map((side) => `${PREFIX}${path}.lora_${side}.weight`);
            const before = deltas(source.get(nameA!)!, source.get(nameB!)!, RANK, 2);
            const after = deltas(result.get(nameA!)!, result.get(nameB!)!, r, scale);
            for (const [expert, delta] of before.entries()) {
              const error = norm(delta.map((x, i) => x - after[expert]![i]!)) / norm(delta);
              const sigma = Array.from({ length: RANK }, (_, i) => 1 / (i + 1));
              const best = norm(sigma.slice(r)) / norm(sigma);
              assert.ok(
                Math.abs(error - best) < (r === RANK ? 1e-3 : 1e-5),
                `${parameter} ${expert}: ${error}`,
              );
              const reported = report.targets[0]!.modules.find(
                ({ name }) => name === `layers.0.mlp.experts.${parameter}#${expert}`,
              )!;
              assert.ok(Math.abs(reported.relative_error - error) < 1e-6);
            }
          }
        },
      );
    });
  }

  it('gives experts that share a tensor one rank, whatever each of them needs', async () => {
    const targets: Target[] = [
      { energy: 0.9, uniform: false },
      { budget_parameters: 2500 },
      { rank_pattern: { 'experts.down_proj#1': 2, 'experts.down_proj#2': 5, gate_up_proj: 4 } },
    ];
    await squeezing(compute.pool, mixture(), { targets }, ({ targets: outcomes, report }) => {
      for (const [index, { modules }] of report.targets.entries()) {
        const ranks = new Map<string, Set<number>>();
        for (const { name, rank } of modules) {
          const tensor = name.replace(/#\d+$/, '');
          ranks.set(tensor, (ranks.get(tensor) ?? new Set()).add(rank));
        }
        for (const [tensor, found] of ranks) assert.equal(found.size, 1, `${index}: ${tensor}`);
      }
      assert.ok(outcomes[1]!.result.parameters <= 2500);
    });
  });

  it('returns the source if nothing changes, with the same bytes every time', async () => {
    const dir = mixture();
    const digests: string[] = [];
    for (let turn = 0; turn < 2; turn++) {
      await squeezing(compute.pool, dir, { targets: [{ rank: 8 }, { rank: 2 }] }, ({ targets }) => {
        assert.equal(targets[0]!.files, null);
        digests.push(targets[1]!.files![0]!.sha256);
      });
    }
    assert.equal(digests[0], digests[1]);
  });
});
