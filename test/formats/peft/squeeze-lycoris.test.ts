import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ComputePool } from '../../../src/compute/pool.ts';
import { readPeft } from '../../../src/formats/peft/read-peft.ts';
import { parseHeader } from '../../../src/safetensors/header.ts';
import { diagonal } from '../../oracle/known-matrices.ts';
import {
  differenceNorm,
  frobenius,
  type Matrix,
  scaled,
  singularValues,
  tailShare,
} from '../../oracle/linear-algebra.ts';
import { parsePeftAdapter } from '../../oracle/peft-adapter.ts';
import { buildSafetensors, float32Tensor, parseSafetensors } from '../../oracle/safetensors.ts';
import {
  hadamard,
  kron,
  LOHA as LOHA_LINEAR,
  type Notation,
  noted,
  product,
  tucker,
  whole,
} from '../kohya/lycoris-oracle.ts';
import { type Bytes, squeezeBytes } from '../squeezing-files.ts';
import { refusal } from './build.ts';

/** A module as PEFT reads it (loha/layer.py and lokr/layer.py, `get_delta_weight`), and its kernel. */
interface Made extends Notation {
  readonly kernel?: readonly number[];
}

const LOHA: Readonly<Record<string, Made>> = {
  'model.layers.0.self_attn.q_proj': LOHA_LINEAR,
  'vision.patches': {
    shapes: {
      hada_w1_a: [3, 12],
      hada_w1_b: [3, 5],
      hada_w2_a: [3, 12],
      hada_w2_b: [3, 5],
      hada_t1: [3, 3, 2, 2],
      hada_t2: [3, 3, 2, 2],
    },
    update: (t) =>
      hadamard(
        tucker(t('hada_t1'), t('hada_w1_a'), t('hada_w1_b')),
        tucker(t('hada_t2'), t('hada_w2_a'), t('hada_w2_b')),
      ),
    kernel: [2, 2],
  },
};
const LOKR: Readonly<Record<string, Made>> = {
  'model.layers.0.self_attn.q_proj': {
    shapes: { lokr_w1: [4, 2], lokr_w2_a: [6, 3], lokr_w2_b: [3, 10] },
    update: (t) => kron(whole(t('lokr_w1')), product(t('lokr_w2_a'), t('lokr_w2_b'))),
  },
  // For a module without any low-rank factor PEFT multiplies by alpha/r nevertheless, while LyCORIS does not.
  'model.layers.0.self_attn.v_proj': {
    shapes: { lokr_w1: [4, 2], lokr_w2: [6, 10] },
    update: (t) => kron(whole(t('lokr_w1')), whole(t('lokr_w2'))),
  },
};

const CONFIG = {
  base_model_name_or_path: 'org/model',
  alpha: 5,
  r: 3,
  alpha_pattern: { 'vision.patches': 2, v_proj: 4 },
  module_dropout: 0.1,
  target_modules: ['q_proj', 'v_proj', 'patches'],
  modules_to_save: ['score'],
};
const HEAD = 'base_model.model.score.weight';

/** An adapter of such modules with a head, and the scaled update of each. */
function made(peft_type: string, modules: typeof LOHA): { files: Bytes; updates: Map<string, Matrix> } {
  const tensors = Object.fromEntries([[HEAD, float32Tensor([1, 2], [3, 4])]]);
  const updates = new Map<string, Matrix>();
  for (const [index, [path, notation]] of Object.entries(modules).entries()) {
    const module = noted(notation, `base_model.model.${path}.`, 50 * index);
    Object.assign(tensors, module.tensors);
    const alpha = path === 'vision.patches' ? 2 : path.endsWith('v_proj') ? 4 : 5;
    updates.set(path, scaled(module.update, alpha / 3));
  }
  const config = JSON.stringify({ ...CONFIG, peft_type });
  return { files: { weights: buildSafetensors(tensors), config }, updates };
}

