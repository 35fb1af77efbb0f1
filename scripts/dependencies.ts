import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A package that the lock file pins. */
export interface LockedPackage {
  /** Including its folder, as in node_modules/a/node_modules/b. */
  readonly path: string;
  readonly version: string;
  readonly licence: string | null;
  readonly resolved: string | null;
  readonly integrity: string | null;
  readonly hasInstallScript: boolean;
  /** Used for development only: not part of the image. */
  readonly isDev: boolean;
}

interface LockEntry {
  readonly version?: string;
  readonly license?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
  readonly dev?: boolean;
  readonly link?: boolean;
}

/** Every package of package-lock.json (version 3) except our own. */
export async function lockedPackages(root: string): Promise<LockedPackage[]> {
  const { packages } = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockEntry>;
  };
  return Object.entries(packages)
    .filter(([path, { link }]) => path.startsWith('node_modules/') && !link)
    .map(([path, entry]) => ({
      path,
      version: entry.version ?? '',
      licence: entry.license ?? null,
      resolved: entry.resolved ?? null,
      integrity: entry.integrity ?? null,
      hasInstallScript: entry.hasInstallScript === true,
      isDev: entry.dev === true,
    }));
}

/**
 * Licences (SPDX) that we may ship: those that require no more than a notice, and MPL-2.0, which requires offering
 * the source of its files; ours are unchanged (@resvg/resvg-js).
 */
export const ACCEPTED_LICENCES: readonly string[] = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MPL-2.0',
  'Python-2.0',
  'Unlicense',
];

/**
 * Licences that cannot be seen from the SPDX expression in package.json and that we have read ourselves, by package.
 */
export const READ_LICENCES: ReadonlyMap<string, string> = new Map([
  // Fonts: free to use, embed and redistribute, but not to be sold on their own.
  ['node_modules/dejavu-fonts-ttf', 'Bitstream Vera'],
]);

/** Whether one alternative of an SPDX expression is accepted; AND requires all of its parts. */
export function isAccepted(expression: string): boolean {
  return expression
    .replaceAll(/[()]/g, '')
    .split(' OR ')
    .some((part) => part.split(' AND ').every((licence) => ACCEPTED_LICENCES.includes(licence.trim())));
}
