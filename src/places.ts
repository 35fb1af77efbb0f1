import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The locations of files that are not imported. As a source, this module is in `src/`; in the build it is part of a
 * file directly in `dist/`. Programs have the same path in both (see vite.config.ts).
 */
const at = (path: string): URL => new URL(path, import.meta.url);
const EXTENSION = extname(import.meta.filename);
const IS_BUILT = EXTENSION === '.js';

export const MANIFEST = at('../package.json');
/** The folder of the page, which only `npm run build` creates. */
export const WEB_FOLDER = fileURLToPath(at(IS_BUILT ? './web' : '../dist/web'));

/** Separate programs: processes and threads. */
export const PROCESSOR = at(`./app/compute-process${EXTENSION}`);
export const PROVIDER_PROBE = at(`./app/provider-probe-process${EXTENSION}`);
export const COMPUTE_THREAD = at(`./compute/thread${EXTENSION}`);
export const REPORT_THREAD = at(`./report/thread${EXTENSION}`);

/** Node's arguments for a thread. */
export const THREAD_ARGUMENTS: readonly string[] = IS_BUILT
  ? []
  : ['--import', at('../scripts/tsx-in-threads.mjs').href];
