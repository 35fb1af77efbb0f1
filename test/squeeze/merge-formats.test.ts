import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Target } from '../../src/contract/target.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { merge } from '../../src/squeeze/merge/merge.ts';
import { parseGgufAdapter } from '../formats/gguf/gguf-oracle.ts';
import { parseKohyaAdapter } from '../formats/kohya/kohya-oracle.ts';
import { parseMlxAdapter } from '../formats/mlx/mlx-oracle.ts';
import type { Bytes } from '../formats/squeezing-files.ts';
import { buildGguf, TYPE } from '../gguf/gguf-file.ts';
import { gaussianMatrix } from '../oracle/known-matrices.ts';
import { type Matrix, transpose } from '../oracle/linear-algebra.ts';
import { type OracleAdapter, parsePeftAdapter } from '../oracle/peft-adapter.ts';
import {
  buildSafetensors,
  decodeTensor,
  float32Tensor,
  parseSafetensors,
  type Tensor,
  tensorMatrix,
} from '../oracle/safetensors.ts';
import { allowedError, scoreAdapter } from '../oracle/score.ts';
import { weightedSum } from '../oracle/weighted-sum.ts';
import { computeFixture } from './compute-fixture.ts';
import { requireSuccess, type SuccessfulOutcome } from './successful-squeeze.ts';

const compute = computeFixture();
const [M, N] = [24, 20];

/** Random factors of a linear layer. */
const factors = (rank: number, seed: number): { a: Matrix; b: Matrix } => ({
  a: gaussianMatrix(rank, N, 2 * seed),
  b: gaussianMatrix(M, rank, 2 * seed + 1),
});
const tensorOf = ({ rows, columns, data }: Matrix): Tensor => float32Tensor([rows, columns], data);
const numbersOf = (...parts: Matrix[]): Uint8Array =>
  new Uint8Array(Float32Array.from(parts.flatMap(({ data }) => [...data])).buffer);

const file = (
  tensors: Readonly<Record<string, Tensor>>,
  { config = null as object | null, metadata = {} as Readonly<Record<string, string>> } = {},
): Bytes => ({ weights: buildSafetensors(tensors, metadata), config: config && JSON.stringify(config) });

/** Adds adapters with weights 0.7, −0.4, 1, … */
async function mergeFiles(
  parts: readonly Bytes[],
  target: Target,
): Promise<SuccessfulOutcome & { readonly files: Bytes }> {
  const scratchDir = mkdtempSync(join(tmpdir(), 'merged-'));
  try {
    const sources = parts.map(({ weights, config }, index) => {
      const weightsPath = join(scratchDir, `source-${index}`);
      writeFileSync(weightsPath, weights);
      return {
        id: `ad_${index}`,
        sha256: `${index}`.repeat(64),
        bytes: weights.length,
        base_model: null,
        weightsPath,
        configBytes: config === null ? null : Buffer.from(config),
        weight: WEIGHTS[index]!,
      };
    });
    const outcome = await merge(
      {
        parts: sources,
        targets: [target],
        options: { method: 'exact' },
        scratchDir,
        onProgress: () => {},
        signal: new AbortController().signal,
      },
      compute.pool,
    );
    const all = requireSuccess(outcome);
    const written = all.targets[0]!.files!;
    const config = written.find(({ name }) => name === 'adapter_config.json');
    const files = {
      weights: readFileSync(written[0]!.path),
      config: config ? readFileSync(config.path, 'utf8') : null,
    };
    return { ...all, files };
  } finally {
    rmSync(scratchDir, { recursive: true });
  }
}
const WEIGHTS = [0.7, -0.4, 1];

/**
 * Asserts that the merge of the files is the best of its rank, as the program of their format would load it.
 */
async function assertBest(
  parts: readonly Bytes[],
  parse: (files: Bytes) => OracleAdapter,
  inOracle: readonly OracleAdapter[] = parts.map(parse),
): Promise<Bytes> {
  const sum = weightedSum(inOracle.map((adapter, index) => ({ adapter, weight: WEIGHTS[index]! })));
  let last: Bytes | undefined;
  for (const rank of [100, 3]) {
    const { files } = await mergeFiles(parts, { rank });
    for (const [name, score] of scoreAdapter(sum, parse(files))) {
      assert.ok(
        score.actualError <= allowedError(score, 1e-6),
        `${name}, rank ${rank}: ${score.actualError}`,
      );
    }
    last = files;
  }
  return last!;
}

