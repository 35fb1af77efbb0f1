/** Preloaded into every process of a service: at its end it writes which modules it loaded, one file a process. */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const { cache } = createRequire(import.meta.url);
process.on('exit', () => {
  const loaded = { argv: process.argv, modules: Object.keys(cache) };
  writeFileSync(join(process.env.LOADED_DIR, `${process.pid}.json`), JSON.stringify(loaded));
});
