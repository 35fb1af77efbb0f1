import { basename, join } from 'node:path';
import { isWeightsName } from '../adapter/file-names.ts';
import { UsageError } from './command-error.ts';
import { sourceName } from './source-folder.ts';

/**
 * A location in a bucket, on the Hub or on a web server. Servers access it with the credentials of their connections.
 */
const PLACE = /^(?:s3|hf|https?):\/\//;

export const isPlace = (text: string): boolean => PLACE.test(text);

/** The name of an adapter by its folder, repository or file, without a revision and an extension. */
export function fileOrFolderName(source: string): string {
  if (!isPlace(source)) return sourceName(source);
  const name = basename(source.replace(/[?#].*$/, '').replace(/\/+$/, '')).replace(/@.*$/, '');
  return isWeightsName(name) ? name.replace(/\.\w+$/, '') : name;
}

/** A folder or location inside another one. */
export const joinFolderOrPlace = (out: string, name: string): string =>
  isPlace(out) ? `${out.replace(/\/+$/, '')}/${name}` : join(out, name);

/** @throws UsageError if a location is given that only a server can access */
export function refusePlaces(texts: readonly (string | undefined)[]): void {
  const place = texts.find((text) => text !== undefined && isPlace(text));
  if (place !== undefined) throw new UsageError(`${place} needs a server: set --server as well`);
}