/** Asserts that the sum satisfies the profile of a server. */
async function assertLoads(parts: readonly Bytes[], profile: string): Promise<void> {
  const { targets } = await mergeFiles(parts, { rank: 3, profile });
  const { serving } = targets[0]!.result;
  assert.deepEqual([serving!.profile, serving!.rules.filter(({ passed }) => !passed)], [profile, []]);
  assert.ok(serving!.rules.length > 3);
}

const Q = 'lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q';
/** The same layer of Stable Diffusion XL with the names of the original UNet. */
const LDM_Q = 'lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q';
const K = 'lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_k';

const kohya = (
  modules: Readonly<Record<string, [rank: number, seed: number, alpha: number | null]>>,
  metadata = {},
) =>
  file(
    Object.fromEntries(
      Object.entries(modules).flatMap(([name, [rank, seed, alpha]]) => {
        const { a, b } = factors(rank, seed);
        return [
          [`${name}.lora_down.weight`, tensorOf(a)],
          [`${name}.lora_up.weight`, tensorOf(b)],
          ...(alpha === null ? [] : [[`${name}.alpha`, float32Tensor([], [alpha])]]),
        ] as [string, Tensor][];
      }),
    ),
    { metadata },
  );
const parseKohya = ({ weights }: Bytes) => parseKohyaAdapter(weights);

