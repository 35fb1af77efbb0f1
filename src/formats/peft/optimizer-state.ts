import type { Adapter, FactorDtype, FactorEntry, TensorEntry } from '../../adapter/adapter.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';
import { readHeader } from '../../safetensors/safetensors-validator.ts';

/**
 * The averages that optimizers keep for each parameter, by PyTorch's names, and the power of the gradient that each one averages: first
 * moments (Adam, SGD with momentum) are linear in the gradient, second moments quadratic.
 */
export const MOMENTS = {
  exp_avg: 1,
  momentum_buffer: 1,
  exp_avg_sq: 2,
  max_exp_avg_sq: 2,
} as const;
export type MomentName = keyof typeof MOMENTS;

/** One moment of both factors of a module, each of the shape of its factor. */
export interface MomentPair {
  readonly a: FactorEntry;
  readonly b: FactorEntry;
}

/** The moments of an adapter's LoRA factors. */
export interface OptimizerState {
  /** The same for all modules, in the order of MOMENTS. */
  readonly names: readonly MomentName[];
  /** By name, one for each of the adapter's modules, in their order. */
  readonly moments: ReadonlyMap<MomentName, readonly MomentPair[]>;
}

const DTYPES: readonly string[] = ['F32', 'F16', 'BF16'] satisfies FactorDtype[];

/**
 * Reads which moments a safetensors file has. The name of a tensor is that of its factor, a dot and the
 * name of the moment, such as "….lora_A.weight.exp_avg". Every factor must have the same moments, and the file nothing else.
 * @throws AppError OPTIMIZER_STATE_INVALID naming the tensor; what readHeader throws
 */
export async function readOptimizerState(path: string, adapter: Adapter): Promise<OptimizerState> {
  const { tensors } = await readHeader(path);
  const found = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const names = namesIn(tensors);
  const moments = new Map(
    names.map((name): [MomentName, MomentPair[]] => [
      name,
      adapter.modules.map(({ a, b }) => ({ a: take(found, a, name), b: take(found, b, name) })),
    ]),
  );
  const [stranger] = found.keys();
  if (stranger !== undefined) {
    throw invalid(`Tensor ${quote(stranger)} is not a moment of a LoRA factor of the checkpoint.`, stranger);
  }
  return { names, moments };
}

function namesIn(tensors: readonly TensorEntry[]): MomentName[] {
  const endings = new Set(tensors.map(({ name }) => name.slice(name.lastIndexOf('.') + 1)));
  const names = (Object.keys(MOMENTS) as MomentName[]).filter((name) => endings.has(name));
  if (names.length > 0) return names;
  throw invalid(
    `The optimizer state has no moments. The name of a moment is that of its factor, followed by one of ${Object.keys(
      MOMENTS,
    )
      .map((name) => `.${name}`)
      .join(', ')}`,
    tensors[0]?.name ?? null,
  );
}

/** The moment of a factor, which is removed from `found`: what remains at the end is not a moment. */
function take(found: Map<string, TensorEntry>, factor: FactorEntry, moment: MomentName): FactorEntry {
  const name = `${factor.name}.${moment}`;
  const tensor = found.get(name);
  if (!tensor) throw invalid(`The optimizer state lacks tensor ${quote(name)}.`, name);
  if (tensor.shape.join() !== factor.shape.join()) {
    throw invalid(
      `Tensor ${quote(name)} has shape [${tensor.shape}], but its factor has [${factor.shape}].`,
      name,
    );
  }
  if (!isFactor(tensor)) {
    throw invalid(
      `Tensor ${quote(name)} has dtype ${tensor.dtype}; moments may be ${DTYPES.join(', ')}.`,
      name,
    );
  }
  found.delete(name);
  return tensor;
}

const isFactor = (tensor: TensorEntry): tensor is FactorEntry => DTYPES.includes(tensor.dtype);

function invalid(message: string, tensor: string | null): AppError {
  return new AppError('OPTIMIZER_STATE_INVALID', message, { tensor });
}
