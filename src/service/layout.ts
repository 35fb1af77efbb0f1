import { createHash, randomBytes } from 'node:crypto';

/**
 * Keys of everything in the storage. The manifests are the record: adapters/, jobs/ (as accepted) and outcomes/ (as
 * ended, written once), runs/ with the logs of their checkpoints (written once). pending/ marks the jobs that may lack an
 * outcome; blobs/ is content.
 */
export const blobKey = (sha256: string): string => `blobs/${sha256.slice(0, 2)}/${sha256}`;
export const adapterKey = (adapterId: string): string => `adapters/${adapterId}.json`;
export const jobKey = (jobId: string): string => `jobs/${jobId}.json`;
export const outcomeKey = (jobId: string): string => `outcomes/${jobId}.json`;
export const PENDING_PREFIX = 'pending/';
export const pendingKey = (jobId: string): string => `${PENDING_PREFIX}${jobId}`;
export const reportKey = (jobId: string): string => `reports/${jobId}.json`;
export const runKey = (runId: string): string => `runs/${runId}.json`;
export const checkpointPrefix = (runId: string): string => `runs/${runId}/checkpoints/`;
/** @param sequence place in the run's log; padded, so that keys sort by it */
export const checkpointKey = (runId: string, sequence: number): string =>
  `${checkpointPrefix(runId)}${String(sequence).padStart(8, '0')}.json`;

const ADAPTER_ID = /^ad_[0-9a-f]{32}$/;
const JOB_ID = /^job_[0-9a-f]{32}$/;
const RUN_ID = /^run_[0-9a-f]{32}$/;

/** Ids come from clients: only well-formed ones may become keys. */
export const isAdapterId = (value: string): boolean => ADAPTER_ID.test(value);
export const isJobId = (value: string): boolean => JOB_ID.test(value);
export const isRunId = (value: string): boolean => RUN_ID.test(value);

/** The id of an adapter: half a SHA-256 over the names and digests of its files, in name order. */
export function adapterIdOf(files: readonly { readonly name: string; readonly sha256: string }[]): string {
  const hash = createHash('sha256');
  const byName = [...files].sort((x, y) => (x.name < y.name ? -1 : 1));
  for (const file of byName) hash.update(`${file.name}\0${file.sha256}\n`);
  return `ad_${hash.digest('hex').slice(0, 32)}`;
}

/** A new job id: 48 bits of milliseconds, then random bits, so that ids sort by the time they were made. */
export const newJobId = (nowMs: number): string => `job_${timedId(nowMs)}`;

/** A new run id, made like that of a job. */
export const newRunId = (nowMs: number): string => `run_${timedId(nowMs)}`;

const timedId = (nowMs: number): string =>
  `${nowMs.toString(16).padStart(12, '0')}${randomBytes(10).toString('hex')}`;

/** When a job id was made, in milliseconds since 1970. */
export const jobIdTimeMs = (jobId: string): number => Number.parseInt(jobId.slice(4, 16), 16);
