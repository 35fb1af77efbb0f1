import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Where an addon or a library for one platform lies: the folder names the platform, or two folders do. */
const PLATFORMS: readonly RegExp[] = [
  /^node_modules\/onnxruntime-node\/bin\/napi-v\d+\/(?<platform>[^/]+)(?:\/(?<arch>[^/]+))?/,
  /^node_modules\/@photostructure\/sqlite\/prebuilds\/(?<platform>[a-z0-9]+)-(?<arch>[a-z0-9]+)/,
];
/** What only serves who develops a package, by the names that npm's packages have for it. */
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
/** Notices stay with what they are about. */
const NOTICE = /licen[cs]e|notice|copying/i;

/**
 * The packages that a built service loads from node_modules: those that the bundle leaves out, and all that these need.
 * @returns folders, relative to the root, without those that lie in one another
 * @throws Error where one is not installed
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

/** As Node looks for it: from the folder upwards. */
function installed(root: string, name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const place = join(folder === '.' ? '' : folder, 'node_modules', name);
    if (basename(folder) !== 'node_modules' && existsSync(join(root, place, 'package.json'))) return place;
    if (folder === '' || folder === '.') return undefined;
  }
}

/** Whether a file or a folder of a package (its path relative to the root) is needed to run it on this platform. */
export function isShipped(path: string, platform: NodeJS.Platform, arch: string): boolean {
  const posix = path.split(sep).join('/');
  for (const pattern of PLATFORMS) {
    const groups = pattern.exec(posix)?.groups;
    if (groups && (groups.platform !== platform || (groups.arch !== undefined && groups.arch !== arch)))
      return false;
  }
  // A package of that name is not its own tests.
  if (/(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+$/.test(posix)) return true;
  const name = basename(posix);
  return !NOT_RUN.has(name) && (NOTICE.test(name) || !NOT_READ.test(name));
}

/** Whether a path lies in a nested node_modules, whose packages are copied by themselves. */
export const isNested = (folder: string, path: string): boolean =>
  relative(folder, path).split(sep).includes('node_modules');
