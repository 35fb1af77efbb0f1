import type { JobRecord } from '../contract/job.ts';
import type { RecordedJobRequest } from '../contract/job-request.ts';
import type { Labels } from '../contract/labels.ts';
import type { Database } from '../database/database.ts';
import { PRODUCT } from '../version.ts';
import { requestDigest } from './job-control/request-digest.ts';
import {
  endedColumns,
  insertFiles,
  insertJobs,
  insertLabels,
  jobRecord,
  RECORD_COLUMNS,
} from './job-rows.ts';
import { hasTransfers } from './transfer-desk.ts';
import { jobEvent, type Outbox } from './webhooks/outbox.ts';

/** Jobs that are accepted in one transaction: it must not hold up others for long. */
const ACCEPTED_AT_ONCE = 50;
/** Jobs that are asked for by their ids in one query. */
const READ_AT_ONCE = 200;

export const isFinal = (record: JobRecord): boolean => record.state !== 'queued' && record.state !== 'active';

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

  /** @param defaultTtlSeconds how long jobs stay of which nobody says it; undefined: they are kept */
  constructor(
    database: Database,
    tenant: string,
    outbox: Pick<Outbox, 'record' | 'tell'>,
    defaultTtlSeconds?: number,
  ) {
    this.database = database;
    this.tenant = tenant;
    this.outbox = outbox;
    this.defaultTtlSeconds = defaultTtlSeconds;
  }

  /**
   * Makes accepted jobs durable; those that are there already stay as they are.
   * @param offered whether they stand for later requests of the same, where no other job does
   */
  async accept(jobs: readonly JobRecord[], { offered = false } = {}): Promise<void> {
    for (let begin = 0; begin < jobs.length; begin += ACCEPTED_AT_ONCE) {
      const some = jobs.slice(begin, begin + ACCEPTED_AT_ONCE);
      await this.database.write(async (writer) => {
        const inserted = offered ? await insertJobs(writer, this.tenant, some, digestOf) : new Set();
        const left = some.filter(({ id }) => !inserted.has(id));
        await insertJobs(writer, this.tenant, left);
      });
    }
  }

  /** Makes an accepted job durable, to stand for its request. False when another one does, by now. */
  async acceptSharing(job: JobRecord): Promise<boolean> {
    const inserted = await this.database.write((writer) => insertJobs(writer, this.tenant, [job], digestOf));
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

  /** A job that has not ended, and what it asks for with what is sealed in it: for who does it. */
  async task(
    jobId: string,
  ): Promise<{ readonly job: JobRecord; readonly request: RecordedJobRequest } | undefined> {
    const row = await this.records()
      .select('sealed_request')
      .where('id', '=', jobId)
      .where('finished_at', 'is', null)
      .executeTakeFirst();
    if (!row) return undefined;
    const job = jobRecord(row);
    const { sealed_request: sealed } = row;
    return { job, request: sealed === null ? job.request : (JSON.parse(sealed) as RecordedJobRequest) };
  }

  /**
   * Records the end of a job, and what webhooks are told of it.
   * @returns the job as it ended; undefined where it had ended already, which then stands, or is gone
   */
  async finish(record: JobRecord): Promise<JobRecord | undefined> {
    if (!isFinal(record)) throw new TypeError(`Job ${record.id} is ${record.state}, not final`);
    const { defaultTtlSeconds, tenant, outbox } = this;
    const files = record.results.flatMap(({ training }) => training?.files.map(({ sha256 }) => sha256) ?? []);
    const ended = await this.database.write(async (writer) => {
      const row = await writer
        .updateTable('job')
        .set({
          ...endedColumns(record, defaultTtlSeconds),
          ...(record.state !== 'succeeded' && { request_sha256: null }),
        })
        .where('id', '=', record.id)
        .where('tenant', '=', tenant)
        .where('finished_at', 'is', null)
        .returning(RECORD_COLUMNS)
        .executeTakeFirst();
      if (!row) return undefined;
      await insertFiles(writer, record.id, files);
      const job = jobRecord(row);
      return { job, tickets: await outbox.record(writer, jobEvent(job)) };
    });
    if (ended) await outbox.tell(ended.tickets);
    return ended?.job;
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

  /** Removes all that is known of a job: one that has ended, or was never queued. */
  async remove(jobId: string): Promise<void> {
    await this.database.write((writer) =>
      writer.deleteFrom('job').where('id', '=', jobId).where('tenant', '=', this.tenant).execute(),
    );
  }

  /** Jobs that there are. */
  async count(): Promise<number> {
    const { jobs } = await this.database.reader
      .selectFrom('job')
      .select(({ fn }) => fn.countAll<number>().as('jobs'))
      .where('tenant', '=', this.tenant)
      .executeTakeFirstOrThrow();
    return Number(jobs);
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

  /** A job that reads the adapter and has not ended, if there is one. */
  async reading(adapterId: string): Promise<string | undefined> {
    const row = await this.database.reader
      .selectFrom('job')
      .innerJoin('job_source', 'job_source.job', 'job.id')
      .select('job.id')
      .where('job_source.tenant', '=', this.tenant)
      .where('job_source.adapter', '=', adapterId)
      .where('job.finished_at', 'is', null)
      .limit(1)
      .executeTakeFirst();
    return row?.id;
  }

  private records() {
    return this.database.reader.selectFrom('job').select(RECORD_COLUMNS).where('tenant', '=', this.tenant);
  }
}

/** What fetches or brings something is done for the effect, and never stands for another. */
const digestOf = ({ request }: JobRecord): string | null =>
  hasTransfers(request) ? null : requestDigest(request, PRODUCT.version);
