import type { RecordedJobRequest } from '../contract/job.ts';

/** Ids of the adapters that a request reads, each once, in its order. */
export function sourceIds(request: RecordedJobRequest): string[] {
  if (request.kind !== 'merge') return [request.adapter_id];
  return [...new Set(request.sources.map(({ adapter_id }) => adapter_id))];
}
