import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ComputePool } from '../../../src/compute/pool.ts';
import { readPeft } from '../../../src/formats/peft/read-peft.ts';
import type { TensorSpec } from '../../../src/safetensors/layout.ts';
import { diagonal } from '../../oracle/known-matrices.ts';
import {
  differenceNorm,
  frobenius,
  type Matrix,
  multiply,
  scaled,
  singularValues,
  tailShare,
} from '../../oracle/linear-algebra.ts';
import { parsePeftAdapter } from '../../oracle/peft-adapter.ts';
import { buildSafetensors, float32Tensor, parseSafetensors } from '../../oracle/safetensors.ts';
import { randomNumbers, tensorOf, whole } from '../kohya/lycoris-oracle.ts';
import { type Bytes, squeezeBytes } from '../squeezing-files.ts';
import { headerOf, refusal, tensor } from './build.ts';

const INITIAL = 6;
const ALPHA = 9;
/** How many directions training left in each module; [m, n] is the same for all. */
const LEFT: Readonly<Record<string, number>> = {
  'model.layers.0.self_attn.q_proj': 6,
  'model.layers.0.self_attn.v_proj': 2,
  'model.layers.1.self_attn.q_proj': 0,
};
const [M, N] = [20, 28];

const CONFIG = {
  peft_type: 'ADALORA',
  base_model_name_or_path: 'org/model',
  target_r: 4,
  init_r: INITIAL,
  tinit: 0,
  tfinal: 10,
  deltaT: 1,
  beta1: 0.85,
  beta2: 0.85,
  orth_reg_weight: 0.5,
  total_step: 100,
  r: 8,
  lora_alpha: ALPHA,
  use_rslora: true,
  alpha_pattern: {},
  rank_pattern: Object.fromEntries(
    Object.entries(LEFT).map(([path, rank]) => [
      `${path}.lora_E`,
      Array.from({ length: INITIAL }, (_, index) => index < rank),
    ]),
  ),
  target_modules: ['q_proj', 'v_proj'],
};

/** An adapter as PEFT saves it, and scale·B·diag(E)·A of each module that has a direction left. */
function made(): { files: Bytes; updates: Map<string, Matrix> } {
  const updates = new Map<string, Matrix>();
  const tensors = Object.entries(LEFT).flatMap(([path, rank], index) => {
    const [a, b, e] = [
      [rank, N],
      [M, rank],
      [rank, 1],
    ].map((shape, at) => randomNumbers(shape, 10 * index + at)) as [
      ReturnType<typeof randomNumbers>,
      ReturnType<typeof randomNumbers>,
      ReturnType<typeof randomNumbers>,
    ];
    if (rank > 0) {
      const product = multiply(multiply(whole(b), diagonal([...e.data])), whole(a));
      updates.set(path, scaled(product, ALPHA / (INITIAL + 1e-5)));
    }
    return Object.entries({ lora_A: a, lora_B: b, lora_E: e }).map(
      ([name, numbers]) => [`base_model.model.${path}.${name}`, tensorOf(numbers)] as const,
    );
  });
  // PEFT reads it from the configuration; some releases saved it.
  const number = [
    'base_model.model.model.layers.0.self_attn.q_proj.ranknum',
    float32Tensor([1], [INITIAL]),
  ] as const;
  const weights = buildSafetensors(Object.fromEntries([...tensors, number]));
  return { files: { weights, config: JSON.stringify(CONFIG) }, updates };
}

