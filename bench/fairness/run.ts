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

How long a quiet tenant waits beside one with thousands of jobs, and what weights come to: the real dispatcher over a
real database, and slots that take as long as the simulation specifies, on a clock of their own. Writes docs/fairness.md and its
figure.

  --dialect NAME  sqlite (default) or postgresql
  --trials N      of each setting (default 100)
  --quick         few trials, printed and not written: tries the benchmark itself`;

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
  const asked = Number(values.trials);
  if (!Number.isInteger(asked) || asked < 1)
    throw new Error(`--trials ${values.trials} is no whole number from 1 on`);
  const { queued, trials, jobs } = values.quick ? QUICK : { queued: QUEUED, trials: asked, jobs: JOBS };
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
    ['', 'bound', 'median', '99 of 100', 'longest', `within, of ${trials}`],
    ...measured.map(({ name, bound, waits }) => [
      name,
      ...[bound, quantile(waits, 0.5), quantile(waits, 0.99), Math.max(...waits)].map((wait) =>
        wait.toFixed(2),
      ),
      String(waits.filter((wait) => wait <= bound).length),
    ]),
  ]);
  const ratios = markdownTable([
    ['jobs of the first take', 'jobs of the second take', 'seconds of the first for each of the second'],
    ...shares.map(({ factors, ratio }) => [
      ...factors.map((factor) => `${factor} × the estimate`),
      ratio.toFixed(2),
    ]),
  ]);
  return `Waits of the quiet tenant's job, in durations of one job, over ${dialect === 'sqlite' ? 'SQLite' : 'PostgreSQL'}:

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
