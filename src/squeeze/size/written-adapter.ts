import type { Adapter } from '../../adapter/adapter.ts';
import { dtypeNamed } from '../../adapter/dtype-names.ts';
import type { Target } from '../../contract/target.ts';
import { inFormat } from '../in-format.ts';
import { castCarried } from './cast.ts';
import { strip } from './strip.ts';

/** An adapter as a target wants it written. */
export interface WrittenAdapter {
  /** The source's adapter itself where nothing of this is asked for. Its modules are in the same order. */
  readonly adapter: Adapter;
  /** What was dropped, cast or converted on the way. */
  readonly warnings: readonly string[];
}

/**
 * Drops what is to be stripped, casts what is to be cast, and puts the rest under the names of the target's format.
 * @throws AppError FORMAT_NOT_CONVERTIBLE naming the tensor
 */
export function writtenAdapter(source: Adapter, target: Target): WrittenAdapter {
  const stripped = strip(source, target.strip ?? []);
  const dtype = dtypeNamed(target.cast ?? '');
  const cast = dtype ? castCarried(stripped.adapter, dtype) : { adapter: stripped.adapter, warnings: [] };
  const adapter = inFormat(cast.adapter, target);
  return {
    adapter,
    warnings: [...stripped.warnings, ...cast.warnings, ...(adapter === cast.adapter ? [] : adapter.warnings)],
  };
}
