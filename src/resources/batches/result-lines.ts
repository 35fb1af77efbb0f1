import type { BatchResultLine } from '../../contract/batch-result.ts';
import type { JobRecord, JobResult } from '../../contract/job.ts';
import type { DeliveredAdapter } from '../../contract/transfer-job.ts';
import { AppError } from '../../errors/app-error.ts';
import { isFinal } from '../jobs/store.ts';
import type { BatchResultStore, ItemWithJob } from './result-store.ts';

/** Items that are read at a time: a job with sixteen targets takes some ten kilobytes. */
const ITEMS_AT_ONCE = 50;

/**
 * The items of a batch in groups, each of which is read when the previous one has been consumed.
 * @throws AppError DATABASE_UNAVAILABLE, BATCH_NOT_FOUND
 */
export async function* itemSlices(
  store: Pick<BatchResultStore, 'after'>,
  batch: { readonly id: string; readonly total: number },
): AsyncGenerator<ItemWithJob[], void, undefined> {
  let count = 0;
  for (let last = -1; ; ) {
    const items = await store.after(batch.id, last, ITEMS_AT_ONCE);
    count += items.length;
    if (items.length > 0) yield items;
    if (items.length < ITEMS_AT_ONCE) break;
    last = items.at(-1)!.item.index;
  }
  // If items were deleted in between, the list must not look complete.
  if (count < batch.total)
    throw new AppError('BATCH_NOT_FOUND', `Batch ${batch.id} was deleted while it was being read.`, {
      batch_id: batch.id,
    });
}

/** The outcome of an item: a line for each of its targets, or a single one if it has none. */
export function resultLines({ item, job }: ItemWithJob): BatchResultLine[] {
  const line = lineOf(item);
  if (!job) return linesWithoutJob({ item, job });
  const state = lineState(isFinal(job) ? job.state : item.state);
  const whole = { ...line, state, error: failureOf(job.error), finished_at: job.finished_at };
  const targets = 'targets' in job.request ? job.request.targets : undefined;
  if (!targets) {
    const deliveries = job.deliveries.map(deliveryLine);
    return [{ ...whole, deliveries, result_id: job.imported?.adapter_id ?? null }];
  }
  return targets.map((_, target) => {
    const deliveries = job.deliveries.filter((one) => one.target === target).map(deliveryLine);
    const result = isFinal(job) ? job.results[target] : undefined;
    return { ...whole, target, deliveries, ...(result && outcomeOf(result)) };
  });
}

/** The fields that all lines of an item share, without its outcome. */
const lineOf = ({
  index,
  name,
  job_id,
  kind,
  source,
  adapter_id,
  finished_at,
}: ItemWithJob['item']): BatchResultLine => ({
  ...{ index, name, job_id, kind, source, adapter_id, target: null, state: 'queued', result_id: null },
  ...{ rank: null, bytes: null, relative_error: null, deliveries: [], error: null, finished_at },
});

function outcomeOf(result: JobResult) {
  if (result.state === 'failed') return { state: result.state, error: failureOf(result.error) };
  const { state, adapter_id: result_id, rank, bytes, relative_error } = result;
  return { state, result_id, rank, bytes, relative_error, error: null };
}

/** The lines of an item whose job was deleted or never existed: they contain what the batch itself knows. */
function linesWithoutJob({ item }: ItemWithJob): BatchResultLine[] {
  const line = lineOf(item);
  const isWhole = item.state === 'succeeded';
  const results = item.results.map(({ adapter_id: result_id }, index) => ({
    ...line,
    state: 'succeeded' as const,
    target: isWhole ? index : null,
    result_id,
  }));
  if (isWhole && results.length > 0) return results;
  return [...results, { ...line, state: lineState(item.state), error: item.error }];
}

/** The state of a target of a partial item: failed, unless it is known to have succeeded. */
const lineState = (state: JobRecord['state']): BatchResultLine['state'] =>
  state === 'partial' ? 'failed' : state;

const failureOf = (error: JobRecord['error']): BatchResultLine['error'] =>
  error && { code: error.code, detail: error.detail };

const deliveryLine = ({ state, place, error }: DeliveredAdapter) => ({
  state,
  place,
  error: failureOf(error),
});
