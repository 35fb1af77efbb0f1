import { layOut, type TensorSpec } from '../../src/safetensors/layout.ts';

/** A file with any JSON as its header, right or wrong. */
export function fileOf(header: unknown, dataBytes = 0): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header), 'utf8');
  const file = Buffer.alloc(8 + json.length + dataBytes);
  file.writeBigUInt64LE(BigInt(json.length));
  file.set(json, 8);
  return file;
}

/** A valid file of tensors with zeros as data. */
export function fileOfTensors(
  tensors: readonly TensorSpec[],
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array {
  const { headerBytes, totalBytes } = layOut(tensors, metadata);
  const file = new Uint8Array(totalBytes);
  file.set(headerBytes);
  return file;
}
