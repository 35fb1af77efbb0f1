import type { JobPhase } from './job.ts';

/** The phases of a job in words, the same in the page and in the command. */
export const PHASE_WORDS: Readonly<Record<JobPhase, string>> = {
  import: 'fetching the adapter',
  load: 'reading the weights',
  gram: 'computing Gram matrices',
  core: 'computing singular values',
  project: 'projecting to the new ranks',
  write: 'writing and measuring',
  deliver: 'delivering',
  done: 'finishing',
};
