import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { layOut, type TensorSpec } from '../../safetensors/layout.ts';

export const MODEL_HASH = 'sshs_model_hash';
export const LEGACY_HASH = 'sshs_legacy_hash';

/** Placeholders for the digests, of the right length. */
export const PLACEHOLDER_HASHES: ReadonlyMap<string, string> = new Map([
  [MODEL_HASH, '0'.repeat(64)],
  [LEGACY_HASH, '0'.repeat(8)],
]);

/** The part of a file that early versions of Stable Diffusion's web UI hashed. */
const LEGACY_BEGIN = 0x100000;
const LEGACY_END = 0x110000;

const CHUNK_BYTES = 1024 * 1024;

/**
 * Order of the dtypes in a file of the reference writer, first to last (safetensors/src/tensor.rs, `prepare`: by dtype
 * descending as `Dtype` lists them, then by name).
 */
const DTYPE_ORDER = [
  ...['U64', 'I64', 'F64', 'C64', 'F32', 'U32', 'I32', 'BF16', 'F16', 'U16', 'I16', 'F8_E8M0', 'F8_E4M3FNUZ'],
  ...['F8_E5M2FNUZ', 'F8_E4M3', 'F8_E5M2', 'I8', 'U8', 'F6_E3M2', 'F6_E2M3', 'F4', 'BOOL'],
];

/** Tensors in the order in which safetensors.torch.save would write them; the digests depend on it. */
export function inReferenceOrder<T extends TensorSpec>(tensors: readonly T[]): T[] {
  return [...tensors].sort(
    (x, y) =>
      DTYPE_ORDER.indexOf(x.dtype) - DTYPE_ORDER.indexOf(y.dtype) ||
      (x.name < y.name ? -1 : x.name > y.name ? 1 : 0),
  );
}

/**
 * The header of a written file, with its digests (sd-scripts, library/train_util.py, `precalculate_safetensors_hashes`):
 * sshs_model_hash is the SHA-256 of the data; sshs_legacy_hash is the first 8 digits of the SHA-256 of bytes 0x100000 to 0x110000
 * of the file as it would be if its only metadata were that of the training (ss_…).
 * @param metadata with which the file was laid out, with digests of the same length
 */
export async function headerWithHashes(
  path: string,
  tensors: readonly TensorSpec[],
  metadata: ReadonlyMap<string, string>,
): Promise<Uint8Array> {
  const layout = layOut(tensors, metadata);
  const training = new Map([...metadata].filter(([key]) => key.startsWith('ss_')));
  const { headerBytes } = layOut(tensors, training);
  const legacy = createHash('sha256').update(headerBytes.subarray(LEGACY_BEGIN, LEGACY_END));
  const model = createHash('sha256');
  let position = headerBytes.length;
  const data = createReadStream(path, { start: layout.headerBytes.length, highWaterMark: CHUNK_BYTES });
  for await (const read of data) {
    const chunk = read as Uint8Array;
    model.update(chunk);
    updateWithin(legacy, chunk, position);
    position += chunk.length;
  }
  const hashed = new Map([
    ...metadata,
    [MODEL_HASH, model.digest('hex')],
    [LEGACY_HASH, legacy.digest('hex').slice(0, 8)],
  ]);
  return layOut(tensors, hashed).headerBytes;
}

/** Hashes the part of a chunk that lies in the legacy range. */
function updateWithin(hash: Hash, chunk: Uint8Array, position: number): void {
  const begin = Math.max(0, LEGACY_BEGIN - position);
  const end = Math.min(chunk.length, LEGACY_END - position);
  if (begin < end) hash.update(chunk.subarray(begin, end));
}
