import type {
  Adapter,
  FactorDtype,
  ModulePlan,
  OutputPlan,
  ScaleMode,
} from '../../../src/adapter/adapter.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import type { Format, ReadInput } from '../../../src/formats/format.ts';
import { parseHeader, type SafetensorsHeader } from '../../../src/safetensors/header.ts';
import { layOut, type TensorSpec } from '../../../src/safetensors/layout.ts';

/** A tensor of a generated file; only small ones have bytes. */
export interface TensorSource extends TensorSpec {
  readonly bytes?: Uint8Array;
}

export const tensor = (name: string, shape: readonly number[], dtype = 'F32'): TensorSource => ({
  name,
  dtype,
  shape,
});

export const float32Scalar = (name: string, value: number, shape: readonly number[] = []): TensorSource => ({
  name,
  dtype: 'F32',
  shape,
  bytes: new Uint8Array(Float32Array.of(value).buffer),
});

/** A file of these tensors, as a reader gets it. */
export function inputOf(
  tensors: readonly TensorSource[],
  metadata: ReadonlyMap<string, string> = new Map(),
): ReadInput & { readonly header: SafetensorsHeader } {
  const { headerBytes, totalBytes } = layOut(tensors, metadata);
  const bytes = new Map(tensors.map((one) => [one.name, one.bytes]));
  return {
    header: parseHeader(headerBytes.subarray(8), totalBytes),
    gguf: null,
    configBytes: null,
    readTensor: async ({ name }) => {
      const found = bytes.get(name);
      if (!found) throw new Error(`nobody gave the bytes of ${name}`);
      return found;
    },
  };
}

export async function read(
  format: Format,
  tensors: readonly TensorSource[],
  metadata?: Readonly<Record<string, string>>,
): Promise<Adapter> {
  const { adapter, staging } = await format.read(inputOf(tensors, new Map(Object.entries(metadata ?? {}))));
  if (staging) throw new Error('a format of plain factors needs no staging');
  return adapter;
}

/** The tensors of a plan, with the bytes that it has; those of the source are not included. */
export const writtenTensors = ({ tensors }: OutputPlan): TensorSource[] =>
  tensors.map(({ name, dtype, shape, source }) => ({
    name,
    dtype,
    shape,
    ...(source.kind === 'bytes' ? { bytes: source.bytes } : {}),
  }));

export async function reread(format: Format, plan: OutputPlan): Promise<Adapter> {
  return (await format.read(inputOf(writtenTensors(plan), plan.metadata))).adapter;
}

export function planOf(
  format: Format,
  adapter: Adapter,
  scale: ScaleMode,
  rankOf: (name: string, rank: number) => number = (_, rank) => rank,
  { dtype, provenance = new Map() }: { dtype?: FactorDtype; provenance?: ReadonlyMap<string, string> } = {},
): OutputPlan {
  const plans: ModulePlan[] = adapter.modules.map((module) => ({
    module,
    rank: rankOf(module.name, module.rank),
    dtypeA: dtype ?? module.a.dtype,
    dtypeB: dtype ?? module.b.dtype,
  }));
  return format.plan(adapter, plans, { scale, provenance });
}

/** What reading must return of each module, whatever the file looks like. */
export const shapesOf = (adapter: Adapter) =>
  adapter.modules.map(({ name, kind, rank, m, n, a, b }) => ({
    name,
    kind,
    rank,
    m,
    n,
    a: [a.name, a.dtype, a.shape],
    b: [b.name, b.dtype, b.shape],
  }));

/** The error of a call that must fail with an AppError. */
export async function refusal(call: () => unknown): Promise<AppError> {
  try {
    await call();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('accepted what should have been refused');
}