describe('a merge stays in the format of its sources', () => {
  it('kohya: alphas, ranks and sets of modules may differ; common metadata are kept', async () => {
    const result = await assertBest(
      [
        kohya(
          { [Q]: [4, 1, 2], [K]: [4, 2, null] },
          { ss_base_model_version: 'sdxl_base_v1-0', ss_tag: 'one' },
        ),
        kohya({ [Q]: [6, 3, 6] }, { ss_base_model_version: 'sdxl_base_v1-0', ss_tag: 'two' }),
      ],
      parseKohya,
    );
    const { metadata } = parseSafetensors(result.weights);
    assert.deepEqual(
      [metadata.ss_base_model_version, metadata.ss_tag, metadata.ss_network_dim],
      ['sdxl_base_v1-0', undefined, '3'],
    );
  });

  it('kohya: a layer is recognised under both of its names', async () => {
    const parts = [kohya({ [LDM_Q]: [4, 1, 2] }), kohya({ [Q]: [5, 2, 5] })];
    const renamed = new Map([[LDM_Q, parseKohya(parts[1]!).modules.get(Q)!]]);
    await assertBest(parts, parseKohya, [
      parseKohya(parts[0]!),
      { ...parseKohya(parts[1]!), modules: renamed },
    ]);
  });

  it('diffusers and XLabs, which have no alphas', async () => {
    const formats: readonly (readonly [a: string, b: string])[] = [
      [
        'transformer.transformer_blocks.0.attn.to_q.lora_A.weight',
        'transformer.transformer_blocks.0.attn.to_q.lora_B.weight',
      ],
      ['double_blocks.0.processor.qkv_lora1.down.weight', 'double_blocks.0.processor.qkv_lora1.up.weight'],
    ];
    for (const [nameA, nameB] of formats) {
      const parse = ({ weights }: Bytes): OracleAdapter => {
        const { tensors, metadata } = parseSafetensors(weights);
        assert.deepEqual([...tensors.keys()].sort(), [nameA, nameB]);
        const [a, b] = [tensorMatrix(tensors.get(nameA)!), tensorMatrix(tensors.get(nameB)!)];
        const module = { a, b, rank: a.rows, scale: 1, dtype: 'F32', tensorNames: [nameA, nameB] as const };
        return { config: {}, metadata, modules: new Map([['q', module]]), passthrough: new Map() };
      };
      const parts = [4, 5].map((rank) => {
        const { a, b } = factors(rank, rank);
        return file({ [nameA]: tensorOf(a), [nameB]: tensorOf(b) });
      });
      await assertBest(parts, parse);
    }
  });

  it('MLX: different layers, with a scale each', async () => {
    const path = (layer: number, name: string) => `model.layers.${layer}.self_attn.${name}`;
    const mlx = (modules: readonly string[], rank: number, scale: number, num_layers: number) =>
      file(
        Object.fromEntries(
          modules.flatMap((name, index) => {
            const { a, b } = factors(rank, 10 * rank + index);
            return [
              [`${name}.lora_a`, tensorOf(transpose(a))],
              [`${name}.lora_b`, tensorOf(transpose(b))],
            ] as const;
          }),
        ),
        {
          config: {
            fine_tune_type: 'lora',
            model: 'org/model',
            num_layers,
            lora_parameters: {
              rank,
              scale,
              dropout: 0,
              keys: [...new Set(modules.map((name) => name.slice(15)))],
            },
          },
        },
      );
    const parse = ({ weights, config }: Bytes) => parseMlxAdapter(weights, config!);
    const parts = [mlx([path(0, 'q_proj')], 4, 20, 2), mlx([path(0, 'q_proj'), path(1, 'v_proj')], 5, 2, 1)];
    const { config } = await assertBest(parts, parse);
    const { num_layers, model, lora_parameters } = JSON.parse(config!);
    assert.deepEqual(
      [model, num_layers, lora_parameters],
      ['org/model', -1, { rank: 3, scale: 1, dropout: 0, keys: ['self_attn.q_proj', 'self_attn.v_proj'] }],
    );
    await assertLoads(parts, 'mlx-lm');
  });

  it('GGUF: linear layers and stacked experts', async () => {
    const gguf = (rank: number, alpha: number, architecture = 'qwen2moe'): Bytes => {
      const [q, ...experts] = [0, 1, 2].map((index) => factors(rank, 10 * rank + index));
      const keyValues = [
        ['general.architecture', TYPE.str, architecture],
        ['general.type', TYPE.str, 'adapter'],
        ['adapter.type', TYPE.str, 'lora'],
        ['adapter.lora.alpha', TYPE.f32, alpha],
      ] as const;
      const tensors = [
        { name: 'blk.0.attn_q.weight.lora_a', ne: [N, rank], type: 'F32', bytes: numbersOf(q!.a) },
        { name: 'blk.0.attn_q.weight.lora_b', ne: [rank, M], type: 'F32', bytes: numbersOf(q!.b) },
        {
          name: 'blk.0.ffn_up_exps.weight.lora_a',
          ne: [N, rank, 2],
          type: 'F32',
          bytes: numbersOf(...experts.map(({ a }) => a)),
        },
        {
          name: 'blk.0.ffn_up_exps.weight.lora_b',
          ne: [rank, M, 2],
          type: 'F32',
          bytes: numbersOf(...experts.map(({ b }) => b)),
        },
      ] as const;
      return { weights: buildGguf({ keyValues, tensors }), config: null };
    };
    await assertBest([gguf(4, 8), gguf(5, 0)], ({ weights }) => parseGgufAdapter(weights));
    await assertLoads([gguf(4, 8), gguf(5, 0)], 'llama-cpp');
    await refused([gguf(4, 8), gguf(4, 8, 'qwen3moe')], 'MERGE_BASE_MISMATCH', '"qwen2moe"', '"qwen3moe"');
  });

  it('PEFT: adapters converted to LoRA can be added to LoRA', async () => {
    const path = 'base_model.model.model.layers.0.self_attn.q_proj';
    const config = { base_model_name_or_path: 'org/model', target_modules: ['q_proj'] };
    const [lora, ada] = [factors(4, 1), factors(5, 2)];
    const parts = [
      file(
        { [`${path}.lora_A.weight`]: tensorOf(lora.a), [`${path}.lora_B.weight`]: tensorOf(lora.b) },
        { config: { ...config, peft_type: 'LORA', r: 4, lora_alpha: 8 } },
      ),
      file(
        {
          [`${path}.lora_A`]: tensorOf(ada.a),
          [`${path}.lora_B`]: tensorOf(ada.b),
          [`${path}.lora_E`]: float32Tensor([5, 1], [1, 1, 1, 1, 1]),
        },
        { config: { ...config, peft_type: 'ADALORA', init_r: 5, lora_alpha: 10 } },
      ),
    ];
    const parse = ({ weights, config: text }: Bytes) => parsePeftAdapter(weights, text!);
    const first = parse(parts[0]!);
    const [[name, module]] = [...first.modules] as [
      [string, NonNullable<ReturnType<typeof first.modules.get>>],
    ];
    const second = { ...module, ...ada, rank: 5, scale: 10 / (5 + 1e-5) };
    const { config: written } = await assertBest(parts, parse, [
      first,
      { ...first, modules: new Map([[name, second]]) },
    ]);
    assert.equal(JSON.parse(written!).peft_type, 'LORA');
  });

  it('PEFT: experts that share tensors', async () => {
    const path = 'base_model.model.model.layers.0.mlp.experts';
    const experts = (rank: number, seed: number, target_parameters = ['mlp.experts.down_proj']) => {
      const a = gaussianMatrix(3 * rank, N, seed);
      const b = gaussianMatrix(M, 3 * rank, seed + 1);
      return file(
        { [`${path}.lora_A.weight`]: tensorOf(a), [`${path}.lora_B.weight`]: tensorOf(b) },
        { config: { peft_type: 'LORA', r: rank, lora_alpha: rank, target_modules: [], target_parameters } },
      );
    };
    // B has the expert as its inner index.
    const parse = ({ weights, config }: Bytes): OracleAdapter => {
      const { r: rank, lora_alpha: alpha } = JSON.parse(config!);
      const { tensors, metadata } = parseSafetensors(weights);
      const [a, b] = ['A', 'B'].map((factor) => tensorMatrix(tensors.get(`${path}.lora_${factor}.weight`)!));
      const modules = [0, 1, 2].map((e) => {
        const pick = (data: Float64Array, wanted: (at: number) => boolean) =>
          data.filter((_, at) => wanted(at));
        const own = {
          a: { rows: rank, columns: N, data: a!.data.slice(e * rank * N, (e + 1) * rank * N) },
          b: { rows: M, columns: rank, data: pick(b!.data, (at) => at % 3 === e) },
        };
        const names = ['A', 'B'] as const;
        return [
          `down#${e}`,
          { ...own, rank, scale: alpha / rank, dtype: 'F32', tensorNames: names },
        ] as const;
      });
      return { config: {}, metadata, modules: new Map(modules), passthrough: new Map() };
    };
    await assertBest([experts(4, 1), experts(2, 5)], parse);
    await refused(
      [experts(4, 1), experts(4, 5, ['mlp.experts.down_proj', 'mlp.experts.gate_up_proj'])],
      'MERGE_UNSUPPORTED',
      'target_parameters',
    );
  });
});

