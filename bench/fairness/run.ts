import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Dialect } from '../../src/database/database.ts';
import { PRODUCT } from '../../src/version.ts';
import { describeMachine } from '../machine.ts';
import { markdownTable } from '../markdown-table.ts';
import { quantile } from '../statistics.ts';
import { writeBetweenMarks } from '../write-between-marks.ts';
import { fairnessFigure } from './fairness-figure.ts';
import {
  type MeasuredShares,
  type MeasuredTrials,
  measureShares,
  measureTrials,
  SETTINGS,
} from './measure-fairness.ts';

const USAGE = `Usage: npx tsx bench/fairness/run.ts [options]

Measures how long a quiet tenant waits beside one with thousands of jobs, and what share of the workers weights give. The
dispatcher and the database are real; executions take a given time on a simulated clock. Writes docs/fairness.md and its figure.

  --dialect NAME  sqlite (default) or postgresql
  --trials N      trials of each setting (default 100)
  --quick         few trials, which are printed and not written, to test the benchmark itself`;

const QUICK = { queued: 100, trials: 5, jobs: 60 };
const QUEUED = 5_000;
const JOBS = 400;
const DOCS = join(import.meta.dirname, '../../docs');
const WRITER = 'bench/fairness/run.ts';

async function main(): Promise<void> {
  const words = process.argv.slice(2);
  const { values } = parseArgs({
    args: words,
    options: {
      dialect: { type: 'string', default: 'sqlite' },
      trials: { type: 'string', default: '100' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const dialect = values.dialect as Dialect;
  if (dialect !== 'sqlite' && dialect !== 'postgresql')
    throw new Error(`--dialect: "${values.dialect}" is neither sqlite nor postgresql`);
  const trialsPerSetting = Number(values.trials);
  if (!Number.isInteger(trialsPerSetting) || trialsPerSetting < 1)
    throw new Error(`--trials ${values.trials} is not a whole number of at least 1`);
  const { queued, trials, jobs } = values.quick
    ? QUICK
    : { queued: QUEUED, trials: trialsPerSetting, jobs: JOBS };
  const measured: MeasuredTrials[] = [];
  for (const setting of SETTINGS) {
    console.error(`${setting.name} …`);
    measured.push(await measureTrials(dialect, setting, { queued, trials }));
  }
  console.error('weights …');
  const shares = await measureShares(dialect, jobs);
  const command = ['npx tsx', WRITER, ...words].join(' ');
  const page = resultsPage(measured, shares, { dialect, command, trials });
  if (values.quick) return console.log(page);
  await writeFile(join(DOCS, 'figures/fairness.svg'), fairnessFigure(measured));
  await writeBetweenMarks(join(DOCS, 'fairness.md'), WRITER, page);
}

function resultsPage(
  measured: readonly MeasuredTrials[],
  shares: readonly MeasuredShares[],
  { dialect, command, trials }: { dialect: Dialect; command: string; trials: number },
): string {
  const waits = markdownTable([
    [
      'setting',
      'upper bound',
      'median',
      '99th percentile',
      'longest',
      `trials within the bound, of ${trials}`,
    ],
    ...measured.map(({ name, bound, waits }) => [
      name,
      ...[bound, quantile(waits, 0.5), quantile(waits, 0.99), Math.max(...waits)].map((wait) =>
        wait.toFixed(2),
      ),
      String(waits.filter((wait) => wait <= bound).length),
    ]),
  ]);
  const ratios = markdownTable([
    ['duration of jobs, first tenant', 'second tenant', 'time on workers, first / second'],
    ...shares.map(({ factors, ratio }) => [
      ...factors.map((factor) => `${factor} × the estimate`),
      ratio.toFixed(2),
    ]),
  ]);
  return `Waits of the quiet tenant's job, in multiples of the duration of one job, with ${dialect === 'sqlite' ? 'SQLite' : 'PostgreSQL'}:

${waits}

Two tenants that always have jobs waiting, with the weights 300 and 100:

${ratios}

${describeMachine({ 'LoRA-Squeeze': PRODUCT.version })
  .map((line) => `- ${line}`)
  .join('\n')}
- Command: \`${command}\``;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
