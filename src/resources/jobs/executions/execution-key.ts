import type { RecordedJobRequest } from '../../../contract/job-request.ts';
import { PRODUCT } from '../../../version.ts';
import { requestDigest } from './request-digest.ts';

/**
 * What tells executions apart: the digest of the work that a request asks for, with the contents of its adapters in place of
 * their ids. The provider is no part of it: which worker takes an execution is not known when it is asked for, and providers
 * differ by rounding only. Work of a run is done for that run alone: undefined.
 * @param digestOf the digest of an adapter of the request (adapterDigest)
 */
export function executionKey(
  request: RecordedJobRequest,
  digestOf: (adapterId: string) => string,
): string | undefined {
  if (request.kind === 'squeeze' || request.kind === 'analyze') {
    type Squeeze = Extract<RecordedJobRequest, { kind: 'squeeze' }>;
    const { source: _here, deliver: _later, ...work } = request as Squeeze;
    return requestDigest({ ...work, adapter_id: digestOf(work.adapter_id!) }, PRODUCT.version);
  }
  if (request.kind !== 'merge') return undefined;
  const { deliver: _later, ...work } = request;
  const sources = work.sources.map((source) => ({ ...source, adapter_id: digestOf(source.adapter_id) }));
  return requestDigest({ ...work, sources }, PRODUCT.version);
}
