import type { BatchRequest } from '../../contract/batch.ts';
import type { JobRequest, RecordedJobRequest } from '../../contract/job-request.ts';
import { MAX_LABELS } from '../../contract/labels.ts';
import { AppError } from '../../errors/app-error.ts';
import { checkTargets } from '../../serving/check-targets.ts';
import { eachBounded } from '../contents/bounded.ts';
import { taken } from '../jobs/accepted-job.ts';

/** A place in the request, and what is wrong there. */
interface Fault {
  readonly pointer: string;
  readonly detail: string;
}

const AT_ONCE = 16;
/** A response must stay readable. */
const MAX_TOLD = 100;

/**
 * Throws unless every job of a batch can be tried; says what is wrong with each that cannot.
 * @param check throws for what a job asks for; see JobService.check
 * @throws AppError BATCH_INVALID; whatever else `check` fails with
 */
export async function checkBatch(
  request: BatchRequest,
  check: (work: RecordedJobRequest) => Promise<void>,
): Promise<void> {
  const general = [...targetFaults(request), ...repeatedAdapters(request), ...webhooksOfJobs(request)];
  if (general.length > 0) throw invalid(general);
  const field = 'jobs' in request ? 'jobs' : 'adapter_ids';
  const faults = await eachBounded(jobRequestsOf(request), AT_ONCE, async (job, index): Promise<Fault[]> => {
    const place = { pointer: `/${field}/${index}`, name: `${field}[${index}]` };
    // What the batch and the job say together is limited as labels are.
    const labels = Object.keys(job.labels ?? {}).length;
    const many: Fault[] =
      labels > MAX_LABELS ? [{ pointer: place.pointer, detail: `${place.name} has ${labels} labels` }] : [];
    try {
      await check(taken(job).work);
      return many;
    } catch (error) {
      // What is wrong with the storage is not wrong with the job.
      if (!(error instanceof AppError) || error.retryable) throw error;
      return [...many, ...faultsOf(error, place)];
    }
  });
  const found = faults.flat();
  if (found.length > 0) throw invalid(found);
}

/** What is wrong with something that stands in one place for all jobs. */
function faultsIn(check: () => void): Fault[] {
  try {
    check();
    return [];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { errors } = error.context as { readonly errors?: readonly Fault[] };
    const detail = error.message.replace(/\.$/, '');
    return [{ pointer: errors?.[0]?.pointer ?? '', detail }];
  }
}

/** A fault of one job, told as one of the batch. */
function faultsOf(error: AppError, place: { readonly pointer: string; readonly name: string }): Fault[] {
  const detail = error.message.replace(/\.$/, '');
  const { errors } = error.context as { readonly errors?: readonly Fault[] };
  const inside = errors?.[0]?.pointer ?? '';
  return [{ pointer: place.pointer + inside, detail: `${place.name}: ${detail}` }];
}

function targetFaults(request: BatchRequest): Fault[] {
  if ('jobs' in request) return [];
  const { kind = 'squeeze', targets, options, results } = request;
  if (kind === 'squeeze') {
    if (targets === undefined) return [{ pointer: '', detail: 'the request must have "targets"' }];
    return faultsIn(() => checkTargets(targets));
  }
  return Object.entries({ targets, options, results })
    .filter(([, value]) => value !== undefined)
    .map(([name]) => ({ pointer: `/${name}`, detail: `${name} mean nothing to an analysis` }));
}

function repeatedAdapters(request: BatchRequest): Fault[] {
  if ('jobs' in request) return [];
  const first = new Map<string, number>();
  return request.adapter_ids.flatMap((id, index) => {
    const before = first.get(id);
    if (before === undefined) first.set(id, index);
    const detail = `adapter_ids[${index}] is the same as adapter_ids[${before}]`;
    return before === undefined ? [] : [{ pointer: `/adapter_ids/${index}`, detail }];
  });
}

/** A batch has one for all its jobs. */
function webhooksOfJobs(request: BatchRequest): Fault[] {
  if (!('jobs' in request)) return [];
  return request.jobs.flatMap(({ webhook }, index) => {
    const detail = `jobs[${index}] has a "webhook"; that of the batch can ask for the events of its jobs`;
    return webhook === undefined ? [] : [{ pointer: `/jobs/${index}/webhook`, detail }];
  });
}

function invalid(faults: readonly Fault[]): AppError {
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more, see errors)` : '';
  const { detail } = faults[0]!;
  const errors = faults.slice(0, MAX_TOLD);
  return new AppError('BATCH_INVALID', `${detail}${more}. Nothing was accepted.`, { errors });
}

/** What a batch asks of each job: what it says itself holds where the job does not say. */
export function jobRequestsOf(request: BatchRequest): JobRequest[] {
  const { labels, results, priority, ttl_seconds, reuse } = request;
  const settings = defined({ priority, ttl_seconds, reuse });
  if ('jobs' in request) {
    return request.jobs.map(
      (job) =>
        ({
          ...settings,
          ...job,
          ...defined({ labels: merged(labels, job.labels) }),
          // Others make no adapters.
          ...('targets' in job && defined({ results: merged(results, job.results) })),
        }) as JobRequest,
    );
  }
  const { adapter_ids, kind = 'squeeze', targets, options } = request;
  const work = kind === 'analyze' ? { kind } : { kind, targets: targets!, ...defined({ options }) };
  return adapter_ids.map(
    (adapter_id) => ({ ...settings, ...work, adapter_id, ...defined({ labels, results }) }) as JobRequest,
  );
}

/** Field by field, the job's own first. */
const merged = <T extends object>(ofBatch: T | undefined, ofJob: T | undefined): T | undefined =>
  ofBatch === undefined && ofJob === undefined ? undefined : ({ ...ofBatch, ...ofJob } as T);

const defined = <T extends object>(fields: T): Partial<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
