import { markdownTable } from '../markdown-table.ts';
import { quantile } from '../statistics.ts';
import type { MeasuredRows } from './measure-rows.ts';

/** Milliseconds that the 99th percentile may take for this many jobs; twice as many for more jobs. */
const MAX_MS = 20;
const MAX_MS_JOBS = 100_000;

const NAMES = { sqlite: 'SQLite', postgresql: 'PostgreSQL' } as const;
const count = (value: number): string => value.toLocaleString('en');
const ms = (value: number): string => value.toFixed(value < 10 ? 2 : 1);

/** The table of one database, and the calls that exceed MAX_MS. */
export function rowsPage({ dialect, amounts, version, fillSeconds, rows }: MeasuredRows): string {
  const maxMs = amounts.jobs > MAX_MS_JOBS ? 2 * MAX_MS : MAX_MS;
  const cells = rows.map(({ call, milliseconds }) => ({
    name: `${call.group}: ${call.name}`,
    p50: quantile(milliseconds, 0.5),
    p99: quantile(milliseconds, 0.99),
    longest: Math.max(...milliseconds),
  }));
  const over = cells.filter(({ p99 }) => p99 > maxMs);
  return `## ${NAMES[dialect]}, ${count(amounts.jobs)} jobs

${NAMES[dialect]} ${version}. ${count(amounts.jobs)} jobs that have ended, ${count(amounts.adapters)} adapters, ${count(amounts.queued)} queued jobs, filled in
${fillSeconds.toFixed(0)} s; ${count(amounts.calls)} calls of each kind, in turn.

${markdownTable([
  ['call', 'p50, ms', 'p99, ms', 'longest, ms', `p99 over ${maxMs} ms`],
  ...cells.map((row) => [row.name, ms(row.p50), ms(row.p99), ms(row.longest), row.p99 > maxMs ? 'yes' : '']),
])}

${over.length === 0 ? `No 99th percentile exceeds ${maxMs} ms.` : `99th percentiles that exceed ${maxMs} ms: ${over.map(({ name, p99 }) => `${name} (${ms(p99)} ms)`).join('; ')}.`}`;
}
