import { join } from 'node:path';
import { bundleOf, IS_BUNDLED } from './bundles.ts';

const ROOT = join(import.meta.dirname, '..');

/** Bundled tests start the built programs, which start three times as fast as the sources. */
const entry = (source: string, built: string): readonly string[] =>
  IS_BUNDLED
    ? [join(ROOT, 'dist', built)]
    : ['--import', import.meta.resolve('tsx'), join(ROOT, 'src', source)];

/** The service, as arguments of node. */
export const SERVICE_ENTRY = entry('main.ts', 'main.js');
/** The command, as arguments of node. */
export const COMMAND_ENTRY = entry('cli/main.ts', 'cli/main.js');

/** The file of a program beside the tests. */
export const programFile = (source: string): string => (IS_BUNDLED ? bundleOf(source) : source);

/** The arguments of node that run it. */
export const programEntry = (source: string): readonly string[] => [
  ...(IS_BUNDLED ? [] : ['--import', 'tsx']),
  programFile(source),
];
