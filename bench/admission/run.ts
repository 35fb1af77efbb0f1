import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { PRODUCT } from '../../src/version.ts';
import { residentBytes } from '../../test/e2e/process-tree.ts';
import { describeMachine } from '../machine.ts';
import { markdownTable } from '../markdown-table.ts';
import { withService } from '../service/bench-service.ts';
import { quantile } from '../statistics.ts';
import { type Answer, type Load, postJobs, untilEnded } from './load.ts';

const USAGE = `Usage: npx tsx bench/admission/run.ts [options]

Posts jobs to the built service (npm run build first) on many connections at once, and says how it answers: what is
accepted and what is refused, after how long, how fast /livez is meanwhile, and what memory is left when all that was
accepted has ended. Progress goes to standard error, Markdown to standard output.

  --connections N  at a time (default 500)
  --seconds N      of load (default 30)
  --in-flight N    MAX_REQUESTS_IN_FLIGHT (default: the service's)
  --age N          MAX_QUEUE_AGE_SECONDS (default 5; 0: none)`;

const ROOT = join(import.meta.dirname, '../..');
const DATA = join(ROOT, 'data/bench/admission');
/** After the last job. */
const REST_MS = 15_000;

async function main(): Promise<void> {
  const words = process.argv.slice(2);
  const { values } = parseArgs({
    args: words,
    options: {
      connections: { type: 'string', default: '500' },
      seconds: { type: 'string', default: '30' },
      'in-flight': { type: 'string' },
      age: { type: 'string', default: '5' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  if (!existsSync(join(ROOT, 'dist/main.js')))
    throw new Error('dist/main.js is missing: npm run build first.');
  const { 'in-flight': inFlight, age } = values;
  const env = {
    LOG_LEVEL: 'info',
    EXECUTION_PROVIDER: 'cpu',
    ...(inFlight !== undefined && { MAX_REQUESTS_IN_FLIGHT: inFlight }),
    ...(age !== '0' && { MAX_QUEUE_AGE_SECONDS: age }),
  };
  const size = { connections: Number(values.connections), seconds: Number(values.seconds) };
  try {
    await withService(DATA, env, async ({ service }) => {
      console.error(`${size.connections} connections for ${size.seconds} s …`);
      const load = await postJobs(service, size);
      const loadedBytes = residentBytes(service);
      console.error('the end of what was accepted …');
      const states = await untilEnded(service.url, load.answers);
      await sleep(REST_MS);
      const conditions = [
        ...describeMachine({ 'LoRA-Squeeze': PRODUCT.version }),
        `Command: \`${['npx tsx bench/admission/run.ts', ...words].join(' ')}\``,
      ];
      console.log(page(conditions, { load, states, loadedBytes, restBytes: residentBytes(service) }));
    });
  } finally {
    await rm(DATA, { recursive: true, force: true });
  }
}

interface AdmissionResult {
  readonly load: Load;
  readonly states: Readonly<Record<string, number>>;
  readonly loadedBytes: number;
  readonly restBytes: number;
}

function page(
  conditions: readonly string[],
  { load, states, loadedBytes, restBytes }: AdmissionResult,
): string {
  const byAnswer = new Map<string, Answer[]>();
  for (const answer of load.answers) {
    const name = answer.code === undefined ? String(answer.status) : `${answer.status} ${answer.code}`;
    byAnswer.set(name, [...(byAnswer.get(name) ?? []), answer]);
  }
  const ms = (values: readonly number[], q: number) => quantile(values, q).toFixed(0);
  const rows = [...byAnswer].map(([name, answers]) => {
    const took = answers.map((answer) => answer.ms);
    const withTime = answers.filter(({ retryAfter }) => Number(retryAfter) > 0).length;
    return [name, ...[answers.length, withTime].map(String), ...[0.5, 0.99, 1].map((q) => ms(took, q))];
  });
  const probes = [
    `\`/livez\`, 200`,
    String(load.probeMs.length),
    '',
    ...[0.5, 0.99, 1].map((q) => ms(load.probeMs, q)),
  ];
  const mb = (bytes: number) => (bytes / 1e6).toFixed(0);
  const ends = Object.entries(states).map(([state, count]) => `${count} ${state}`);
  return `# Admission under load

${conditions.map((line) => `- ${line}`).join('\n')}

${markdownTable([['answer', 'count', 'with Retry-After', 'p50, ms', 'p99, ms', 'longest, ms'], ...rows, probes])}

- Of what was accepted: ${ends.join(', ')}.
- Resident memory of the service, MB: ${mb(load.idleBytes)} before, ${mb(load.peakBytes)} at most, ${mb(loadedBytes)} after the
  load, ${mb(restBytes)} ${REST_MS / 1000} s after the last job had ended.`;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
