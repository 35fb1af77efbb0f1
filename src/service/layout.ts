import { randomBytes } from 'node:crypto';

/**
 * Keys of everything in the storage. What is known of it is in the database: there lies content under the id of the write
 * that brought it, in a folder for each quarter of an hour. What belongs to a tenant lies under `tenants/<id>/`, and what
 * works for a tenant sees nothing else (see workspaces.ts).
 */
export const CONTENT_PREFIX = 'content/';
/** What a write has brought lies under keys that begin with this. @param writeId or id of a content */
export const contentKey = (writeId: string): string =>
  `${CONTENT_PREFIX}${writeId.slice(0, WRITE_FOLDER_DIGITS)}/${writeId}`;

/** Of a time in hex: it holds 2^20 ms. */
const WRITE_FOLDER_DIGITS = 7;

export const TENANTS_PREFIX = 'tenants/';
/** @param tenant a well-formed id */
export const tenantPrefix = (tenant: string): string => `${TENANTS_PREFIX}${tenant}/`;

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

/**
 * A new id with a time in it: 48 bits of milliseconds, then random bits, so that ids sort by the time they were made.
 * @param kind what comes before the underscore: job, run, batch, wh, …
 */
export const timedId = (kind: string, nowMs: number): string =>
  `${kind}_${hexTime(nowMs)}${randomBytes(10).toString('hex')}`;

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

/** The digits of a timed id, turned round: keys made of them sort from the newest to the oldest. */
export const turnedId = (id: string): string => turnedDigits(id.slice(id.indexOf('_') + 1));

/** The digits of the id that a key ends in, with or without an extension. */
export const turnedIdOf = (key: string): string =>
  turnedDigits(key.slice(key.lastIndexOf('/') + 1).replace(/\.json$/, ''));

/** The id of a key that is not turned: its last part without the extension. */
export const idOfKey = (key: string): string => key.slice(key.lastIndexOf('/') + 1).replace(/\.json$/, '');

/** A time as keys begin with it that are turned round, in milliseconds since 1970. */
export const turnedTime = (ms: number): string => turnedDigits(hexTime(ms));

/** A time as timed ids begin with it. */
export const hexTime = (ms: number): string => ms.toString(16).padStart(12, '0');

/** Hex digits turned round, which turned round again are the same. */
export const turnedDigits = (hex: string): string =>
  hex.replace(/[0-9a-f]/g, (digit) => (15 - Number.parseInt(digit, 16)).toString(16));
