import { formatBytes, formatPercent, formatProgress } from '../../../src/charts/format.ts';
import { mainError, succeededResults } from '../../../src/charts/succeeded-targets.ts';
import type { JobRecord, SucceededResult } from '../../../src/contract/job.ts';
import { describeTarget } from './describe-target.ts';
import { describeProgress } from './job-progress.ts';

/** A short title of a job: its name if it has one, otherwise its task. */
export const jobTitle = (job: JobRecord): string => job.name ?? describeTask(job);

/** The task of a job: "Squeeze to rank 4". */
export function describeTask(job: JobRecord): string {
  const { request } = job;
  switch (request.kind) {
    case 'squeeze':
      return `Squeeze to ${targets(request.targets)}`;
    case 'merge':
      return `Merge of ${request.sources.length} adapters${weights(job)} to ${targets(request.targets)}`;
    case 'checkpoint':
      return `Checkpoint at step ${request.step.toLocaleString('en')}`;
    case 'analyze':
      return 'Analysis';
    case 'import':
      return 'Import';
    case 'export':
      return 'Delivery';
  }
}

/** The weights of the adapters that a job merges; empty for other jobs. */
export const weightsOf = ({ request }: JobRecord): number[] =>
  request.kind === 'merge' ? request.sources.map(({ weight = 1 }) => weight) : [];

/** More weights than these would hide the rest of a title. */
const MAX_NAMED_WEIGHTS = 4;

/** The weights of a merge in its title, unless it is a plain sum. */
function weights(job: JobRecord): string {
  const all = weightsOf(job);
  return all.every((weight) => weight === 1) || all.length > MAX_NAMED_WEIGHTS
    ? ''
    : ` with weights ${all.join(', ')},`;
}

const targets = (all: Parameters<typeof describeTarget>[0][]): string => all.map(describeTarget).join(', ');

/** The id of the adapter that a job reads; null if it reads several, or one that has not been fetched yet. */
export const sourceIdOf = ({ request, imported }: JobRecord): string | null =>
  ('adapter_id' in request ? request.adapter_id : undefined) ?? imported?.adapter_id ?? null;

/** The ids of the adapters that a job reads, without duplicates. */
export function sourceIdsOf(job: JobRecord): string[] {
  if (job.request.kind === 'merge') return [...new Set(job.request.sources.map(({ adapter_id: id }) => id))];
  const id = sourceIdOf(job);
  return id === null ? [] : [id];
}

/** The place from which a job fetches its adapter; null if it does not fetch one. */
export const deliveryPlace = ({ request }: JobRecord): string | null =>
  'source' in request && request.source ? request.source.place : null;

/** The result of a job that is this adapter. */
export const resultOf = (job: JobRecord, adapterId: string): SucceededResult | undefined =>
  succeededResults(job).find(({ adapter_id: id }) => id === adapterId);

/** The outcome of one target: "mean module error 4.97 %, 1.64 MB". */
export const describeResult = (result: SucceededResult): string =>
  `${result.module_relative_error === undefined ? 'error' : 'mean module error'} ${formatPercent(mainError(result))}, ${formatBytes(result.bytes)}`;

/** The outcome of a job, or its progress. */
export function describeJobOutcome(job: JobRecord): string {
  const { state, results, error, deliveries, imported } = job;
  if (error) return error.title;
  if (state === 'active') {
    const { share, left } = describeProgress(job, Date.now());
    return [formatProgress(share), left].filter(Boolean).join(', ');
  }
  if (results.length > 0)
    return results
      .map((result) => (result.state === 'failed' ? result.error.title : describeResult(result)))
      .join('; ');
  if (job.kind === 'export') return deliveries.map(({ place }) => place).join('; ');
  return imported ? formatBytes(imported.bytes) : '';
}
