import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ComputePool } from '../../../src/compute/pool.ts';
import type { Target } from '../../../src/contract/target.ts';
import { runPythonWithPackages, skipWithoutPython } from '../../clients/python.ts';
import { type Matrix, optimalTruncation } from '../../oracle/linear-algebra.ts';
import { buildSafetensors, readSafetensors, type Tensor, tensorMatrix } from '../../oracle/safetensors.ts';
import { hadamard, product, randomNumbers, tensorOf } from '../kohya/lycoris-oracle.ts';
import { squeezeToEach } from '../squeezing-files.ts';
import { identity, relativeDifference } from './updates.ts';

/** Inputs, outputs, kernel: [] for a linear layer. */
type Layer = readonly [inputs: number, outputs: number, kernel: readonly number[]];

const CLIP = (prefix: string): Readonly<Record<string, Layer>> => ({
  [`${prefix}_text_model_encoder_layers_0_self_attn_q_proj`]: [12, 12, []],
  [`${prefix}_text_model_encoder_layers_0_mlp_fc1`]: [12, 48, []],
});

const RESNETS: Readonly<Record<string, Layer>> = {
  lora_unet_down_blocks_1_resnets_0_conv1: [8, 16, [3, 3]],
  lora_unet_down_blocks_1_resnets_0_time_emb_proj: [24, 16, []],
  lora_unet_down_blocks_1_resnets_0_conv_shortcut: [8, 16, [1, 1]],
  lora_unet_up_blocks_0_upsamplers_0_conv: [16, 16, [3, 3]],
};

/**
 * The layers of each model with the names that its trainers write, a few of every kind, at small sizes:
 * sd-scripts' networks/lora.py, lora_flux.py and lora_sd3.py; musubi-tuner's networks/lora_wan.py. Shares no
 * code with src/.
 */
const MODELS: Readonly<Record<string, Readonly<Record<string, Layer>>>> = {
  'Stable Diffusion 1': {
    lora_unet_down_blocks_0_attentions_0_proj_in: [16, 16, [1, 1]],
    lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k: [768, 16, []],
    ...RESNETS,
    ...CLIP('lora_te'),
  },
  'Stable Diffusion 2': {
    lora_unet_down_blocks_0_attentions_0_proj_in: [16, 16, []],
    lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k: [1024, 16, []],
    ...RESNETS,
    ...CLIP('lora_te'),
  },
  'Stable Diffusion XL, with both text encoders': {
    lora_unet_input_blocks_4_1_proj_in: [16, 16, []],
    lora_unet_input_blocks_4_1_transformer_blocks_1_attn2_to_k: [20, 16, []],
    lora_unet_input_blocks_4_0_in_layers_2: [8, 16, [3, 3]],
    lora_unet_input_blocks_4_0_skip_connection: [8, 16, [1, 1]],
    lora_unet_input_blocks_3_0_op: [8, 8, [3, 3]],
    lora_unet_output_blocks_2_2_conv: [16, 16, [3, 3]],
    ...CLIP('lora_te1'),
    ...CLIP('lora_te2'),
  },
  Flux: {
    lora_unet_double_blocks_0_img_attn_qkv: [16, 48, []],
    lora_unet_double_blocks_0_txt_mlp_2: [32, 16, []],
    lora_unet_single_blocks_3_linear1: [16, 80, []],
    lora_unet_single_blocks_3_modulation_lin: [16, 48, []],
    ...CLIP('lora_te1'),
    lora_te3_encoder_block_0_layer_0_SelfAttention_q: [12, 12, []],
  },
  'Stable Diffusion 3': {
    lora_unet_joint_blocks_0_x_block_attn_qkv: [16, 48, []],
    lora_unet_joint_blocks_0_context_block_mlp_fc2: [32, 16, []],
    lora_unet_joint_blocks_0_context_block_adaLN_modulation_1: [16, 48, []],
    ...CLIP('lora_te1'),
    ...CLIP('lora_te2'),
  },
  Wan: {
    lora_unet_blocks_0_self_attn_q: [16, 16, []],
    lora_unet_blocks_0_cross_attn_k_img: [16, 16, []],
    lora_unet_blocks_0_ffn_0: [16, 32, []],
    lora_unet_patch_embedding: [4, 16, [1, 2, 2]],
  },
  HunyuanVideo: {
    lora_unet_double_blocks_0_img_attn_qkv: [16, 48, []],
    lora_unet_single_blocks_0_linear2: [48, 16, []],
    lora_unet_txt_in_individual_token_refiner_blocks_0_mlp_fc1: [16, 32, []],
    lora_unet_img_in_proj: [4, 16, [1, 2, 2]],
  },
  'Qwen-Image': {
    lora_unet_transformer_blocks_0_attn_add_q_proj: [16, 16, []],
    lora_unet_transformer_blocks_0_img_mlp_net_0_proj: [16, 32, []],
    lora_unet_transformer_blocks_0_txt_mod_1: [16, 96, []],
  },
  'LTX-Video': {
    lora_unet_transformer_blocks_0_attn2_to_k: [12, 16, []],
    lora_unet_transformer_blocks_0_ff_net_2: [32, 16, []],
    lora_unet_patchify_proj: [8, 16, []],
  },
};
const R = 2;
const TARGETS: readonly Target[] = [
  { rank: R * R, dtype: 'float32' },
  { rank: 3, dtype: 'float32', scale: 'keep' },
];

