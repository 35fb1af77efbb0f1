import type { BatchRecord, BatchRequest, BatchSettings } from '../../contract/batch.ts';
import type { JobPriority, JobRequest } from '../../contract/job-request.ts';
import { newBatchId } from '../../database/ids.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { withErrorPointer } from '../../errors/field-errors.ts';
import type { AdapterService } from '../adapters/service.ts';
import { checkedPriority } from '../jobs/priority-ceiling.ts';
import { JOB_ERRORS, type JobService } from '../jobs/service.ts';
import type { TransferRequests } from '../jobs/transfer-requests.ts';
import type { RequestWebhooks } from '../webhooks/request-webhook.ts';
import { acceptBatch, type WithinQueueLimit } from './accept-batch.ts';
import type { BatchHead, DraftStore } from './draft-store.ts';
import { resultsFolder } from './item-names.ts';
import type { RequestedItem } from './item-request.ts';
import { itemRequest } from './item-rows.ts';
import type { ItemStore } from './item-store.ts';
import { invalidBatch, requestedItems, settingsFaults } from './requested-items.ts';
import type { ResolveParts } from './resolve-item.ts';
import type { BatchStore } from './store.ts';

/** The parts that are needed to accept batches. */
export interface IntakeParts {
  readonly jobs: Pick<JobService, 'check'>;
  readonly adapters: Pick<AdapterService, 'get'>;
  readonly batchStore: BatchStore;
  readonly draftStore: DraftStore;
  readonly itemStore: ItemStore;
  /** undefined: the service neither fetches nor delivers adapters. */
  readonly transfers?: TransferRequests | undefined;
  /** undefined: requests cannot have webhooks. */
  readonly requestWebhooks?: RequestWebhooks | undefined;
  /** How long batches are kept unless a request specifies it; undefined: they do not expire. */
  readonly defaultTtlSeconds?: number | undefined;
}

/** How a batch is accepted. */
export interface AcceptConditions {
  /** If a batch with this id exists, it is returned. */
  readonly id?: string | undefined;
  /** The highest priority that the caller may give; default: any. */
  readonly ceiling?: JobPriority | undefined;
  /** Default: any number of jobs. */
  readonly withinQueueLimit?: WithinQueueLimit | undefined;
}

/** A batch that arrives line by line. */
export interface BatchInLines {
  readonly settings: BatchSettings;
  readonly items: AsyncIterable<RequestedItem>;
}

/** The contents of a batch before anything is written. */
export interface PreparedBatch {
  readonly head: BatchHead;
  readonly items: readonly RequestedItem[];
  readonly resolve: ResolveParts;
}

const ACCEPTED = [
  'BATCH_INVALID',
  'BATCH_EMPTY',
  'VALIDATION_FAILED',
  ...JOB_ERRORS.submit.filter((code) => code !== 'UNKNOWN_PROFILE' && !code.startsWith('ADAPTER_')),
] as const satisfies readonly ErrorCode[];

/** Errors of the methods, besides those of authentication. */
export const INTAKE_ERRORS = {
  submit: [
    ...ACCEPTED,
    'NO_ADAPTERS_FOUND',
    'TOO_MANY_ADAPTERS',
    'SOURCE_UNAVAILABLE',
    'OUTBOUND_REFUSED',
    'OUTBOUND_TOO_LARGE',
    'SECRETS_KEY_MISMATCH',
    'SECRETS_DAMAGED',
  ],
  submitLines: ACCEPTED,
} as const satisfies Record<string, readonly ErrorCode[]>;

/** Accepts batches. All methods throw AppError DATABASE_UNAVAILABLE, and those that write STORAGE_FULL. */
export class BatchIntake {
  private readonly parts: IntakeParts;

  constructor(parts: IntakeParts) {
    this.parts = parts;
  }

  /**
   * Accepts a batch, as a whole or not at all. An item that cannot be tried counts as failed; jobs whose work was
   * already done have their results immediately.
   * @throws AppError as INTAKE_ERRORS.submit
   */
  async submit(request: BatchRequest, conditions: AcceptConditions = {}): Promise<BatchRecord> {
    const known = await this.known(conditions);
    if (known) return known;
    const { head, items, resolve } = await this.prepared(request, conditions.ceiling);
    return this.accept(head, items, resolve, conditions);
  }

  /**
   * The contents of a batch, before anything is written.
   * @throws AppError as submit
   */
  async prepared(request: BatchRequest, ceiling?: JobPriority): Promise<PreparedBatch> {
    const { transfers } = this.parts;
    const { head, resolve } = await this.prepareHead(request, ceiling);
    const { recorder } = resolve;
    const items = await requestedItems(request, transfers && recorder && { transfers, recorder });
    return { head, items, resolve };
  }

