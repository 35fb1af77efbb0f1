import type { JobRequest, RecordedJobRequest } from '../../contract/job-request.ts';
import type { RecordedSink, RecordedSource, Source, SourcePrefix } from '../../contract/transfer.ts';
import type { RecordedDeliver } from '../../contract/transfer-job.ts';
import { AppError } from '../../errors/app-error.ts';
import { invalidField, withErrorPointer } from '../../errors/field-errors.ts';
import { needsNoSecrets } from '../../transfer/resolve-endpoints.ts';
import { redactFinal } from '../../transfer/secrets.ts';
import { type Destination, resolveDestinations } from './destinations.ts';
import { EndpointRecorder, type EndpointRecorderParts } from './endpoint-recorder.ts';
import { type AdapterBelow, adaptersBelow } from './source-folder.ts';

/** Records requests that fetch and deliver adapters. */
export class TransferRequests {
  private readonly parts: EndpointRecorderParts;

  constructor(parts: EndpointRecorderParts) {
    this.parts = parts;
  }

  /** The same for a tenant with connections. */
  of(connections: NonNullable<EndpointRecorderParts['connections']>): TransferRequests {
    return new TransferRequests({ ...this.parts, connections });
  }

  /** The recorder for the endpoints of one request, or of many that arrive together. */
  recorder(): EndpointRecorder {
    return new EndpointRecorder(this.parts);
  }

  /** The adapters below a prefix. @throws AppError as adaptersBelow */
  list(prefix: SourcePrefix, recorder: EndpointRecorder): Promise<AdapterBelow[]> {
    return adaptersBelow(prefix, recorder, this.parts);
  }
}

/**
 * The recorded form of a request.
 * @throws AppError VALIDATION_FAILED; as EndpointRecorder
 */
export async function recordedRequest(
  request: JobRequest,
  recorder: EndpointRecorder,
): Promise<RecordedJobRequest> {
  if (request.kind === 'import')
    return { ...request, source: await withErrorPointer('/source', () => recorder.source(request.source)) };
  if (request.kind === 'export')
    return { ...request, to: await withErrorPointer('/to', () => recorder.sink(request.to)) };
  const { source, deliver, ...rest } = request as Extract<JobRequest, { kind: 'squeeze' }>;
  if (request.kind !== 'merge' && (source === undefined) === (rest.adapter_id === undefined))
    throw oneOfTwo(source);
  const destinations = deliver && resolveDestinations(deliver, rest.targets);
  return {
    ...rest,
    ...(source && { source: await withErrorPointer('/source', () => recorder.source(source)) }),
    ...(destinations && { deliver: await delivered(destinations, Array.isArray(deliver), recorder) }),
  } as RecordedJobRequest;
}

/**
 * The recorded form of a request that neither fetches nor delivers adapters.
 * @throws AppError VALIDATION_FAILED
 */
export function recordedHere(request: JobRequest): RecordedJobRequest {
  for (const field of ['source', 'to', 'deliver'])
    if (field in request) {
      const detail = `"${field}" cannot be used here: this service neither fetches nor delivers adapters`;
      throw invalidField(`/${field}`, detail);
    }
  if (request.kind !== 'merge' && !('adapter_id' in request)) throw oneOfTwo(undefined);
  return request as RecordedJobRequest;
}

/** Whether a request fetches or delivers anything. */
export const hasTransfers = (work: RecordedJobRequest): boolean => transfersOf(work).length > 0;

/** Whether the secrets that a repetition would need no longer exist. */
export const hasLostSecrets = (work: RecordedJobRequest): boolean =>
  transfersOf(work).some((end) => end.encrypted === undefined && !needsNoSecrets(end));

/** The error for a job whose secrets are gone. */
export const secretsGone = (jobId: string): AppError => {
  const message = `The credentials of job ${jobId} were removed when it ended. Send its request again.`;
  return new AppError('SECRETS_GONE', message, { job_id: jobId });
};

/**
 * A request without any secrets, not even encrypted ones: as clients see it, and as it is kept after the job has ended.
 */
export function withoutSecrets(work: RecordedJobRequest): RecordedJobRequest {
  if (!hasTransfers(work)) return work;
  return {
    ...work,
    ...('source' in work && work.source && { source: redactFinal(work.source) }),
    ...('to' in work && { to: redactFinal(work.to) }),
    ...('deliver' in work &&
      work.deliver && { deliver: work.deliver.map(({ to, ...rest }) => ({ ...rest, to: redactFinal(to) })) }),
  } as RecordedJobRequest;
}

function transfersOf(work: RecordedJobRequest): (RecordedSource | RecordedSink)[] {
  return [
    ...('source' in work && work.source ? [work.source] : []),
    ...('to' in work ? [work.to] : []),
    ...('deliver' in work && work.deliver ? work.deliver.map(({ to }) => to) : []),
  ];
}

async function delivered(
  destinations: readonly Destination[],
  isList: boolean,
  recorder: EndpointRecorder,
): Promise<RecordedDeliver> {
  const recorded: RecordedDeliver = [];
  for (const [index, { target, to, include }] of destinations.entries())
    recorded.push({
      target,
      to: await withErrorPointer(isList ? `/deliver/${index}/to` : '/deliver', () => recorder.sink(to)),
      ...(include && { include }),
    });
  return recorded;
}

function oneOfTwo(source: Source | undefined): AppError {
  const detail = `the request has ${source ? 'both' : 'neither'} "adapter_id" ${source ? 'and' : 'nor'} "source"; exactly one is required`;
  return invalidField('', detail);
}
