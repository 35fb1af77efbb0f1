import type { JobRecord, JobResult, Progress } from '../../contract/job.ts';
import type { DeliveredAdapter } from '../../contract/transfer-job.ts';
import type { Writer } from '../../database/database.ts';
import { nameOfResult } from '../adapter-name.ts';
import type { NewAdapter } from '../adapter-rows.ts';
import { settleContent } from '../content/content-rows.ts';
import { insertJobFiles, outcomeColumn } from '../job-rows.ts';
import { newAdapterId } from '../layout.ts';
import { sourceIds } from '../source-ids.ts';
import { insertExecutions, newExecution, priorityOf } from './execution-rows.ts';
import type { JobChanges } from './job-changes.ts';
import { type WorkMade, writtenFiles } from './made.ts';

export const doneProgress = (modules: number): Progress => ({
  ...{ phase: 'done', done: modules, total: modules, module: null },
});

/** Whether all that work made is still here, so that others may have it too. */
export async function areHere(writer: Writer, made: WorkMade): Promise<boolean> {
  const digests = [...new Set(writtenFiles(made).map(({ sha256 }) => sha256))];
  const rows = await writer
    .selectFrom('content')
    .select('sha256')
    .where('sha256', 'in', digests)
    .where('state', '=', 'stored')
    .execute();
  return rows.length === digests.length;
}

/**
 * Gives a job records of its own of what was made of its request. It ends with that, or goes on with its deliveries.
 * @param job as it was begun
 * @param contents ids of what was made by digests; null: they are looked for
 * @returns the job as it stands then
 */
export async function recordWork(
  changes: JobChanges,
  job: JobRecord,
  made: WorkMade,
  contents: ReadonlyMap<string, string> | null,
): Promise<JobRecord> {
  const { writer } = changes;
  const settled = contents ?? (await settleContent(writer, { writeId: null, files: writtenFiles(made) }));
  const sources = await sourcesOf(changes, job);
  const names = sources.map(({ name }) => name);
  const adapters: NewAdapter[] = [];
  const results: JobResult[] = [];
  for (const { result, adapter } of made.targets) {
    if (!adapter) {
      results.push({ ...result, adapter_id: sources[0]!.id });
      continue;
    }
    const id = newAdapterId(Date.now());
    adapters.push({
      ...{ id, described: adapter.described, name: nameOfResult(names, result.rank), labels: {} },
      ttlSeconds: changes.adapterTtlSeconds,
      // A sum of several adapters has no one parent; its report and its metadata name them all.
      parentId: sources.length === 1 ? sources[0]!.id : null,
      jobId: job.id,
    });
    results.push({ ...result, adapter_id: id });
  }
  await changes.addAdapters(adapters, settled);
  await insertJobFiles(
    writer,
    job.id,
    made.files.map(({ sha256, role }) => ({ sha256, role, content: settled.get(sha256)! })),
  );
  const begunMs = Date.parse(job.started_at ?? job.created_at);
  const worked: JobRecord = {
    ...job,
    progress: doneProgress(made.modules),
    results,
    deliveries: job.deliveries.map((delivery) => withAdapter(delivery, results)),
    timings: { ...made.timings, queue_wait: Math.max(0, begunMs - Date.parse(job.created_at)) / 1000 },
    provider: made.provider,
  };
  if (worked.deliveries.length > 0) {
    await deliver(changes, worked);
    return worked;
  }
  return endedNow(changes, { ...worked, state: 'succeeded' });
}

/**
 * Has a job wait for the deliveries of it that are pending.
 * @param job with all that is known of it by now
 */
export async function deliver(changes: JobChanges, job: JobRecord): Promise<void> {
  const { writer, tenant } = changes;
  const bytes = job.results.reduce((sum, result) => sum + result.bytes, 0);
  const shared = { tenant, key: null, step: 'deliver' as const };
  const row = newExecution({ ...shared, priority: priorityOf(job.priority), work_bytes: bytes });
  await insertExecutions(writer, [row]);
  await writer
    .updateTable('job')
    .set({ execution: row.id, outcome: outcomeColumn(job) })
    .where('id', '=', job.id)
    .execute();
}

/** Ends a job in this moment. */
export async function endedNow(changes: JobChanges, job: JobRecord): Promise<JobRecord> {
  const ended = { ...job, finished_at: new Date().toISOString() };
  return (await changes.end(ended)) ?? ended;
}

const withAdapter = (delivery: DeliveredAdapter, results: readonly JobResult[]): DeliveredAdapter =>
  delivery.target === null ? delivery : { ...delivery, adapter_id: results[delivery.target]!.adapter_id };

/** The adapters that a job reads, in the order of its request. */
async function sourcesOf(
  { writer, tenant }: JobChanges,
  { request, import: imported }: JobRecord,
): Promise<{ readonly id: string; readonly name: string }[]> {
  const ids = imported ? [imported.adapter_id] : sourceIds(request);
  const rows = await writer
    .selectFrom('adapter')
    .select(['id', 'name'])
    .where('tenant', '=', tenant)
    .where('id', 'in', ids)
    .execute();
  const names = new Map(rows.map(({ id, name }) => [id, name]));
  return ids.map((id) => ({ id, name: names.get(id) ?? '' }));
}
