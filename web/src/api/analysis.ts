import type { JobRecord } from '../../../src/contract/job.ts';
import { get, type Page, pathWith, post } from './request.ts';

const USABLE_STATES = 'queued,active,succeeded';

/**
 * Returns the existing analysis job of an adapter, or starts one.
 * @throws ProblemError also for a key that may only read, if there is none
 */
export async function analysisJob(adapterId: string, signal: AbortSignal): Promise<JobRecord> {
  const query = { kind: 'analyze', state: USABLE_STATES, adapter_id: adapterId, limit: 1 };
  const { data } = await get<Page<JobRecord>>(pathWith('/v1/jobs', query), signal);
  return data[0] ?? post<JobRecord>('/v1/jobs', { kind: 'analyze', adapter_id: adapterId });
}
