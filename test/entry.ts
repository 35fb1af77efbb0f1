import { join } from 'node:path';
import { bundleOf, IS_BUNDLED } from './bundles.ts';

const ROOT = join(import.meta.dirname, '..');

/** What tests start is what was built where they are bundled themselves: it starts three times as fast as the sources. */
const entry = (source: string, built: string): readonly string[] =>
  IS_BUNDLED
    ? [join(ROOT, 'dist', built)]
    : ['--import', import.meta.resolve('tsx'), join(ROOT, 'src', source)];

/** The service, as arguments of node. */
export const SERVICE_ENTRY = entry('main.ts', 'main.js');
/** The command, as arguments of node. */
export const COMMAND_ENTRY = entry('cli/main.ts', 'cli/main.js');

/** The file to run of a program that lies beside the tests. */
export const programFile = (source: string): string => (IS_BUNDLED ? bundleOf(source) : source);

/** The same, as arguments of node. */
export const programEntry = (source: string): readonly string[] => [
  ...(IS_BUNDLED ? [] : ['--import', 'tsx']),
  programFile(source),
];
