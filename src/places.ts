import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Where the files lie that are not imported. As a source, this module lies in `src/`; once built it is part of a file
 * that lies directly in `dist/`. Programs have the same path in both (see vite.config.ts).
 */
const at = (path: string): URL => new URL(path, import.meta.url);
const EXTENSION = extname(import.meta.filename);
const IS_BUILT = EXTENSION === '.js';

export const MANIFEST = at('../package.json');
/** The page, which only `npm run build` makes. */
export const WEB_FOLDER = fileURLToPath(at(IS_BUILT ? './web' : '../dist/web'));

/** Programs of their own: processes and threads. */
export const PROCESSOR = at(`./app/compute-process${EXTENSION}`);
export const PROVIDER_PROBE = at(`./app/provider-probe-process${EXTENSION}`);
export const COMPUTE_THREAD = at(`./compute/thread${EXTENSION}`);
export const REPORT_THREAD = at(`./report/thread${EXTENSION}`);

/** Arguments of Node for a thread. */
export const THREAD_ARGUMENTS: readonly string[] = IS_BUILT
  ? []
  : ['--import', at('../scripts/tsx-in-threads.mjs').href];
