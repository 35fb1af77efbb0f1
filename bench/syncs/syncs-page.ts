import { markdownTable } from '../markdown-table.ts';
import { median, quantile } from '../statistics.ts';
import { JOBS_PER_SECOND, type LiveWhileWriting, type SyncsOfJob } from './measure-syncs.ts';

const AIM_MS = 50;
const ACCEPTED = 202;

const p = (values: readonly number[], q: number): string => quantile(values, q).toFixed(1);

/** How fast `/livez` answers while jobs run, and whether it exceeds the limit with the slow disk. */
export function livezPage(rows: readonly LiveWhileWriting[]): string {
  const refused = ({ statuses }: LiveWhileWriting['livez'], good: number): number =>
    [...statuses].reduce((sum, [status, count]) => (status === good ? sum : sum + count), 0);
  const over = rows.filter(({ livez }) => quantile(livez.milliseconds, 0.99) >= AIM_MS);
  return `## /livez while ${JOBS_PER_SECOND} jobs a second are submitted

${markdownTable([
  [
    'added to each fsync',
    '/livez p50, ms',
    'p99, ms',
    'longest, ms',
    'failures',
    'jobs/s',
    'POST p50, ms',
    'p99, ms',
    'refused',
    'syncs/s',
  ],
  ...rows.map(({ delayMs, livez, jobs, syncs }) => [
    `${delayMs} ms`,
    ...[0.5, 0.99, 1].map((q) => p(livez.milliseconds, q)),
    String(refused(livez, 200)),
    (jobs.milliseconds.length / jobs.seconds).toFixed(0),
    ...[0.5, 0.99].map((q) => p(jobs.milliseconds, q)),
    String(refused(jobs, ACCEPTED)),
    (syncs / jobs.seconds).toFixed(0),
  ]),
])}

${over.length === 0 ? `All are below the aim, a 99th percentile of ${AIM_MS} ms.` : `Not below the aim, a 99th percentile of ${AIM_MS} ms: with ${over.map(({ delayMs }) => `${delayMs} ms`).join(', ')}.`}`;
}

export const jobPage = ({ jobs, idlePerMinute, processes }: SyncsOfJob): string =>
  `## Calls of fsync and fdatasync for one small job

**${median(jobs)}** from its request to its end and half a second more, of all ${processes} processes; median of ${jobs.length} jobs, one after the
other (${Math.min(...jobs)} to ${Math.max(...jobs)}). While nothing is asked of it, the service makes ${idlePerMinute.toFixed(0)} a minute. The private Redis writes no files.`;
