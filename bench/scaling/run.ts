import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PRODUCT } from '../../src/version.ts';
import { factorBytes, llamaAdapter } from '../adapter/adapter-spec.ts';
import { writeAdapter } from '../adapter/write-adapter.ts';
import { fileSize, megabytes, ratio } from '../format.ts';
import { describeMachine } from '../machine.ts';
import { markdownTable } from '../markdown-table.ts';
import { measureWorkers, type ScalingResult } from './measure-workers.ts';

const USAGE = `Usage: npx tsx bench/scaling/run.ts [options]

Jobs a minute of 1, 2 and 4 worker processes of one thread each (npm run build first). Progress goes to standard
error, Markdown to standard output.

  --jobs N     jobs in the queue at once (default 24)
  --quick      a small adapter and few jobs: tries the benchmark itself, its numbers are worth nothing`;

const WORKERS = [1, 2, 4];
const SOURCE_RANK = 16;
const QUICK = { layers: 2, jobs: 8 };
const DATA = join(import.meta.dirname, '../../data/bench');

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      jobs: { type: 'string', default: '24' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const jobs = values.quick ? QUICK.jobs : Number(values.jobs);
  if (!Number.isInteger(jobs) || jobs < 1)
    throw new Error(`--jobs ${values.jobs} is no whole number from 1 on`);
  const spec = values.quick ? llamaAdapter(SOURCE_RANK, QUICK.layers) : llamaAdapter(SOURCE_RANK);
  const bytes = factorBytes(spec);
  const adapterDir = join(DATA, spec.name);
  console.error(`${fileSize(bytes)} of adapter …`);
  await writeAdapter(adapterDir, spec);
  const measured: ScalingResult[] = [];
  for (const workers of WORKERS) {
    console.error(`${jobs} jobs, ${workers} workers …`);
    const load = { workers, jobs, targetRank: SOURCE_RANK / 2 };
    measured.push(await measureWorkers(join(DATA, 'scaling'), adapterDir, load));
  }
  console.log(page(bytes, measured));
}

function page(bytes: number, measured: readonly ScalingResult[]): string {
  const jobsAMinute = ({ jobs, seconds }: ScalingResult) => (60 * jobs) / seconds;
  const cores = availableParallelism();
  return `## Workers

${describeMachine({ 'LoRA-Squeeze': PRODUCT.version }).join('\n')}

${measured[0]!.jobs} jobs in the queue at once, each an adapter of ${fileSize(bytes)}, rank ${SOURCE_RANK} to ${SOURCE_RANK / 2}. One API, one Redis, one folder; workers of one thread
each. More workers than cores (${cores}), less API and Redis, share them.

${markdownTable([
  ['workers', 'jobs a minute', 'MB/s', 'against one', 'jobs by worker'],
  ...measured.map((each) => [
    String(each.workers),
    jobsAMinute(each).toFixed(0),
    megabytes((bytes * each.jobs) / each.seconds),
    ratio(jobsAMinute(each) / jobsAMinute(measured[0]!)),
    `${each.share[0]} to ${each.share[1]}`,
  ]),
])}`;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