describe("PEFT's LoHa and LoKr", () => {
  let pool: ComputePool;
  before(async () => {
    pool = await ComputePool.start('cpu', 1);
  });
  after(() => pool.close());

  for (const [peftType, modules] of Object.entries({ LOHA, LOKR })) {
    it(`${peftType}: becomes the nearest LoRA, which is exact if the rank allows it`, async () => {
      const { files, updates } = made(peftType, modules);
      for (const rank of [20, 4]) {
        const { weights, config, warnings } = (await squeezeBytes(pool, files, { rank }))!;
        const found = parsePeftAdapter(weights, config!);
        assert.deepEqual([...found.modules.keys()], [...updates.keys()]);
        for (const [path, update] of updates) {
          const { a, b, scale, tensorNames } = found.modules.get(path)!;
          const identity = diagonal(Array.from({ length: update.columns }, () => 1));
          const error = differenceNorm(update, identity, 1, b, a, scale) / frobenius(update);
          const least = tailShare(singularValues(update), rank);
          assert.ok(error <= least * (1 + 1e-5) + 1e-6, `${path}, rank ${rank}: ${error}, at best ${least}`);
          const { kernel = [] } = modules[path]!;
          const tensor = parseSafetensors(weights).tensors.get(tensorNames[0])!;
          assert.deepEqual(tensor.shape.slice(2), kernel);
        }
        assert.deepEqual([...found.passthrough.keys()], [HEAD]);
        assert.equal(
          warnings.filter((text) => text.includes(peftType === 'LOHA' ? 'LoHa' : 'LoKr')).length,
          1,
        );
      }
    });

    it(`${peftType}: gives results that state they are LoRA, without fields of the method`, async () => {
      const { config } = (await squeezeBytes(pool, made(peftType, modules).files, { rank: 4 }))!;
      assert.deepEqual(JSON.parse(config!), {
        base_model_name_or_path: 'org/model',
        lora_alpha: 4,
        r: 4,
        alpha_pattern: {},
        target_modules: ['q_proj', 'v_proj', 'patches'],
        modules_to_save: ['score'],
        peft_type: 'LORA',
        use_rslora: false,
        rank_pattern: {},
      });
    });
  }

  const q = 'base_model.model.q_proj';
  const { shapes } = LOHA_LINEAR;
  const refusals: readonly (readonly [
    string,
    Readonly<Record<string, readonly number[]>>,
    string,
    RegExp,
  ])[] = [
    [
      'a rank that is not that of the configuration',
      { hada_w1_a: [24, 2], hada_w1_b: [2, 20], hada_w2_a: [24, 2], hada_w2_b: [2, 20] },
      'CONFIG_RANK_MISMATCH',
      /has tensors of rank 2, but adapter_config\.json gives rank 3/,
    ],
    [
      'a factor that is missing',
      { hada_w1_a: [24, 3], hada_w1_b: [3, 20], hada_w2_a: [24, 3] },
      'LORA_UNPAIRED',
      /hada_w2_b/,
    ],
    [
      'a factor twice',
      { ...shapes, 'hada_w1_a.default': [24, 3] },
      'LORA_DUPLICATE_MODULE',
      /is the same part/,
    ],
    [
      'tensors of LoRA',
      { ...shapes, 'lora_A.weight': [3, 20] },
      'UNSUPPORTED_LORA_VARIANT',
      /lora_A\.weight" belongs to LoRA/,
    ],
    ['tensors of LoKr', { ...shapes, lokr_w1: [3, 20] }, 'FORMAT_MIXED', /lokr_w1/],
    ['nothing of it', { 'scale.weight': [3, 20] }, 'NO_LORA_TENSORS', /1 tensor, but n/],
  ];
  for (const [what, tensors, code, message] of refusals) {
    it(`refuses ${what}`, () => {
      const file = buildSafetensors(
        Object.fromEntries(
          Object.entries(tensors).map(([name, [rows, columns]]) => [
            `${q}.${name}`,
            float32Tensor([rows!, columns!], new Float32Array(rows! * columns!)),
          ]),
        ),
      );
      const length = Number(file.readBigUInt64LE());
      const config = Buffer.from(JSON.stringify({ ...CONFIG, peft_type: 'LOHA' }));
      const error = refusal(() => readPeft(parseHeader(file.subarray(8, 8 + length), file.length), config));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
    });
  }
});
