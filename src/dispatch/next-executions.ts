import type { Database, Writer } from '../database/database.ts';
import { type Condition, hasCome, sql } from '../database/sql.ts';

/** No attempt is put off for longer. */
export const LONGEST_WAIT_MS = 60_000;

/** An execution that waits. */
export interface WaitingExecution {
  readonly id: string;
  readonly work_bytes: number;
}

/**
 * The executions that are to be dispatched next: by priority, and the oldest first. Those that another transaction is
 * changing are left out.
 */
export function nextExecutions(
  database: Pick<Database, 'now' | 'after' | 'locked'>,
  writer: Writer,
  limit: number,
): Promise<WaitingExecution[]> {
  const waiting = writer
    .selectFrom('execution')
    .select(['id', 'work_bytes'])
    .where('state', '=', 'waiting')
    .where((eb) => eb.or([eb('not_before', 'is', null), hasCome(database, 'not_before', LONGEST_WAIT_MS)]))
    .orderBy('priority')
    .orderBy('id')
    .limit(limit);
  return database.locked(waiting, 'skip').execute();
}

/** Whether an execution comes before another one. */
export const isAheadOf = (priority: number, id: string): Condition =>
  sql`(priority, id) < (${priority}, ${id})`;
