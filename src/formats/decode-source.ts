import type { FactorEntry, TensorEntry } from '../adapter/adapter.ts';
import { STAGED_DTYPE, type StagedTensor, type StagingPlan } from '../adapter/staging-plan.ts';
import { isEncodedDtype, isExact } from '../core/encodings.ts';
import type { SafetensorsHeader } from '../safetensors/header.ts';
import { layOut } from '../safetensors/layout.ts';
import { isOfAdapter } from './pairs/foreign-tensors.ts';
import { copiedTensor, stagedEntries } from './staged-entries.ts';

/** A source with factors in float64 or 8-bit floats, as readers see it: decoded to float32. */
export interface DecodedSource {
  /** The header of the file that `decoding` describes. */
  readonly header: SafetensorsHeader;
  /** How that file is written from the source. */
  readonly decoding: StagingPlan;
  readonly warnings: readonly string[];
}

/**
 * How to decode a file whose factors have a dtype that cannot be computed with. Everything else in
 * it, such as heads and alphas, stays as it is.
 * @returns null if no factor has such a dtype
 */
export function decodeSource({ tensors, metadata }: SafetensorsHeader): DecodedSource | null {
  if (!tensors.some(isEncoded)) return null;
  const planned = tensors.map((entry) => (isEncoded(entry) ? decodedTensor(entry) : copiedTensor(entry)));
  const entries = stagedEntries(planned);
  const decoded = tensors.map((source) => {
    const entry = entries.get(source.name)!;
    // Results have the smallest dtype that represents the source, as with other quantised factors.
    return isEncoded(source) && isExactDtype(source)
      ? ({ ...entry, matchDtype: 'F16' } as FactorEntry)
      : entry;
  });
  return {
    header: {
      tensors: decoded.sort((x, y) => x.beginByte - y.beginByte),
      metadata,
      dataBegin: layOut(planned, new Map()).headerBytes.length,
    },
    decoding: { tensors: planned, derivations: [] },
    warnings: warningsOf(tensors.filter(isEncoded)),
  };
}

/** Whether a tensor is a matrix of an adapter in a dtype that has to be decoded. */
const isEncoded = ({ name, dtype, shape }: TensorEntry): boolean =>
  shape.length > 1 && isEncodedDtype(dtype) && isOfAdapter(name);

const isExactDtype = ({ dtype }: TensorEntry): boolean => isEncodedDtype(dtype) && isExact(dtype);

function decodedTensor(entry: TensorEntry): StagedTensor {
  const { name, dtype, shape } = entry;
  if (!isEncodedDtype(dtype)) throw new RangeError(`tensor "${name}" of ${dtype} is not encoded`);
  return { name, dtype: STAGED_DTYPE, shape, source: { kind: 'dequantise', entry, encoding: dtype } };
}

function warningsOf(encoded: readonly TensorEntry[]): string[] {
  return [...new Set(encoded.map(({ dtype }) => dtype))].sort().map((dtype) => {
    const own = encoded.filter((entry) => entry.dtype === dtype);
    const how = own.every(isExactDtype) ? 'decoded to float32 exactly' : 'rounded to float32';
    return `${own.length} tensors are ${dtype}. They were ${how} before anything was computed.`;
  });
}
