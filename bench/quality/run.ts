import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startService } from '../../test/e2e/service.ts';
import { describeMachine } from '../machine.ts';
import { parseOptions, type QualityOptions, USAGE } from './options.ts';
import { qualityFigure } from './quality-figure.ts';
import { qualityPage } from './quality-page.ts';
import type { Results } from './results.ts';
import { runExperiment } from './run-experiment.ts';
import { NEEDED, pythonVersions } from './workers.ts';
import { writeBetweenMarks } from './write-between-marks.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const FIGURE = 'figures/quality-accuracy.svg';

const words = process.argv.slice(2);
const options = readOptions();
const startedMs = performance.now();
const elapsed = () => `${((performance.now() - startedMs) / 1000).toFixed(0).padStart(4)} s`;
const say = (line: string) => console.error(`${elapsed()}  ${line}`);

const ownDir = options.out ?? (options.quick ? join(REPOSITORY, 'data', 'quality') : undefined);
const pageDir = ownDir ?? join(REPOSITORY, 'docs');
const resultsPath = join(ownDir ?? join(REPOSITORY, 'bench', 'quality', 'results'), 'results.json');

const results = options.render
  ? (JSON.parse(await readFile(resultsPath, 'utf8')) as Results)
  : await measure(options);
const figurePath = join(pageDir, FIGURE);
for (const path of [resultsPath, figurePath]) await mkdir(dirname(path), { recursive: true });
await writeFile(resultsPath, resultsText(results));
await writeFile(figurePath, qualityFigure(results));
await writeBetweenMarks(join(pageDir, 'quality.md'), qualityPage(results, FIGURE));
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

async function measure({ plan, workers }: QualityOptions): Promise<Results> {
  const versions = pythonVersions();
  if (!versions) {
    console.error(`/usr/bin/python3 lacks libraries. Debian: apt-get install ${NEEDED}`);
    process.exit(1);
  }
  const dataDir = join(REPOSITORY, 'data', `quality-service-${process.pid}`);
  const service = await startService({ dataDir, env: { LOG_LEVEL: 'warn' } });
  try {
    const found = await runExperiment({ plan, url: service.url, workers, say });
    const command = ['npx tsx bench/quality/run.ts', ...words].join(' ');
    const facts = [
      ...(options.quick ? ['**A quick run: it tries the experiment, its numbers are worth nothing.**'] : []),
      ...describeMachine(versions),
      `Command: \`${command}\`, ${elapsed().trim()}, ${workers} training${workers === 1 ? '' : 's'} at a time, one thread each`,
    ];
    return { ...found, facts };
  } finally {
    await service.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** JSON with a line for each score: small differences between two runs show as lines. */
function resultsText({ scores, bases, ...rest }: Results): string {
  const lines = (values: readonly object[]) =>
    `[\n${values.map((value) => `    ${JSON.stringify(value)}`).join(',\n')}\n  ]`;
  const head = JSON.stringify(rest, null, 2).replace(/\n\}$/, '');
  return `${head},\n  "bases": ${lines(bases)},\n  "scores": ${lines(scores)}\n}\n`;
}
