import type { JobRequest, RecordedJobRequest } from '../../contract/job-request.ts';
import type { RecordedSink, RecordedSource, Sink, Source } from '../../contract/transfer.ts';
import { AppError } from '../../errors/app-error.ts';
import type { Outbound } from '../../net/outbound.ts';
import type { SecretBox } from '../../transfer/secret-box.ts';
import { redactFinal, sealSink, sealSource } from '../../transfer/secrets.ts';
import { checkTransfer } from '../../transfer/transfer-ends.ts';

export interface TransferDeskParts {
  readonly outbound: Outbound;
  /** undefined: what needs secrets is refused. */
  readonly box: SecretBox | undefined;
  /** URL of the Hub, without a slash at its end. */
  readonly hubEndpoint: string;
}

/** Takes requests that fetch and bring adapters: what can never be served is refused, what is secret is sealed. */
export class TransferDesk {
  private readonly parts: TransferDeskParts;

  constructor(parts: TransferDeskParts) {
    this.parts = parts;
  }

  /** @throws AppError OUTBOUND_URL_INVALID, OUTBOUND_FORBIDDEN, VALIDATION_FAILED, SECRETS_UNAVAILABLE */
  source(source: Source): RecordedSource {
    checkTransfer(source, this.parts.outbound);
    return sealSource(source, this.parts.box, this.parts.hubEndpoint);
  }

  /** @throws as source */
  sink(sink: Sink): RecordedSink {
    checkTransfer(sink, this.parts.outbound);
    return sealSink(sink, this.parts.box, this.parts.hubEndpoint);
  }
}

/**
 * A request as it is recorded.
 * @param desk undefined where nothing may be fetched or brought
 * @throws AppError VALIDATION_FAILED; as TransferDesk
 */
export function recordedRequest(request: JobRequest, desk: TransferDesk | undefined): RecordedJobRequest {
  if (request.kind === 'import') return { ...request, source: needed(desk, 'source').source(request.source) };
  if (request.kind === 'export')
    return { ...request, to: needed(desk, 'to').sink(request.to) } satisfies RecordedJobRequest;
  const { source, deliver, ...rest } = request as Extract<JobRequest, { kind: 'squeeze' }>;
  if (request.kind !== 'merge' && (source === undefined) === (rest.adapter_id === undefined))
    throw oneOfTwo(source);
  return {
    ...rest,
    ...(source && { source: needed(desk, 'source').source(source) }),
    ...(deliver && { deliver: delivered(deliver, rest.targets.length, needed(desk, 'deliver')) }),
  } as RecordedJobRequest;
}

/** Whether a request fetches or brings anything: then it is done for the effect, and never stands for another. */
export const hasTransfers = (work: RecordedJobRequest): boolean => transfersOf(work).length > 0;

/** Whether the secrets are gone that doing it once more would need. */
export const lacksSecrets = (work: RecordedJobRequest): boolean =>
  transfersOf(work).some(
    (end) => end.sealed === undefined && !(end.kind === 'hub' && 'has_token' in end && !end.has_token),
  );

/** What is answered where they are. */
export const secretsGone = (jobId: string): AppError => {
  const message = `The credentials of job ${jobId} are gone, as it has ended. Send its request again.`;
  return new AppError('SECRETS_GONE', message, { job_id: jobId });
};

/** A request without any secret, not even a sealed one: as clients see it, and what is left when the job has ended. */
export function withoutSecrets(work: RecordedJobRequest): RecordedJobRequest {
  if (!hasTransfers(work)) return work;
  return {
    ...work,
    ...('source' in work && work.source && { source: redactFinal(work.source) }),
    ...('to' in work && { to: redactFinal(work.to) }),
    ...('deliver' in work &&
      work.deliver && { deliver: work.deliver.map(({ target, to }) => ({ target, to: redactFinal(to) })) }),
  } as RecordedJobRequest;
}

function transfersOf(work: RecordedJobRequest): (RecordedSource | RecordedSink)[] {
  return [
    ...('source' in work && work.source ? [work.source] : []),
    ...('to' in work ? [work.to] : []),
    ...('deliver' in work && work.deliver ? work.deliver.map(({ to }) => to) : []),
  ];
}

function delivered(
  deliver: NonNullable<Extract<JobRequest, { kind: 'squeeze' }>['deliver']>,
  targets: number,
  desk: TransferDesk,
) {
  return deliver.map(({ target = 0, to }, index) => {
    if (target >= targets) {
      const detail = `deliver[${index}].target is ${target}, but there ${targets === 1 ? 'is 1 target' : `are ${targets} targets`}`;
      throw new AppError('VALIDATION_FAILED', `${detail}, counted from 0.`, {
        errors: [{ pointer: `/deliver/${index}/target`, detail }],
      });
    }
    return { target, to: desk.sink(to) };
  });
}

function needed(desk: TransferDesk | undefined, field: string): TransferDesk {
  if (desk) return desk;
  const detail = `"${field}" cannot be used here: the jobs of a batch neither fetch nor bring adapters`;
  throw new AppError('VALIDATION_FAILED', `${detail}.`, { errors: [{ pointer: `/${field}`, detail }] });
}

function oneOfTwo(source: Source | undefined): AppError {
  const detail = `the request has ${source ? 'both' : 'neither'} "adapter_id" ${source ? 'and' : 'nor'} "source"; it needs one of them`;
  return new AppError('VALIDATION_FAILED', `${detail.charAt(0).toUpperCase()}${detail.slice(1)}.`, {
    errors: [{ pointer: '', detail }],
  });
}
