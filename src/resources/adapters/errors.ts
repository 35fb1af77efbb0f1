import { AppError } from '../../errors/app-error.ts';

export const adapterNotFound = (id: string): AppError =>
  new AppError('ADAPTER_NOT_FOUND', `There is no adapter ${JSON.stringify(id)}.`, { id });

/** @param expiredMs milliseconds since 1970 */
export function adapterExpired(id: string, expiredMs: number): AppError {
  const expires_at = new Date(expiredMs).toISOString();
  return new AppError('ADAPTER_EXPIRED', `Adapter ${id} expired at ${expires_at}.`, { id, expires_at });
}

export const adapterInUse = (id: string, jobId: string): AppError =>
  new AppError('ADAPTER_IN_USE', `Adapter ${id} is read by job ${jobId}, which has not ended.`, {
    id,
    job_id: jobId,
  });
