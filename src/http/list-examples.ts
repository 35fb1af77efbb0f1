import type { Static, TSchema } from 'typebox';
import { BatchList } from '../contract/batch.ts';
import { AdapterListPage, JobListPage, RunListPage } from '../contract/list.ts';
import { BATCH_SUMMARY_EXAMPLE } from './batch-examples.ts';
import { ADAPTER_EXAMPLE, JOB_EXAMPLE } from './examples.ts';
import { RUN_EXAMPLE } from './run-examples.ts';

/** Examples of the contract; typed, so that they cannot go stale quietly. */
const NEXT = Buffer.from(JOB_EXAMPLE.id).toString('base64url');

const jobs: Static<typeof JobListPage> = {
  data: [JOB_EXAMPLE],
  next_cursor: NEXT,
};

const adapters: Static<typeof AdapterListPage> = {
  data: [ADAPTER_EXAMPLE],
  next_cursor: null,
};

const runs: Static<typeof RunListPage> = {
  data: [
    {
      id: RUN_EXAMPLE.id,
      name: RUN_EXAMPLE.name,
      base_model: RUN_EXAMPLE.base_model,
      mode: RUN_EXAMPLE.mode,
      step: RUN_EXAMPLE.step,
      checkpoints: RUN_EXAMPLE.checkpoints.length,
      created_at: RUN_EXAMPLE.created_at,
    },
  ],
  next_cursor: null,
};

const batches: Static<typeof BatchList> = { data: [BATCH_SUMMARY_EXAMPLE], next_cursor: null };

export const LIST_EXAMPLES: readonly (readonly [TSchema, unknown])[] = [
  [JobListPage, jobs],
  [AdapterListPage, adapters],
  [BatchList, batches],
  [RunListPage, runs],
];
