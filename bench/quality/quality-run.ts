import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeMachine } from '../machine.ts';
import { writeBetweenMarks } from '../write-between-marks.ts';
import type { QualityOptions } from './options.ts';
import { qualityFigure } from './quality-figure.ts';
import { qualityPage } from './quality-page.ts';
import type { Plan, Results } from './results.ts';
import { readResults, refuseOtherPlan, writeResults } from './results-file.ts';
import { runExperiment, type Trained } from './run-experiment.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

/** What a run needs besides its options. */
export interface RunContext {
  /** The words of the command line, for the page. */
  readonly words: readonly string[];
  /** Versions of the libraries that train. */
  readonly versions: Readonly<Record<string, string>>;
  /** URL of the service that squeezes. */
  readonly url: string;
  /** Seconds since the start, with the unit. */
  elapsed(): string;
  say(line: string): void;
}

/** Runs the requested trainings, one task after the other, and writes results, page and figures. */
export async function trainAndWrite(options: QualityOptions, surroundings: RunContext): Promise<void> {
  for (const plan of options.plans) {
    const path = await resultsPath(options, plan);
    await writePage(options, await measure(options, plan, path, surroundings));
  }
}

/** Writes page and figures from existing results. */
export async function render(options: QualityOptions): Promise<void> {
  for (const plan of options.plans)
    await writePage(options, await readResults(await resultsPath(options, plan)));
}

/** undefined: every file has its own place in the repository. */
const ownDir = ({ out, quick }: QualityOptions): string | undefined =>
  out ?? (quick ? join(REPOSITORY, 'data', 'quality') : undefined);

async function resultsPath(options: QualityOptions, { task }: Plan): Promise<string> {
  const path = join(ownDir(options) ?? join(REPOSITORY, 'bench', 'quality', 'results'), `${task}.jsonl`);
  await mkdir(dirname(path), { recursive: true });
  return path;
}

async function writePage(options: QualityOptions, results: Results): Promise<void> {
  const dir = ownDir(options) ?? join(REPOSITORY, 'docs');
  const { task } = results.plan;
  const figure = `figures/quality-${task}.svg`;
  await mkdir(dirname(join(dir, figure)), { recursive: true });
  await writeFile(join(dir, figure), qualityFigure(results));
  // In docs/, the digits have a separate page. In a folder given by the caller, every task has one.
  const page = join(dir, ownDir(options) || task === 'digits' ? `quality-${task}.md` : 'quality.md');
  await writeBetweenMarks(page, `bench/quality/run.ts, ${task}`, qualityPage(results, figure));
}

async function measure(
  { workers, resume, tune, quick }: QualityOptions,
  plan: Plan,
  path: string,
  { words, versions, url, elapsed, say }: RunContext,
): Promise<Results> {
  const earlier =
    existsSync(path) && !tune ? await readResults(path) : { plan, scores: [], bases: [], facts: [] };
  refuseOtherPlan(earlier.plan, plan);
  const facts = () => [
    ...(quick ? ['**A quick run: it tries the experiment, its numbers are worth nothing.**'] : []),
    ...(resume ? earlier.facts : []),
    ...describeMachine(versions),
    `Command: \`${['npx tsx bench/quality/run.ts', ...words].join(' ')}\`, ${elapsed()}, ` +
      `${workers} training${workers === 1 ? '' : 's'} at a time, one thread each`,
  ];
  const save = (trained: Trained) => writeResults(path, { ...trained, facts: facts() });
  const reusedScores = earlier.scores.filter(({ phase }) => resume || phase === 'sweep');
  const known = { scores: reusedScores, bases: earlier.bases };
  const trained = await runExperiment({ plan, earlier: known, url, workers, say, save });
  await save(trained);
  return { ...trained, facts: facts() };
}