/** A LoHa of every layer, in which convolutions look like matrices, and the update of each. */
function made(layers: Readonly<Record<string, Layer>>): { weights: Buffer; updates: Map<string, Matrix> } {
  const updates = new Map<string, Matrix>();
  const tensors = Object.entries(layers).flatMap(
    ([name, [inputs, outputs, kernel]], index): [string, Tensor][] => {
      const columns = kernel.reduce((size, side) => size * side, inputs);
      const parts = Object.entries({
        hada_w1_a: [outputs, R],
        hada_w1_b: [R, columns],
        hada_w2_a: [outputs, R],
        hada_w2_b: [R, columns],
      }).map(([part, shape], at) => [part, randomNumbers(shape, 10 * index + at)] as const);
      const [w1a, w1b, w2a, w2b] = parts.map(([, numbers]) => numbers);
      updates.set(name, hadamard(product(w1a!, w1b!), product(w2a!, w2b!)));
      return parts.map(([part, numbers]) => [`${name}.${part}`, tensorOf(numbers)]);
    },
  );
  return { weights: buildSafetensors(Object.fromEntries(tensors)), updates };
}

describe('layers of torch load the factors of our files', {
  skip: skipWithoutPython('torch', 'safetensors'),
}, () => {
  let pool: ComputePool;
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'layers-load-'));
    pool = await ComputePool.start('cpu', 1);
  });
  after(async () => {
    await pool.close();
    rmSync(folder, { recursive: true });
  });

  it('for every model, with the shapes that trainers use, and compute the update', async () => {
    const cases: { what: string; dir: string; rank: number; updates: ReadonlyMap<string, Matrix> }[] = [];
    for (const [model, layers] of Object.entries(MODELS)) {
      const { weights, updates } = made(layers);
      const results = await squeezeToEach(pool, { weights, config: null }, TARGETS);
      for (const [index, result] of results.entries()) {
        const dir = join(folder, String(cases.length));
        mkdirSync(dir);
        writeFileSync(join(dir, 'lora.safetensors'), result!.weights);
        writeFileSync(join(dir, 'layers.json'), JSON.stringify(layers));
        const { rank } = TARGETS[index] as { rank: number };
        cases.push({ what: `${model}, rank ${rank}`, dir, rank, updates });
      }
    }
    await runPythonWithPackages(
      join(import.meta.dirname, 'load_into_layers.py'),
      ...cases.map(({ dir }) => dir),
    );
    for (const { what, dir, rank, updates } of cases) {
      const { tensors } = readSafetensors(join(dir, 'deltas.safetensors'));
      assert.deepEqual([...tensors.keys()].sort(), [...updates.keys()].sort());
      for (const [name, update] of updates) {
        const lost = relativeDifference(update, tensorMatrix(tensors.get(name)!));
        const least = optimalTruncation(update, identity(update.columns), 1, rank);
        assert.ok(lost < 1.001 * least + 1e-5, `${what}, ${name}: ${lost}, at best ${least}`);
      }
    }
  });
});
