import { parseArgs } from 'node:util';
import type { Dialect } from '../../src/database/database.ts';

export const USAGE = `Usage: npx tsx bench/database/run.ts [options]

How long lists, filters, usage, cancelling and deleting take over many rows, by the services themselves. Each size is a
new database in a folder of the system's for temporary files; PostgreSQL is started there. Progress goes to standard
error, Markdown to standard output. 1,000,000 jobs need 8 GB of disk and some minutes.

  --dialects LIST  sqlite, postgresql (default: both)
  --jobs LIST      sizes: jobs that have ended (default 100000,1000000)
  --adapters N     (default 100000)
  --queued N       jobs that wait (default 10000)
  --calls N        of each kind (default 300)
  --quick          1,000 jobs and few calls: tries the benchmark itself, its numbers are worth nothing`;

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

const MOST = 10_000_000;
const FEWEST = { jobs: 1_000, adapters: 1_000, queued: 100, calls: 1 };
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
    throw new Error(`--calls ${rest.calls}: at most half as many as --queued, for each cancels one`);
  if (rest.calls > rest.adapters / 10)
    throw new Error(`--calls ${rest.calls}: at most a tenth of --adapters, for each deletes one`);
  const amounts = values.jobs.split(',').map((text) => ({ jobs: whole('jobs', text), ...rest }));
  return { dialects, amounts, quick: false };
}

function whole(name: keyof typeof FEWEST, text: string): number {
  const [value, fewest] = [Number(text), FEWEST[name]];
  if (text.trim() === '' || !Number.isInteger(value) || value < fewest || value > MOST)
    throw new Error(`--${name} must be a whole number from ${fewest} to ${MOST}, not "${text}"`);
  return value;
}
