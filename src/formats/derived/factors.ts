import type { FactorEntry, TensorEntry } from '../../adapter/adapter.ts';
import type { MatrixEntry } from '../../adapter/staging-plan.ts';
import { quote } from '../../json/quote.ts';
import { isFactorDtype, SQUEEZED } from '../../safetensors/dtype.ts';
import { type Part, refuseModule, refuseTensor, type Site } from './site.ts';

/**
 * A tensor of numbers as a matrix: its first axis by all the others.
 * @throws AppError UNSUPPORTED_DTYPE, LORA_RANK_DIMS, ST_VALIDATION_OVERFLOW
 */
export function matrixOf(tensor: TensorEntry): MatrixEntry {
  const { dtype, shape } = tensor;
  if (!isFactorDtype(dtype)) {
    throw refuseTensor('UNSUPPORTED_DTYPE', tensor, `has dtype ${dtype}; only ${SQUEEZED} can be squeezed`);
  }
  if (shape.length < 2)
    throw refuseTensor('LORA_RANK_DIMS', tensor, `has the shape [${shape}], which is not that of a matrix`);
  const columns = sizeOf(shape.slice(1));
  if (shape.includes(0))
    throw refuseTensor('LORA_RANK_ZERO', tensor, `has the shape [${shape}], which is empty`);
  return { entry: { ...tensor, dtype } as FactorEntry, rows: shape[0]!, columns };
}

/** Elements of a shape; 1 of []. */
export const sizeOf = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, 1);

/** The kernel in the shape of a factor; null for a matrix, which a flattened convolution looks like. */
export const kernelIn = ({ entry: { shape } }: MatrixEntry): readonly number[] | null =>
  shape.length > 2 ? shape.slice(2) : null;

/**
 * A tensor that the module has to have.
 * @throws AppError LORA_UNPAIRED naming a tensor of the module and the missing one
 */
export function requiredMatrix({ module, parts }: Site, part: Part, name: string): MatrixEntry {
  const tensor = parts.get(part);
  if (tensor) return matrixOf(tensor);
  const [present] = parts.values();
  throw refuseModule('LORA_UNPAIRED', module, `has ${quote(present!.name)} but no ${name}`);
}

/** @throws AppError ST_VALIDATION_OVERFLOW for updates of more elements than a double counts */
export function checkSize(module: string, m: number, n: number): void {
  if (Number.isSafeInteger(m * n)) return;
  throw refuseModule(
    'ST_VALIDATION_OVERFLOW',
    module,
    `has a ΔW of ${m} × ${n}, which is more than 2^53 elements`,
  );
}
