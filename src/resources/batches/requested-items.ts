import type { BatchRequest, BatchSettings } from '../../contract/batch.ts';
import { MAX_BATCH_ITEMS } from '../../contract/batch.ts';
import type { JobRequest } from '../../contract/job-request.ts';
import type { SourcePrefix } from '../../contract/transfer.ts';
import { AppError } from '../../errors/app-error.ts';
import { withErrorPointer } from '../../errors/field-errors.ts';
import { checkTargets } from '../../serving/check-targets.ts';
import { hubPlace, isWithin, s3Place } from '../../transfer/place.ts';
import { readSinkText } from '../../transfer/place-text.ts';
import type { EndpointRecorder } from '../jobs/endpoint-recorder.ts';
import { parsePrefix } from '../jobs/source-folder.ts';
import type { TransferRequests } from '../jobs/transfer-requests.ts';
import { type BatchFault, jobFaults, type RequestedItem, withBatchSettings } from './item-request.ts';

/** The most faults that are shown, because a response must stay readable. */
const MAX_SHOWN = 100;

/** The parts that list the adapters below a prefix. */
export interface Listing {
  readonly transfers: TransferRequests;
  readonly recorder: EndpointRecorder;
}

/**
 * The items of a batch request. Adapters below a prefix are listed now.
 * @param listing undefined if the service does not fetch adapters
 * @throws AppError BATCH_INVALID, BATCH_EMPTY; for a prefix NO_ADAPTERS_FOUND, TOO_MANY_ADAPTERS, and as
 *   TransferRequests.list
 */
export async function requestedItems(
  request: BatchRequest,
  listing: Listing | undefined,
): Promise<RequestedItem[]> {
  const faults = settingsFaults(request, 'jobs' in request);
  if (faults.length > 0) throw invalidBatch(faults);
  if ('source_prefix' in request) return itemsBelow(request, request.source_prefix, listing);
  const [field, all] = formOf(request);
  if (all.length === 0)
    throw new AppError('BATCH_EMPTY', `${field} has no items, so there is nothing to do.`);
  const repeated = repeats(field, all);
  if (repeated.length > 0) throw invalidBatch(repeated);
  const items = all.map((one, index): RequestedItem => {
    const position = { pointer: `/${field}/${index}`, shown: `${field}[${index}]` };
    return { request: withBatchSettings(request, one) as JobRequest, position };
  });
  const wrong = items.flatMap(({ request: job, position }) => jobFaults(job as JobRequest, position));
  if (wrong.length > 0) throw invalidBatch(wrong);
  return items;
}

function formOf(request: Exclude<BatchRequest, { source_prefix: unknown }>): [field: string, jobs: object[]] {
  if ('jobs' in request) return ['jobs', request.jobs];
  if ('sources' in request) return ['sources', request.sources.map((source) => ({ source }))];
  return ['adapter_ids', request.adapter_ids.map((adapter_id) => ({ adapter_id }))];
}

/** Finds items that repeat an earlier one: the second of two items with the same adapter would be useless. */
function repeats(field: string, all: readonly object[]): BatchFault[] {
  if (field === 'jobs') return [];
  const first = new Map<string, number>();
  return all.flatMap((one, index) => {
    const text = JSON.stringify(one);
    const before = first.get(text);
    if (before === undefined) first.set(text, index);
    const detail = `${field}[${index}] is the same as ${field}[${before}]`;
    return before === undefined ? [] : [{ pointer: `/${field}/${index}`, detail }];
  });
}

async function itemsBelow(
  request: BatchRequest,
  prefix: SourcePrefix,
  listing: Listing | undefined,
): Promise<RequestedItem[]> {
  if (!listing)
    throw invalidBatch([{ pointer: '/source_prefix', detail: 'this service does not fetch adapters' }]);
  const folder = await withErrorPointer('/source_prefix', async () => parsePrefix(prefix));
  refuseOwnResults(request, folder);
  const found = await withErrorPointer('/source_prefix', () =>
    listing.transfers.list(prefix, listing.recorder),
  );
  const shown = typeof prefix === 'string' ? prefix : 'the prefix';
  if (found.length === 0)
    throw new AppError(
      'NO_ADAPTERS_FOUND',
      `There is no adapter below ${shown}: neither a folder with adapter_config.json nor a .safetensors or ` +
        '.gguf file.',
    );
  if (found.length > MAX_BATCH_ITEMS)
    throw new AppError(
      'TOO_MANY_ADAPTERS',
      `There are ${found.length} adapters below ${shown}; the limit for a batch is ${MAX_BATCH_ITEMS}. Send a ` +
        'batch for each of its subfolders.',
      { found: found.length, limit: MAX_BATCH_ITEMS },
    );
  return found.map(({ name, source }) => ({
    request: withBatchSettings(request, { source }) as JobRequest,
    name,
    position: { pointer: '/source_prefix', shown: JSON.stringify(name) },
  }));
}

/** Refuses results inside the prefix, where a second batch would find them among its adapters. */
function refuseOwnResults({ deliver }: BatchSettings, folder: ReturnType<typeof parsePrefix>): void {
  if (deliver === undefined) return;
  const to = typeof deliver === 'string' ? deliver : deliver.to;
  const end = typeof to === 'string' ? readSinkText(to) : to;
  const isInside =
    folder.kind === 's3'
      ? end.kind === 's3' &&
        folder.endpoint === end.endpoint &&
        isWithin(s3Place(end.bucket, end.prefix), s3Place(folder.bucket, folder.prefix))
      : end.kind === 'hub' &&
        isWithin(hubPlace(end.repo, end.path_in_repo), hubPlace(folder.repo, folder.subfolder));
  if (!isInside) return;
  const detail =
    '"deliver" is inside "source_prefix", so a second batch would squeeze the results of the first one again';
  throw invalidBatch([{ pointer: '/deliver', detail }]);
}

/** The faults of the settings for all items. @param ofJobs whether the items are jobs, which may have targets of their own */
export function settingsFaults(settings: BatchSettings, ofJobs: boolean): BatchFault[] {
  const { kind = 'squeeze', targets, options, results, deliver } = settings;
  if (targets !== undefined) {
    try {
      checkTargets(targets);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const { errors } = error.context as { readonly errors?: readonly BatchFault[] };
      return [{ pointer: errors?.[0]?.pointer ?? '/targets', detail: withoutStop(error.message) }];
    }
  }
  if (ofJobs) return [];
  if (kind === 'squeeze')
    return targets === undefined ? [{ pointer: '', detail: 'the request must have "targets"' }] : [];
  return Object.entries({ targets, options, results, deliver })
    .filter(([, value]) => value !== undefined)
    .map(([name]) => ({ pointer: `/${name}`, detail: `${name} cannot be used with kind "analyze"` }));
}

const withoutStop = (message: string): string => message.replace(/\.$/, '');

/** @param count the number of faults, if not all of them were kept */
export function invalidBatch(faults: readonly BatchFault[], count = faults.length): AppError {
  const more = count > 1 ? ` (and ${count - 1} more, see errors)` : '';
  const errors = faults.slice(0, MAX_SHOWN);
  return new AppError('BATCH_INVALID', `${faults[0]!.detail}${more}. Nothing was accepted.`, { errors });
}
