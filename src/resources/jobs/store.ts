import type { JobRecord, JobState, Progress } from '../../contract/job.ts';
import type { JobKind, JobPatch } from '../../contract/job-request.ts';
import type { JobFileTable } from '../../database/job-tables.ts';
import { type LabelFilterTerm, labelLinks } from '../../database/lists/label-filter.ts';
import { listPage, nameBegins } from '../../database/lists/list-page.ts';
import type { Page, PageRequest } from '../../database/lists/page.ts';
import { sql } from '../../database/sql.ts';
import { dispatchId } from '../../dispatch/dispatcher.ts';
import { executionsAhead, type JobAhead } from '../../dispatch/start-estimate.ts';
import type { StoredFile } from '../contents/content-files.ts';
import { releaseContent } from '../contents/contents.ts';
import { acceptJobs, type NewJob } from './executions/accept-jobs.ts';
import {
  cancelUnneededExecutions,
  insertExecutions,
  lockExecutions,
  newExecution,
  priorityNumber,
  removeUnused,
} from './executions/execution-rows.ts';
import { JobChanges, type JobChangesParts } from './executions/job-changes.ts';
import { cancelledJob } from './job-end.ts';
import { insertLabels, isRetriable, JOB_COLUMNS, jobRecord, outcomeColumn, withEncrypted } from './rows.ts';
import { hasLostSecrets, secretsGone } from './transfer-requests.ts';

/** Jobs that are read by their ids in one query. */
const READ_AT_ONCE = 200;

export const isFinal = (record: Pick<JobRecord, 'state'>): boolean =>
  record.state !== 'queued' && record.state !== 'active';

/** The place of an unfinished job. */
export interface JobPlace {
  /** Id of the execution that it waits for. */
  readonly execution: string;
  /** The id of its running execution in the queue; undefined if none is running. */
  readonly dispatch: string | undefined;
  /** undefined: it no longer waits. */
  readonly waiting: { readonly position: number; readonly startsInSeconds: number | undefined } | undefined;
}

/** Conditions for a list of jobs. Absent fields match everything. */
export interface JobFilter {
  /** Jobs in any of these states. */
  readonly states?: readonly JobState[] | undefined;
  readonly kind?: JobKind | undefined;
  /** An adapter that the job reads. */
  readonly adapterId?: string | undefined;
  readonly batchId?: string | undefined;
  /** The beginning of the name. */
  readonly name?: string | undefined;
  readonly labels?: readonly LabelFilterTerm[] | undefined;
}

/**
 * The jobs of a tenant. What workers do with them is in the folder executions. Ids must be well-formed. All methods
 * throw AppError DATABASE_UNAVAILABLE, and those that write STORAGE_FULL.
 */
export class JobStore {
  private readonly parts: JobChangesParts;
  private readonly tenant: string;

  constructor(parts: JobChangesParts, tenant: string) {
    this.parts = parts;
    this.tenant = tenant;
  }

  private get database() {
    return this.parts.database;
  }

  /**
   * Accepts jobs; see acceptJobs.
   * @throws AppError ADAPTER_NOT_FOUND, ADAPTER_EXPIRED if an adapter that they read no longer exists
   */
  accept(jobs: readonly NewJob[]): Promise<JobRecord[]> {
    return this.write((changes) => acceptJobs(changes, jobs));
  }

  /** The current state of the job, without secrets and without progress. */
  async get(jobId: string): Promise<JobRecord | undefined> {
    const row = await this.records().where('id', '=', jobId).executeTakeFirst();
    return row && jobRecord(row);
  }

  /** The jobs that exist, by their ids. */
  async all(jobIds: readonly string[]): Promise<Map<string, JobRecord>> {
    const jobs = new Map<string, JobRecord>();
    for (let begin = 0; begin < jobIds.length; begin += READ_AT_ONCE) {
      const some = jobIds.slice(begin, begin + READ_AT_ONCE);
      for (const row of await this.records().where('id', 'in', some).execute())
        jobs.set(row.id, jobRecord(row));
    }
    return jobs;
  }

