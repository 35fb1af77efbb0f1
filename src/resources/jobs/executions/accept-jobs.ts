import type { JobRecord } from '../../../contract/job.ts';
import type { ExecutionTable } from '../../../database/job-tables.ts';
import { licenseIn } from '../../adapters/rows.ts';
import { adapterExpired, adapterNotFound } from '../../adapters/store.ts';
import { insertRequestWebhooks, type NewRequestWebhook } from '../../webhooks/request-webhook.ts';
import { sourceIds } from '../adapters-of-request.ts';
import { insertJobs } from '../rows.ts';
import { withoutSecrets } from '../transfer-requests.ts';
import { executionKey, sourceIdentity } from './execution-key.ts';
import type { WorkOutcome } from './execution-outcome.ts';
import { clearExecutionKeys, insertExecutions, newExecution, priorityNumber } from './execution-rows.ts';
import type { JobChanges } from './job-changes.ts';
import { areFilesStored, recordWork } from './record-work.ts';

/** A job that is about to be accepted. */
export interface NewJob {
  /** The record of the job, whose request contains the encrypted secrets. */
  readonly job: JobRecord;
  /** Whether the job may share finished work, or work that is under way. */
  readonly reuse: boolean;
  /** The webhook that was part of its request. */
  readonly webhook?: NewRequestWebhook | undefined;
}

/** An adapter that a job reads. */
export interface SourceContent {
  readonly digest: string;
  readonly bytes: number;
  readonly license: string | undefined;
}

type Step = ExecutionTable['step'];

export const firstStep = ({ request }: Pick<JobRecord, 'request'>): Step =>
  request.kind === 'export' ? 'deliver' : 'source' in request && request.source ? 'fetch' : 'work';

/**
 * Accepts jobs. Each gets an execution: a new one, or that of equal requests. If its work was already done, it ends
 * immediately, or continues with its deliveries. Existing jobs stay unchanged.
 * @returns the new jobs in their current state
 * @throws AppError ADAPTER_NOT_FOUND, ADAPTER_EXPIRED if an adapter that they read no longer exists
 */
export async function acceptJobs(changes: JobChanges, jobs: readonly NewJob[]): Promise<JobRecord[]> {
  const { writer, tenant } = changes;
  const fresh = await withoutKnown(changes, jobs);
  if (fresh.length === 0) return [];
  const sources = await lockedSources(changes, fresh);
  await insertRequestWebhooks(
    writer,
    tenant,
    fresh.flatMap(({ webhook }) => webhook ?? []),
  );
  const placed = await placeWork(
    changes,
    fresh.map(({ job, reuse }) => ({ job, reuse, step: firstStep(job) })),
    sources,
  );
  await insertJobs(
    writer,
    tenant,
    placed.map(({ job, execution }, index) => ({
      ...{ job, execution: execution.id },
      reuse: fresh[index]!.reuse,
    })),
  );
  changes.addJobs(placed.length);
  const accepted: JobRecord[] = [];
  for (const { job, execution } of placed) {
    noteAccepted(changes, job);
    accepted.push(isDone(execution) ? await takeOver(changes, job, execution) : job);
  }
  return accepted;
}

/**
 * Lets an accepted job continue with the work of its request after its adapter has been fetched.
 * @param sources all adapters of the request, by their ids
 */
export async function continueWithWork(
  changes: JobChanges,
  { job, reuse }: Pick<NewJob, 'job' | 'reuse'>,
  sources: ReadonlyMap<string, SourceContent>,
): Promise<void> {
  const [placed] = await placeWork(changes, [{ job, reuse, step: 'work' }], sources);
  const { execution, job: placedJob } = placed!;
  await changes.writer
    .updateTable('job')
    .set({ execution: execution.id, reused: placedJob.reused ? 1 : 0 })
    .where('id', '=', job.id)
    .execute();
  if (isDone(execution)) await takeOver(changes, placedJob, execution);
}

/** Notes the event that a job is queued, which comes first even if the job joins work that is under way. */
function noteAccepted(changes: JobChanges, accepted: JobRecord): void {
  const job = { ...accepted, request: withoutSecrets(accepted.request) };
  changes.note({ ...job, state: 'queued', started_at: null, attempts: 0 });
  if (job.state === 'active') changes.note(job, Date.parse(job.started_at ?? job.created_at));
}

interface RequestedJob {
  readonly job: JobRecord;
  readonly reuse: boolean;
  readonly step: Step;
}

interface Placed {
  readonly job: JobRecord;
  readonly execution: ExecutionTable;
}

/**
 * Finds or creates the execution of each job. If a job joins an existing execution, its state and the priority of the
 * execution are adjusted.
 */
