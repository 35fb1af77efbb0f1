import type { RecordedJobRequest, WorkRequest } from '../contract/job-request.ts';
import { AppError } from '../errors.ts';

/**
 * What a request asks to be computed, when its adapter is here.
 * @param fetchedId id of the adapter that was fetched for it
 */
export function workOf(
  request: Exclude<RecordedJobRequest, { kind: 'import' | 'export' }>,
  fetchedId: string | undefined,
): WorkRequest {
  switch (request.kind) {
    case 'checkpoint':
      return request;
    case 'merge': {
      const { deliver: _later, ...work } = request;
      return work;
    }
    case 'squeeze': {
      const { deliver: _later, source: _here, adapter_id, ...work } = request;
      return { ...work, adapter_id: known(adapter_id ?? fetchedId) };
    }
    case 'analyze': {
      const { source: _here, adapter_id, ...work } = request;
      return { ...work, adapter_id: known(adapter_id ?? fetchedId) };
    }
  }
}

function known(adapterId: string | undefined): string {
  if (adapterId !== undefined) return adapterId;
  throw new AppError('INTERNAL', 'A request has neither an adapter nor a source.');
}
