import type { JobRecord } from '../../../src/contract/job.ts';
import { ProblemError } from './problem.ts';
import { get, type Page, pathWith, post } from './request.ts';

/**
 * Returns the existing analysis job of an adapter, or starts one. With a read-only key, only a finished job
 * is found.
 * @throws ProblemError
 */
export async function analysisJob(adapterId: string, signal: AbortSignal): Promise<JobRecord> {
  try {
    return await post<JobRecord>('/v1/jobs', { kind: 'analyze', adapter_id: adapterId });
  } catch (error) {
    if (!(error instanceof ProblemError && error.problem.code === 'SCOPE_MISSING')) throw error;
    const query = { kind: 'analyze', state: 'succeeded', adapter_id: adapterId, limit: 1 };
    const { data } = await get<Page<JobRecord>>(pathWith('/v1/jobs', query), signal);
    const [done] = data;
    if (!done) throw error;
    return done;
  }
}
