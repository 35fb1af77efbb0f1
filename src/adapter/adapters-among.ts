import { CONFIG_FILE, isWeightsName, USUAL_WEIGHTS } from './file-names.ts';

/** An adapter in or below a folder. */
export interface ListedAdapter {
  /** Path of its folder or of its weights file; '' if the folder itself is the adapter. */
  readonly path: string;
  /** A name for it, unique within the folder: its path without the file extension. */
  readonly name: string;
}

/**
 * The adapters among the files below a folder, in the order of their paths. A folder is one adapter if it contains a
 * configuration or a weights file with a usual name; otherwise every weights file in it is an adapter.
 * @param paths of files, relative to the folder, in any order
 */
export function adaptersAmong(paths: Iterable<string>): ListedAdapter[] {
  const folders = new Set<string>();
  const files: { readonly folder: string; readonly path: string }[] = [];
  for (const path of paths) {
    const slash = path.lastIndexOf('/');
    const [folder, name] = [path.slice(0, Math.max(slash, 0)), path.slice(slash + 1)];
    if (name === CONFIG_FILE || USUAL_WEIGHTS.includes(name)) folders.add(folder);
    else if (isWeightsName(name)) files.push({ folder, path });
  }
  const alone = files.filter(({ folder }) => !folders.has(folder)).map(({ path }) => path);
  const taken = new Set<string>();
  return [...folders, ...alone].sort(byBytes).map((path) => {
    const bare = folders.has(path) ? path : path.replace(/\.(?:safetensors|gguf)$/, '');
    let name = bare;
    for (let number = 2; taken.has(name); number++) name = `${bare}-${number}`;
    taken.add(name);
    return { path, name };
  });
}

/** The order in which S3 lists keys, independent of the machine's language. */
const byBytes = (one: string, other: string): number => Buffer.compare(Buffer.from(one), Buffer.from(other));
