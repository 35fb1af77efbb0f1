import { AppError } from '../../src/errors/app-error.ts';
import type { ReadAdapter } from '../../src/formats/format.ts';
import { readHeaders } from '../../src/formats/read-adapter.ts';
import { GGUF_MAGIC, GgufValidator } from '../../src/gguf/gguf-validator.ts';
import type { GgufHeader } from '../../src/gguf/header.ts';
import type { SafetensorsHeader } from '../../src/safetensors/header.ts';
import { SafetensorsValidator } from '../../src/safetensors/safetensors-validator.ts';

const MAX_SMALL_TENSOR_BYTES = 64 * 1024;

/** @param step bytes of a chunk, as if the file arrived in pieces */
export function safetensorsOf(bytes: Uint8Array, step = bytes.length): SafetensorsHeader {
  const validator = new SafetensorsValidator();
  for (let at = 0; at < bytes.length; at += step) validator.push(bytes.subarray(at, at + step));
  return validator.finish(bytes.length);
}

export function ggufOf(bytes: Uint8Array, step = bytes.length): GgufHeader {
  const validator = new GgufValidator();
  for (let at = 0; at < bytes.length; at += step) validator.push(bytes.subarray(at, at + step));
  return validator.finish(bytes.length);
}

/**
 * The same as formats/read-adapter.ts does with files, but for bytes in memory: many thousands per second.
 */
export async function readBytes(weights: Uint8Array, configBytes: Uint8Array | null): Promise<ReadAdapter> {
  const isGguf = Buffer.compare(weights.subarray(0, GGUF_MAGIC.length), GGUF_MAGIC) === 0;
  return readHeaders({
    header: isGguf ? null : safetensorsOf(weights),
    gguf: isGguf ? ggufOf(weights) : null,
    configBytes,
    readTensor: async ({ beginByte, endByte, name }) => {
      if (endByte - beginByte > MAX_SMALL_TENSOR_BYTES)
        throw new AppError('LORA_RANK_DIMS', `tensor ${name.slice(0, 80)} is too large`, {});
      // A copy, like the result of reading a file, because views of a Buffer are not aligned.
      return new Uint8Array(weights.subarray(beginByte, endByte));
    },
  });
}
