import type { AdapterSpec } from '../adapter/adapter-spec.ts';
import { fileSize, megabytes, ratio, seconds } from '../format.ts';
import { markdownTable } from '../markdown-table.ts';
import { median } from '../statistics.ts';

export interface Throughput {
  readonly atOnce: number;
  /** Threads of each compute process. */
  readonly threads: number;
  readonly jobs: number;
  /** From the moment the first job was accepted until the last one succeeded. */
  readonly seconds: number;
  /** Seconds of each job, from active to succeeded. */
  readonly jobSeconds: readonly number[];
  /** Peak of the largest compute process. */
  readonly peakBytes: number;
}

/** @param bytes of the adapter that every job squeezes */
export function throughputPage(
  { modules, rank }: AdapterSpec,
  bytes: number,
  targetRank: number,
  measured: readonly Throughput[],
): string {
  const jobsAMinute = ({ jobs, seconds: time }: Throughput) => (60 * jobs) / time;
  return `## Jobs at a time

${measured[0]!.jobs} jobs in the queue at once, each ${modules.length} modules of Llama-2-7B's shapes, rank ${rank} to ${targetRank}, ${fileSize(bytes)}.

${markdownTable([
  [
    'jobs at a time',
    'threads each',
    'jobs a minute',
    'MB/s',
    'against one at a time',
    'one job, s',
    'peak of a process, MB',
  ],
  ...measured.map((each) => [
    String(each.atOnce),
    String(each.threads),
    jobsAMinute(each).toFixed(0),
    megabytes((bytes * each.jobs) / each.seconds),
    ratio(jobsAMinute(each) / jobsAMinute(measured[0]!)),
    seconds(median(each.jobSeconds)),
    megabytes(each.peakBytes),
  ]),
])}

Each row is a service of its own (\`WORKER_CONCURRENCY\`, \`COMPUTE_THREADS\`), its compute processes warm. Throughput: from the
moment the first job is accepted until the last one has succeeded. One job: median from active to succeeded.`;
}
