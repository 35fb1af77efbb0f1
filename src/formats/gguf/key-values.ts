import type { Adapter } from '../../adapter/adapter.ts';
import { AppError } from '../../errors/app-error.ts';
import type { GgufHeader, GgufTyped } from '../../gguf/header.ts';
import { VALUE_TYPE } from '../../gguf/value-type.ts';
import { quote } from '../../json/quote.ts';

export const KEY = {
  generalType: 'general.type',
  architecture: 'general.architecture',
  fileType: 'general.file_type',
  adapterType: 'adapter.type',
  alpha: 'adapter.lora.alpha',
  invocationTokens: 'adapter.alora.invocation_tokens',
} as const;

/** A key of GGUF (ggml/docs/gguf.md, "gguf_metadata_kv_t"): parts of lower-case letters, digits and underscores. */
const GGUF_KEY = /^[a-z0-9_]+(?:\.[a-z0-9_]+)+$/;

/**
 * The metadata as an adapter's configuration: strings and booleans as they are, values of other types with their type.
 */
export const readConfigValues = (keyValues: GgufHeader['keyValues']): Adapter['config'] =>
  Object.fromEntries(
    [...keyValues].map(([key, typed]) => [
      key,
      typeof typed.value === 'string' || typeof typed.value === 'boolean' ? typed.value : typed,
    ]),
  );

/**
 * The inverse: a configuration as metadata. Numbers without a type become float32.
 * @param strings to be added if their names are keys of GGUF
 */
export function writeConfigValues(
  config: Adapter['config'],
  strings: Iterable<readonly [string, string]>,
): Map<string, GgufTyped> {
  const keyValues = new Map<string, GgufTyped>();
  for (const [key, value] of Object.entries(config)) keyValues.set(key, typedOf(key, value));
  for (const [key, value] of strings) if (GGUF_KEY.test(key)) keyValues.set(key, typedOf(key, value));
  return keyValues;
}

function typedOf(key: string, value: unknown): GgufTyped {
  if (typeof value === 'string') return { type: VALUE_TYPE.string, value };
  if (typeof value === 'boolean') return { type: VALUE_TYPE.bool, value };
  if (typeof value === 'number') return { type: VALUE_TYPE.float32, value };
  if (isTyped(value)) return value;
  throw new AppError(
    'FORMAT_NOT_WRITABLE',
    `In the GGUF file, the value of ${quote(key)} has no type that GGUF knows.`,
    {
      key,
    },
  );
}

const isTyped = (value: unknown): value is GgufTyped =>
  typeof value === 'object' && value !== null && 'type' in value && 'value' in value;

/** @throws AppError GGUF_KEY_VALUE for a value that is not a string */
export function readStringValue(keyValues: GgufHeader['keyValues'], key: string): string | undefined {
  const found = keyValues.get(key);
  if (!found) return undefined;
  if (typeof found.value === 'string') return found.value;
  throw new AppError('GGUF_KEY_VALUE', `In the GGUF file, the value of ${quote(key)} is not a string.`, {
    key,
  });
}
