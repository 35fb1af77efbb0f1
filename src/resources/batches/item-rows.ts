import type { BatchItem } from '../../contract/batch-item.ts';
import type { RecordedJobRequest } from '../../contract/job-request.ts';
import { newJobId } from '../../database/ids.ts';
import type { BatchMemberTable } from '../../database/job-tables.ts';
import { acceptedJob } from '../jobs/accepted-job.ts';
import { failedColumns } from '../jobs/batch-counts.ts';
import type { NewJob } from '../jobs/executions/accept-jobs.ts';
import { hasTransfers } from '../jobs/transfer-requests.ts';
import type { ItemRequest } from './item-request.ts';
import type { ResolvedItem } from './resolve-item.ts';

/** The columns from which an item is shown. */
export const ITEM_COLUMNS = [
  'position',
  'job',
  'name',
  'kind',
  'adapter',
  'source',
  'state',
  'finished_at',
  'error_code',
  'error_detail',
  'results',
] as const satisfies readonly (keyof BatchMemberTable)[];

type ItemRow = Pick<BatchMemberTable, (typeof ITEM_COLUMNS)[number]>;

/** The row of an item. An item that cannot be tried has already failed. */
export function itemRow(
  batch: string,
  createdAtMs: number,
  position: number,
  item: ResolvedItem,
): BatchMemberTable {
  const { name, kind, adapter, source, retryOf, request, work, failure } = item;
  return {
    ...{ batch, position, job: work ? memberId(createdAtMs, position) : null },
    ...{ name: JSON.stringify(name), kind, source, retry_of: retryOf, results: '[]', ended_no: null },
    // A value that is not a valid id may be any text.
    adapter: adapter?.replaceAll('\0', '\uFFFD') ?? null,
    ...(failure
      ? failedColumns(failure)
      : { state: 'queued', finished_at: null, error_code: null, error_detail: null }),
    encrypted: work && hasTransfers(work) ? JSON.stringify(work) : null,
    request: JSON.stringify(request),
  };
}

/** The ids of a batch's jobs sort in the order of the items: the position follows the time. */
function memberId(nowMs: number, index: number): string {
  const id = newJobId(nowMs);
  const digits = id.indexOf('_') + 1 + 12;
  return id.slice(0, digits) + index.toString(16).padStart(4, '0') + id.slice(digits + 4);
}

/** An item as the API shows it. */
export function batchItem(row: ItemRow, isActive: boolean): BatchItem {
  const { job, error_code: code, error_detail: detail, finished_at } = row;
  return {
    index: row.position,
    name: JSON.parse(row.name) as string,
    source: row.source,
    adapter_id: row.adapter,
    job_id: job,
    job_href: job === null ? null : `/v1/jobs/${job}`,
    kind: row.kind as BatchItem['kind'],
    state: isActive ? 'active' : row.state,
    error: code === null ? null : { code, detail: detail === null ? '' : (JSON.parse(detail) as string) },
    finished_at: finished_at === null ? null : new Date(finished_at).toISOString(),
    results: (JSON.parse(row.results) as string[]).map((adapter_id) => ({
      adapter_id,
      href: `/v1/adapters/${adapter_id}`,
    })),
  };
}

/** The request of an item. */
export const itemRequest = ({ request }: Pick<BatchMemberTable, 'request'>): ItemRequest =>
  JSON.parse(request) as ItemRequest;

/** The job of an item, to be accepted. */
export function itemJob(row: BatchMemberTable, batchId: string, webhookId: string | null): NewJob {
  const stored = itemRequest(row);
  if (row.job === null || !('work' in stored))
    throw new TypeError(`Item ${row.position} of ${batchId} has no job`);
  const work = row.encrypted === null ? stored.work : (JSON.parse(row.encrypted) as RecordedJobRequest);
  const options = { ...stored.options, batchId, webhookId, retryOf: row.retry_of };
  return { job: acceptedJob(row.job, work, options), reuse: stored.options.reuse };
}
