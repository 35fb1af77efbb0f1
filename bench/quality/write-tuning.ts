// Writes what the tuning measured (results/plans.jsonl, results/ranks.jsonl) into docs/schedule-experiment.md and docs/error-and-loss.md:
//   npx tsx bench/quality/write-tuning.ts
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { writeBetweenMarks } from '../write-between-marks.ts';
import { errorCostFigure } from './error-cost-figure.ts';
import { criteriaTable, type PlanRow, plansTable, type RanksRow } from './tuning-tables.ts';

const WRITER = 'bench/quality/write-tuning.ts';
const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

async function readLines<T>(name: string): Promise<T[]> {
  const text = await readFile(at(`results/${name}`), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

const ranks = await readLines<RanksRow>('ranks.jsonl');
await writeFile(at('../../docs/figures/error-cost.svg'), errorCostFigure(ranks));
await writeBetweenMarks(at('../../docs/error-and-loss.md'), WRITER, criteriaTable(ranks));
await writeBetweenMarks(
  at('../../docs/schedule-experiment.md'),
  WRITER,
  plansTable(await readLines<PlanRow>('plans.jsonl')),
);
