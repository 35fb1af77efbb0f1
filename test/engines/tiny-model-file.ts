import { buildGguf } from '../gguf/gguf-file.ts';
import { gaussianMatrix } from '../oracle/known-matrices.ts';
import { type Matrix, matrix } from '../oracle/linear-algebra.ts';
import { inGgml, type WrittenType } from './ggml-numbers.ts';
import type { TinyModel } from './tiny-models.ts';

/** The random weights of a model, each [rows, columns], those of experts one below the other. */
export const weightsOf = ({ weights }: TinyModel): Matrix[] =>
  weights.map(({ rows, columns, experts = 1 }, index) => {
    const { data } = gaussianMatrix(rows * experts, columns, 1000 + index);
    return matrix(
      rows * experts,
      columns,
      data.map((value) => value / Math.sqrt(columns)),
    );
  });

/** The file of a model with such weights, given in the order of transformers. */
export function modelFile(
  { weights, others, keys }: TinyModel,
  values: readonly Matrix[],
  type: WrittenType,
): Buffer {
  return buildGguf({
    keyValues: keys,
    tensors: [
      ...weights.map(({ name, rows, columns, experts, heads }, index) => ({
        name: `${name}.weight`,
        ne: [columns, rows, ...(experts === undefined ? [] : [experts])],
        type,
        bytes: inGgml(type, heads === undefined ? values[index]!.data : reordered(values[index]!, heads)),
      })),
      ...others.map(([name, ...ne], index) => {
        const { data } = gaussianMatrix(
          1,
          ne.reduce((size, extent) => size * extent),
          2000 + index,
        );
        const about = ne.length === 1 && name.endsWith('.weight') ? 1 : 0;
        const spread = 0.1;
        return {
          name,
          ne,
          type: 'F32' as const,
          bytes: inGgml(
            'F32',
            data.map((value) => about + spread * value),
          ),
        };
      }),
    ],
  });
}

/**
 * The rows of a head: transformers has the first elements of all pairs, then the second; llama.cpp has each
 * pair together.
 */
function reordered({ rows, columns, data }: Matrix, heads: number): Float64Array {
  const half = rows / heads / 2;
  const result = new Float64Array(data.length);
  for (let row = 0; row < rows; row++) {
    const [head, at] = [Math.floor(row / (2 * half)), row % (2 * half)];
    const to = 2 * half * head + 2 * (at % half) + Math.floor(at / half);
    result.set(data.subarray(row * columns, (row + 1) * columns), to * columns);
  }
  return result;
}
