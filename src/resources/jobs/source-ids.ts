import type { RecordedJobRequest } from '../../contract/job-request.ts';

/** Ids of the adapters that a request reads, each once, in its order; one that is fetched first has none. */
export function sourceIds(request: RecordedJobRequest): string[] {
  if (request.kind === 'import') return [];
  if (request.kind !== 'merge') return request.adapter_id === undefined ? [] : [request.adapter_id];
  return [...new Set(request.sources.map(({ adapter_id }) => adapter_id))];
}
