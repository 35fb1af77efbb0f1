import { AppError } from '../errors/app-error.ts';
import type { GgufTyped } from './header.ts';
import { DEFAULT_ALIGNMENT, MAX_ALIGNMENT, MIN_ALIGNMENT } from './limits.ts';
import { VALUE_TYPE } from './value-type.ts';

const KEY = 'general.alignment';

/**
 * The alignment of a file: every tensor begins at a multiple of it, from the start of the data.
 * @throws AppError GGUF_ALIGNMENT if it is not a power of two from 8 to 64 Ki
 */
export function readAlignment(keyValues: ReadonlyMap<string, GgufTyped>): number {
  const found = keyValues.get(KEY);
  if (!found) return DEFAULT_ALIGNMENT;
  const { type, value } = found;
  const isPower = typeof value === 'number' && Number.isInteger(Math.log2(value));
  if (type === VALUE_TYPE.uint32 && isPower && value >= MIN_ALIGNMENT && value <= MAX_ALIGNMENT) return value;
  throw new AppError(
    'GGUF_ALIGNMENT',
    `In the GGUF file, ${KEY} must be a power of two from ${MIN_ALIGNMENT} to ${MAX_ALIGNMENT}, as a uint32.`,
    { type },
  );
}

/** The next multiple of an alignment. */
export const padded = (bytes: number, alignment: number): number => Math.ceil(bytes / alignment) * alignment;
