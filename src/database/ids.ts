import { randomBytes } from 'node:crypto';

/** The last time that ids can have in them. */
const LAST_MS = 16 ** 12 - 1;

const ADAPTER_ID = /^ad_[0-9a-f]{32}$/;
const JOB_ID = /^job_[0-9a-f]{32}$/;
const RUN_ID = /^run_[0-9a-f]{32}$/;
const BATCH_ID = /^batch_[0-9a-f]{32}$/;

/** Ids come from clients: only well-formed ones may become keys. */
export const isAdapterId = (value: string): boolean => ADAPTER_ID.test(value);
export const isJobId = (value: string): boolean => JOB_ID.test(value);
export const isRunId = (value: string): boolean => RUN_ID.test(value);
export const isBatchId = (value: string): boolean => BATCH_ID.test(value);

/** The newest time of an id, and how many were made since. */
let newestMs = 0;
let madeSince = 0;

/**
 * A new id with a time in it: 48 bits of milliseconds, 16 that count, then random bits, so that ids sort by the time they were
 * made, and those that this process made within a millisecond in their order: jobs of a batch begin as they were sent.
 * @param kind what comes before the underscore: job, run, batch, wh, …
 */
export function timedId(kind: string, nowMs: number): string {
  madeSince = nowMs > newestMs ? 0 : (madeSince + 1) % 0x10000;
  newestMs = Math.max(newestMs, nowMs);
  const count = madeSince.toString(16).padStart(4, '0');
  return `${kind}_${hexTime(nowMs)}${count}${randomBytes(8).toString('hex')}`;
}

export const newAdapterId = (nowMs: number): string => timedId('ad', nowMs);
/** Of a write into the storage: without a kind, for keys are made of it. */
export const newWriteId = (nowMs: number): string => timedId('w', nowMs).slice(2);
export const newJobId = (nowMs: number): string => timedId('job', nowMs);
export const newRunId = (nowMs: number): string => timedId('run', nowMs);
export const newBatchId = (nowMs: number): string => timedId('batch', nowMs);

/** Ids of a kind that were made at that time, in milliseconds since 1970, or later are not before this one. */
export const timedIdFrom = (kind: string, ms: number): string =>
  `${kind}_${hexTime(Math.min(Math.max(ms, 0), LAST_MS))}`;

/** When a timed id was made, in milliseconds since 1970. */
export const timedIdMs = (id: string): number =>
  Number.parseInt(id.slice(id.indexOf('_') + 1).slice(0, 12), 16);

/** A time as timed ids begin with it. */
export const hexTime = (ms: number): string => ms.toString(16).padStart(12, '0');