async function placeWork(
  changes: JobChanges,
  wanted: readonly RequestedJob[],
  sources: ReadonlyMap<string, SourceContent>,
): Promise<Placed[]> {
  const { writer, tenant } = changes;
  const keys = wanted.map(({ job, step }) =>
    step === 'work' ? executionKey(workRequest(job), (id) => sourceIdentity(sources.get(id)!)) : undefined,
  );
  const shared = await usable(changes, wanted, keys);
  const rows: ExecutionTable[] = [];
  const placed = wanted.map(({ job, step, reuse }, index): Placed => {
    const key = keys[index];
    const known = reuse && key !== undefined ? shared.get(key) : undefined;
    if (known) return { job: joined(job, known), execution: known };
    const priority = priorityNumber(job.priority);
    const work_bytes = bytesOf(job, sources);
    const execution = newExecution({ tenant, key: key ?? null, step, priority, work_bytes }, changes.origin);
    if (key !== undefined) {
      // Of two equal executions that must not be shared, later requests find the first one.
      if (shared.has(key)) return own({ ...execution, key: null });
      shared.set(key, execution);
    }
    return own(execution);

    function own(row: ExecutionTable): Placed {
      rows.push(row);
      return { job, execution: row };
    }
  });
  const inserted = await insertExecutions(writer, rows);
  // Another process has inserted some of them first: start over with these.
  if (inserted.size < rows.length) {
    const lost = new Set(rows.filter(({ id }) => !inserted.has(id)).map(({ id }) => id));
    const indexes = placed.flatMap(({ execution }, index) => (lost.has(execution.id) ? [index] : []));
    const again = await placeWork(
      changes,
      indexes.map((index) => wanted[index]!),
      sources,
    );
    for (const [i, index] of indexes.entries()) placed[index] = again[i]!;
  }
  for (const { job, execution } of placed)
    await raisePriority(changes, execution, priorityNumber(job.priority));
  return placed;
}

/** Locked executions that jobs can join, by their keys. Executions that are no longer useful lose their keys. */
async function usable(
  { writer, tenant, database }: JobChanges,
  wanted: readonly RequestedJob[],
  keys: readonly (string | undefined)[],
): Promise<Map<string, ExecutionTable>> {
  const requested = [...new Set(keys.filter((key) => key !== undefined))];
  if (requested.length === 0) return new Map();
  const query = writer
    .selectFrom('execution')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('key', 'in', requested);
  const rows = await database.locked(query.orderBy('id')).execute();
  const found = new Map<string, ExecutionTable>();
  const useless: string[] = [];
  for (const row of rows) {
    const isWanted = wanted.some(({ reuse }, index) => reuse && keys[index] === row.key);
    if (isWanted && (!isDone(row) || (await areFilesStored(writer, outcomeOf(row)))))
      found.set(row.key!, row);
    else useless.push(row.id);
  }
  await clearExecutionKeys(writer, useless);
  return found;
}

/** The state of a job when it joins an execution. */
const joined = (job: JobRecord, { state, started_at }: ExecutionTable): JobRecord => {
  const isActive = state === 'dispatched' && started_at !== null;
  if (!isActive || job.state === 'active') return { ...job, reused: true };
  return { ...job, reused: true, state: 'active', started_at: new Date().toISOString(), attempts: 1 };
};

const isDone = ({ state }: ExecutionTable): boolean => state === 'succeeded';
const outcomeOf = ({ outcome }: ExecutionTable): WorkOutcome => JSON.parse(outcome!) as WorkOutcome;

/** Gives a job the results of work that is already finished. */
function takeOver(changes: JobChanges, job: JobRecord, execution: ExecutionTable): Promise<JobRecord> {
  const now = new Date().toISOString();
  const begun = { ...job, attempts: Math.max(job.attempts, 1), started_at: job.started_at ?? now };
  return recordWork(changes, begun, outcomeOf(execution), null);
}

/** Raises the priority of an execution, if it is lower. Others in the same transaction may have raised it further. */
async function raisePriority(
  { writer }: JobChanges,
  { id, finished_at, priority }: ExecutionTable,
  to: number,
): Promise<void> {
  if (finished_at !== null || priority <= to) return;
  await writer
    .updateTable('execution')
    .set({ priority: to })
    .where('id', '=', id)
    .where('priority', '>', to)
    .execute();
}

/** The request of a job whose adapter has been fetched. */
const workRequest = ({ request, imported }: JobRecord): JobRecord['request'] =>
  imported && 'source' in request
    ? ({ ...request, adapter_id: imported.adapter_id } as typeof request)
    : request;

const bytesOf = (job: JobRecord, sources: ReadonlyMap<string, SourceContent>): number =>
  sourceIds(workRequest(job)).reduce((sum, id) => sum + (sources.get(id)?.bytes ?? 0), 0);

async function withoutKnown({ writer }: JobChanges, jobs: readonly NewJob[]): Promise<readonly NewJob[]> {
  if (jobs.length === 0) return [];
  const ids = jobs.map(({ job }) => job.id);
  const known = await writer.selectFrom('job').select('id').where('id', 'in', ids).execute();
  if (known.length === 0) return jobs;
  const there = new Set(known.map(({ id }) => id));
  return jobs.filter(({ job }) => !there.has(job.id));
}

/**
 * The adapters that jobs read. A concurrent removal of one of them waits for this transaction, and then finds the
 * jobs.
 * @throws AppError ADAPTER_NOT_FOUND, ADAPTER_EXPIRED
 */
async function lockedSources(
  { database: { locked, now }, writer, tenant }: JobChanges,
  jobs: readonly NewJob[],
): Promise<Map<string, SourceContent>> {
  const ids = [...new Set(jobs.flatMap(({ job }) => sourceIds(job.request)))];
  if (ids.length === 0) return new Map();
  const wanted = writer
    .selectFrom('adapter')
    .select(['id', 'digest', 'bytes', 'facts', 'expires_at', now.as('now')])
    .where('tenant', '=', tenant)
    .where('id', 'in', ids);
  const rows = await locked(wanted.orderBy('id')).execute();
  const found = new Map(rows.map((row) => [row.id, { ...row, license: licenseIn(row) }]));
  for (const id of ids) {
    const row = found.get(id);
    if (!row) throw adapterNotFound(id);
    if (row.expires_at !== null && row.expires_at <= row.now) throw adapterExpired(id, row.expires_at);
  }
  return found;
}
