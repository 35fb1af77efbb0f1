import { createHash, randomBytes } from 'node:crypto';

/** The latest time that an id can contain. */
const LAST_MS = 16 ** 12 - 1;

const ADAPTER_ID = /^ad_[0-9a-f]{32}$/;
const JOB_ID = /^job_[0-9a-f]{32}$/;
const RUN_ID = /^run_[0-9a-f]{32}$/;
const BATCH_ID = /^batch_[0-9a-f]{32}$/;
const WEBHOOK_ID = /^wh_[0-9a-f]{32}$/;
const DELIVERY_ID = /^msg_[0-9a-f]{32}$/;

/**
 * Ids come from clients, and PostgreSQL fails for a text with U+0000: only well-formed ones may be looked up or used as
 * keys.
 */
export const isAdapterId = (value: string): boolean => ADAPTER_ID.test(value);
export const isJobId = (value: string): boolean => JOB_ID.test(value);
export const isRunId = (value: string): boolean => RUN_ID.test(value);
export const isBatchId = (value: string): boolean => BATCH_ID.test(value);
export const isWebhookId = (value: string): boolean => WEBHOOK_ID.test(value);
export const isDeliveryId = (value: string): boolean => DELIVERY_ID.test(value);

/** The newest time in an id of this process, and the number of ids since then. */
let newestMs = 0;
let madeSince = 0;

/**
 * A new id that contains a time: 48 bits of milliseconds, a 16-bit counter, then random bits. Ids thus sort by the
 * time of their creation, and those that this process creates within a millisecond in their order: jobs of a batch
 * begin in the order in which they were sent.
 * @param kind the part before the underscore: job, run, batch, wh, …
 */
export function timedId(kind: string, nowMs: number): string {
  madeSince = nowMs > newestMs ? 0 : (madeSince + 1) % 0x10000;
  newestMs = Math.max(newestMs, nowMs);
  const count = madeSince.toString(16).padStart(4, '0');
  return `${kind}_${hexTime(nowMs)}${count}${randomBytes(8).toString('hex')}`;
}

export const newAdapterId = (nowMs: number): string => timedId('ad', nowMs);
/** The id of a write to the storage. It has no kind, because keys are derived from it. */
export const newWriteId = (nowMs: number): string => timedId('w', nowMs).slice(2);
export const newJobId = (nowMs: number): string => timedId('job', nowMs);
export const newRunId = (nowMs: number): string => timedId('run', nowMs);
export const newBatchId = (nowMs: number): string => timedId('batch', nowMs);
export const newWebhookId = (nowMs: number): string => timedId('wh', nowMs);
export const newDeliveryId = (nowMs: number): string => timedId('msg', nowMs);

/**
 * The id of the delivery of an event to a webhook. Every process computes the same id, however often it is called, so that
 * an event is recorded once and a receiver recognises a repetition. It contains a time, as all timed ids do.
 * @param subject id of the job or batch
 */
export function deliveryIdOf(webhookId: string, type: string, subject: string, eventMs: number): string {
  const digest = createHash('sha256').update(`${webhookId}\0${type}\0${subject}`).digest('hex');
  return `msg_${hexTime(eventMs)}${digest.slice(0, 20)}`;
}

/**
 * The first possible id of a kind at a time, in milliseconds since 1970: ids that were created at that time or later
 * do not sort before it.
 */
export const smallestIdAt = (kind: string, ms: number): string =>
  `${kind}_${hexTime(Math.min(Math.max(ms, 0), LAST_MS))}`;

/** The time at which a timed id was created, in milliseconds since 1970. */
export const timedIdMs = (id: string): number =>
  Number.parseInt(id.slice(id.indexOf('_') + 1).slice(0, 12), 16);

/** A time in the form in which timed ids begin. */
export const hexTime = (ms: number): string => ms.toString(16).padStart(12, '0');
