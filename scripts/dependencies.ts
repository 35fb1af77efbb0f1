import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A package that the lock file pins. */
export interface LockedPackage {
  /** With its folder, as in node_modules/a/node_modules/b. */
  readonly path: string;
  readonly version: string;
  readonly licence: string | null;
  readonly resolved: string | null;
  readonly integrity: string | null;
  readonly hasInstallScript: boolean;
  /** Only for developing: no part of the image. */
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

/** Every package of package-lock.json (version 3), our own left out. */
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
 * Licences (SPDX) of what we ship: those that ask for no more than a notice, and MPL-2.0, which asks for the source of the
 * files under it, unchanged here (@resvg/resvg-js).
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

/** Licences that SPDX expressions in package.json do not tell, read by us: package → what it is. */
export const READ_LICENCES: ReadonlyMap<string, string> = new Map([
  // Fonts: free to use, embed and pass on; not to be sold by themselves.
  ['node_modules/dejavu-fonts-ttf', 'Bitstream Vera'],
]);

/** Whether one of the alternatives of an SPDX expression is accepted; AND asks for all. */
export function isAccepted(expression: string): boolean {
  return expression
    .replaceAll(/[()]/g, '')
    .split(' OR ')
    .some((part) => part.split(' AND ').every((licence) => ACCEPTED_LICENCES.includes(licence.trim())));
}
