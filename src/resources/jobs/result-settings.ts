import type { RecordedJobRequest } from '../../contract/job-request.ts';
import type { Labels } from '../../contract/labels.ts';
import type { ResultSettings } from '../../contract/result-settings.ts';
import { MAX_NAME_CHARACTERS, nameOfSources, rankInName } from '../adapters/default-name.ts';

/** The facts about an adapter that a job has created. */
export interface ResultFacts {
  /** Names of its source adapters; for an adapter that was only fetched, the name by its source. */
  readonly sourceNames: readonly string[];
  readonly rank: { readonly min: number; readonly max: number };
  /** undefined: adapters do not expire. */
  readonly defaultTtlSeconds: number | undefined;
}

/** How an adapter that a job has created is kept. */
export interface ResolvedResultSettings {
  readonly name: string;
  readonly labels: Labels;
  /** undefined: the adapter does not expire. */
  readonly ttlSeconds: number | undefined;
}

/**
 * The name and the time to live of an adapter that a job has created: each field from its target, or else from the
 * job.
 * @param targetIndex position of the target; null if the adapter was fetched
 */
export function resultSettings(
  request: RecordedJobRequest,
  targetIndex: number | null,
  { sourceNames, rank, defaultTtlSeconds }: ResultFacts,
): ResolvedResultSettings {
  const { name, labels, ttl_seconds } = requestedSettings(request, targetIndex);
  const template = name ?? (targetIndex === null ? '{source}' : '{source}-r{rank}');
  return {
    name: fillTemplate(template, nameOfSources(sourceNames), rank, targetIndex),
    labels: labels ?? {},
    ttlSeconds: ttl_seconds ?? defaultTtlSeconds,
  };
}

/** A request for the same work, without the settings of its results. */
export function withoutResults<T extends RecordedJobRequest>(request: T): T {
  const { results: _ofJob, ...work } = request as T & { readonly results?: unknown };
  const targets = 'targets' in request && request.targets.map(({ results: _ofTarget, ...target }) => target);
  return { ...work, ...(targets && { targets }) } as T;
}

function requestedSettings(request: RecordedJobRequest, targetIndex: number | null): ResultSettings {
  const ofJob = 'results' in request ? request.results : undefined;
  // The settings of a job with targets apply to its results, not to an adapter that it fetches first.
  if (!('targets' in request)) return ofJob ?? {};
  return targetIndex === null ? {} : { ...ofJob, ...request.targets[targetIndex]!.results };
}

/** @param template valid by the contract. A name that becomes too long is shortened, first in the name of the source */
function fillTemplate(
  template: string,
  source: string,
  rank: ResultFacts['rank'],
  targetIndex: number | null,
): string {
  const short = template.replaceAll('{rank}', rankInName(rank)).replaceAll('{target}', `${targetIndex}`);
  const parts = short.split('{source}');
  const own = [...parts.join('')].length;
  const room = Math.max(0, Math.floor((MAX_NAME_CHARACTERS - own) / (parts.length - 1 || 1)));
  return truncate(parts.join(truncate(source, room)), MAX_NAME_CHARACTERS);
}

const truncate = (text: string, characters: number): string => [...text].slice(0, characters).join('');
