import type { BatchSettings } from '../../contract/batch.ts';
import type { JobKind, JobRequest, RecordedJobRequest } from '../../contract/job-request.ts';
import { MAX_LABELS } from '../../contract/labels.ts';
import type { JobOptions } from '../jobs/accepted-job.ts';

/** How the job of an item is treated, except for what it inherits from its batch. */
export type ItemOptions = Pick<JobOptions, 'name' | 'labels' | 'priority' | 'ttlSeconds' | 'reuse'>;

/** The request of an item, stored so that it can be repeated; it contains no secrets. */
export type ItemRequest =
  | { readonly work: RecordedJobRequest; readonly options: ItemOptions }
  /** The request of an item that could not be accepted. */
  | { readonly request: JobRequest }
  /** The kind of a job that could not be accepted and whose request contained secrets. */
  | { readonly kindOnly: JobKind };

/** A place in a request, for messages. */
export interface RequestPosition {
  /** JSON pointer into the request, or into the line. */
  readonly pointer: string;
  /** Such as `jobs[3]` or `line 4`. */
  readonly shown: string;
  /** The number of its line, counted from 1, if the request has several lines. */
  readonly line?: number;
}

/** An item that a batch requests. */
export interface RequestedItem {
  /** A request completed by the settings of its batch, or the one that an earlier batch recorded. */
  readonly request: JobRequest | Exclude<ItemRequest, { request: unknown }>;
  /** undefined: it is named after its source. */
  readonly name?: string | undefined;
  /** For a retry: the job that it repeats, and the displayed source of its adapter. */
  readonly before?: { readonly job: string | null; readonly source: string | null };
  readonly position: RequestPosition;
}

/** A place in a request, and what is wrong there. */
export interface BatchFault {
  readonly pointer: string;
  readonly detail: string;
  readonly line?: number;
}

/** A fault at a place. */
export const faultAt = (
  { pointer, shown, line }: RequestPosition,
  detail: string,
  inside = '',
): BatchFault => ({
  ...(line !== undefined && { line }),
  pointer: pointer + inside,
  detail: `${shown}${detail}`,
});

type Fields = Readonly<Record<string, unknown>>;

/** The request of a job, completed by the settings of its batch. What the job itself specifies takes precedence. */
export function withBatchSettings(settings: BatchSettings, job: object): object {
  const { kind = 'squeeze', targets, options, results, labels, priority, ttl_seconds, reuse } = settings;
  const own = job as Fields;
  const shared = defined({ kind, priority, ttl_seconds, reuse });
  const all = { ...shared, ...own, ...merged('labels', labels, own.labels) };
  const hasTargets = ['squeeze', 'merge'].includes(all.kind as string);
  // Jobs of other kinds create no adapters.
  return hasTargets
    ? { ...defined({ targets, options }), ...all, ...merged('results', results, own.results) }
    : all;
}

/**
 * Merges a field of the batch and the job, property by property, with precedence for the job. Values that are not
 * objects are left to the schema.
 */
function merged(name: string, ofBatch: object | undefined, ofJob: unknown): Fields {
  if (ofBatch === undefined || (ofJob !== undefined && !isObject(ofJob))) return {};
  return { [name]: { ...ofBatch, ...(ofJob as object | undefined) } };
}

export const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The faults of a batch's job that fits its schema. */
export function jobFaults(job: JobRequest, position: RequestPosition): BatchFault[] {
  const {
    webhook,
    dry_run,
    labels = {},
    adapter_id,
    source,
  } = job as Partial<Extract<JobRequest, { kind: 'squeeze' }>>;
  const faults: BatchFault[] = [];
  if (webhook !== undefined)
    faults.push(
      faultAt(
        position,
        ' has a "webhook"; set it on the batch: the webhook of a batch can also receive the events of its jobs',
        '/webhook',
      ),
    );
  if (dry_run)
    faults.push(
      faultAt(
        position,
        ' has "dry_run", which applies to the whole request; set it at the top level, not in a job',
        '/dry_run',
      ),
    );
  // The labels of the batch and the job together are subject to the limit for labels.
  const count = Object.keys(labels).length;
  if (count > MAX_LABELS)
    faults.push(
      faultAt(position, ` has ${count} labels, including those of the batch; ${MAX_LABELS} are allowed`),
    );
  if (job.kind === 'squeeze' || job.kind === 'analyze') {
    const [has, and] = source === undefined ? ['neither', 'nor'] : ['both', 'and'];
    if ((source === undefined) === (adapter_id === undefined))
      faults.push(faultAt(position, ` has ${has} "adapter_id" ${and} "source"; exactly one is required`));
  }
  return faults;
}

const defined = <T extends object>(fields: T): Partial<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
