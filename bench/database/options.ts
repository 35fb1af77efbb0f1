import { parseArgs } from 'node:util';
import type { Dialect } from '../../src/database/database.ts';

export const USAGE = `Usage: npx tsx bench/database/run.ts [options]

Measures lists, filters, usage, cancelling and deleting over many rows, through the classes of the service. Each size is
a new database in the system's folder for temporary files; PostgreSQL is started there. Progress goes to standard error,
Markdown to standard output. 1,000,000 jobs need 8 GB of disk and some minutes.

  --dialects LIST  sqlite, postgresql (default: both)
  --jobs LIST      numbers of jobs that have ended, one for each size (default 100000,1000000)
  --adapters N     number of adapters (default 100000)
  --queued N       number of queued jobs (default 10000)
  --calls N        number of calls of each kind (default 300)
  --quick          1,000 jobs and few calls, to test the benchmark itself; its numbers have no meaning`;

export const DIALECTS: readonly Dialect[] = ['sqlite', 'postgresql'];

/** How many rows there are, and how often each kind of call is made. */
export interface Amounts {
  readonly jobs: number;
  readonly adapters: number;
  readonly queued: number;
  readonly calls: number;
}

export interface DatabaseOptions {
  readonly dialects: readonly Dialect[];
  readonly amounts: readonly Amounts[];
  readonly quick: boolean;
}

const MAX_VALUE = 10_000_000;
const MIN_VALUES = { jobs: 1_000, adapters: 1_000, queued: 100, calls: 1 };
export const QUICK: Amounts = { jobs: 1_000, adapters: 1_000, queued: 100, calls: 20 };
/** The share of the large tenant's waiting jobs that the calls may cancel. */
const CALLS_OF_QUEUED = 0.5;

/**
 * @returns null when help was asked for
 * @throws Error naming the option that cannot be read
 */
export function parseOptions(words: readonly string[]): DatabaseOptions | null {
  const { values } = parseArgs({
    args: [...words],
    options: {
      dialects: { type: 'string', default: DIALECTS.join(',') },
      jobs: { type: 'string', default: '100000,1000000' },
      adapters: { type: 'string', default: '100000' },
      queued: { type: 'string', default: '10000' },
      calls: { type: 'string', default: '300' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  const asked = values.dialects.split(',').map((name) => name.trim());
  const unknown = asked.find((name) => !(DIALECTS as readonly string[]).includes(name));
  if (unknown !== undefined) throw new Error(`--dialects: "${unknown}" is not one of ${DIALECTS.join(', ')}`);
  const dialects = DIALECTS.filter((dialect) => asked.includes(dialect));
  if (values.quick) return { dialects, amounts: [QUICK], quick: true };
  const rest = {
    adapters: whole('adapters', values.adapters),
    queued: whole('queued', values.queued),
    calls: whole('calls', values.calls),
  };
  if (rest.calls > rest.queued * CALLS_OF_QUEUED)
    throw new Error(
      `--calls ${rest.calls}: must be at most half of --queued, because each call cancels one job`,
    );
  if (rest.calls > rest.adapters / 10)
    throw new Error(
      `--calls ${rest.calls}: must be at most a tenth of --adapters, because each call deletes one adapter`,
    );
  const amounts = values.jobs.split(',').map((text) => ({ jobs: whole('jobs', text), ...rest }));
  return { dialects, amounts, quick: false };
}

function whole(name: keyof typeof MIN_VALUES, text: string): number {
  const [value, minimum] = [Number(text), MIN_VALUES[name]];
  if (text.trim() === '' || !Number.isInteger(value) || value < minimum || value > MAX_VALUE)
    throw new Error(`--${name} must be a whole number from ${minimum} to ${MAX_VALUE}, not "${text}"`);
  return value;
}
