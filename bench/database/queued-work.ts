import type { Database } from '../../src/database/database.ts';
import type { ExecutionTable, JobTable } from '../../src/database/job-tables.ts';
import { Dispatcher } from '../../src/dispatch/dispatcher.ts';
import { newExecution } from '../../src/resources/jobs/executions/execution-rows.ts';
import { type Workspace, Workspaces } from '../../src/resources/workspaces.ts';
import type { BlobStore } from '../../src/storage/blob-store.ts';
import { MemoryQueue } from '../../test/http/memory-queue.ts';
import type { Add } from './generated-rows.ts';

/** Everything that the benchmark knows about how work is stored: its rows, and the parts that services need. */

/** The columns that depend on how a job ended. */
export type Ended = 'state' | 'started_at' | 'finished_at' | 'expires_at' | 'attempts' | 'outcome';

const WAITING: Pick<JobTable, Ended> = {
  ...{ state: 'queued', started_at: null, finished_at: null, expires_at: null, attempts: 0, outcome: null },
};

/** Adds a job with its execution. @param end undefined: the job is waiting */
export function addJob(
  add: Add,
  accepted: Omit<JobTable, Ended | 'execution' | 'work_execution'>,
  end: Pick<JobTable, Ended> | undefined,
): JobTable {
  const waiting = newExecution({
    ...{ tenant: accepted.tenant, key: null, step: 'work', priority: 1, work_bytes: 80_000_000 },
  });
  const execution: ExecutionTable = {
    ...waiting,
    id: accepted.id.replace('job', 'ex'),
    ...(end && { state: 'succeeded', attempts: 1, dispatch_no: 1, finished_at: end.finished_at }),
  };
  add('execution', execution);
  const job: JobTable = { ...accepted, ...(end ?? WAITING), execution: execution.id, work_execution: null };
  add('job', job);
  return job;
}

/** There is no worker, so nothing is dispatched: only the database is measured. */
export const workspacesOver = (store: BlobStore, database: Database): ((tenant: string) => Workspace) => {
  const queue = new MemoryQueue();
  const workspaces = new Workspaces({
    store,
    database,
    queue,
    dispatcher: new Dispatcher({ database, queue }),
  });
  return (tenant) => workspaces.of(tenant);
};