  /** The newest first, in the same form as `get`. */
  async page(
    { states, kind, adapterId, batchId: batch, name, labels }: JobFilter,
    request: PageRequest,
  ): Promise<Page<JobRecord>> {
    const links = [
      ...labelLinks('job_label', labels),
      ...(adapterId === undefined ? [] : [{ from: sql.table('job_source'), where: { adapter: adapterId } }]),
    ];
    const { database, tenant } = this;
    const begins = name === undefined ? {} : await nameBegins(database, 'job', tenant, name);
    const { rows, next } = await listPage(
      database,
      {
        ...{
          table: 'job',
          tenant,
          columns: JOB_COLUMNS,
          ...begins,
          links,
          equal: { kind },
          rare: { batch },
        },
        oneOf: states && [...new Set(states)].map((state) => sql`job.state = ${state}`),
      },
      request,
    );
    return { items: rows.map(jobRecord), next };
  }

  /** The ids that belong to existing jobs. */
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

  /** The place of an unfinished job; undefined if it has ended or does not exist. */
  async place(jobId: string): Promise<JobPlace | undefined> {
    const row = await this.database.reader
      .selectFrom('job')
      .innerJoin('execution', 'execution.id', 'job.execution')
      .select([
        'execution.id',
        'dispatch_no',
        'execution.state',
        'execution.started_at',
        'execution.priority',
        'execution.tenant',
      ])
      .where('job.id', '=', jobId)
      .where('job.tenant', '=', this.tenant)
      .where('job.finished_at', 'is', null)
      .executeTakeFirst();
    if (!row) return undefined;
    const { id: execution, dispatch_no, state, started_at } = row;
    return {
      execution,
      dispatch: started_at === null ? undefined : dispatchId(execution, dispatch_no),
      waiting: state === 'waiting' ? await this.waiting(row) : undefined,
    };
  }

  private async waiting(ahead: JobAhead): Promise<JobPlace['waiting']> {
    const { database, parts } = this;
    const [before, startsInSeconds] = await Promise.all([
      executionsAhead(database, ahead),
      parts.dispatcher.secondsUntilStart(ahead),
    ]);
    return { position: before + 1, startsInSeconds };
  }

  /** For the id of each job, the id that its running execution has in the queue. */
  async dispatches(jobIds: readonly string[]): Promise<Map<string, string>> {
    if (jobIds.length === 0) return new Map();
    const rows = await this.database.reader
      .selectFrom('job')
      .innerJoin('execution', 'execution.id', 'job.execution')
      .select(['job.id', 'execution.id as execution', 'dispatch_no'])
      .where('job.id', 'in', jobIds)
      .where('execution.started_at', 'is not', null)
      .execute();
    return new Map(rows.map(({ id, execution, dispatch_no }) => [id, dispatchId(execution, dispatch_no)]));
  }

  /**
   * Cancels those of the jobs that have not ended, in the order of their ids. Their executions stop unless other jobs
   * wait for them.
   * @param progress of the active jobs, by their ids
   */
  cancelAll(
    jobIds: readonly string[],
    progress: ReadonlyMap<string, Progress> = new Map(),
  ): Promise<JobRecord[]> {
    return this.write(async (changes) => {
      const { writer, database, tenant } = changes;
      const query = writer
        .selectFrom('job')
        .select([...JOB_COLUMNS, 'execution'])
        .where('id', 'in', jobIds)
        .where('tenant', '=', tenant)
        .where('finished_at', 'is', null)
        .orderBy('id');
      let rows = await query.execute();
      const left = new Set<string>();
      // Executions are locked before jobs, as when an execution ends, so that neither transaction waits for the other.
      // One that ended before it was locked has given its jobs results, and another execution to wait for.
      while (rows.some(({ execution }) => !left.has(execution))) {
        const unlocked = rows.map(({ execution }) => execution).filter((execution) => !left.has(execution));
        await lockExecutions(database, writer, [...new Set(unlocked)]);
        for (const execution of unlocked) left.add(execution);
        rows = await query.execute();
      }
      const cancelled: JobRecord[] = [];
      for (const { execution: _left, ...row } of rows) {
        const job = await changes.end(cancelledJob(jobRecord(row), progress.get(row.id)));
        if (job) cancelled.push(job);
      }
      await cancelUnneededExecutions(changes, [...left]);
      return cancelled;
    });
  }

