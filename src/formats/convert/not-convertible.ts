import type { FormatName } from '../../adapter/format-name.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';

/** The two formats of a conversion, for messages. */
export interface Route {
  readonly from: FormatName;
  readonly to: FormatName;
}

/** The other format cannot represent a tensor or a module. */
export function notConvertible({ from, to }: Route, tensor: string, why: string): AppError {
  return new AppError(
    'FORMAT_NOT_CONVERTIBLE',
    `The adapter cannot be converted from ${from} to ${to}: ${quote(tensor)} ${why}.`,
    {
      from,
      to,
      tensor,
    },
  );
}

/** The conversion needs an option that only the caller can know. */
export function needsOption({ from, to }: Route, option: string, why: string): AppError {
  return new AppError(
    'FORMAT_NOT_CONVERTIBLE',
    `The conversion from ${from} to ${to} needs format_options.${option}: ${why}.`,
    {
      from,
      to,
      option,
    },
  );
}
