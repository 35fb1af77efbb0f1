import { markdownTable } from '../markdown-table.ts';
import { quantile } from '../statistics.ts';
import type { MeasuredRows } from './measure-rows.ts';

/** Milliseconds that the 99th percentile may take for this many jobs; twice as many for more jobs. */
const AIM_MS = 20;
const AIM_JOBS = 100_000;

const NAMES = { sqlite: 'SQLite', postgresql: 'PostgreSQL' } as const;
const count = (value: number): string => value.toLocaleString('en');
const ms = (value: number): string => value.toFixed(value < 10 ? 2 : 1);

/** The table of one database, and the calls that exceed the aim. */
export function rowsPage({ dialect, amounts, version, fillSeconds, rows }: MeasuredRows): string {
  const aimMs = amounts.jobs > AIM_JOBS ? 2 * AIM_MS : AIM_MS;
  const cells = rows.map(({ call, milliseconds }) => ({
    name: `${call.group}: ${call.name}`,
    p50: quantile(milliseconds, 0.5),
    p99: quantile(milliseconds, 0.99),
    most: Math.max(...milliseconds),
  }));
  const over = cells.filter(({ p99 }) => p99 > aimMs);
  return `## ${NAMES[dialect]}, ${count(amounts.jobs)} jobs

${NAMES[dialect]} ${version}. ${count(amounts.jobs)} jobs that have ended, ${count(amounts.adapters)} adapters, ${count(amounts.queued)} queued jobs, filled in
${fillSeconds.toFixed(0)} s; ${count(amounts.calls)} calls of each kind, by turns.

${markdownTable([
  ['call', 'p50, ms', 'p99, ms', 'most, ms', 'over the aim'],
  ...cells.map((row) => [row.name, ms(row.p50), ms(row.p99), ms(row.most), row.p99 > aimMs ? 'yes' : '']),
])}

${over.length === 0 ? `No 99th percentile is over the aim of ${aimMs} ms.` : `Over the aim of ${aimMs} ms: ${over.map(({ name, p99 }) => `${name} (${ms(p99)} ms)`).join('; ')}.`}`;
}
