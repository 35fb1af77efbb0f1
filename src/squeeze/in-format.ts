import type { Adapter } from '../adapter/adapter.ts';
import type { Target } from '../contract/target.ts';
import { convertAdapter } from '../formats/convert/convert-adapter.ts';

/**
 * The adapter as the target wants it written: itself, where that is its own format.
 * @returns its modules in the same order, under the names of the other format
 * @throws AppError FORMAT_NOT_CONVERTIBLE naming the tensor
 */
export const inFormat = (adapter: Adapter, { format, format_options: options }: Target): Adapter =>
  format === undefined || format === adapter.format
    ? adapter
    : convertAdapter(adapter, format, options ?? {});
