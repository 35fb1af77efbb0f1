import { createHash } from 'node:crypto';
import { hexTime, timedId } from '../../database/ids.ts';

const WEBHOOK_ID = /^wh_[0-9a-f]{32}$/;
const DELIVERY_ID = /^msg_[0-9a-f]{32}$/;

/** Ids come from clients, and PostgreSQL fails for a text with U+0000: only well-formed ones are looked up. */
export const isWebhookId = (value: string): boolean => WEBHOOK_ID.test(value);
export const isDeliveryId = (value: string): boolean => DELIVERY_ID.test(value);

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
