import type { Bytes } from '../formats/squeezing-files.ts';
import { buildGguf, type GgufTensor, type KeyValue, TYPE } from '../gguf/gguf-file.ts';
import { diagonal, factorsWithSpectrum, orthonormalColumns } from '../oracle/known-matrices.ts';
import { type Matrix, matrix, multiply, scaled, transpose } from '../oracle/linear-algebra.ts';
import { buildSafetensors, float32Tensor, type Tensor } from '../oracle/safetensors.ts';
import { inGgml, roundedToQ8 } from './ggml-numbers.ts';
import type { TinyModel, Weight } from './tiny-models.ts';

/** The size of every update before scaling: that of the weights. */
const SIGMA = [2, 1.5, 1, 0.6, 0.3, 0.15];
const RANK = SIGMA.length;
/** lora_alpha / r, and MLX's scale. */
const SCALE = 2;

/** Different numbers for each matrix of a model. */
const seedOf = (index: number, expert: number): number => 100 * index + 10 * expert;
const factorsOf = ({ rows, columns }: Weight, index: number, expert = 0) =>
  factorsWithSpectrum(rows, columns, SIGMA, seedOf(index, expert));
const stackOf = ({ experts = 1 }: Weight): readonly number[] => Array.from({ length: experts }, (_, e) => e);

/**
 * ΔW of each weight of the model, with all its directions or with the few largest, which is the best
 * approximation of that rank. No decomposition is needed: the update was built from these directions.
 * @returns [rows, columns] in the order of transformers, experts one below the other
 */
export const updatesOf = ({ weights }: TinyModel, rank = RANK): Matrix[] =>
  weights.map((weight, index) => {
    const { rows, columns } = weight;
    const sigma = SIGMA.map((value, i) => (i < rank ? SCALE * value : 0));
    const parts = stackOf(weight).map((expert) => {
      const seed = seedOf(index, expert);
      const left = orthonormalColumns(rows, RANK, seed + 2);
      const right = orthonormalColumns(columns, RANK, seed + 3);
      return multiply(multiply(left, diagonal(sigma)), transpose(right));
    });
    return matrix(rows * parts.length, columns, numbersOf(parts));
  });

/**
 * The files of an adapter with these updates, as PEFT writes them, or as mlx-lm does if experts are stacked.
 */
export function adapterOf(model: TinyModel): Bytes {
  const isMlx = model.weights.some(({ experts }) => experts !== undefined);
  const tensors = model.weights.map((weight, index): [string, Tensor][] => {
    const parts = stackOf(weight).map((expert) => factorsOf(weight, index, expert));
    const { path } = weight;
    if (weight.experts !== undefined)
      return [
        [`${path}.lora_a`, stacked(parts.map(({ a }) => a))],
        [`${path}.lora_b`, stacked(parts.map(({ b }) => b))],
      ];
    const [{ a, b }] = parts as [(typeof parts)[0]];
    return isMlx ? mlxPair(weight, a, b) : peftPair(weight, a, b);
  });
  const config = isMlx
    ? {
        fine_tune_type: 'lora',
        num_layers: 2,
        lora_parameters: { rank: RANK, scale: SCALE, dropout: 0, keys: keysOf(model) },
      }
    : { peft_type: 'LORA', r: RANK, lora_alpha: SCALE * RANK, target_modules: 'all-linear' };
  return { weights: buildSafetensors(Object.fromEntries(tensors.flat())), config: JSON.stringify(config) };
}

/**
 * An adapter as llama.cpp's own converter writes it for Q8_0: A of each linear layer is quantised, while the
 * rows of B are too short for that. For models whose rows are not reordered.
 * @returns its file, and ΔW of each weight with the rounded A
 */
export function quantisedAdapterOf({ architecture, weights }: TinyModel): {
  source: Bytes;
  updates: Matrix[];
} {
  const tensors: GgufTensor[] = [];
  const updates = weights.map((weight, index) => {
    const { name, rows, columns, isEmbedding } = weight;
    if (isEmbedding) return matrix(rows, columns);
    const { a, b } = factorsOf(weight, index);
    tensors.push(
      { name: `${name}.weight.lora_a`, ne: [columns, RANK], type: 'Q8_0', bytes: inGgml('Q8_0', a.data) },
      { name: `${name}.weight.lora_b`, ne: [RANK, rows], type: 'F32', bytes: inGgml('F32', b.data) },
    );
    return scaled(multiply(b, { ...a, data: roundedToQ8(a.data) }), SCALE);
  });
  const keyValues: KeyValue[] = [
    ['general.architecture', TYPE.str, architecture],
    ['general.type', TYPE.str, 'adapter'],
    ['adapter.type', TYPE.str, 'lora'],
    ['adapter.lora.alpha', TYPE.f32, SCALE * RANK],
  ];
  return { source: { weights: buildGguf({ keyValues, tensors }), config: null }, updates };
}

/** ΔW = b·a; for an embedding (lora_embedding_B·lora_embedding_A)ᵀ. */
const peftPair = ({ path, isEmbedding }: Weight, a: Matrix, b: Matrix): [string, Tensor][] =>
  isEmbedding
    ? [
        [`base_model.model.${path}.lora_embedding_A`, tensorOf(transpose(b))],
        [`base_model.model.${path}.lora_embedding_B`, tensorOf(transpose(a))],
      ]
    : [
        [`base_model.model.${path}.lora_A.weight`, tensorOf(a)],
        [`base_model.model.${path}.lora_B.weight`, tensorOf(b)],
      ];

/** The names of adapted modules, those of a layer without its number. */
const keysOf = ({ weights }: TinyModel): string[] => [
  ...new Set(weights.map(({ path }) => path.replace(/^model\.layers\.\d+\./, ''))),
];

/** ΔW = (lora_a·lora_b)ᵀ; for an embedding lora_a·lora_b. */
const mlxPair = ({ path, isEmbedding }: Weight, a: Matrix, b: Matrix): [string, Tensor][] => [
  [`${path}.lora_a`, tensorOf(isEmbedding ? b : transpose(a))],
  [`${path}.lora_b`, tensorOf(isEmbedding ? a : transpose(b))],
];

const numbersOf = (parts: readonly Matrix[]): number[] => parts.flatMap(({ data }) => [...data]);
const tensorOf = ({ rows, columns, data }: Matrix): Tensor => float32Tensor([rows, columns], data);
const stacked = (parts: readonly Matrix[]): Tensor =>
  float32Tensor([parts.length, parts[0]!.rows, parts[0]!.columns], numbersOf(parts));
