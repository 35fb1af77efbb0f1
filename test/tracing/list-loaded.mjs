/** Preloaded into every process of a service: the modules that it loads, one file a process, and at its end its arguments. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { createRequire, register } from 'node:module';
import { join } from 'node:path';

const { cache } = createRequire(import.meta.url);
const place = join(process.env.LOADED_DIR, String(process.pid));
register('./list-imported.mjs', import.meta.url, { data: `${place}.modules` });
process.on('exit', () => {
  appendFileSync(`${place}.modules`, Object.keys(cache).join('\n'));
  writeFileSync(`${place}.json`, JSON.stringify(process.argv));
});
