import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PRODUCT } from '../../src/version.ts';
import { describeMachine } from '../machine.ts';
import { type LiveWhileWriting, measureJob, measureLivez } from './measure-syncs.ts';
import { jobPage, livezPage } from './syncs-page.ts';

const USAGE = `Usage: npx tsx bench/syncs/run.ts [options]

What making files durable costs the built service (npm run build first; needs gcc): how fast /livez answers while jobs
come and the disk is slow, and how many calls of fsync and fdatasync one small job takes. Progress goes to standard
error, Markdown to standard output.

  --delays LIST  milliseconds that are added to each call (default 0,10)
  --seconds N    of each load (default 30)
  --jobs N       that are counted (default 20)
  --quick        short loads: tries the benchmark itself, its numbers are worth nothing`;

const ROOT = join(import.meta.dirname, '../..');
const DATA = join(ROOT, 'data/bench/syncs');
const QUICK = { seconds: 3, jobs: 3 };
const MOST = 3_600;

async function main(): Promise<void> {
  const words = process.argv.slice(2);
  const { values } = parseArgs({
    args: words,
    options: {
      delays: { type: 'string', default: '0,10' },
      seconds: { type: 'string', default: '30' },
      jobs: { type: 'string', default: '20' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  if (!existsSync(join(ROOT, 'dist/main.js')))
    throw new Error('dist/main.js is missing: npm run build first.');
  const delays = values.delays.split(',').map((text) => whole('delays', text, 0));
  const seconds = values.quick ? QUICK.seconds : whole('seconds', values.seconds, 1);
  const jobs = values.quick ? QUICK.jobs : whole('jobs', values.jobs, 1);
  try {
    const rows: LiveWhileWriting[] = [];
    for (const delayMs of delays) {
      console.error(`/livez with ${delayMs} ms added to each fsync …`);
      rows.push(await measureLivez(DATA, delayMs, seconds));
    }
    console.error('one job …');
    const counted = await measureJob(DATA, jobs);
    const conditions = [
      ...describeMachine({ 'LoRA-Squeeze': PRODUCT.version }),
      `Command: \`${['npx tsx bench/syncs/run.ts', ...words].join(' ')}\``,
    ];
    console.log(`# What making files durable costs
${values.quick ? '\n**A quick run: it tries the benchmark, its numbers are worth nothing.**\n' : ''}
${conditions.map((line) => `- ${line}`).join('\n')}

${livezPage(rows)}

${jobPage(counted)}`);
  } finally {
    await rm(DATA, { recursive: true, force: true });
  }
}

function whole(name: string, text: string, fewest: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < fewest || value > MOST)
    throw new Error(`--${name} "${text}": whole numbers from ${fewest} to ${MOST}`);
  return value;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
