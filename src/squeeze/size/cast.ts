import type { Adapter, FactorDtype, TensorEntry } from '../../adapter/adapter.ts';
import { DTYPE_NAMES } from '../../adapter/dtype-names.ts';
import { SavedModules } from '../../adapter/saved-modules.ts';
import { classOf } from '../../adapter/tensor-class.ts';

/** Element types that are cast; integers and what is quantised stay. */
const FLOATS: readonly string[] = ['F64', 'F32', 'F16', 'BF16'];

/**
 * An adapter whose carried floating-point tensors are to be written in another dtype.
 * @returns the adapter itself where all of them have it, and a warning that says what is cast
 */
export function castCarried(
  adapter: Adapter,
  dtype: FactorDtype,
): { readonly adapter: Adapter; readonly warnings: readonly string[] } {
  const isCast = (entry: TensorEntry): boolean => FLOATS.includes(entry.dtype) && entry.dtype !== dtype;
  const cast = adapter.passthrough.filter(isCast);
  if (cast.length === 0) return { adapter, warnings: [] };
  const saved = new SavedModules(adapter.config);
  const kinds = [...new Set(cast.map((entry) => classOf(entry, saved)))].join(', ');
  const from = [...new Set(cast.map((entry) => entry.dtype))].sort().join(', ');
  return {
    adapter: {
      ...adapter,
      passthrough: adapter.passthrough.map((entry) =>
        isCast(entry) ? { ...entry, dtype, castFrom: entry.dtype } : entry,
      ),
    },
    warnings: [
      `cast: ${cast.length} carried tensors (${kinds}) were cast from ${from} to ${DTYPE_NAMES[dtype]}, each number ` +
        'rounded to the nearest',
    ],
  };
}
