import type { DeliveryAttempt, DeliveryState } from '../../contract/webhook.ts';
import type { Database } from '../../database/database.ts';
import type { DeliveryTable } from '../../database/tables.ts';
import { AppError } from '../../errors/app-error.ts';
import type { Outbound } from '../../net/outbound.ts';
import type { SecretBox } from '../../transfer/secret-box.ts';
import { attemptPauseMs, SCHEDULE_MS } from './delivery-schedule.ts';
import { type SendResult, sendRequest } from './send-request.ts';
import { signedHeaders } from './signature.ts';
import { webhookRecord } from './store.ts';
import { signingSecrets, webhookUrl } from './webhook-secrets.ts';

const TIMEOUT_MS = 15_000;
const GONE_REASON = 'The receiver answered 410 (gone). Enable the webhook to send again.';
/** The attempts that are kept, because a delivery can be repeated manually any number of times. */
const KEPT_ATTEMPTS = 50;

export interface DelivererOptions {
  readonly outbound: Pick<Outbound, 'request'>;
  readonly box: SecretBox | undefined;
  /** Pauses before the attempts, in milliseconds; different ones in tests. */
  readonly schedule?: readonly number[];
  /** The time limit of one request; shorter in tests. */
  readonly timeoutMs?: number;
}

/**
 * The outcome of an attempt. delivered: accepted. retried: another attempt follows. failed: given up. gone: the
 * receiver wants no more, and the webhook is disabled. dropped: nothing was sent, because the webhook is disabled or
 * removed, or the delivery was already final.
 */
export type AttemptOutcome = 'delivered' | 'retried' | 'failed' | 'gone' | 'dropped';

export interface AttemptResult {
  readonly outcome: AttemptOutcome;
  /** The time of the next attempt; undefined if there is none. */
  readonly nextAtMs?: number;
  /** The duration of the request; undefined if none was made. */
  readonly ms?: number;
  /** Why the attempt did not succeed. */
  readonly error?: string;
}

/**
 * Makes attempts at deliveries. An attempt whose process crashes between the request and its record is repeated, with
 * the same webhook-id. All methods throw AppError DATABASE_UNAVAILABLE.
 */
export class Deliverer {
  private readonly database: Database;
  private readonly options: DelivererOptions;

  constructor(database: Database, options: DelivererOptions) {
    this.database = database;
    this.options = options;
  }

  /**
   * @param signal ends the request; then nothing is recorded
   * @throws AppError STORAGE_FULL; the reason of the signal
   */
  async attempt(webhookId: string, deliveryId: string, signal: AbortSignal): Promise<AttemptResult> {
    const due = await pending(this.database, webhookId, deliveryId);
    if (!due) return { outcome: 'dropped' };
    // A test event is still sent, because it shows whether the receiver works again.
    if (!webhookRecord(due).enabled && due.type !== 'webhook.test') {
      await this.record(
        due,
        { ...failedBeforeSending('The webhook is disabled.'), isLast: true },
        Date.now(),
      );
      return { outcome: 'dropped' };
    }
    const startedMs = Date.now();
    const sent = await this.send(due, signal);
    const nextAtMs = await this.record(due, { ...sent, isLast: sent.isGone }, startedMs);
    const { ms, error } = sent;
    if (error === null) return { outcome: 'delivered', ms };
    const outcome = sent.isGone ? 'gone' : nextAtMs === undefined ? 'failed' : 'retried';
    return { outcome, ms, error, ...(nextAtMs !== undefined && { nextAtMs }) };
  }

  /** Whether an attempt was requested before the scheduled time. */
  async isDueBefore(webhookId: string, deliveryId: string, atMs: number): Promise<boolean> {
    const row = await this.database.reader
      .selectFrom('delivery')
      .select('next_attempt_at')
      .where('webhook', '=', webhookId)
      .where('id', '=', deliveryId)
      .executeTakeFirst();
    return row !== undefined && row.next_attempt_at !== null && row.next_attempt_at < atMs;
  }

