import type { BatchSummary } from '../contract/batch.ts';
import type { JobRecord } from '../contract/job.ts';
import type { RecordedJobRequest } from '../contract/job-request.ts';
import type { Labels } from '../contract/labels.ts';
import type { Database, Writer } from '../database/database.ts';
import type { JobFileTable } from '../database/tables.ts';
import { PRODUCT } from '../version.ts';
import { insertAdapters, type NewAdapter, usageOfNew } from './adapter-rows.ts';
import { endInBatch } from './batches/batch-rows.ts';
import type { StoredFile, WrittenFile } from './content/content-files.ts';
import { releaseContent, settleContent } from './content/content-rows.ts';
import { requestDigest } from './job-control/request-digest.ts';
import {
  acceptJobs,
  digestOf,
  endedColumns,
  insertJobFiles,
  insertJobs,
  insertLabels,
  jobRecord,
  lockSources,
  RECORD_COLUMNS,
} from './job-rows.ts';
import type { Observer } from './observer.ts';
import { addUsage } from './usage/usage.ts';
import type { DeliveryTicket } from './webhooks/delivery-queue.ts';
import { batchEvent, jobEvent, type Outbox } from './webhooks/outbox.ts';

/** Jobs that are asked for by their ids in one query. */
const READ_AT_ONCE = 200;

/** What a job made: it is recorded with the job's end, or not at all. */
export interface MadeContent {
  /** null: nothing was written into the storage. */
  readonly writeId: string | null;
  readonly adapters: readonly (NewAdapter & { readonly files: readonly WrittenFile[] })[];
  readonly files: readonly (WrittenFile & { readonly role: JobFileTable['role'] })[];
}

const NOTHING_MADE: MadeContent = { writeId: null, adapters: [], files: [] };

export const isFinal = (record: JobRecord): boolean => record.state !== 'queued' && record.state !== 'active';

export interface JobTask {
  readonly job: JobRecord;
  /** What it asks for, with what is sealed in it. */
  readonly request: RecordedJobRequest;
  /** Whether its batch was cancelled. */
  readonly isCalledOff: boolean;
}

/**
 * The jobs of a tenant. Redis may lose everything; this may not. Of several attempts that come to an end (a worker
 * thought dead was not), the first one is the job's outcome. Ids are well-formed. All methods throw AppError
 * DATABASE_UNAVAILABLE, and those that write STORAGE_FULL.
 */
export class JobStore {
  private readonly database: Database;
  private readonly tenant: string;
  private readonly outbox: Pick<Outbox, 'record' | 'tell'>;
  private readonly defaultTtlSeconds: number | undefined;
  private readonly observer: Pick<Observer, 'onBatchFinished'>;

  /** @param defaultTtlSeconds how long jobs stay unless a request says otherwise; undefined: they are kept */
  constructor(
    database: Database,
    tenant: string,
    outbox: Pick<Outbox, 'record' | 'tell'>,
    defaultTtlSeconds?: number,
    observer: Pick<Observer, 'onBatchFinished'> = {},
  ) {
    this.database = database;
    this.tenant = tenant;
    this.outbox = outbox;
    this.defaultTtlSeconds = defaultTtlSeconds;
    this.observer = observer;
  }

  /**
   * Makes accepted jobs durable; those that are there already stay as they are.
   * @param offered whether they stand for later requests of the same, where no other job does
   * @throws AppError ADAPTER_NOT_FOUND, ADAPTER_EXPIRED where an adapter that they read is gone by now
   */
  async accept(jobs: readonly JobRecord[], { offered = false } = {}): Promise<void> {
    const requestOf = offered ? digestOf : () => null;
    await this.database.write(async (writer) => {
      await lockSources(this.database, writer, this.tenant, jobs);
      await acceptJobs(writer, this.tenant, jobs, requestOf);
    });
  }

  /**
   * Makes an accepted job durable, to stand for its request. False when another one does, by now.
   * @throws AppError ADAPTER_NOT_FOUND, ADAPTER_EXPIRED where an adapter that it reads is gone by now
   */
  async acceptSharing(job: JobRecord): Promise<boolean> {
    const inserted = await this.database.write(async (writer) => {
      await lockSources(this.database, writer, this.tenant, [job]);
      return insertJobs(writer, this.tenant, [job], digestOf);
    });
    return inserted.has(job.id);
  }

