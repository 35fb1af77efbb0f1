import type { ReadResult } from '../../../src/formats/format.ts';
import { readMlx } from '../../../src/formats/mlx/read-mlx.ts';
import type { TensorSpec } from '../../../src/safetensors/layout.ts';
import { headerOf } from '../peft/build.ts';

/** The two factors of a layer, in the shapes of MLX. */
export const layer = (module: string, rank: number, m = 16, n = 32, dtype = 'F32'): TensorSpec[] => [
  { name: `${module}.lora_a`, dtype, shape: [n, rank] },
  { name: `${module}.lora_b`, dtype, shape: [rank, m] },
];

export const experts = (module: string, count: number, rank: number, m = 16, n = 32): TensorSpec[] => [
  { name: `${module}.lora_a`, dtype: 'F32', shape: [count, rank, n] },
  { name: `${module}.lora_b`, dtype: 'F32', shape: [count, m, rank] },
];

/** A configuration of rank 4 and scale 20; null omits lora_parameters. */
export const configOf = (
  parameters: Readonly<Record<string, unknown>> | null = {},
  fields: Readonly<Record<string, unknown>> = {},
): Uint8Array =>
  Buffer.from(
    JSON.stringify({
      fine_tune_type: 'lora',
      num_layers: 4,
      ...(parameters ? { lora_parameters: { rank: 4, scale: 20, dropout: 0, ...parameters } } : {}),
      ...fields,
    }),
  );

export const readMade = (tensors: readonly TensorSpec[], config: Uint8Array = configOf()): ReadResult =>
  readMlx(headerOf(tensors), config);
