import { AppError } from '../../src/errors/app-error.ts';
import type { ReadResult } from '../../src/formats/format.ts';
import { FORMATS } from '../../src/formats/formats.ts';
import { unrecognised } from '../../src/formats/read-adapter.ts';
import { GGUF_MAGIC, GgufGate } from '../../src/gguf/gguf-gate.ts';
import type { GgufHeader } from '../../src/gguf/header.ts';
import type { SafetensorsHeader } from '../../src/safetensors/header.ts';
import { HeaderGate } from '../../src/safetensors/header-gate.ts';

const MAX_SMALL_TENSOR_BYTES = 64 * 1024;

/** @param step bytes of a chunk: as if the file came in pieces */
export function safetensorsOf(bytes: Uint8Array, step = bytes.length): SafetensorsHeader {
  const gate = new HeaderGate();
  for (let at = 0; at < bytes.length; at += step) gate.push(bytes.subarray(at, at + step));
  return gate.finish(bytes.length);
}

export function ggufOf(bytes: Uint8Array, step = bytes.length): GgufHeader {
  const gate = new GgufGate();
  for (let at = 0; at < bytes.length; at += step) gate.push(bytes.subarray(at, at + step));
  return gate.finish(bytes.length);
}

/** The same as formats/read-adapter.ts does with files, of bytes in memory: many thousands a second. */
export async function readBytes(weights: Uint8Array, configBytes: Uint8Array | null): Promise<ReadResult> {
  const isGguf = Buffer.compare(weights.subarray(0, GGUF_MAGIC.length), GGUF_MAGIC) === 0;
  const gguf = isGguf ? ggufOf(weights) : null;
  const header = isGguf ? null : safetensorsOf(weights);
  return readHeaders({ header, gguf }, weights, configBytes);
}

/** @param data the file, for the small tensors that readers ask for */
export async function readHeaders(
  headers: { readonly header: SafetensorsHeader | null; readonly gguf: GgufHeader | null },
  data: Uint8Array,
  configBytes: Uint8Array | null,
): Promise<ReadResult> {
  const input = { ...headers, configBytes };
  const format = FORMATS.find(({ recognises }) => recognises(input));
  if (!format) throw unrecognised(input);
  return format.read({
    ...input,
    readTensor: async ({ beginByte, endByte, name }) => {
      if (endByte - beginByte > MAX_SMALL_TENSOR_BYTES)
        throw new AppError('LORA_RANK_DIMS', `tensor ${name.slice(0, 80)} is too large`, {});
      // A copy of its own, as a read of a file gives: views of a Buffer are not aligned.
      return new Uint8Array(data.subarray(beginByte, endByte));
    },
  });
}
