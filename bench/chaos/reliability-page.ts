import type { BrownOutReport } from '../../test/chaos/brown-out.ts';
import type { ChaosReport } from '../../test/chaos/chaos-run.ts';
import type { ClocksReport } from '../../test/chaos/clocks.ts';
import type { KillPointsReport } from '../../test/chaos/try-kill-points.ts';
import { markdownTable } from '../markdown-table.ts';
import { median } from '../statistics.ts';
import type { Recovery } from './recovery.ts';

export interface ReliabilityFigures {
  /** Machine, versions, date: one line each. */
  readonly machine: readonly string[];
  readonly command: string;
  readonly recovery: Recovery;
  readonly chaos: ChaosReport;
  /** The next three: the measurements, or the reason why there are none. */
  readonly killPoints: KillPointsReport | string;
  readonly brownOut: BrownOutReport | string;
  readonly clocks: ClocksReport | string;
}

/** The promised limit in seconds; undefined: measured only. */
const ROWS: readonly [keyof Recovery, string, number | undefined][] = [
  ['workerCrash', 'another worker begins a job whose worker died', 20],
  ['redisBack', 'the first waiting job has ended, after Redis is back', 5],
  ['acceptedAway', 'a job is accepted while Redis does not listen', 1],
  ['acceptedSilent', 'a job is accepted while Redis is silent', 1],
  ['unready', '`/readyz` reports that Redis was killed', undefined],
  ['readyAgain', '`/readyz` reports that Redis is back', undefined],
  ['gracefulStop', 'a worker has finished its job and ended, after SIGTERM', 30],
];

/** The figures of docs/chaos.md, as Markdown. */
export function reliabilityPage(figures: ReliabilityFigures): string {
  const { machine, command, recovery, chaos, killPoints, brownOut, clocks } = figures;
  const { killed, broke } = chaos;
  const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0);
  const listed = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
  return `${[...machine, `Command: \`${command}\``].map((line) => `- ${line}`).join('\n')}

${markdownTable([
  ['seconds until', 'trials', 'median', 'longest', 'limit'],
  ...ROWS.map(([key, name, limit]) => [
    name,
    String(recovery[key].length),
    seconds(median(recovery[key])),
    seconds(Math.max(...recovery[key])),
    limit === undefined ? '' : `${limit}${Math.max(...recovery[key]) > limit ? ' (missed)' : ''}`,
  ]),
])}

Chaos: ${chaos.jobs} jobs in ${chaos.seconds.toFixed(0)} s, ${sum(killed)} processes killed (${listed(killed)}), ${sum(broke)} faults of
Redis and the connection to it (${listed(broke)}), ${chaos.abortedUploads} uploads broken off.

${markdownTable([
  ['afterwards', 'count'],
  ['accepted jobs that did not end exactly once', '0'],
  ['results whose bytes differ from those of an undisturbed run', '0'],
  ['responses that were incomplete', '0'],
  ['temporary files, unreferenced files and keys of jobs in Redis that were left', '0'],
  ['jobs that took more than one attempt', String(chaos.repeated)],
  [
    'jobs that failed after losing two workers or three attempts, and succeeded after `retry`',
    String(chaos.givenUp),
  ],
  ['requests that had to be repeated until they were accepted', String(chaos.insisted)],
  ['responses that were checked (of these, files with a digest)', `${chaos.bodies} (${chaos.files})`],
])}

The first four are asserted: a run where one of them is not 0 ends with an error and writes nothing.

${killPointsSentence(killPoints)}

${brownOutSentence(brownOut)}

${clocksSentence(clocks)}`;
}

function killPointsSentence(killPoints: KillPointsReport | string): string {
  if (typeof killPoints === 'string') return `Kills at given points were not tried: ${killPoints}.`;
  const { points, slowest } = killPoints;
  return `Kills at ${points} given points: no job, upload or event was lost or done twice, and each was complete at most
${slowest.toFixed(1)} s after the kill.`;
}

function brownOutSentence(brownOut: BrownOutReport | string): string {
  if (typeof brownOut === 'string')
    return `The store that fails a part of all requests was not tried: ${brownOut}.`;
  const { seconds: lasted, failed, requests, jobs, postponed, repeated, settled } = brownOut;
  return `A store that failed ${failed} of ${requests} requests with 500 or 503 in ${lasted} s: ${jobs} jobs, all of which succeeded,
with the same bytes as without failures. ${postponed} attempts were repeated without counting towards the limit,
and ${repeated} jobs took more than one attempt. All jobs had ended ${settled.toFixed(1)} s after the last failure, and no files were left.`;
}

function clocksSentence(clocks: ClocksReport | string): string {
  if (typeof clocks === 'string') return `Clocks that jump were not tried: ${clocks}.`;
  const { jumps, jobs, repeated, longest } = clocks;
  return `Clocks that jumped ${jumps} times, by a day or two: ${jobs} jobs, each of which succeeded once, ${repeated} of them after more
than one attempt. Jobs that were accepted before a jump had ended at most ${longest.toFixed(1)} s after it.`;
}

const seconds = (value: number): string => value.toFixed(2);
