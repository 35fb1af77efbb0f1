import type { Static } from 'typebox';
import type { AdapterListPage, JobListPage, RunListPage } from '../contract/list.ts';
import { ADAPTER_EXAMPLE, JOB_EXAMPLE } from './examples.ts';
import { RUN_EXAMPLE } from './run-examples.ts';

/** Examples of the contract; typed, so that they cannot go stale quietly. */
const NEXT = 'ZmU2NTM4L2ZlNjUzODFmMGM1ZGIwNjViM2M3ZjE4NDk1ODJjYTcuanNvbg';

export const jobListExample: Static<typeof JobListPage> = {
  jobs: [JOB_EXAMPLE],
  live: true,
  next_cursor: NEXT,
};

export const adapterListExample: Static<typeof AdapterListPage> = {
  adapters: [ADAPTER_EXAMPLE],
  next_cursor: null,
};

export const runListExample: Static<typeof RunListPage> = {
  runs: [
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