  /**
   * Accepts a batch whose items arrive one after the other. @throws AppError as INTAKE_ERRORS.submitLines, and as its
   * items
   */
  async submitLines(
    { settings, items }: BatchInLines,
    conditions: AcceptConditions = {},
  ): Promise<BatchRecord> {
    const faults = settingsFaults(settings, true);
    if (faults.length > 0) throw invalidBatch(faults);
    const { head, resolve } = await this.prepareHead(settings, conditions.ceiling);
    return this.accept(head, items, resolve, conditions);
  }

  /** The settings of a batch as a whole. */
  private async prepareHead(
    settings: BatchSettings,
    ceiling: JobPriority = 'high',
  ): Promise<{ head: BatchHead; resolve: ResolveParts }> {
    // Checked before the items, of which there may be thousands.
    checkedPriority(settings.priority, ceiling);
    const { transfers, jobs, adapters, requestWebhooks, defaultTtlSeconds } = this.parts;
    const { deliver, name = null, labels, ttl_seconds, webhook: wanted } = settings;
    const webhook = wanted && requestWebhooks?.prepare(wanted, ['batch.ended']);
    const recorder = transfers?.recorder();
    if (deliver !== undefined && !recorder)
      throw invalidBatch([{ pointer: '/deliver', detail: 'this service does not deliver adapters' }]);
    const folder =
      deliver !== undefined && recorder
        ? await withErrorPointer('/deliver', () => resultsFolder(deliver, recorder))
        : undefined;
    const ttlSeconds = ttl_seconds ?? defaultTtlSeconds ?? null;
    const head = { name, labels, ttlSeconds, webhook, webhookId: webhook?.id ?? null, retryOf: null };
    return { head, resolve: { jobs, adapters, recorder, folder, ceiling } };
  }

  /**
   * Repeats the items of a batch that failed, even in part, or were cancelled, as a new batch. Each item is repeated
   * as a whole.
   * @param before a batch that has ended
   * @throws AppError BATCH_SUCCEEDED
   */
  async retry(before: BatchRecord, conditions: AcceptConditions = {}): Promise<BatchRecord> {
    const known = await this.known(conditions);
    if (known) return known;
    const { id, counts, name, labels, webhook_id: webhookId } = before;
    if (counts.failed + counts.partial + counts.cancelled === 0) {
      const message = `No item of batch ${id} failed or was cancelled.`;
      throw new AppError('BATCH_SUCCEEDED', message, { batch_id: id });
    }
    const { ttlSeconds = null } = (await this.parts.batchStore.retention(id)) ?? {};
    const head = { name, labels, ttlSeconds, webhookId, retryOf: id };
    const { resolve } = await this.prepareHead({}, conditions.ceiling);
    return this.accept(head, this.again(id), resolve, conditions);
  }

  private async *again(batchId: string): AsyncGenerator<RequestedItem> {
    for await (const rows of this.parts.itemStore.unsuccessful(batchId))
      for (const row of rows) {
        const stored = itemRequest(row);
        yield {
          request:
            'work' in stored
              ? { ...stored, options: { ...stored.options, reuse: false } }
              : 'request' in stored
                ? ({ ...stored.request, reuse: false } as JobRequest)
                : stored,
          name: JSON.parse(row.name) as string,
          before: row,
          position: { pointer: '', shown: `item ${row.position} of ${batchId}` },
        };
      }
  }

  /** The batch of an earlier request that was accepted but whose response was lost. */
  private async known({ id }: AcceptConditions): Promise<BatchRecord | undefined> {
    return id === undefined ? undefined : this.parts.batchStore.get(id);
  }

  private async accept(
    head: BatchHead,
    items: AsyncIterable<RequestedItem> | Iterable<RequestedItem>,
    resolve: ResolveParts,
    { id = newBatchId(Date.now()), withinQueueLimit = (_jobs, work) => work() }: AcceptConditions,
  ): Promise<BatchRecord> {
    const { draftStore, itemStore } = this.parts;
    await acceptBatch(draftStore, { id, head, items, resolve, withinQueueLimit }, async () => {
      try {
        await itemStore.open(id);
      } catch (error) {
        // The batch is durable and therefore accepted; the loop for unfinished batches does the remaining work.
        if (!(error instanceof AppError)) throw error;
      }
    });
    // Some items may have ended by now.
    const batch = await this.parts.batchStore.get(id);
    if (batch) return batch;
    throw new AppError('BATCH_NOT_FOUND', `The batch ${id} was deleted while it was being accepted.`, {
      batch_id: id,
    });
  }
}
