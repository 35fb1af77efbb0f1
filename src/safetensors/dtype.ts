import type { FactorDtype } from '../adapter/adapter.ts';

/**
 * Bits of one element of every dtype of the format (safetensors/src/tensor.rs, `Dtype::bitsize`).
 * A Map, because dtype names come from files: a plain object would find "constructor".
 */
const BITS: ReadonlyMap<string, number> = new Map([
  ['BOOL', 8],
  ['F4', 4],
  ['F6_E2M3', 6],
  ['F6_E3M2', 6],
  ['U8', 8],
  ['I8', 8],
  ['F8_E5M2', 8],
  ['F8_E4M3', 8],
  ['F8_E5M2FNUZ', 8],
  ['F8_E4M3FNUZ', 8],
  ['F8_E8M0', 8],
  ['I16', 16],
  ['U16', 16],
  ['F16', 16],
  ['BF16', 16],
  ['I32', 32],
  ['U32', 32],
  ['F32', 32],
  ['C64', 64],
  ['F64', 64],
  ['I64', 64],
  ['U64', 64],
]);

/** Bits of one element, or undefined for a dtype the format does not know. */
export function dtypeBits(dtype: string): number | undefined {
  return BITS.get(dtype);
}

/** Whether LoRA factors of this dtype can be computed with. */
export function isFactorDtype(dtype: string): dtype is FactorDtype {
  return dtype === 'F32' || dtype === 'F16' || dtype === 'BF16';
}

/** What factors may be, for messages. */
export const SQUEEZED = 'F32, F16, BF16, F64 and 8-bit floats';
