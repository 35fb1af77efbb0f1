import type { FastifyRequest } from 'fastify';
import type { JobPriority } from '../../contract/job-request.ts';
import { AppError } from '../../errors/app-error.ts';
import { principalOf } from '../../http/principal.ts';
import type { Limits } from '../tenants/limits.ts';
import { priorityNumber } from './executions/execution-rows.ts';

/** The errors for a priority that the caller may not use. */
export const PRIORITY_ERRORS = ['PRIORITY_TOO_HIGH'] as const;

/**
 * The highest priority that the caller may use for jobs: the limit of the tenant, or of the key if that is lower.
 * @param space the workspace of the caller
 * @throws AppError DATABASE_UNAVAILABLE
 */
export async function priorityCeiling(
  request: FastifyRequest,
  space: { readonly limits: () => Promise<Limits> },
): Promise<JobPriority> {
  const { max_priority: ofTenant } = await space.limits();
  const { maxPriority: ofKey = 'high' } = principalOf(request);
  return priorityNumber(ofKey) > priorityNumber(ofTenant) ? ofKey : ofTenant;
}

/**
 * The priority of a job.
 * @param asked undefined: `normal`, or the ceiling if that is lower
 * @throws AppError PRIORITY_TOO_HIGH
 */
export function checkedPriority(requested: JobPriority | undefined, ceiling: JobPriority): JobPriority {
  const priority = requested ?? 'normal';
  if (priorityNumber(priority) >= priorityNumber(ceiling)) return priority;
  if (requested === undefined) return ceiling;
  throw new AppError(
    'PRIORITY_TOO_HIGH',
    `The request asks for priority "${requested}", but this tenant and key may use at most "${ceiling}".`,
    { priority: requested, max_priority: ceiling },
  );
}
