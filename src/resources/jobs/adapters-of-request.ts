import type { RecordedJobRequest } from '../../contract/job-request.ts';
import type { RecordedSink } from '../../contract/transfer.ts';
import type { DeliveredAdapter, Include } from '../../contract/transfer-job.ts';

/** A result or an adapter that a request wants to have delivered. */
interface RequestedDelivery {
  readonly target: number | null;
  readonly adapterId: string | null;
  readonly to: RecordedSink;
  readonly include: Include;
}

const DEFAULT_INCLUDE: Include = ['card'];

/** The deliveries that a request wants, in its order. */
export function requestedDeliveries(request: RecordedJobRequest): RequestedDelivery[] {
  if (request.kind === 'export') {
    const { adapter_id: adapterId, to, include = DEFAULT_INCLUDE } = request;
    return [{ target: null, adapterId, to, include }];
  }
  if (!('deliver' in request) || !request.deliver) return [];
  return request.deliver.map(({ target, to, include = DEFAULT_INCLUDE }) => ({
    target,
    adapterId: null,
    to,
    include,
  }));
}

/** The deliveries of a job that has just been accepted. */
export const pendingDeliveries = (request: RecordedJobRequest): DeliveredAdapter[] =>
  requestedDeliveries(request).map(({ target, adapterId, to }) => ({
    ...{ state: 'pending', target, adapter_id: adapterId, kind: to.kind, place: to.place },
    ...{ commit: null, bytes: null, files: [], finished_at: null, error: null },
  }));

/**
 * Ids of the adapters that a request reads, each once, in its order. An adapter that is yet to be fetched has no id.
 */
export function sourceIds(request: RecordedJobRequest): string[] {
  if (request.kind === 'import') return [];
  if (request.kind !== 'merge') return request.adapter_id === undefined ? [] : [request.adapter_id];
  return [...new Set(request.sources.map(({ adapter_id }) => adapter_id))];
}
