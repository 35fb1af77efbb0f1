import type { JobEvent, JobProgress } from '../contract/event.ts';
import { JOB_EXAMPLE } from './examples.ts';

/** Examples of the contract; typed, so that they cannot go stale quietly. */
export const jobProgressExample: JobProgress = {
  phase: 'gram',
  done: 120,
  total: 224,
  module: 'model.layers.17.mlp.up_proj',
  attempt: 1,
};

export const jobEventExamples: JobEvent[] = [
  { id: '1.3.120', event: 'progress', data: jobProgressExample },
  { id: '1.99.0', event: 'state', data: JOB_EXAMPLE },
];