async function refused(parts: readonly Bytes[], code: string, ...words: string[]): Promise<void> {
  await assert.rejects(mergeFiles(parts, { rank: 2 }), (error) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code, error.message);
    for (const word of words) assert.ok(error.message.includes(word), error.message);
    return true;
  });
}

describe('a merge is refused', () => {
  const layer = 'unet:0';
  const numbered = (classes: string, layers = 1) =>
    file(
      Object.fromEntries(
        Array.from({ length: layers }, (_, index) => factors(4, index)).flatMap(({ a, b }, index) => [
          [`unet:${index}:down`, tensorOf(a)],
          [`unet:${index}:up`, tensorOf(b)],
        ]),
      ),
      { metadata: { unet: classes, [`${layer}:rank`]: '4' } },
    );

  it('of adapters in different formats', async () => {
    await refused(
      [kohya({ [Q]: [4, 1, 4] }), numbered('["A"]')],
      'MERGE_UNSUPPORTED',
      'kohya',
      'cloneofsimo',
      'convert',
    );
  });

  it('if layers have numbers with different meanings', async () => {
    const same = await mergeFiles([numbered('["A"]'), numbered('["A"]')], { rank: 2 });
    assert.equal(parseSafetensors(same.files.weights).metadata[`${layer}:rank`], '2');
    await refused([numbered('["A"]'), numbered('["B"]')], 'MERGE_UNSUPPORTED', '"unet"');
    await refused([numbered('["A"]'), numbered('["A"]', 2)], 'MERGE_UNSUPPORTED', '"unet"');
  });

  it('with DoRA in one of the adapters', async () => {
    const dora = withTensors(kohya({ [Q]: [4, 2, 4] }), {
      [`${Q}.dora_scale`]: float32Tensor([M, 1], new Float32Array(M)),
    });
    await refused([kohya({ [Q]: [4, 1, 4] }), dora], 'MERGE_UNSUPPORTED', 'DoRA', 'ad_1');
  });

  it('if a layer has factors in one adapter and a difference of the whole weight in another', async () => {
    const norm = 'lora_unet_norm';
    const both = withTensors(kohya({ [norm]: [4, 1, 4] }), {});
    const whole = withTensors(kohya({ [Q]: [4, 2, 4] }), {
      [`${norm}.w_norm`]: float32Tensor([M], new Float32Array(M)),
    });
    await refused([both, whole], 'MERGE_UNSUPPORTED', `"${norm}.w_norm"`, `"${norm}"`, 'ad_0', 'ad_1');
  });

  it('if differences of one name have different shapes, unsupported dtypes, or values that are not numbers', async () => {
    const name = `${Q}.diff_b`;
    const having = (tensor: Tensor) => withTensors(kohya({ [Q]: [4, 1, 4] }), { [name]: tensor });
    const plain = having(float32Tensor([M], new Float32Array(M)));
    const longer = having(float32Tensor([M + 1], new Float32Array(M + 1)));
    await refused([plain, longer], 'MERGE_SHAPE_MISMATCH', `"${name}"`, `[${M}]`, `[${M + 1}]`, 'ad_1');
    const integers = having({ dtype: 'I64', shape: [M], bytes: new Uint8Array(8 * M) });
    await refused([plain, integers], 'MERGE_UNSUPPORTED', `"${name}"`, 'I64', 'ad_1');
    const nan = having(float32Tensor([M], new Float32Array(M).fill(Number.NaN)));
    await refused([plain, nan], 'NON_FINITE_WEIGHTS', `"${name}"`, 'ad_1');
    const huge = having(float32Tensor([M], new Float32Array(M).fill(3e38)));
    await refused([huge, plain, huge], 'NON_FINITE_RESULT', `"${name}"`, 'float32');
  });
});

