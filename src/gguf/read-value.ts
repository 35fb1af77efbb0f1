import { AppError } from '../errors/app-error.ts';
import { quote } from '../json/quote.ts';
import type { GgufTyped, GgufValue } from './header.ts';
import type { HeaderSource, Reading } from './header-source.ts';
import { MAX_STRING_BYTES } from './limits.ts';
import { SCALARS, VALUE_TYPE } from './value-type.ts';

/** Elements of an array that are asked for together. */
const CHUNK_ELEMENTS = 4096;

/**
 * Reads one value of the metadata, beginning with its type.
 * @param key it belongs to, for messages
 * @throws AppError GGUF_KEY_VALUE, GGUF_HEADER_TOO_LARGE
 */
export function* readValue(source: HeaderSource, key: string): Reading<GgufTyped> {
  const type = yield* source.uint32();
  if (type !== VALUE_TYPE.array) {
    const [value] = yield* readValues(source, type, 1, key);
    return { type, value: value! };
  }
  const elementType = yield* source.uint32();
  if (elementType === VALUE_TYPE.array)
    throw refuse(key, 'is an array of arrays, which llama.cpp does not read');
  const count = yield* source.elements(`the value of ${quote(key)}`);
  return { type, value: { type: elementType, values: yield* readValues(source, elementType, count, key) } };
}

function* readValues(source: HeaderSource, type: number, count: number, key: string): Reading<GgufValue[]> {
  const values: GgufValue[] = [];
  if (type === VALUE_TYPE.string) {
    for (let i = 0; i < count; i++)
      values.push(yield* source.string(`the value of ${quote(key)}`, MAX_STRING_BYTES));
    return values;
  }
  const scalar = SCALARS.get(type);
  if (!scalar) throw refuse(key, `has the unknown type ${type}`);
  while (values.length < count) {
    const together = Math.min(CHUNK_ELEMENTS, count - values.length);
    const view = yield* source.view(together * scalar.bytes);
    for (let i = 0; i < together; i++) {
      const value = scalar.get(view, i * scalar.bytes);
      if (value === undefined) throw refuse(key, 'is a boolean that is neither 0 nor 1');
      values.push(value);
    }
  }
  return values;
}

function refuse(key: string, what: string): AppError {
  return new AppError('GGUF_KEY_VALUE', `GGUF file: the value of ${quote(key)} ${what}`, {
    key: key.slice(0, 200),
  });
}
