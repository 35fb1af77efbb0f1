import { CONFIG_FILE, isWeightsName, USUAL_WEIGHTS } from '../adapter/file-names.ts';
import { readShardName } from '../adapter/shard-names.ts';

/** An adapter in or below a folder. */
export interface ListedAdapter {
  /** Path of its folder or of its (first) weights file; '' if the folder itself is the adapter. */
  readonly path: string;
  /** A name for it, unique within the folder: its path without the file extension. */
  readonly name: string;
}

/**
 * The adapters among the files below a folder, in the order of their paths. A folder is one adapter if it contains a
 * configuration or a weights file with a usual name; otherwise every weights file in it, or every set of shards, is one.
 * @param paths of files, relative to the folder, in any order
 */
export function findAdapters(paths: Iterable<string>): ListedAdapter[] {
  const folders = new Set<string>();
  const files: { readonly folder: string; readonly path: string }[] = [];
  for (const path of paths) {
    const slash = path.lastIndexOf('/');
    const [folder, name] = [path.slice(0, Math.max(slash, 0)), path.slice(slash + 1)];
    if (name === CONFIG_FILE || USUAL_WEIGHTS.includes(name)) folders.add(folder);
    else if (isWeightsName(name)) files.push({ folder, path });
  }
  const alone = firstOfSets(files.filter(({ folder }) => !folders.has(folder)).map(({ path }) => path));
  const taken = new Set<string>();
  return [...folders, ...alone].sort(byBytes).map((path) => {
    const bare = folders.has(path) ? path : (setOf(path) ?? path.replace(/\.(?:safetensors|gguf)$/, ''));
    let name = bare;
    for (let number = 2; taken.has(name); number++) name = `${bare}-${number}`;
    taken.add(name);
    return { path, name };
  });
}

/** The folder and the name before the number, which all shards of a set share; undefined for other files. */
function setOf(path: string): string | undefined {
  const begin = path.lastIndexOf('/') + 1;
  const shard = readShardName(path.slice(begin));
  return shard && `${path.slice(0, begin)}${shard.base}`;
}

/** The first file of each set of shards, and all other files. */
function firstOfSets(paths: readonly string[]): string[] {
  const seen = new Set<string>();
  return [...paths].sort(byBytes).filter((path) => {
    const set = setOf(path);
    if (set === undefined) return true;
    if (seen.has(set)) return false;
    seen.add(set);
    return true;
  });
}

/** The order in which S3 lists keys, independent of the machine's language. */
const byBytes = (one: string, other: string): number => Buffer.compare(Buffer.from(one), Buffer.from(other));
