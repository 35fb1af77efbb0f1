import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PRODUCT } from '../../src/version.ts';
import { describeMachine } from '../machine.ts';
import { markdownTable } from '../markdown-table.ts';
import { writeBetweenMarks } from '../write-between-marks.ts';
import { growths, leaks, runSoak, type SoakReport, WARM_UP_SHARE } from './soak-run.ts';

const USAGE = `Usage: npm run soak -- [options]

Asks the same of the built service (npm run build first) for some minutes and watches whether memory, handles, Redis or
scratch grow. Writes the table into docs/chaos.md; ends with 1 when something grows faster than it may.

  --minutes N  how long (default 10)
  --dry        writes nothing`;

const ROOT = join(import.meta.dirname, '../..');
const DATA = join(ROOT, 'data/soak');

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      dry: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error(`--minutes ${values.minutes} is no number above 0`);
  if (!existsSync(join(ROOT, 'dist/main.js')))
    throw new Error('dist/main.js is missing: npm run build first.');
  await rm(DATA, { recursive: true, force: true });
  await mkdir(DATA, { recursive: true });
  try {
    const report = await runSoak({ folder: DATA, entry: 'built', minutes, minRounds: 0, say: console.error });
    const page = soakPage(report);
    console.log(page);
    const wrong = [...leaks(report), ...growths(report)];
    if (wrong.length > 0) throw new Error(`The service grows:\n${wrong.join('\n')}`);
    if (!values.dry) await writeBetweenMarks(join(ROOT, 'docs/chaos.md'), 'bench/soak/run.ts', page);
  } finally {
    await rm(DATA, { recursive: true, force: true });
  }
}

function soakPage({ minutes, rounds, rows }: SoakReport): string {
  const machine = describeMachine({ 'LoRA-Squeeze': PRODUCT.version });
  const number = (value: number): string => (Number.isInteger(value) ? String(value) : value.toFixed(1));
  return `${[...machine, `Command: \`npm run soak -- --minutes ${minutes}\`, ${rounds} rounds`].map((line) => `- ${line}`).join('\n')}

${markdownTable([
  ['series', 'before', 'maximum', 'afterwards', 'growth per minute', 'limit'],
  ...rows.map(({ series, before, most, after, slope, bound }) => [
    series,
    ...[before, most, after].map(number),
    slope.toFixed(2),
    String(bound),
  ]),
])}

Growth is the slope after the first ${100 * WARM_UP_SHARE} % of the time.`;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
