import { GgufValidator } from '../../../src/gguf/gguf-validator.ts';
import type { GgufHeader } from '../../../src/gguf/header.ts';
import { buildGguf, type GgmlName, type GgufTensor, type KeyValue, TYPE } from '../../gguf/gguf-file.ts';

/** The metadata that convert_lora_to_gguf.py writes for every adapter. */
export const keyValuesOf = (alpha: number | null = 8, more: readonly KeyValue[] = []): KeyValue[] => [
  ['general.architecture', TYPE.str, 'qwen2'],
  ['general.type', TYPE.str, 'adapter'],
  ['adapter.type', TYPE.str, 'lora'],
  ...(alpha === null ? [] : [['adapter.lora.alpha', TYPE.f32, alpha] as const]),
  ...more,
];

/** The two factors of blk.N.…; shapes in the order of the file, the fastest axis first. */
export const pair = (
  name: string,
  rank: number,
  { m = 16, n = 32, type = 'F32' as GgmlName } = {},
): GgufTensor[] => [
  { name: `${name}.weight.lora_a`, ne: [n, rank], type },
  { name: `${name}.weight.lora_b`, ne: [rank, m], type: type.startsWith('Q') ? 'F16' : type },
];

export const experts = (name: string, count: number, rank: number, m = 16, n = 32): GgufTensor[] => [
  { name: `${name}.weight.lora_a`, ne: [n, rank, count], type: 'F32' },
  { name: `${name}.weight.lora_b`, ne: [rank, m, count], type: 'F32' },
];

/** The token embedding, whose A is transposed. */
export const embedding = (
  rank: number,
  { dim = 16, vocabulary = 50, type = 'F32' as GgmlName } = {},
): GgufTensor[] => [
  { name: 'token_embd.weight.lora_a', ne: [rank, vocabulary], type },
  { name: 'token_embd.weight.lora_b', ne: [rank, dim], type: 'F32' },
];

export function headerOf(file: Uint8Array): GgufHeader {
  const validator = new GgufValidator();
  validator.push(file);
  return validator.finish(file.length);
}

export const madeHeader = (
  tensors: readonly GgufTensor[],
  keyValues: readonly KeyValue[] = keyValuesOf(),
): GgufHeader => headerOf(buildGguf({ tensors, keyValues, alignment: alignmentIn(keyValues) }));

const alignmentIn = (keyValues: readonly KeyValue[]): number =>
  Number(keyValues.find(([key]) => key === 'general.alignment')?.[2] ?? 32);
