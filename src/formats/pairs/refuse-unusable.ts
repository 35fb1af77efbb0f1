import type { TensorEntry } from '../../adapter/adapter.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';

/**
 * Element types whose numbers mean nothing without a partner tensor (block-scaled) or that no module holds: whoever
 * sends them has a quantised checkpoint, not an adapter.
 */
const UNUSABLE_DTYPES: ReadonlySet<string> = new Set(['F4', 'F6_E2M3', 'F6_E3M2', 'F8_E8M0', 'C64']);

/** Refuses a tensor that no adapter has, wherever it stands. @throws AppError UNSUPPORTED_DTYPE */
export function refuseUnusable({ name, dtype }: TensorEntry): void {
  if (!UNUSABLE_DTYPES.has(dtype)) return;
  throw new AppError(
    'UNSUPPORTED_DTYPE',
    `tensor ${quote(name)}: dtype ${dtype} has no place in an adapter`,
    { tensor: name, dtype },
  );
}
