import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

const TESTS = import.meta.dirname;
/** Inside the repository, so that packages are found; see scripts/bundle-tests.ts. */
export const BUNDLES = join(TESTS, '../.test-bundles');

const sources = (pattern: RegExp): string[] =>
  readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => join(TESTS, name));

export const testFiles = (): string[] => sources(/\.test\.ts$/);
/** Programs that tests start. */
export const testPrograms = (): string[] => sources(/\.program\.ts$/);

export const bundleOf = (source: string): string =>
  join(BUNDLES, relative(TESTS, source).replace(/\.ts$/, '.js'));

/** Whether this process runs a bundle. */
export const IS_BUNDLED = process.argv[1]?.startsWith(BUNDLES) ?? false;
