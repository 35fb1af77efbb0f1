import type { Adapter } from '../adapter/adapter.ts';
import type { FormatName } from '../adapter/format-name.ts';
import { type ClassSize, sizeOfAdapter } from '../adapter/size-audit.ts';

/** What an adapter's record says about its content, under the names of the API. */
export interface AdapterSummary {
  readonly format: FormatName;
  readonly base_model: string | null;
  readonly modules: number;
  readonly ranks: { readonly min: number; readonly max: number };
  readonly alpha: number;
  /** Sorted, each once. */
  readonly dtypes: string[];
  /** Numbers in the LoRA factors; what is carried over does not count. */
  readonly parameters: number;
  readonly passthrough_tensors: number;
  /** What takes the space. */
  readonly size: ClassSize[];
  readonly warnings: string[];
}

export function summarise(adapter: Adapter): AdapterSummary {
  const { modules } = adapter;
  let parameters = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = 0;
  const dtypes = new Set<string>();
  for (const { rank, m, n, a, b } of modules) {
    parameters += rank * (m + n);
    min = Math.min(min, rank);
    max = Math.max(max, rank);
    dtypes.add(a.dtype).add(b.dtype);
  }
  return {
    format: adapter.format,
    base_model: adapter.baseModel,
    modules: modules.length,
    ranks: { min, max },
    alpha: adapter.alpha,
    dtypes: [...dtypes].sort(),
    parameters,
    passthrough_tensors: adapter.passthrough.length,
    size: sizeOfAdapter(adapter),
    warnings: [...adapter.warnings],
  };
}
