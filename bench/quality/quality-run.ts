import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeMachine } from '../machine.ts';
import { writeBetweenMarks } from '../write-between-marks.ts';
import type { QualityOptions } from './options.ts';
import { qualityFigure } from './quality-figure.ts';
import { qualityPage } from './quality-page.ts';
import type { Results } from './results.ts';
import { readResults, refuseOtherPlan, writeResults } from './results-file.ts';
import { runExperiment, type Trained } from './run-experiment.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const FIGURE = 'figures/quality-accuracy.svg';

/** What a run needs besides its options. */
export interface Surroundings {
  /** The words of the command line, for the page. */
  readonly words: readonly string[];
  /** Of the libraries that train. */
  readonly versions: Readonly<Record<string, string>>;
  /** Of the service that squeezes. */
  readonly url: string;
  /** Seconds since the start, with their unit. */
  elapsed(): string;
  say(line: string): void;
}

/** Trains what is asked for; writes results, page and figure. */
export async function trainAndWrite(options: QualityOptions, surroundings: Surroundings): Promise<void> {
  const path = await resultsPath(options);
  await writePage(options, await measure(options, path, surroundings));
}

/** Writes page and figure of the results that are there. */
export async function render(options: QualityOptions): Promise<void> {
  await writePage(options, await readResults(await resultsPath(options)));
}

/** undefined: every file has its own place in the repository. */
const ownDir = ({ out, quick }: QualityOptions): string | undefined =>
  out ?? (quick ? join(REPOSITORY, 'data', 'quality') : undefined);

async function resultsPath(options: QualityOptions): Promise<string> {
  const path = join(ownDir(options) ?? join(REPOSITORY, 'bench', 'quality', 'results'), 'results.jsonl');
  await mkdir(dirname(path), { recursive: true });
  return path;
}

async function writePage(options: QualityOptions, results: Results): Promise<void> {
  const dir = ownDir(options) ?? join(REPOSITORY, 'docs');
  const figurePath = join(dir, FIGURE);
  await mkdir(dirname(figurePath), { recursive: true });
  await writeFile(figurePath, qualityFigure(results));
  await writeBetweenMarks(join(dir, 'quality.md'), 'bench/quality/run.ts', qualityPage(results, FIGURE));
}

async function measure(
  { plan, workers, resume, quick }: QualityOptions,
  path: string,
  { words, versions, url, elapsed, say }: Surroundings,
): Promise<Results> {
  const earlier = resume ? await readResults(path) : { plan, scores: [], bases: [], facts: [] };
  refuseOtherPlan(earlier.plan, plan);
  const facts = () => [
    ...(quick ? ['**A quick run: it tries the experiment, its numbers are worth nothing.**'] : []),
    ...earlier.facts,
    ...describeMachine(versions),
    `Command: \`${['npx tsx bench/quality/run.ts', ...words].join(' ')}\`, ${elapsed()}, ` +
      `${workers} training${workers === 1 ? '' : 's'} at a time, one thread each`,
  ];
  const save = (trained: Trained) => writeResults(path, { ...trained, facts: facts() });
  const trained = await runExperiment({ plan, earlier, url, workers, say, save });
  await save(trained);
  return { ...trained, facts: facts() };
}