  /**
   * Retries the failed deliveries of an ended job.
   * @returns the job in its new state; undefined if it has no failed delivery or no longer exists
   * @throws AppError SECRETS_GONE
   */
  retryDeliveries(jobId: string): Promise<JobRecord | undefined> {
    return this.write(async (changes) => {
      const { writer, database, tenant } = changes;
      const query = writer
        .selectFrom('job')
        .select([...JOB_COLUMNS, 'encrypted_request', 'execution'])
        .where('id', '=', jobId)
        .where('tenant', '=', tenant)
        .where('finished_at', 'is not', null);
      const row = await database.locked(query).executeTakeFirst();
      const job = row && withEncrypted(jobRecord(row), row.encrypted_request);
      if (!row || !job?.deliveries.some(isRetriable)) return undefined;
      if (hasLostSecrets(job.request)) throw secretsGone(jobId);
      const deliveries = job.deliveries.map((delivery) =>
        isRetriable(delivery)
          ? { ...delivery, state: 'pending' as const, error: null, finished_at: null }
          : delivery,
      );
      const again = { ...job, deliveries };
      const shared = { tenant, key: null, step: 'deliver' as const, work_bytes: 0 };
      const execution = newExecution({ ...shared, priority: priorityNumber(job.priority) }, changes.origin);
      await insertExecutions(writer, [execution]);
      await writer
        .updateTable('job')
        .set({ execution: execution.id, outcome: outcomeColumn(again) })
        .where('id', '=', jobId)
        .execute();
      // It may still be trying other deliveries, which the new one makes too.
      await cancelUnneededExecutions(changes, [row.execution]);
      await removeUnused(writer, [row.execution]);
      return again;
    });
  }

  /** Changes the name or the labels of a job in any state. @returns false if there is none */
  change(id: string, { name, labels }: JobPatch): Promise<boolean> {
    return this.database.write(async (writer) => {
      const { numUpdatedRows } = await writer
        .updateTable('job')
        // Sets a column to its own value, so that there always is something to set, and locks the row.
        .set({ id })
        .$if(name !== undefined, (query) => query.set({ name: name! }))
        .$if(labels !== undefined, (query) => query.set({ labels: JSON.stringify(labels) }))
        .where('id', '=', id)
        .where('tenant', '=', this.tenant)
        .executeTakeFirst();
      if (numUpdatedRows === 0n) return false;
      if (labels === undefined) return true;
      await writer.deleteFrom('job_label').where('job', '=', id).execute();
      await insertLabels(writer, this.tenant, [{ id, labels }]);
      return true;
    });
  }

  /** Removes the records of jobs that have ended. */
  async remove(...jobIds: readonly string[]): Promise<void> {
    await this.write(async (changes) => {
      const { writer } = changes;
      const wanted = writer.selectFrom('job').select('id').where('id', 'in', jobIds);
      // Locked first, so that a job that ends at this moment, with its files, does so either completely before this
      // or not at all.
      const locked = this.database.locked(wanted.where('tenant', '=', this.tenant).orderBy('id'));
      const ids = (await locked.execute()).map(({ id }) => id);
      if (ids.length === 0) return;
      const files = await writer.selectFrom('job_file').select('content').where('job', 'in', ids).execute();
      const removed = await writer
        .deleteFrom('job')
        .where('id', 'in', ids)
        .returning(['execution', 'work_execution'])
        .execute();
      // Deliveries of an ended job may be under way, because they are retried.
      const executions = removed.map(({ execution }) => execution);
      changes.leavesQueue = (await cancelUnneededExecutions(changes, executions)) === 0;
      const works = removed.flatMap(({ work_execution }) => work_execution ?? []);
      await removeUnused(writer, [...executions, ...works]);
      const contents = new Set(files.map(({ content }) => content));
      await releaseContent(this.database, writer, [...contents]);
      changes.addJobs(-ids.length);
    });
  }

  /**
   * A file that a job reads or has written besides adapters. @param sha256 distinguishes several files of the same
   * role
   */
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

  /** Ids of some jobs that have not ended. */
  async unfinished(limit: number): Promise<string[]> {
    const rows = await this.database.reader
      .selectFrom('job')
      .select('id')
      .where('tenant', '=', this.tenant)
      .where('state', 'in', ['queued', 'active'])
      .limit(limit)
      .execute();
    return rows.map(({ id }) => id);
  }

  private write<T>(work: (changes: JobChanges) => Promise<T>): Promise<T> {
    return JobChanges.write(this.parts, this.tenant, work);
  }

  private records() {
    return this.database.reader.selectFrom('job').select(JOB_COLUMNS).where('tenant', '=', this.tenant);
  }
}
