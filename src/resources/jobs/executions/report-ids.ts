import type { JobRecord, JobResult } from '../../../contract/job.ts';
import type { Report } from '../../../contract/report.ts';

/**
 * A report is stored once for all jobs of equal requests, so it has placeholders instead of ids. No text of a
 * request can look like a placeholder, because quotation marks within JSON strings are escaped.
 */
const PLACEHOLDER = /"(job_id|id|adapter_id)":"@(job|source|target)-(\d+)"/g;
const QUEUE_WAIT = /"queue_wait":0(?=[,}])/;

/** The fields of a job that appear in its report. */
export type ReportedJob = Pick<JobRecord, 'id' | 'request' | 'imported' | 'results' | 'timings'>;

/** A report as it is stored, with marks. @param report its ids do not matter */
export const withPlaceholders = (report: Report): Report => ({
  ...report,
  job_id: '@job-0',
  timings: { ...report.timings, queue_wait: 0 },
  sources: report.sources.map((source, index) => ({ ...source, id: `@source-${index}` })),
  targets: report.targets.map((target, index) =>
    target.state === 'failed' ? target : { ...target, adapter_id: `@target-${index}` },
  ),
});

const idOf = (result: JobResult): string | undefined =>
  result.state === 'failed' ? undefined : result.adapter_id;

/**
 * A stored report with the ids of a job. It is not parsed, because it may contain a million numbers and parsing would
 * block other work.
 * @param bytes JSON in UTF-8
 */
export function fillPlaceholders(bytes: Uint8Array, job: ReportedJob): Uint8Array {
  const { request, imported, results, timings } = job;
  const sources =
    request.kind === 'merge'
      ? request.sources.map(({ adapter_id }) => adapter_id)
      : [imported?.adapter_id ?? ('adapter_id' in request ? request.adapter_id : undefined)];
  const ids = { job: [job.id], source: sources, target: results.map(idOf) };
  const text = Buffer.from(bytes)
    .toString('utf8')
    .replace(PLACEHOLDER, (_mark, field: string, of: keyof typeof ids, index: string) =>
      JSON.stringify({ [field]: ids[of][Number(index)] ?? null }).slice(1, -1),
    )
    .replace(QUEUE_WAIT, `"queue_wait":${timings?.queue_wait ?? 0}`);
  return Buffer.from(text);
}
