import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

const TESTS = import.meta.dirname;
/** Beneath the repository, so that packages are found; see scripts/bundle-tests.ts. */
export const BUNDLES = join(TESTS, '../.test-bundles');

/** Every source that node is started with: tests, and programs that tests start. */
export const testSources = (): string[] =>
  readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(test|program)\.ts$/.test(name))
    .map((name) => join(TESTS, name));

export const bundleOf = (source: string): string =>
  join(BUNDLES, relative(TESTS, source).replace(/\.ts$/, '.js'));

/** Whether this process runs a bundle. */
export const IS_BUNDLED = process.argv[1]?.startsWith(BUNDLES) ?? false;