describe("PEFT's AdaLoRA", () => {
  let pool: ComputePool;
  before(async () => {
    pool = await ComputePool.start('cpu', 1);
  });
  after(() => pool.close());

  it('becomes the LoRA that it represents, and the nearest of a smaller rank', async () => {
    const { files, updates } = made();
    for (const rank of [INITIAL, 3]) {
      const { weights, config, warnings } = (await squeezeBytes(pool, files, { rank }))!;
      const found = parsePeftAdapter(weights, config!);
      assert.deepEqual([...found.modules.keys()], [...updates.keys()]);
      assert.equal(parseSafetensors(weights).tensors.size, 2 * updates.size);
      for (const [path, update] of updates) {
        const { a, b, scale } = found.modules.get(path)!;
        const identity = diagonal(Array.from({ length: update.columns }, () => 1));
        const error = differenceNorm(update, identity, 1, b, a, scale) / frobenius(update);
        const least = tailShare(singularValues(update), rank);
        assert.ok(error <= least * (1 + 1e-5) + 1e-6, `${path}, rank ${rank}: ${error}, at best ${least}`);
      }
      assert.ok(
        warnings.some((text) => text.includes('2 modules are stored as AdaLoRA')),
        warnings.join('\n'),
      );
      assert.ok(
        warnings.some((text) => text.includes('left 1 module without any rank')),
        warnings.join('\n'),
      );
    }
  });

  it('gives results that state they are LoRA, without fields of the method', async () => {
    const { config } = (await squeezeBytes(pool, made().files, { rank: 2 }))!;
    assert.deepEqual(JSON.parse(config!), {
      peft_type: 'LORA',
      base_model_name_or_path: 'org/model',
      lora_alpha: 2,
      target_modules: ['q_proj', 'v_proj'],
      r: 2,
      use_rslora: false,
      rank_pattern: {},
      alpha_pattern: {},
    });
  });

  const q = (rank: number, part: Readonly<Record<string, readonly number[]>> = {}): TensorSpec[] =>
    Object.entries({ lora_A: [rank, N], lora_B: [M, rank], lora_E: [rank, 1], ...part }).map(
      ([name, shape]) => tensor(`q_proj.${name}`, shape),
    );
  const read = (tensors: readonly TensorSpec[], fields: object = {}) =>
    readPeft(
      headerOf(tensors),
      Buffer.from(JSON.stringify({ peft_type: 'ADALORA', init_r: INITIAL, lora_alpha: ALPHA, ...fields })),
    );

  it('warns of a layer that may be a flattened convolution, and gives known layers their kernel', () => {
    const named = (module: string) =>
      read(q(INITIAL).map((one) => ({ ...one, name: one.name.replace('q_proj', module) }))).adapter;
    assert.match(named('stem').warnings.join(), /1 module do not show .*"stem"/);
    const conv = named('down_blocks.0.resnets.0.conv_shortcut');
    assert.deepEqual(conv.modules[0]!.a.shape, [INITIAL, N, 1, 1]);
    assert.doesNotMatch(named('model.layers.0.self_attn.q_proj').warnings.join(), /do not show/);
  });

  it('reads an alpha of 0 as the initial rank, like PEFT', () => {
    const { scale } = read(q(INITIAL), { lora_alpha: 0 }).adapter.modules[0]!;
    assert.ok(Math.abs(scale - 1) < 2e-6, `${scale}`);
  });

  const refusals: readonly (readonly [string, readonly TensorSpec[], string, RegExp])[] = [
    ['a rank that is not that of the configuration', q(4), 'CONFIG_RANK_MISMATCH', /of rank 4, .* rank 6/],
    ['a diagonal of another length', q(INITIAL, { lora_E: [5, 1] }), 'LORA_RANK_MISMATCH', /lora_E \[5,1\]/],
    ['a vector for a diagonal', q(INITIAL, { lora_E: [6] }), 'LORA_RANK_DIMS', /lora_E/],
    ['a module without its diagonal', q(INITIAL).slice(0, 2), 'LORA_UNPAIRED', /lora_E/],
    ['one factor that is empty', q(INITIAL, { lora_B: [M, 0] }), 'LORA_RANK_ZERO', /lora_B/],
    ['nothing but empty modules', q(0), 'NO_LORA_TENSORS', /has 3 tensors, but none for the method/],
    [
      'tensors of LoRA',
      [...q(INITIAL), tensor('v_proj.lora_A.weight', [4, N])],
      'UNSUPPORTED_LORA_VARIANT',
      /lora_A\.weight/,
    ],
  ];
  for (const [what, tensors, code, message] of refusals) {
    it(`refuses ${what}`, () => {
      const error = refusal(() => read(tensors));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
    });
  }
});