  /** The job that stands for a request; it has not failed, but what it made may be gone. */
  async sharing(request: RecordedJobRequest): Promise<JobRecord | undefined> {
    const row = await this.records()
      .where('request_sha256', '=', requestDigest(request, PRODUCT.version))
      .executeTakeFirst();
    return row && jobRecord(row);
  }

  /** Has a job stand for its request no longer. */
  async unshare(jobId: string): Promise<void> {
    await this.database.write((writer) =>
      writer
        .updateTable('job')
        .set({ request_sha256: null })
        .where('id', '=', jobId)
        .where('tenant', '=', this.tenant)
        .execute(),
    );
  }

  /**
   * The job as it ended or else as it was accepted, without secrets; what a running one does is known to the queue only.
   */
  async get(jobId: string): Promise<JobRecord | undefined> {
    const row = await this.records().where('id', '=', jobId).executeTakeFirst();
    return row && jobRecord(row);
  }

  /** Those jobs that there are, by their ids. */
  async all(jobIds: readonly string[]): Promise<Map<string, JobRecord>> {
    const jobs = new Map<string, JobRecord>();
    for (let begin = 0; begin < jobIds.length; begin += READ_AT_ONCE) {
      const some = jobIds.slice(begin, begin + READ_AT_ONCE);
      for (const row of await this.records().where('id', 'in', some).execute())
        jobs.set(row.id, jobRecord(row));
    }
    return jobs;
  }

  /** Which of the ids are those of jobs that there are. */
  async known(jobIds: readonly string[]): Promise<Set<string>> {
    if (jobIds.length === 0) return new Set();
    const rows = await this.database.reader
      .selectFrom('job')
      .select('id')
      .where('tenant', '=', this.tenant)
      .where('id', 'in', jobIds)
      .execute();
    return new Set(rows.map(({ id }) => id));
  }

  /** A job that has not ended, for who does it. */
  async task(jobId: string): Promise<JobTask | undefined> {
    const row = await this.records()
      .select('sealed_request')
      .select(({ selectFrom }) =>
        selectFrom('batch').select('cancelled_at').whereRef('batch.id', '=', 'job.batch').as('called_off_at'),
      )
      .where('id', '=', jobId)
      .where('finished_at', 'is', null)
      .executeTakeFirst();
    if (!row) return undefined;
    const job = jobRecord(row);
    const { sealed_request: sealed, called_off_at } = row;
    const request = sealed === null ? job.request : (JSON.parse(sealed) as RecordedJobRequest);
    return { job, request, isCalledOff: called_off_at !== null };
  }

  /**
   * Records the end of a job with what it made, and of its batch where it was the last one, and what webhooks are told of
   * that.
   * @returns the job as it ended; undefined where it had ended already, which then stands, or is gone
   * @throws AppError STORAGE_FAILED where what was written has been removed by now
   */
  async finish(record: JobRecord, made: MadeContent = NOTHING_MADE): Promise<JobRecord | undefined> {
    const [ended] = await this.finishEach([record], made);
    return ended;
  }

  /** The same for some jobs that made nothing, in one transaction, in the order of their ids. @returns those that ended now */
  finishAll(records: readonly JobRecord[]): Promise<JobRecord[]> {
    return this.finishEach(records, NOTHING_MADE);
  }

  /** @param made what the one job made; nothing where there are several */
  private async finishEach(records: readonly JobRecord[], made: MadeContent): Promise<JobRecord[]> {
    for (const { id, state } of records)
      if (state === 'queued' || state === 'active') throw new TypeError(`Job ${id} is ${state}, not final`);
    const { outbox } = this;
    const { ended, batches, tickets } = await this.database.write(async (writer) => {
      const ended: JobRecord[] = [];
      for (const record of records) {
        const job = await this.end(writer, record);
        if (job) ended.push(job);
      }
      if (ended[0]) await this.keep(writer, ended[0].id, made);
      const events = ended.map(jobEvent);
      const batches: BatchSummary[] = [];
      // After all jobs: who ends others of the same batch waits here, and not for each other in a circle.
      for (const job of ended) {
        const batch = await endInBatch(writer, job);
        if (batch) batches.push(batch);
      }
      events.push(...batches.map(batchEvent));
      const tickets: DeliveryTicket[] = [];
      for (const event of events) tickets.push(...(await outbox.record(writer, event)));
      if (ended.length > 0 && made.adapters.length > 0)
        await addUsage(writer, this.tenant, usageOfNew(made.adapters));
      return { ended, batches, tickets };
    });
    for (const batch of batches) this.observer.onBatchFinished?.(batch);
    await outbox.tell(tickets);
    return ended;
  }

