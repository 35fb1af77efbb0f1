import type { FormatName } from '../../adapter/format-name.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';

/** The two formats of a conversion, for messages. */
export interface Route {
  readonly from: FormatName;
  readonly to: FormatName;
}

/** One tensor or module has no place in the other format. */
export function notConvertible({ from, to }: Route, tensor: string, why: string): AppError {
  return new AppError('FORMAT_NOT_CONVERTIBLE', `${from} to ${to}: ${quote(tensor)} ${why}`, {
    from,
    to,
    tensor,
  });
}

/** The conversion lacks what only the caller can know. */
export function needsOption({ from, to }: Route, option: string, why: string): AppError {
  return new AppError('FORMAT_NOT_CONVERTIBLE', `${from} to ${to}: say format_options.${option}: ${why}`, {
    from,
    to,
    option,
  });
}
