import { createHash, randomBytes } from 'node:crypto';
import { CONFIG_FILE, roleOf, WEIGHTS_FILE } from '../adapter/file-names.ts';

/**
 * Keys of everything in the storage. What belongs to a tenant lies under `tenants/<id>/`, and what works for a tenant
 * sees nothing else (see workspaces.ts); blobs/ is content under its digest, and the same for all.
 *
 * A tenant's manifests are the record: adapters/ and batches/. Keys with a time in them are turned round, so that lists
 * begin with the newest. What jobs are is in the database; here are their reports.
 */
export const BLOBS_PREFIX = 'blobs/';
export const blobKey = (sha256: string): string => `${BLOBS_PREFIX}${sha256.slice(0, 2)}/${sha256}`;
/** There while blobs of the same folder are being removed. */
export const blobRemovalKey = (sha256: string): string => `${BLOBS_PREFIX}${sha256.slice(0, 2)}/removal`;

export const TENANTS_PREFIX = 'tenants/';
/** @param tenant a well-formed id */
export const tenantPrefix = (tenant: string): string => `${TENANTS_PREFIX}${tenant}/`;

export const ADAPTERS_PREFIX = 'adapters/';
export const adapterKey = (adapterId: string): string =>
  `${ADAPTERS_PREFIX}${adapterId.slice(3, 5)}/${adapterId}.json`;
/** What was changed of an adapter after it was made: labels, and how long it stays. */
export const ADAPTER_CHANGES_PREFIX = 'adapter-changes/';
export const adapterChangesKey = (adapterId: string): string => `${ADAPTER_CHANGES_PREFIX}${adapterId}.json`;
/** There while an adapter is being removed. */
export const ADAPTER_REMOVALS_PREFIX = 'adapter-removals/';
export const adapterRemovalKey = (adapterId: string): string => `${ADAPTER_REMOVALS_PREFIX}${adapterId}`;
/** Adapters in the order of their creation, with their sizes; the entry is empty. */
export const RECENT_ADAPTERS_PREFIX = 'recent-adapters/';
export const recentAdapterKey = (adapterId: string, createdAtMs: number, bytes: number): string =>
  `${RECENT_ADAPTERS_PREFIX}${inFolder(turnedTime(createdAtMs))}-${adapterId}-${bytes}`;

export const REPORTS_PREFIX = 'reports/';
export const reportKey = (jobId: string): string => `${REPORTS_PREFIX}${inJobFolder(jobId)}.json`;

/** Batches as accepted; batch-outcomes/ as ended; pending-batches/ marks those that may lack an outcome. */
export const BATCHES_PREFIX = 'batches/';
export const batchKey = (batchId: string): string => `${BATCHES_PREFIX}${turnedId(batchId)}.json`;
export const batchIdOfKey = (key: string): string => `batch_${turnedIdOf(key)}`;
export const batchOutcomeKey = (batchId: string): string => `batch-outcomes/${batchId}.json`;
/** There is one once a batch was cancelled. */
export const batchCancelKey = (batchId: string): string => `batch-cancels/${batchId}`;
export const PENDING_BATCHES_PREFIX = 'pending-batches/';
export const pendingBatchKey = (batchId: string): string => `${PENDING_BATCHES_PREFIX}${batchId}`;

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

/** In name order. */
const HASHED = [
  ['config', CONFIG_FILE],
  ['weights', WEIGHTS_FILE],
] as const;

/**
 * The id of an adapter: half a SHA-256 over the digests of its weights and its configuration, under the names that PEFT
 * gives them in every format. What is only about the adapter does not count.
 */
export function adapterIdOf(files: readonly { readonly name: string; readonly sha256: string }[]): string {
  const hash = createHash('sha256');
  for (const [role, name] of HASHED) {
    const file = files.find((one) => roleOf(one.name) === role);
    if (file) hash.update(`${name}\0${file.sha256}\n`);
  }
  return `ad_${hash.digest('hex').slice(0, 32)}`;
}

/**
 * A new id with a time in it: 48 bits of milliseconds, then random bits, so that ids sort by the time they were made.
 * @param kind what comes before the underscore: job, run, batch, wh, …
 */
export const timedId = (kind: string, nowMs: number): string =>
  `${kind}_${hexTime(nowMs)}${randomBytes(10).toString('hex')}`;

export const newJobId = (nowMs: number): string => timedId('job', nowMs);
export const newRunId = (nowMs: number): string => timedId('run', nowMs);
export const newBatchId = (nowMs: number): string => timedId('batch', nowMs);

/** Ids of a kind that were made at that time, in milliseconds since 1970, or later are not before this one. */
export const timedIdFrom = (kind: string, ms: number): string =>
  `${kind}_${hexTime(Math.min(Math.max(ms, 0), LAST_MS))}`;

/** When a timed id was made, in milliseconds since 1970. */
export const timedIdMs = (id: string): number =>
  Number.parseInt(id.slice(id.indexOf('_') + 1).slice(0, 12), 16);

/** The digits of a timed id, turned round: keys made of them sort from the newest to the oldest. */
export const turnedId = (id: string): string => turnedDigits(id.slice(id.indexOf('_') + 1));

/** The digits of the id that a key ends in, with or without an extension. */
export const turnedIdOf = (key: string): string =>
  turnedDigits(key.slice(key.lastIndexOf('/') + 1).replace(/\.json$/, ''));

/** The id of a key that is not turned: its last part without the extension. */
export const idOfKey = (key: string): string => key.slice(key.lastIndexOf('/') + 1).replace(/\.json$/, '');

/** A time as keys begin with it that are turned round, in milliseconds since 1970. */
export const turnedTime = (ms: number): string => turnedDigits(hexTime(ms));

/** Digits of a turned time that make a folder: it holds 2^24 ms, some five hours. */
const FOLDER_DIGITS = 6;

/** What is found by the id of a job alone. */
const inJobFolder = (jobId: string): string => `${jobId.slice(4, 4 + FOLDER_DIGITS)}/${jobId}`;

/** A list on the disk reads whole folders, so what comes in thousands lies in one for each part of the day. */
export const inFolder = (name: string): string => `${name.slice(0, FOLDER_DIGITS)}/${name}`;

/** A time as timed ids begin with it. */
export const hexTime = (ms: number): string => ms.toString(16).padStart(12, '0');

/** Hex digits turned round, which turned round again are the same. */
export const turnedDigits = (hex: string): string =>
  hex.replace(/[0-9a-f]/g, (digit) => (15 - Number.parseInt(digit, 16)).toString(16));