/** A file with additional tensors. */
function withTensors({ weights, config }: Bytes, more: Readonly<Record<string, Tensor>>): Bytes {
  const { tensors, metadata } = parseSafetensors(weights);
  return { weights: buildSafetensors({ ...Object.fromEntries(tensors), ...more }, metadata), config };
}

/** Σ weight·tensor over the files that have it, in float64. @param names in each file */
function summed(parts: readonly Bytes[], names: readonly (string | null)[]): Float64Array {
  const sum = new Float64Array(M);
  for (const [index, name] of names.entries()) {
    if (name === null) continue;
    const numbers = decodeTensor(parseSafetensors(parts[index]!.weights).tensors.get(name)!);
    for (const [at, number] of numbers.entries()) sum[at]! += WEIGHTS[index]! * number;
  }
  return sum;
}

function assertSum(files: Bytes, name: string, expected: Float64Array): void {
  const tensor = parseSafetensors(files.weights).tensors.get(name);
  assert.ok(tensor, `${name} is missing`);
  assert.deepEqual([tensor.dtype, tensor.shape], ['F32', [expected.length]]);
  // Weights with few decimal digits put sums exactly between two float32 numbers, where the rounding of
  // float64 decides.
  for (const [at, number] of decodeTensor(tensor).entries()) {
    const [off, exact] = [Math.abs(number - expected[at]!), Math.abs(expected[at]!)];
    assert.ok(
      off <= 2 ** -24 * exact * (1 + 1e-6) + 1e-14,
      `${name}[${at}]: ${number}, not ${expected[at]!}`,
    );
  }
}

