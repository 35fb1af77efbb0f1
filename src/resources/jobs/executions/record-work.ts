import type { JobRecord, JobResult, Progress } from '../../../contract/job.ts';
import type { DeliveredAdapter } from '../../../contract/transfer-job.ts';
import type { Writer } from '../../../database/database.ts';
import { newAdapterId } from '../../../database/ids.ts';
import type { NewAdapter } from '../../adapters/rows.ts';
import { registerContents } from '../../contents/contents.ts';
import { sourceIds } from '../adapters-of-request.ts';
import { endOfTargets } from '../job-end.ts';
import { resultSettings } from '../result-settings.ts';
import { insertJobFiles, outcomeColumn } from '../rows.ts';
import { type WorkOutcome, writtenFiles } from './execution-outcome.ts';
import { insertExecutions, newExecution, priorityNumber } from './execution-rows.ts';
import type { JobChanges } from './job-changes.ts';

export const completedProgress = (modules: number): Progress => ({
  ...{ phase: 'done', done: modules, total: modules, module: null },
});

/** Whether everything that the work produced still exists, so that other jobs can use it. */
export async function areFilesStored(
  writer: Pick<Writer, 'selectFrom'>,
  outcome: WorkOutcome,
): Promise<boolean> {
  const digests = [...new Set(writtenFiles(outcome).map(({ sha256 }) => sha256))];
  if (digests.length === 0) return true;
  const rows = await writer
    .selectFrom('content')
    .select('sha256')
    .where('sha256', 'in', digests)
    .where('state', '=', 'stored')
    .execute();
  return rows.length === digests.length;
}

/**
 * Gives a job records of its own for the outcome of its request. The job then ends, or continues with its deliveries.
 * @param job in its state before
 * @param contents ids of the stored files by digests; null: they are looked up
 * @returns the job in its new state
 */
export async function recordWork(
  changes: JobChanges,
  job: JobRecord,
  outcome: WorkOutcome,
  contents: ReadonlyMap<string, string> | null,
): Promise<JobRecord> {
  const { writer } = changes;
  const settled =
    contents ?? (await registerContents(writer, { writeId: null, files: writtenFiles(outcome) }));
  const sources = await sourcesOf(changes, job);
  const names = sources.map(({ name }) => name);
  const results: JobResult[] = [];
  for (const [index, { result, adapter }] of outcome.targets.entries()) {
    const [source] = sources;
    if (result.state === 'failed') {
      results.push(result);
      continue;
    }
    // If there is nothing to squeeze, a run continues with exactly the adapter that it sent.
    if (!adapter && job.kind === 'checkpoint') {
      results.push({ ...result, adapter_id: source!.id });
      continue;
    }
    const id = newAdapterId(Date.now());
    const { adapterTtlSeconds: defaultTtlSeconds } = changes;
    const facts = { sourceNames: names, rank: result.rank, defaultTtlSeconds };
    const record = {
      ...{ id, jobId: job.id, ...resultSettings(job.request, index, facts) },
      // The sum of several adapters has no single parent; its report and its metadata name all of them.
      parentId: sources.length === 1 ? source!.id : null,
    };
    if (adapter) await changes.addAdapters([{ ...record, description: adapter.description }], settled);
    else await addCopy(changes, record, source!.id);
    results.push({ ...result, adapter_id: id });
  }
  await insertJobFiles(
    writer,
    job.id,
    outcome.files.map(({ sha256, role }) => ({ sha256, role, content: settled.get(sha256)! })),
  );
  const begunMs = Date.parse(job.started_at ?? job.created_at);
  const worked: JobRecord = {
    ...job,
    progress: completedProgress(outcome.modules),
    results,
    deliveries: job.deliveries.map((delivery) => withAdapter(delivery, results)),
    timings: { ...outcome.timings, queue_wait: Math.max(0, begunMs - Date.parse(job.created_at)) / 1000 },
    provider: outcome.provider,
  };
  if (worked.deliveries.some(({ state }) => state === 'pending')) {
    await queueDeliveries(changes, worked);
    return worked;
  }
  return endJob(changes, { ...worked, ...endOfTargets(results) });
}

/**
 * Makes a job wait for its pending deliveries.
 * @param job with everything that is known of it
 */
export async function queueDeliveries(changes: JobChanges, job: JobRecord): Promise<void> {
  const { writer, tenant } = changes;
  const bytes = job.results.reduce((sum, one) => sum + (one.state === 'failed' ? 0 : one.bytes), 0);
  const shared = { tenant, key: null, step: 'deliver' as const };
  const row = newExecution(
    { ...shared, priority: priorityNumber(job.priority), work_bytes: bytes },
    changes.origin,
  );
  await insertExecutions(writer, [row]);
  await writer
    .updateTable('job')
    .set(({ ref }) => ({
      work_execution: ref('execution'),
      execution: row.id,
      outcome: outcomeColumn(job),
    }))
    .where('id', '=', job.id)
    .execute();
}

/** Ends a job now. */
export async function endJob(changes: JobChanges, job: JobRecord): Promise<JobRecord> {
  const ended = { ...job, finished_at: new Date().toISOString() };
  return (await changes.end(ended)) ?? ended;
}

/** Records an adapter with the same contents as its source, if nothing had to change. */
async function addCopy(
  changes: JobChanges,
  record: Omit<NewAdapter, 'description'>,
  sourceId: string,
): Promise<void> {
  const { writer, tenant } = changes;
  const { digest, facts } = await writer
    .selectFrom('adapter')
    .select(['digest', 'facts'])
    .where('id', '=', sourceId)
    .where('tenant', '=', tenant)
    .executeTakeFirstOrThrow();
  const files = await writer
    .selectFrom('adapter_file')
    .innerJoin('content', 'content.id', 'adapter_file.content')
    .select(['content.id', 'content.sha256'])
    .where('adapter', '=', sourceId)
    .execute();
  const description = { digest, ...(JSON.parse(facts) as Omit<NewAdapter['description'], 'digest'>) };
  await changes.addAdapters(
    [{ ...record, description }],
    new Map(files.map(({ id, sha256 }) => [sha256, id])),
  );
}

/** A delivery with its adapter; the delivery of a failed target has none and fails. */
function withAdapter(delivery: DeliveredAdapter, results: readonly JobResult[]): DeliveredAdapter {
  if (delivery.target === null) return delivery;
  const result = results[delivery.target]!;
  return result.state === 'failed'
    ? { ...delivery, state: 'failed', error: result.error, finished_at: new Date().toISOString() }
    : { ...delivery, adapter_id: result.adapter_id };
}

/** The adapters that a job reads, in the order of its request. */
async function sourcesOf(
  { writer, tenant }: JobChanges,
  { request, imported }: JobRecord,
): Promise<{ readonly id: string; readonly name: string }[]> {
  const ids = imported ? [imported.adapter_id] : sourceIds(request);
  if (ids.length === 0) return [];
  const rows = await writer
    .selectFrom('adapter')
    .select(['id', 'name'])
    .where('tenant', '=', tenant)
    .where('id', 'in', ids)
    .execute();
  const names = new Map(rows.map(({ id, name }) => [id, name]));
  return ids.map((id) => ({ id, name: names.get(id) ?? '' }));
}
