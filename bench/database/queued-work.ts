import type { Database } from '../../src/database/database.ts';
import type { JobTable } from '../../src/database/tables.ts';
import { type Workspace, Workspaces } from '../../src/service/workspaces.ts';
import type { BlobStore } from '../../src/storage/blob-store.ts';
import { MemoryQueue } from '../../test/http/memory-queue.ts';
import type { Add } from './made-rows.ts';

/** All that the benchmark knows of how queued work is kept: rows of it, and the queue that services are made with. */

type Accepted = Omit<
  JobTable,
  'state' | 'started_at' | 'finished_at' | 'expires_at' | 'attempts' | 'outcome'
>;

/** Adds a job that waits. */
export function addQueued(add: Add, accepted: Accepted): JobTable {
  const job: JobTable = {
    ...accepted,
    ...{ state: 'queued', started_at: null, finished_at: null, expires_at: null, attempts: 0, outcome: null },
  };
  add('job', job);
  return job;
}

/** A queue in which every job waits: what is measured is the database. */
class WaitingQueue extends MemoryQueue {
  override async state() {
    return { state: 'queued', progress: null, startedAt: null, attempts: 0 } as const;
  }
}

export const workspacesOver = (store: BlobStore, database: Database): ((tenant: string) => Workspace) => {
  const workspaces = new Workspaces(store, database, new WaitingQueue());
  return (tenant) => workspaces.of(tenant);
};
