import type { JobPriority } from '../../../contract/job-request.ts';
import type { Database, Writer } from '../../../database/database.ts';
import { timedId } from '../../../database/ids.ts';
import type { ExecutionTable } from '../../../database/job-tables.ts';
import { slicesToInsert } from '../rows.ts';
import { endedDispatchColumns, type JobChanges } from './job-changes.ts';

/** Executions with a lower number are dispatched first. */
const PRIORITIES = { high: 0, normal: 1, low: 2 } as const satisfies Record<JobPriority, number>;

export const priorityNumber = (priority: JobPriority): number => PRIORITIES[priority];

export type NewExecution = Pick<ExecutionTable, 'tenant' | 'key' | 'step' | 'priority' | 'work_bytes'>;

/** The row of an execution that waits. @param origin JSON of Origin: the request on whose behalf it is done */
export const newExecution = (given: NewExecution, origin: string | null = null): ExecutionTable => ({
  id: timedId('ex', Date.now()),
  ...given,
  ...{
    state: 'waiting',
    attempts: 0,
    not_before: null,
    dispatch_no: 0,
    dispatched_at: null,
    started_at: null,
  },
  ...{ estimate_ms: null, charged_ms: null },
  ...{ seen_at: null, storage_failures: 0, storage_trouble_ms: 0, finished_at: null },
  origin,
  outcome: null,
});

/** @returns the ids of the inserted rows; of equal work that is shared, there is already one */
export async function insertExecutions(
  writer: Writer,
  rows: readonly ExecutionTable[],
): Promise<ReadonlySet<string>> {
  const inserted = new Set<string>();
  for (const some of slicesToInsert(rows)) {
    const insertedRows = await writer
      .insertInto('execution')
      .values(some)
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .execute();
    for (const { id } of insertedRows) inserted.add(id);
  }
  return inserted;
}

/** Prevents equal requests from joining these executions. */
export async function clearExecutionKeys(writer: Writer, ids: readonly string[]): Promise<void> {
  if (ids.length > 0)
    await writer.updateTable('execution').set({ key: null }).where('id', 'in', ids).execute();
}

/** Locks executions that have not ended, for a transaction that changes them. @returns their ids */
export async function lockExecutions(
  { locked }: Pick<Database, 'locked'>,
  writer: Writer,
  ids: readonly string[],
): Promise<string[]> {
  if (ids.length === 0) return [];
  const unfinished = writer
    .selectFrom('execution')
    .select('id')
    .where('id', 'in', ids)
    .where('finished_at', 'is', null);
  return (await locked(unfinished.orderBy('id')).execute()).map(({ id }) => id);
}

/**
 * Updates executions for which jobs no longer wait: those without waiting jobs end, and the others get the priority
 * of the remaining jobs.
 * @returns how many had not ended before
 */
export async function cancelUnneededExecutions(changes: JobChanges, ids: readonly string[]): Promise<number> {
  const { database, writer } = changes;
  const unfinished = await lockExecutions(database, writer, ids);
  for (const id of unfinished) {
    const jobs = await writer
      .selectFrom('job')
      .select('priority')
      .where('execution', '=', id)
      .where('finished_at', 'is', null)
      .execute();
    const change = writer.updateTable('execution').where('id', '=', id);
    if (jobs.length === 0) {
      const found = writer.selectFrom('execution').select(['state', ...endedDispatchColumns(database)]);
      const { state, ...dispatch } = await found.where('id', '=', id).executeTakeFirstOrThrow();
      if (state === 'dispatched') changes.noteDispatchEnd(dispatch);
      await change.set({ state: 'cancelled', finished_at: Date.now(), key: null }).execute();
    } else {
      const priority = Math.min(...jobs.map((job) => priorityNumber(job.priority as JobPriority)));
      // A running execution may wait again for another attempt.
      await change.set({ priority }).execute();
    }
  }
  return unfinished.length;
}

/** Removes executions to which no job refers. @returns how many */
export async function removeUnused(writer: Writer, ids: readonly string[]): Promise<number> {
  const { numDeletedRows } = await writer
    .deleteFrom('execution')
    .where('id', 'in', ids)
    .where(({ and, not, exists, selectFrom }) =>
      and([
        not(exists(selectFrom('job').select('job.id').whereRef('job.execution', '=', 'execution.id'))),
        not(exists(selectFrom('job').select('job.id').whereRef('job.work_execution', '=', 'execution.id'))),
      ]),
    )
    .executeTakeFirst();
  return Number(numDeletedRows);
}
