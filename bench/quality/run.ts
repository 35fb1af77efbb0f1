import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startService } from '../../test/e2e/service.ts';
import { parseOptions, type QualityOptions, USAGE } from './options.ts';
import { render, trainAndWrite } from './quality-run.ts';
import { NEEDED, pythonVersions } from './workers.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

const words = process.argv.slice(2);
const options = readOptions();
const startedMs = performance.now();
const elapsed = () => `${((performance.now() - startedMs) / 1000).toFixed(0)} s`;
const say = (line: string) => console.error(`${elapsed().padStart(6)}  ${line}`);

if (options.render) await render(options);
else await train();
say('Done.');

/** Reads the command line; ends the process on --help and on words it does not know. */
function readOptions(): QualityOptions {
  try {
    const read = parseOptions(words);
    if (read) return read;
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
  console.log(USAGE);
  process.exit(0);
}

async function train(): Promise<void> {
  const versions = pythonVersions();
  if (!versions) {
    console.error(`/usr/bin/python3 lacks libraries. Debian: apt-get install ${NEEDED}`);
    process.exit(1);
  }
  const dataDir = join(REPOSITORY, 'data', `quality-service-${process.pid}`);
  const service = await startService({ dataDir, env: { LOG_LEVEL: 'warn' } });
  try {
    await trainAndWrite(options, { words, versions, url: service.url, elapsed, say });
  } finally {
    await service.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}