  private async send(due: Pending, signal: AbortSignal): Promise<SendResult> {
    const { delivery, payload } = due;
    try {
      const secrets = signingSecrets(due, this.options.box, Date.now());
      return await sendRequest(this.options.outbound, webhookUrl(due, this.options.box), {
        headers: signedHeaders(delivery, payload, secrets, Date.now()),
        body: payload,
        timeoutMs: this.options.timeoutMs ?? TIMEOUT_MS,
        signal,
      });
    } catch (error) {
      // The keys of this process may be wrong at the moment, and right later or in another process.
      if (error instanceof AppError && error.code.startsWith('SECRETS_'))
        return failedBeforeSending(error.message);
      throw error;
    }
  }

  /** Adds an attempt to the record of a delivery. @returns the time of the next attempt; undefined if there is none */
  private record(due: Pending, sent: SendResult & Last, startedMs: number): Promise<number | undefined> {
    const { database } = this;
    return database.write(async (writer) => {
      if (sent.isGone)
        await writer
          .updateTable('webhook')
          .set({ disabled_reason: GONE_REASON })
          .where('id', '=', due.id)
          .execute();
      const row = await database
        .locked(
          writer
            .selectFrom('delivery')
            .select(['state', 'attempts', 'attempts_made', 'attempts_before', 'next_attempt_at'])
            .where('webhook', '=', due.id)
            .where('id', '=', due.delivery),
        )
        .executeTakeFirst();
      // The delivery was removed meanwhile, with its webhook.
      if (!row) return undefined;
      const nextAtMs = this.nextAt(due, sent, row);
      const number = row.attempts_made + 1;
      const { status, ms, error, response } = sent;
      const attempts = [
        ...(JSON.parse(row.attempts) as DeliveryAttempt[]),
        { number, at: new Date(startedMs).toISOString(), status, ms, error, response },
      ];
      await writer
        .updateTable('delivery')
        .set({
          attempts: JSON.stringify(attempts.slice(-KEPT_ATTEMPTS)),
          attempts_made: number,
          state: stateAfter(row.state, error, nextAtMs),
          next_attempt_at: nextAtMs ?? null,
        })
        .where('webhook', '=', due.id)
        .where('id', '=', due.delivery)
        .execute();
      return nextAtMs;
    });
  }

  private nextAt(
    due: Pending,
    { error, isLast, retryAfterMs }: SendResult & Last,
    row: Pick<DeliveryTable, 'state' | 'attempts_made' | 'attempts_before' | 'next_attempt_at'>,
  ): number | undefined {
    // No longer pending: another attempt has ended it, whose worker was believed to be dead.
    if (error === null || isLast || row.state !== 'pending') return undefined;
    // Another attempt was requested during this one.
    const isUnchanged = row.next_attempt_at === due.next_attempt_at;
    if (!isUnchanged && row.attempts_made === due.attempts_made) return Date.now();
    const attempts = row.attempts_made - row.attempts_before + 1;
    const pauseMs = attemptPauseMs(attempts, retryAfterMs, this.options.schedule ?? SCHEDULE_MS);
    return pauseMs === undefined ? undefined : Date.now() + pauseMs;
  }
}

type Pending = NonNullable<Awaited<ReturnType<typeof pending>>>;

/** Whether no further attempt follows, even if this one failed. */
interface Last {
  readonly isLast: boolean;
}

/** A delivery that is not final, with its webhook. */
const pending = ({ reader }: Database, webhookId: string, deliveryId: string) =>
  reader
    .selectFrom('delivery')
    .innerJoin('webhook', 'webhook.id', 'delivery.webhook')
    .selectAll('webhook')
    .select(['delivery.id as delivery', 'type', 'payload', 'attempts_made', 'next_attempt_at'])
    .where('delivery.webhook', '=', webhookId)
    .where('delivery.id', '=', deliveryId)
    .where('state', '=', 'pending')
    .executeTakeFirst();

/** A delivery that succeeded once stays delivered. */
function stateAfter(before: string, error: string | null, nextAtMs: number | undefined): DeliveryState {
  if (error === null || before === 'delivered') return 'delivered';
  return nextAtMs === undefined ? 'failed' : 'pending';
}

const failedBeforeSending = (error: string): SendResult => ({
  status: null,
  ms: 0,
  error,
  response: null,
  isGone: false,
  retryAfterMs: undefined,
});
