import { AppError } from '../../errors/app-error.ts';
import { counted } from '../../errors/counted.ts';
import type { Limits } from '../tenants/limits.ts';
import type { JobStore } from './store.ts';

/** The parts of a workspace that are needed to check its number of unfinished jobs. */
export interface QueueWorkspace {
  readonly tenant: string;
  readonly jobStore: Pick<JobStore, 'unfinished'>;
  readonly limits: () => Promise<Limits>;
  /** See QueueAge. @throws AppError QUEUE_TOO_OLD, DATABASE_UNAVAILABLE */
  readonly checkQueueAge: () => Promise<void>;
}

/** Errors if there is no room for jobs. */
export const QUEUED_JOBS_ERRORS = ['QUOTA_TOO_SMALL', 'QUOTA_QUEUED_JOBS', 'QUEUE_TOO_OLD'] as const;

/**
 * Submissions of a tenant with a limit run one after the other; otherwise simultaneous ones would all count on the
 * same room.
 */
const lines = new Map<string, Promise<unknown>>();

/**
 * Refuses new jobs while those of the tenant have waited too long, or if they would exceed its limit of unfinished jobs.
 * This costs nothing without a limit, and otherwise a query for as many jobs as the limit.
 * @param wanted jobs that are about to be submitted
 * @throws AppError QUEUE_TOO_OLD; QUOTA_TOO_SMALL for more jobs than the limit, QUOTA_QUEUED_JOBS,
 * DATABASE_UNAVAILABLE
 */
export async function checkQueuedJobs(space: QueueWorkspace, wanted: number): Promise<void> {
  await space.checkQueueAge();
  const { max_queued: limit } = await space.limits();
  if (limit === null) return;
  if (wanted > limit) throw new AppError('QUOTA_TOO_SMALL', neverFits(wanted, limit), { wanted, limit });
  const used = (await space.jobStore.unfinished(limit + 1)).length;
  if (used + wanted <= limit) return;
  throw new AppError('QUOTA_QUEUED_JOBS', sentence(used, wanted, limit), { used, wanted, limit });
}

/**
 * Submits jobs if there is room for them. Within a process, submissions of one tenant wait for each other. Two
 * processes that check at the same moment may exceed the limit by what both of them submit.
 * @throws AppError as checkQueuedJobs and `submit`
 */
export async function submitWithinQueueLimit<T>(
  space: QueueWorkspace,
  wanted: number,
  submit: () => Promise<T>,
): Promise<T> {
  const { max_queued: limit } = await space.limits();
  if (limit === null) {
    await space.checkQueueAge();
    return submit();
  }
  const before = lines.get(space.tenant) ?? Promise.resolve();
  const turn = before.then(async () => {
    await checkQueuedJobs(space, wanted);
    return submit();
  });
  const isOver = turn.catch(() => undefined);
  lines.set(space.tenant, isOver);
  try {
    return await turn;
  } finally {
    if (lines.get(space.tenant) === isOver) lines.delete(space.tenant);
  }
}

const jobs = (count: number): string => counted(count, 'unfinished job');

const neverFits = (wanted: number, limit: number): string =>
  `The request needs room for ${counted(wanted, 'job')}, but the limit of the tenant is ${jobs(limit)}` +
  `${wanted > 1 && limit > 0 ? '; send them in several requests' : ''}.`;

function sentence(used: number, wanted: number, limit: number): string {
  const more = wanted === 1 ? 'another one' : `${wanted} more`;
  return `The tenant has ${used > limit ? 'more than ' : ''}${jobs(Math.min(used, limit))}, and the limit is ${limit}; there is no room for ${more} until some of them have ended.`;
}
