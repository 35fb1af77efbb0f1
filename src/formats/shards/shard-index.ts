import { AppError } from '../../errors/app-error.ts';
import { JsonError } from '../../json/json-error.ts';
import { quote, quoteSome } from '../../json/quote.ts';
import { type JsonValue, parseStrictJson } from '../../json/strict-json.ts';
import { MAX_HEADER_BYTES } from '../../safetensors/limits.ts';

/** The maximum size of an index, which names the same tensors as the headers. */
export const MAX_INDEX_BYTES = MAX_HEADER_BYTES;

/** An object that is a field of another object. */
const MAX_INDEX_DEPTH = 4;
const MAX_SHOWN = 3;

/**
 * Compares an index (`….safetensors.index.json`) with its files: each tensor must be in the file that the
 * index names, and the files must not contain others.
 * @param index file name and content of the index
 * @param owners the file of each tensor, by name
 * @throws AppError SHARDS_MISMATCH naming the tensor or the file
 */
export function checkShardIndex(
  { name, bytes }: { readonly name: string; readonly bytes: Uint8Array },
  owners: ReadonlyMap<string, string>,
): void {
  const map = weightMapOf(name, bytes);
  const files = new Set(owners.values());
  const missing = [...new Set([...map.values()].filter((file) => !files.has(file)))];
  if (missing.length > 0) {
    throw new AppError(
      'FILE_MISSING',
      `${quote(name)} names files that are missing: ${quoteSome(missing, MAX_SHOWN)}.`,
      {
        missing: missing.slice(0, MAX_SHOWN),
      },
    );
  }
  for (const [tensor, file] of map) {
    const owner = owners.get(tensor);
    if (owner === file) continue;
    const where = owner === undefined ? 'no file has it' : `it is in ${quote(owner)}`;
    throw mismatch(`${quote(name)} lists tensor ${quote(tensor)} in ${quote(file)}, but ${where}`, tensor);
  }
  for (const [tensor, file] of owners) {
    if (!map.has(tensor))
      throw mismatch(`${quote(file)} has tensor ${quote(tensor)}, which ${quote(name)} lacks`, tensor);
  }
}

/** The file of each tensor. */
function weightMapOf(name: string, bytes: Uint8Array): Map<string, string> {
  let json: JsonValue;
  try {
    json = parseStrictJson(bytes, { maxDepth: MAX_INDEX_DEPTH, allowBom: true });
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw mismatch(`${quote(name)} is not valid JSON: ${error.message}`, null);
  }
  const map = json instanceof Map ? json.get('weight_map') : undefined;
  if (!(map instanceof Map))
    throw mismatch(`${quote(name)} has no weight_map, which names the file of each tensor`, null);
  for (const [tensor, file] of map) {
    if (typeof file !== 'string')
      throw mismatch(`${quote(name)} has no file name for ${quote(tensor)}`, tensor);
  }
  return map as Map<string, string>;
}

export const mismatch = (what: string, tensor: string | null): AppError =>
  new AppError('SHARDS_MISMATCH', `${what}.`, { tensor });
