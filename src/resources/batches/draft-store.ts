import type { Labels } from '../../contract/labels.ts';
import type { Database } from '../../database/database.ts';
import type { BatchMemberTable } from '../../database/job-tables.ts';
import { labelRows } from '../../database/lists/label-filter.ts';
import { AppError } from '../../errors/app-error.ts';
import { batchSummary, endBatch, SUMMARY_COLUMNS } from '../jobs/batch-counts.ts';
import { JobChanges, type JobChangesParts } from '../jobs/executions/job-changes.ts';
import { slicesToInsert } from '../jobs/rows.ts';
import { insertRequestWebhooks, type NewRequestWebhook } from '../webhooks/request-webhook.ts';
import { removeBatchRows } from './sweep-batches.ts';

/** A draft that has not become a batch after this time was abandoned by its process. */
const DRAFT_MS = 3_600_000;

/** The settings of a batch as a whole. */
export interface BatchHead {
  readonly name: string | null;
  readonly labels: Labels | undefined;
  /** The batch of which this one is a retry. */
  readonly retryOf: string | null;
  /** How long the batch is kept after it has ended; null: until it is deleted. */
  readonly ttlSeconds: number | null;
  /** The webhook that was part of the request. */
  readonly webhook?: NewRequestWebhook | undefined;
  /** The id of that webhook, or of the webhook of the batch that is retried. */
  readonly webhookId: string | null;
}

/** The number of items of a draft, and how many of them failed because they could not be tried. */
export interface DraftCounts {
  readonly items: number;
  readonly failed: number;
}

/**
 * Batches that are being written: no call shows them and nothing of them runs until they are accepted as a whole. All
 * methods throw AppError DATABASE_UNAVAILABLE, STORAGE_FULL.
 */
export class DraftStore {
  private readonly parts: JobChangesParts;
  private readonly tenant: string;

  constructor(parts: JobChangesParts, tenant: string) {
    this.parts = parts;
    this.tenant = tenant;
  }

  private get database(): Database {
    return this.parts.database;
  }

  /** Begins a draft, replacing one with the same id that a process has abandoned. */
  async begin(id: string, createdAtMs: number, head: BatchHead): Promise<void> {
    const { name, labels, retryOf, ttlSeconds, webhookId } = head;
    await this.discard(id);
    await this.database.write(async (writer) => {
      await writer
        .insertInto('batch')
        .values({
          ...{ id, tenant: this.tenant, name, labels: JSON.stringify(labels ?? {}), retry_of: retryOf },
          ...{ webhook: webhookId, ttl_seconds: ttlSeconds, created_at: createdAtMs },
          ...{ jobs: 0, succeeded: 0, partial: 0, failed: 0, cancelled: 0 },
          ...{ accepted_at: null, opened_at: null, cancelled_at: null, finished_at: null },
          expires_at: Date.now() + DRAFT_MS,
        })
        .execute();
      const rows = labelRows(this.tenant, labels, { batch: id });
      if (rows.length > 0) await writer.insertInto('batch_label').values(rows).execute();
    });
  }

  /**
   * Writes some of the items and extends the lifetime of the draft. @throws AppError UPLOAD_TOO_SLOW if it has
   * expired
   */
  async add(id: string, rows: readonly BatchMemberTable[]): Promise<void> {
    await this.database.write(async (writer) => {
      const { numUpdatedRows } = await writer
        .updateTable('batch')
        .set({ expires_at: Date.now() + DRAFT_MS })
        .where('id', '=', id)
        .where('accepted_at', 'is', null)
        .executeTakeFirst();
      if (numUpdatedRows === 0n) throw tooSlow();
      for (const some of slicesToInsert(rows)) await writer.insertInto('batch_member').values(some).execute();
    });
  }

  /**
   * Turns a draft into a batch, completely and durably. If none of its items can be tried, the batch has ended at
   * once.
   * @throws AppError UPLOAD_TOO_SLOW if the draft has expired
   */
  async accept(id: string, head: BatchHead, { items, failed }: DraftCounts): Promise<void> {
    await JobChanges.write(this.parts, this.tenant, async (changes) => {
      const { writer } = changes;
      const nowMs = Date.now();
      const row = await writer
        .updateTable('batch')
        .set({
          ...{ accepted_at: nowMs, jobs: items, failed, expires_at: null },
          opened_at: failed === items ? nowMs : null,
        })
        .where('id', '=', id)
        .where('accepted_at', 'is', null)
        .returning([...SUMMARY_COLUMNS, 'ttl_seconds'])
        .executeTakeFirst();
      const { written } = await writer
        .selectFrom('batch_member')
        .select(({ fn }) => fn.countAll().as('written'))
        .where('batch', '=', id)
        .executeTakeFirstOrThrow();
      // A sweep may have begun to remove the draft.
      if (!row || Number(written) !== items) throw tooSlow();
      await insertRequestWebhooks(writer, this.tenant, head.webhook ? [head.webhook] : []);
      if (batchSummary(row).progress.done === items) changes.noteBatch(await endBatch(writer, id, row));
    });
  }

  /** Removes a draft, if there is one. An accepted batch stays. */
  async discard(id: string): Promise<void> {
    const draft = await this.database.reader
      .selectFrom('batch')
      .select('id')
      .where('id', '=', id)
      .where('accepted_at', 'is', null)
      .executeTakeFirst();
    if (draft) await removeBatchRows(this.database, id, { isDraft: true });
  }
}

const tooSlow = (): AppError =>
  new AppError(
    'UPLOAD_TOO_SLOW',
    'The items of the batch arrived so slowly that the first ones have expired; send the batch again.',
  );
