import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startService } from '../../test/e2e/service.ts';
import { describeMachine } from '../machine.ts';
import { writeBetweenMarks } from '../write-between-marks.ts';
import { parseOptions, type QualityOptions, USAGE } from './options.ts';
import { qualityFigure } from './quality-figure.ts';
import { qualityPage } from './quality-page.ts';
import type { Results } from './results.ts';
import { readResults, refuseOtherPlan, writeResults } from './results-file.ts';
import { runExperiment, type Trained } from './run-experiment.ts';
import { NEEDED, pythonVersions } from './workers.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const FIGURE = 'figures/quality-accuracy.svg';

const words = process.argv.slice(2);
const options = readOptions();
const startedMs = performance.now();
const elapsed = () => `${((performance.now() - startedMs) / 1000).toFixed(0).padStart(4)} s`;
const say = (line: string) => console.error(`${elapsed()}  ${line}`);

const ownDir = options.out ?? (options.quick ? join(REPOSITORY, 'data', 'quality') : undefined);
const pageDir = ownDir ?? join(REPOSITORY, 'docs');
const resultsPath = join(ownDir ?? join(REPOSITORY, 'bench', 'quality', 'results'), 'results.jsonl');

const figurePath = join(pageDir, FIGURE);
for (const path of [resultsPath, figurePath]) await mkdir(dirname(path), { recursive: true });

const results = options.render ? await readResults(resultsPath) : await measure(options);
await writeFile(figurePath, qualityFigure(results));
await writeBetweenMarks(join(pageDir, 'quality.md'), 'bench/quality/run.ts', qualityPage(results, FIGURE));
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

async function measure({ plan, workers, resume, quick }: QualityOptions): Promise<Results> {
  const versions = pythonVersions();
  if (!versions) {
    console.error(`/usr/bin/python3 lacks libraries. Debian: apt-get install ${NEEDED}`);
    process.exit(1);
  }
  const earlier = resume ? await readResults(resultsPath) : { plan, scores: [], bases: [], facts: [] };
  refuseOtherPlan(earlier.plan, plan);
  const facts = () => [
    ...(quick ? ['**A quick run: it tries the experiment, its numbers are worth nothing.**'] : []),
    ...earlier.facts,
    ...describeMachine(versions),
    `Command: \`${['npx tsx bench/quality/run.ts', ...words].join(' ')}\`, ${elapsed().trim()}, ` +
      `${workers} training${workers === 1 ? '' : 's'} at a time, one thread each`,
  ];
  const save = (trained: Trained) => writeResults(resultsPath, { ...trained, facts: facts() });

  const dataDir = join(REPOSITORY, 'data', `quality-service-${process.pid}`);
  const service = await startService({ dataDir, env: { LOG_LEVEL: 'warn' } });
  try {
    const trained = await runExperiment({ plan, earlier, url: service.url, workers, say, save });
    await save(trained);
    return { ...trained, facts: facts() };
  } finally {
    await service.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}