  /** Gives a job other labels, whatever its state. False where there is none. */
  label(id: string, labels: Labels): Promise<boolean> {
    return this.database.write(async (writer) => {
      const { numUpdatedRows } = await writer
        .updateTable('job')
        .set({ labels: JSON.stringify(labels) })
        .where('id', '=', id)
        .where('tenant', '=', this.tenant)
        .executeTakeFirst();
      if (numUpdatedRows === 0n) return false;
      await writer.deleteFrom('job_label').where('job', '=', id).execute();
      await insertLabels(writer, this.tenant, [{ id, labels }]);
      return true;
    });
  }

  /** Removes all that is known of jobs: of those that have ended, or were never queued. */
  async remove(...jobIds: readonly string[]): Promise<void> {
    await this.database.write(async (writer) => {
      const wanted = writer.selectFrom('job').select('id').where('id', 'in', jobIds);
      // First, so that the end of a job, with its files, is either before this or nowhere.
      const locked = this.database.locked(wanted.where('tenant', '=', this.tenant).orderBy('id'));
      const ids = (await locked.execute()).map(({ id }) => id);
      if (ids.length === 0) return;
      const files = await writer.selectFrom('job_file').select('content').where('job', 'in', ids).execute();
      await writer.deleteFrom('job').where('id', 'in', ids).execute();
      const contents = new Set(files.map(({ content }) => content));
      await releaseContent(this.database, writer, [...contents]);
      await addUsage(writer, this.tenant, { jobs: -ids.length });
    });
  }

  /** A file that a job reads or wrote beside adapters, by its digest where there may be several of its role. */
  async file(jobId: string, role: JobFileTable['role'], sha256?: string): Promise<StoredFile | undefined> {
    const row = await this.database.reader
      .selectFrom('job_file')
      .innerJoin('job', 'job.id', 'job_file.job')
      .innerJoin('content', 'content.id', 'job_file.content')
      .select(['content.id', 'content.sha256', 'content.bytes', 'content.inline'])
      .where('job.id', '=', jobId)
      .where('job.tenant', '=', this.tenant)
      .where('job_file.role', '=', role)
      .$if(sha256 !== undefined, (query) => query.where('job_file.sha256', '=', sha256!))
      .executeTakeFirst();
    if (!row) return undefined;
    const { id: content, inline, ...rest } = row;
    return { ...rest, name: role, content, inline: inline && Buffer.from(inline).toString('base64') };
  }

  /** Ids of jobs that have not ended, the oldest first. */
  async unfinished(limit: number): Promise<string[]> {
    const rows = await this.database.reader
      .selectFrom('job')
      .select('id')
      .where('tenant', '=', this.tenant)
      .where('state', '=', 'queued')
      .orderBy('id')
      .limit(limit)
      .execute();
    return rows.map(({ id }) => id);
  }

  private async end(writer: Writer, record: JobRecord): Promise<JobRecord | undefined> {
    const row = await writer
      .updateTable('job')
      .set({
        ...endedColumns(record, this.defaultTtlSeconds),
        ...(record.state !== 'succeeded' && { request_sha256: null }),
      })
      .where('id', '=', record.id)
      .where('tenant', '=', this.tenant)
      .where('finished_at', 'is', null)
      .returning(RECORD_COLUMNS)
      .executeTakeFirst();
    return row && jobRecord(row);
  }

  private async keep(
    writer: Writer,
    jobId: string,
    { writeId, adapters, files }: MadeContent,
  ): Promise<void> {
    const all = [...adapters.flatMap((adapter) => adapter.files), ...files];
    const contents = await settleContent(writer, { writeId, files: all });
    const jobFiles = files.map(({ sha256, role }) => ({ sha256, role, content: contents.get(sha256)! }));
    await insertJobFiles(writer, jobId, jobFiles);
    await insertAdapters(this.database, writer, this.tenant, adapters, contents);
  }

  private records() {
    return this.database.reader.selectFrom('job').select(RECORD_COLUMNS).where('tenant', '=', this.tenant);
  }
}