describe('adding tensors that belong to the base model', () => {
  const vector = (seed: number): Tensor => float32Tensor([M], gaussianMatrix(1, M, seed).data);
  /** Numbers of bfloat16: the upper halves of float32. */
  const inBfloat16 = (seed: number): Tensor => {
    const words = new Uint16Array(new Uint8Array(vector(seed).bytes).buffer).filter((_, at) => at % 2 === 1);
    return { dtype: 'BF16', shape: [M], bytes: new Uint8Array(words.buffer) };
  };
  const inFloat64 = (seed: number): Tensor => {
    const numbers = Float64Array.from(decodeTensor(vector(seed)));
    return { dtype: 'F64', shape: [M], bytes: new Uint8Array(numbers.buffer) };
  };

  it('kohya: differences of biases and norms, in any dtype, some of which only one adapter has', async () => {
    const [norm, text] = ['lora_unet_out_0', 'lora_te1_text_model_final_layer_norm'];
    const parts = [
      withTensors(kohya({ [Q]: [4, 1, 2] }), {
        [`${Q}.diff_b`]: vector(1),
        [`${norm}.diff`]: vector(2),
        [`${norm}.diff_b`]: inFloat64(3),
      }),
      withTensors(kohya({ [LDM_Q]: [5, 2, 5] }), {
        // The same layer under its other name.
        [`${LDM_Q}.diff_b`]: inBfloat16(4),
        [`${norm}.diff`]: vector(5),
        [`${text}.w_norm`]: vector(6),
        [`${text}.b_norm`]: vector(7),
      }),
      kohya({ [Q]: [3, 3, 3] }),
    ];
    for (const target of [{ rank: 100 }, { rank: 3 }, { rank: 3, dtype: 'float16' }] as const) {
      const { files } = await mergeFiles(parts, target);
      assertSum(files, `${Q}.diff_b`, summed(parts, [`${Q}.diff_b`, `${LDM_Q}.diff_b`]));
      assertSum(files, `${norm}.diff`, summed(parts, [`${norm}.diff`, `${norm}.diff`]));
      assertSum(files, `${norm}.diff_b`, summed(parts, [`${norm}.diff_b`]));
      assertSum(files, `${text}.w_norm`, summed(parts, [null, `${text}.w_norm`]));
      assertSum(files, `${text}.b_norm`, summed(parts, [null, `${text}.b_norm`]));
      const names = [...parseSafetensors(files.weights).tensors.keys()];
      assert.equal(names.filter((name) => /\.(?:diff|diff_b|w_norm|b_norm)$/.test(name)).length, 5);
    }
  });

  it('files for ComfyUI (diffusion_model.…): the differences that Wan has', async () => {
    const [q, k] = ['diffusion_model.blocks.0.cross_attn.q', 'diffusion_model.blocks.0.cross_attn.norm_k'];
    const parts = [1, 2].map((seed) => {
      const { a, b } = factors(4, seed);
      return file({
        [`${q}.lora_A.weight`]: tensorOf(a),
        [`${q}.lora_B.weight`]: tensorOf(b),
        [`${q}.diff_b`]: vector(seed),
        [`${k}.diff`]: vector(10 + seed),
      });
    });
    const { files } = await mergeFiles(parts, { rank: 3 });
    assertSum(files, `${q}.diff_b`, summed(parts, [`${q}.diff_b`, `${q}.diff_b`]));
    assertSum(files, `${k}.diff`, summed(parts, [`${k}.diff`, `${k}.diff`]));
  });

  it('PEFT: biases of LoRA, each times the scale of its module', async () => {
    const path = (name: string) => `base_model.model.layers.0.${name}`;
    const peft = (names: readonly string[], rank: number, alpha: number, options: object, seed: number) =>
      file(
        Object.fromEntries(
          names.flatMap((name, index) => {
            const { a, b } = factors(rank, seed + index);
            return [
              [`${path(name)}.lora_A.weight`, tensorOf(a)],
              [`${path(name)}.lora_B.weight`, tensorOf(b)],
              [`${path(name)}.lora_B.bias`, vector(seed + index)],
            ] as const;
          }),
        ),
        {
          config: {
            peft_type: 'LORA',
            r: rank,
            lora_alpha: alpha,
            target_modules: names,
            lora_bias: true,
            ...options,
          },
        },
      );
    const parts = [peft(['q_proj'], 4, 8, {}, 1), peft(['q_proj', 'v_proj'], 9, 6, { use_rslora: true }, 11)];
    // The first adapter without its bias.
    const { tensors, metadata } = parseSafetensors(parts[0]!.weights);
    const others = [...tensors].filter(([name]) => !name.endsWith('.bias'));
    const bare = {
      weights: buildSafetensors(Object.fromEntries(others), metadata),
      config: parts[0]!.config!.replace('"lora_bias":true', '"lora_bias":false'),
    };
    for (const scale of ['fold', 'keep', 'sqrt'] as const) {
      for (const sources of [parts, [bare, parts[1]!]]) {
        const { files } = await mergeFiles(sources, { rank: 3, scale });
        const { modules, passthrough, config } = parsePeftAdapter(files.weights, files.config!);
        assert.equal(config.lora_bias, true);
        for (const [name, scales] of [
          ['q_proj', [sources === parts ? 2 : null, 2]],
          ['v_proj', [null, 2]],
        ] as const) {
          const bias = `${path(name)}.lora_B.bias`;
          const made = decodeTensor(passthrough.get(bias)!);
          const expected = new Float64Array(M);
          for (const [index, own] of scales.entries()) {
            if (own === null) continue;
            const given = decodeTensor(parseSafetensors(sources[index]!.weights).tensors.get(bias)!);
            for (const [at, number] of given.entries()) expected[at]! += WEIGHTS[index]! * own * number;
          }
          const left = modules.get(`layers.0.${name}`)!.scale;
          for (const [at, number] of made.entries()) {
            const off = Math.abs(left * number - expected[at]!);
            assert.ok(off <= 1e-6 * Math.abs(expected[at]!) + 1e-7, `${name}, ${scale}: off by ${off}`);
          }
        }
      }
    }
  });
});
