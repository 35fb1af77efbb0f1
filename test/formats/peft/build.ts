import type { Adapter } from '../../../src/adapter/adapter.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { readPeft } from '../../../src/formats/peft/read-peft.ts';
import { parseHeader, type SafetensorsHeader } from '../../../src/safetensors/header.ts';
import { layOut, type TensorSpec } from '../../../src/safetensors/layout.ts';

export const PREFIX = 'base_model.model.';

/** The two factors of a linear module, with the names of PEFT. */
export function linear(module: string, rank: number, m = 16, n = 32, dtype = 'F32'): TensorSpec[] {
  return [
    { name: `${PREFIX}${module}.lora_A.weight`, dtype, shape: [rank, n] },
    { name: `${PREFIX}${module}.lora_B.weight`, dtype, shape: [m, rank] },
  ];
}

export const tensor = (name: string, shape: readonly number[], dtype = 'F32'): TensorSpec => ({
  name: `${PREFIX}${name}`,
  dtype,
  shape,
});

/** A configuration of rank 4 and alpha 8; a string is used as it is. */
export function configOf(fields: Readonly<Record<string, unknown>> | string = {}): Uint8Array {
  const text =
    typeof fields === 'string'
      ? fields
      : JSON.stringify({ peft_type: 'LORA', r: 4, lora_alpha: 8, ...fields });
  return Buffer.from(text, 'utf8');
}

export function headerOf(
  tensors: readonly TensorSpec[],
  metadata: ReadonlyMap<string, string> = new Map(),
): SafetensorsHeader {
  const { headerBytes, totalBytes } = layOut(tensors, metadata);
  return parseHeader(headerBytes.subarray(8), totalBytes);
}

export function adapterOf(
  tensors: readonly TensorSpec[],
  config: Readonly<Record<string, unknown>> | string = {},
  metadata: ReadonlyMap<string, string> = new Map(),
): Adapter {
  return readPeft(headerOf(tensors, metadata), configOf(config)).adapter;
}

/** The error of a call that must fail with an AppError. */
export function refusal(call: () => unknown): AppError {
  try {
    call();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('accepted what should have been refused');
}
