import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ComputePool } from '../../src/compute/pool.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { uniform } from '../oracle/known-matrices.ts';
import {
  buildSafetensors,
  decodeTensor,
  float32Tensor,
  parseSafetensors,
  type Tensor,
} from '../oracle/safetensors.ts';
import { type Bytes, squeezeBytes } from './squeezing-files.ts';

/** How float32 numbers are encoded in a dtype, and which numbers result. */
interface Encoded {
  readonly dtype: string;
  readonly encode: (numbers: Float32Array) => Uint8Array;
  /** The dtype of results that match the source. */
  readonly result: string;
}

const ENCODINGS: readonly Encoded[] = [
  {
    dtype: 'F64',
    encode: (numbers) => new Uint8Array(Float64Array.from(numbers).buffer),
    result: 'F32',
  },
  // The upper half of a float16, so that the numbers are known without our own decoder.
  {
    dtype: 'F8_E5M2',
    encode: (numbers) => Uint8Array.from(numbers, (number) => E5M2.indexOf(number)),
    result: 'F16',
  },
];

/** The finite numbers of F8_E5M2 by their bytes, derived from those of float16. */
const E5M2 = [
  ...decodeTensor({
    dtype: 'F16',
    shape: [256],
    bytes: Uint8Array.from({ length: 512 }, (_, at) => (at % 2 === 0 ? 0 : at >> 1)),
  }),
];

/** Random numbers that every dtype represents exactly. */
function numbers(shape: readonly number[], seed: number): Float32Array {
  const next = uniform(seed);
  const count = shape.reduce((product, size) => product * size, 1);
  return Float32Array.from(
    { length: count },
    () => E5M2[0x28 + Math.floor(16 * next())]! * (next() < 0.5 ? -1 : 1),
  );
}

type Shapes = Readonly<Record<string, readonly number[]>>;

/** Adapters of several formats: some of them are staged after they are decoded. */
const SOURCES: Readonly<Record<string, { readonly shapes: Shapes; readonly config: object | null }>> = {
  peft: {
    shapes: {
      'base_model.model.q_proj.lora_A.weight': [4, 20],
      'base_model.model.q_proj.lora_B.weight': [16, 4],
    },
    config: { peft_type: 'LORA', r: 4, lora_alpha: 6 },
  },
  'peft of AdaLoRA': {
    shapes: {
      'base_model.model.q_proj.lora_A': [4, 20],
      'base_model.model.q_proj.lora_B': [16, 4],
      'base_model.model.q_proj.lora_E': [4, 1],
    },
    config: { peft_type: 'ADALORA', init_r: 4, lora_alpha: 6 },
  },
  kohya: {
    shapes: {
      'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q.lora_down.weight': [4, 20],
      'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q.lora_up.weight': [16, 4],
      'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q.alpha': [1],
      'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_q.hada_w1_a': [16, 2],
      'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_q.hada_w1_b': [2, 20],
      'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_q.hada_w2_a': [16, 2],
      'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_q.hada_w2_b': [2, 20],
    },
    config: null,
  },
  mlx: {
    shapes: {
      'model.layers.0.self_attn.q_proj.lora_a': [20, 4],
      'model.layers.0.self_attn.q_proj.lora_b': [4, 16],
    },
    config: { fine_tune_type: 'lora', num_layers: 1, lora_parameters: { rank: 4, scale: 2 } },
  },
};

const HEAD = 'base_model.model.score.weight';

function made(name: string, encoded: Encoded | null): Bytes {
  const { shapes, config } = SOURCES[name]!;
  const tensors = Object.entries(shapes).map(([tensor, shape], index): [string, Tensor] => {
    const values = numbers(shape, 30 + index);
    if (!encoded) return [tensor, float32Tensor(shape, values)];
    return [tensor, { dtype: encoded.dtype, shape, bytes: encoded.encode(values) }];
  });
  // Tensors that are carried over stay equal, byte for byte.
  const head: [string, Tensor][] =
    name === 'peft' ? [[HEAD, { dtype: 'F64', shape: [1, 2], bytes: new Uint8Array(16).fill(0x3f) }]] : [];
  const weights = buildSafetensors(Object.fromEntries([...head, ...tensors]));
  return { weights, config: config && JSON.stringify(config) };
}

describe('factors in float64 and in 8 bits', () => {
  let pool: ComputePool;
  before(async () => {
    pool = await ComputePool.start('cpu', 1);
  });
  after(() => pool.close());

  for (const encoded of ENCODINGS) {
    for (const name of Object.keys(SOURCES)) {
      it(`${encoded.dtype}, ${name}: give the same results as equal numbers in float32`, async () => {
        for (const rank of [2, 4]) {
          const target = { rank, dtype: 'float32' } as const;
          const is = (await squeezeBytes(pool, made(name, encoded), target))!;
          const plain = made(name, null);
          const should = (await squeezeBytes(pool, plain, target)) ?? plain;
          const [found, expected] = [is, should].map(({ weights }) => parseSafetensors(weights).tensors);
          const numbersOf = (tensors: ReadonlyMap<string, Tensor>) =>
            new Map(
              [...tensors]
                .filter(([tensor]) => !tensor.endsWith('.alpha'))
                .map(([tensor, { shape, bytes }]) => [tensor, { shape, bytes: Buffer.from(bytes) }]),
            );
          if (rank < 4) assert.deepEqual(numbersOf(found!), numbersOf(expected!));
          else assert.deepEqual([...found!.keys()].sort(), [...expected!.keys()].sort());
          assert.ok(
            is.warnings.some((text) => text.includes(`tensors are ${encoded.dtype}`)),
            is.warnings.join('\n'),
          );
        }
      });
    }

    it(`${encoded.dtype}: results that match the source are ${encoded.result}`, async () => {
      const { weights } = (await squeezeBytes(pool, made('peft', encoded), { rank: 2 }))!;
      const { tensors } = parseSafetensors(weights);
      for (const [tensor, { dtype }] of tensors)
        assert.equal(dtype, tensor === HEAD ? 'F64' : encoded.result, tensor);
      assert.deepEqual(Buffer.from(tensors.get(HEAD)!.bytes), Buffer.alloc(16, 0x3f));
    });
  }

  it('are refused if numbers are too large for float32, by the name of the tensor', async () => {
    const q = 'base_model.model.q_proj';
    const huge = (shape: readonly number[]): Tensor => ({
      dtype: 'F64',
      shape,
      bytes: new Uint8Array(new Float64Array(shape[0]! * shape[1]!).fill(1e300).buffer),
    });
    const weights = buildSafetensors({
      [`${q}.lora_A.weight`]: huge([4, 20]),
      [`${q}.lora_B.weight`]: float32Tensor([16, 4], new Float32Array(64)),
    });
    const config = JSON.stringify({ peft_type: 'LORA', r: 4, lora_alpha: 4 });
    await assert.rejects(
      squeezeBytes(pool, { weights, config }, { rank: 2 }),
      (error) =>
        error instanceof AppError &&
        error.code === 'NON_FINITE_WEIGHTS' &&
        error.message.includes(`${q}.lora_A`),
    );
  });
});
