import { fileSize, megabytes } from '../format.ts';
import { markdownTable } from '../markdown-table.ts';
import { CONNECTIONS, type StatusLoad } from './measure-status.ts';

export interface UploadSpeed {
  readonly name: string;
  readonly bytes: number;
  readonly seconds: number;
  readonly beforeBytes: number;
  readonly peakBytes: number;
}

export interface ApiMeasurements {
  /** Lines about machine and versions. */
  readonly conditions: readonly string[];
  readonly seconds: number;
  readonly idle: StatusLoad;
  readonly busy: StatusLoad;
  readonly uploads: readonly UploadSpeed[];
}

const count = (value: number): string => Math.round(value).toLocaleString('en');

/** The tables of docs/api-performance.md. */
export function apiPage({ conditions, seconds, idle, busy, uploads }: ApiMeasurements): string {
  const row = (name: string, load: StatusLoad): string[] => [
    name,
    count(load.requestsPerSecond),
    load.p50Ms.toFixed(0),
    load.p99Ms.toFixed(0),
    String(load.failures),
    String(load.jobs),
  ];
  return `${conditions.join('\n')}

\`GET /v1/jobs/{id}\` of a finished job, with a key, over ${CONNECTIONS} connections for ${seconds} s; the load comes
from the same machine.

${markdownTable([
  ['the service meanwhile', 'requests/s', 'p50, ms', 'p99, ms', 'failures', 'jobs done'],
  row('does nothing else', idle),
  row('squeezes, one job after the other', busy),
])}

Uploads over loopback, hashed and checked while they arrive; memory is that of the process that answers (VmRSS).

${markdownTable([
  ['upload', 'size', 'seconds', 'MB/s', 'memory before, MB', 'at most, MB', 'more, MB'],
  ...uploads.map(({ name, bytes, seconds: taken, beforeBytes, peakBytes }) => [
    name,
    fileSize(bytes),
    taken.toFixed(2),
    megabytes(bytes / taken),
    megabytes(beforeBytes),
    megabytes(peakBytes),
    megabytes(peakBytes - beforeBytes),
  ]),
])}`;
}
