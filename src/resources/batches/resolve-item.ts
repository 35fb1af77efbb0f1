import type { JobKind, JobPriority, JobRequest, RecordedJobRequest } from '../../contract/job-request.ts';
import { AppError } from '../../errors/app-error.ts';
import type { AdapterService } from '../adapters/service.ts';
import { splitRequest, splitWithTransfers } from '../jobs/accepted-job.ts';
import type { ItemFailure } from '../jobs/batch-counts.ts';
import type { EndpointRecorder } from '../jobs/endpoint-recorder.ts';
import { checkedPriority } from '../jobs/priority-ceiling.ts';
import type { JobService } from '../jobs/service.ts';
import { hasLostSecrets, withoutSecrets } from '../jobs/transfer-requests.ts';
import { deliverTo, nameAtSource, type ResultsFolder, resultFolderNames, sourceText } from './item-names.ts';
import type { ItemOptions, ItemRequest, RequestedItem } from './item-request.ts';

/** An item after it was checked whether it can be tried. */
export interface ResolvedItem {
  readonly name: string;
  readonly kind: JobKind;
  readonly adapter: string | null;
  readonly source: string | null;
  readonly retryOf: string | null;
  /** The request as it is stored. */
  readonly request: ItemRequest;
  /** The work with its encrypted secrets; undefined if the item cannot be tried. */
  readonly work: RecordedJobRequest | undefined;
  readonly options: ItemOptions | undefined;
  readonly failure: ItemFailure | undefined;
  /** Folders for its results below the common folder, as texts; none if they are delivered elsewhere or not at all. */
  readonly leaves: readonly string[];
}

export interface ResolveParts {
  readonly jobs: Pick<JobService, 'check'>;
  readonly adapters: Pick<AdapterService, 'get'>;
  /** undefined: the service neither fetches nor delivers adapters. */
  readonly recorder: EndpointRecorder | undefined;
  /** The highest priority that the caller may give. */
  readonly ceiling: JobPriority;
  /**
   * The folder for the results of items that have no sink of their own; undefined: results are not delivered.
   */
  readonly folder: ResultsFolder | undefined;
}

/**
 * Checks whether an item can be tried, and determines its name.
 * @param index its position among the others
 * @throws AppError PRIORITY_TOO_HIGH; DATABASE_UNAVAILABLE, STORAGE_*, which do not concern the item alone
 */
export function resolveItem(item: RequestedItem, index: number, parts: ResolveParts): Promise<ResolvedItem> {
  const { request } = item;
  if ('work' in request) return resolveRecorded(item, request, parts);
  if ('kindOnly' in request) return Promise.resolve(failedWithoutRequest(item, request));
  return resolveRequest(item, request, index, parts);
}

async function resolveRequest(
  { name: named, before }: RequestedItem,
  request: JobRequest,
  index: number,
  parts: ResolveParts,
): Promise<ResolvedItem> {
  const { recorder, folder } = parts;
  const given = named ?? request.name;
  let name = given ?? bareName(request, index);
  const shown = { kind: request.kind, adapter: adapterOf(request), source: sourceOf(request) };
  const retryOf = before?.job ?? null;
  let whole = request;
  try {
    if (given === undefined && shown.adapter !== null) name = (await parts.adapters.get(shown.adapter)).name;
    const isDelivered = folder !== undefined && 'targets' in request && request.deliver === undefined;
    if (isDelivered) whole = { ...request, deliver: deliverTo(folder, name) };
    const { work, options } = recorder
      ? await splitWithTransfers(whole, parts.ceiling, recorder)
      : splitRequest(whole, parts.ceiling);
    await parts.jobs.check(work);
    const { name: jobName, labels, priority, ttlSeconds, reuse } = options;
    const itemOptions = { name: jobName, labels, priority, ttlSeconds, reuse };
    return {
      ...{ ...shown, name, retryOf, work, options: itemOptions, failure: undefined },
      request: { work: withoutSecrets(work), options: itemOptions },
      leaves: isDelivered ? resultFolderNames(folder, name, request) : [],
    };
  } catch (error) {
    const failure = failureOf(error);
    const storedRequest = hasSecrets(whole) ? { kindOnly: request.kind } : { request: whole };
    return { ...shown, name, retryOf, ...refused(failure), request: storedRequest };
  }
}

/** A recorded request is not resolved again: it keeps its connections. */
async function resolveRecorded(
  { name, before }: RequestedItem,
  recorded: Extract<ItemRequest, { work: unknown }>,
  { jobs, ceiling }: ResolveParts,
): Promise<ResolvedItem> {
  const { work, options } = recorded;
  checkedPriority(options.priority, ceiling);
  const adapter = 'adapter_id' in work ? (work.adapter_id ?? null) : null;
  const { source = null, job: retryOf = null } = before ?? {};
  const known = { name: name!, kind: work.kind, adapter, source, retryOf, request: recorded };
  try {
    if (hasLostSecrets(work)) throw secretsGone();
    await jobs.check(work);
    return { ...known, work, options, failure: undefined, leaves: [] };
  } catch (error) {
    return { ...known, ...refused(failureOf(error)) };
  }
}

const failedWithoutRequest = (
  { name, before }: RequestedItem,
  request: { readonly kindOnly: JobKind },
): ResolvedItem => ({
  ...{ name: name!, kind: request.kindOnly, adapter: null, source: before?.source ?? null },
  ...{ retryOf: before?.job ?? null, request },
  ...refused(failureOf(secretsGone())),
});

const secretsGone = (): AppError =>
  new AppError('SECRETS_GONE', 'The credentials of the request are no longer kept. Send it again.');

const refused = (failure: ItemFailure) => ({ work: undefined, options: undefined, failure, leaves: [] });

/**
 * The reason why an item fails. A failure of the storage is not one of the item, and a priority that the caller may
 * not use refuses the whole batch.
 */
function failureOf(error: unknown): ItemFailure {
  if (!(error instanceof AppError) || error.retryable || error.code === 'PRIORITY_TOO_HIGH') throw error;
  return { code: error.code, detail: error.message };
}

function bareName(request: JobRequest, index: number): string {
  const source = 'source' in request ? request.source : undefined;
  if (source !== undefined) return nameAtSource(source);
  return adapterOf(request) ?? `${request.kind}-${index}`;
}

const adapterOf = (request: JobRequest): string | null =>
  'adapter_id' in request ? (request.adapter_id ?? null) : null;

const sourceOf = (request: JobRequest): string | null =>
  'source' in request && request.source !== undefined ? sourceText(request.source) : null;

/** Whether a request contains secrets. */
function hasSecrets(request: JobRequest): boolean {
  const fields = request as Readonly<Record<string, unknown>>;
  const text = JSON.stringify([fields.source, fields.to, fields.deliver]);
  return /"(?:credentials|token|headers|url)":|https?:[^"]*[?#]/.test(text);
}
