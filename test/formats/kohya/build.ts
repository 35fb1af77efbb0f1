import type { Adapter, ModulePlan, OutputPlan, ScaleMode } from '../../../src/adapter/adapter.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import type { ReadInput, ReadResult } from '../../../src/formats/format.ts';
import { KOHYA } from '../../../src/formats/kohya/kohya.ts';
import { parseHeader } from '../../../src/safetensors/header.ts';
import { buildSafetensors, type Tensor } from '../../oracle/safetensors.ts';

export type Tensors = Readonly<Record<string, Tensor>>;

const BYTES: Readonly<Record<string, number>> = {
  F64: 8,
  I64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I8: 1,
  F8_E8M0: 1,
};

export const zeros = (shape: readonly number[], dtype = 'F16'): Tensor => ({
  dtype,
  shape,
  bytes: new Uint8Array(shape.reduce((product, size) => product * size, BYTES[dtype]!)),
});

/** An alpha in float32. */
export const alphaTensor = (value: number, shape: readonly number[] = []): Tensor => ({
  dtype: 'F32',
  shape,
  bytes: new Uint8Array(Float32Array.of(value).buffer),
});

/** The pair of one module; of a convolution if it has a kernel. */
export function pair(
  module: string,
  rank: number,
  {
    m = 12,
    n = 10,
    kernel = [],
    alpha,
    dtype = 'F16',
  }: { m?: number; n?: number; kernel?: readonly number[]; alpha?: number; dtype?: string } = {},
): Tensors {
  return {
    [`${module}.lora_down.weight`]: zeros([rank, n, ...kernel], dtype),
    [`${module}.lora_up.weight`]: zeros([m, rank, ...kernel.map(() => 1)], dtype),
    ...(alpha === undefined ? {} : { [`${module}.alpha`]: alphaTensor(alpha) }),
  };
}

/** Tensors of zeros by their names and shapes, each name appended to that of the module. */
export const zerosOf = (module: string, shapes: Readonly<Record<string, readonly number[]>>): Tensors =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [`${module}.${name}`, zeros(shape)]));

export function inputOf(file: Uint8Array): ReadInput {
  const length = Number(Buffer.from(file.buffer, file.byteOffset, 8).readBigUInt64LE());
  return {
    header: parseHeader(file.subarray(8, 8 + length), file.length),
    gguf: null,
    configBytes: null,
    readTensor: async ({ beginByte, endByte }) => Uint8Array.from(file.subarray(beginByte, endByte)),
  };
}

/** The adapter that the reader returns for a file with these tensors. */
export const read = (
  tensors: Tensors,
  metadata: Readonly<Record<string, string>> = {},
): Promise<ReadResult> => KOHYA.read(inputOf(buildSafetensors(tensors, metadata)));

export const adapterOf = async (...given: Parameters<typeof read>): Promise<Adapter> =>
  (await read(...given)).adapter;

/** The error with which the reader refuses a file with these tensors. */
export async function refusalOf(tensors: Tensors): Promise<AppError> {
  try {
    await read(tensors);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('accepted what should have been refused');
}

/** A plan with every module at its given rank. */
export function planOf(
  adapter: Adapter,
  rankOf: (name: string, rank: number) => number,
  scale: ScaleMode = 'fold',
  provenance: ReadonlyMap<string, string> = new Map(),
): OutputPlan {
  return KOHYA.plan(adapter, plansOf(adapter, rankOf), { scale, provenance });
}

/** The same with the scales that a target without `scale` gets. */
export function planFolded(adapter: Adapter, rankOf: Parameters<typeof planOf>[1]): OutputPlan {
  return planOf(adapter, rankOf, KOHYA.folded!(plansOf(adapter, rankOf)));
}

const plansOf = (adapter: Adapter, rankOf: Parameters<typeof planOf>[1]): ModulePlan[] =>
  adapter.modules.map((module) => ({
    module,
    rank: rankOf(module.name, module.rank),
    dtypeA: module.a.dtype,
    dtypeB: module.b.dtype,
  }));
