import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Paths of addons and libraries for a single platform; one or two folders in the path name it. */
const PLATFORMS: readonly RegExp[] = [
  /^node_modules\/onnxruntime-node\/bin\/napi-v\d+\/(?<platform>[^/]+)(?:\/(?<arch>[^/]+))?/,
  /^node_modules\/@photostructure\/sqlite\/prebuilds\/(?<platform>[a-z0-9]+)-(?<arch>[a-z0-9]+)/,
];
/** Folders and files that only developers of a package need, by the names that npm packages commonly give them. */
const NOT_RUN = new Set([
  'test',
  'tests',
  '__tests__',
  'docs',
  'example',
  'examples',
  'benchmark',
  'benchmarks',
  '.github',
]);
const NOT_READ = /(?:\.map|\.d\.[cm]?ts|\.md|\.tsbuildinfo|\.c|\.cc|\.cpp|\.h)$/i;
/** Licence notices, which stay with the files to which they apply. */
const NOTICE = /licen[cs]e|notice|copying/i;

/**
 * The packages that a built service loads from node_modules: those that the bundle does not include, and everything
 * that they need.
 * @returns folders, relative to the root, without those inside one another
 * @throws Error if one is not installed
 */
export function loadedPackages(root: string, external: readonly string[]): string[] {
  const found = new Set<string>();
  const visit = (name: string, from: string, isOptional: boolean): void => {
    const folder = installed(root, name, from);
    if (folder === undefined) {
      if (isOptional) return;
      throw new Error(`${name} is not installed, which ${from === '' ? 'the service' : from} loads`);
    }
    if (found.has(folder)) return;
    found.add(folder);
    const { dependencies, optionalDependencies } = JSON.parse(
      readFileSync(join(root, folder, 'package.json'), 'utf8'),
    ) as Manifest;
    for (const one of Object.keys(dependencies ?? {}))
      visit(one, folder, one in (optionalDependencies ?? {}));
    for (const one of Object.keys(optionalDependencies ?? {})) visit(one, folder, true);
  };
  for (const name of external) visit(name, '', false);
  return [...found].sort();
}

/** Looks a package up as Node does: from the folder upwards. */
function installed(root: string, name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const place = join(folder === '.' ? '' : folder, 'node_modules', name);
    if (basename(folder) !== 'node_modules' && existsSync(join(root, place, 'package.json'))) return place;
    if (folder === '' || folder === '.') return undefined;
  }
}

/** Whether a file or folder of a package (its path relative to the root) is needed to run it on this platform. */
export function isShipped(path: string, platform: NodeJS.Platform, arch: string): boolean {
  const posix = path.split(sep).join('/');
  for (const pattern of PLATFORMS) {
    const groups = pattern.exec(posix)?.groups;
    if (groups && (groups.platform !== platform || (groups.arch !== undefined && groups.arch !== arch)))
      return false;
  }
  // A package whose name looks like that of a test folder is not one.
  if (/(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+$/.test(posix)) return true;
  const name = basename(posix);
  return !NOT_RUN.has(name) && (NOTICE.test(name) || !NOT_READ.test(name));
}

/** Whether a path is in a nested node_modules folder, whose packages are copied separately. */
export const isNested = (folder: string, path: string): boolean =>
  relative(folder, path).split(sep).includes('node_modules');
