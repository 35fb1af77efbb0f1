import type { Delivery } from '../../../../src/contract/transfer.ts';
import type { Database } from '../../../../src/database/database.ts';
import type { FetchOutcome } from '../../../../src/resources/jobs/executions/execution-outcome.ts';
import { type FakeOutcome, SAMPLE_OUTCOME } from '../fake-worker.ts';
import { reportFile } from '../job-rows.ts';

/** Work with one result and a report. */
export const WORK: FakeOutcome = { adapters: [SAMPLE_OUTCOME], files: [reportFile({ notes: ['x'] })] };

export const NO_TOTALS = { modules: 0, bytesRead: 0, bytesWritten: 0 };

export const PLACE = {
  kind: 'url',
  place: 'https://models.example/my-style.safetensors',
  encrypted: 'ENCRYPTED',
} as const;

export const DELIVERED: Delivery = {
  ...{ kind: 'url', place: PLACE.place, commit: null, bytes: 7, files: [] },
  finished_at: '2026-01-01T00:00:00.000Z',
};

/** The outcome of fetching an adapter: always the same one. */
export const FETCHED: FetchOutcome = {
  ...{ step: 'fetch', name: 'my-style', adapter: SAMPLE_OUTCOME },
  imported: { ...DELIVERED, revision: null },
};

export const executionsIn = ({ reader }: Database) =>
  reader.selectFrom('execution').selectAll().orderBy('id').execute();

/** The execution for which a job waits, or waited last. */
export const executionOf = ({ reader }: Database, jobId: string) =>
  reader
    .selectFrom('execution')
    .innerJoin('job', 'job.execution', 'execution.id')
    .selectAll('execution')
    .where('job.id', '=', jobId)
    .executeTakeFirstOrThrow();
