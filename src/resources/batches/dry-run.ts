import type { BatchRecord, BatchRequest } from '../../contract/batch.ts';
import {
  type BatchForecast,
  DRY_RUN_ID,
  type JobForecast,
  MAX_REFUSED_SHOWN,
} from '../../contract/forecast.ts';
import type { JobPriority } from '../../contract/job-request.ts';
import { mapConcurrently } from '../../database/map-concurrently.ts';
import { sourceIds } from '../jobs/adapters-of-request.ts';
import type { JobForecasts } from '../jobs/forecasts.ts';
import { SharedFolders } from './accept-batch.ts';
import type { BatchIntake } from './intake.ts';
import { type ResolvedItem, resolveItem } from './resolve-item.ts';

const RESOLVED_AT_ONCE = 16;
/** Forecasts that are made at the same time; each reads a header of weights from the storage. */
const FORECAST_AT_ONCE = 4;
/** The most items for which a forecast is made, because a client waits for it. The others are only checked. */
const MAX_FORECASTS = 1_000;

/**
 * Describes a batch as it would be accepted, with a forecast. Nothing is stored or queued.
 * @throws AppError as BatchIntake.submit
 */
export async function forecastBatch(
  request: BatchRequest,
  {
    intake,
    forecasts,
    ceiling,
  }: {
    readonly intake: BatchIntake;
    readonly forecasts: JobForecasts;
    readonly ceiling?: JobPriority | undefined;
  },
): Promise<BatchRecord> {
  const { items, resolve } = await intake.prepared(request, ceiling);
  const folders = new SharedFolders();
  const resolved = await mapConcurrently(items, RESOLVED_AT_ONCE, (item, index) =>
    resolveItem(item, index, resolve),
  );
  for (const [index, item] of resolved.entries()) folders.take(item, items[index]!.position);
  folders.check();
  const known = resolved.filter(isStored).slice(0, MAX_FORECASTS);
  const ofJobs = await mapConcurrently(known, FORECAST_AT_ONCE, ({ work, options }) =>
    forecasts.of(work!, options!),
  );
  const failed = resolved.filter(({ failure }) => failure !== undefined).length;
  const total = resolved.length;
  return {
    id: DRY_RUN_ID,
    state: failed === total ? 'failed' : 'active',
    counts: { queued: total - failed, active: 0, succeeded: 0, partial: 0, failed, cancelled: 0 },
    progress: { done: failed, total },
    ...{ name: request.name ?? null, labels: request.labels ?? {}, retry_of: null, webhook_id: null },
    ...{ created_at: new Date().toISOString(), finished_at: null, expires_at: null },
    forecast: summed(ofJobs, resolved, total - failed - known.length),
  };
}

/** Whether the service already has everything that an item reads. */
const isStored = ({ work }: ResolvedItem): boolean => work !== undefined && sourceIds(work).length > 0;

/** @param others the number of items that can be tried and for which no forecast was made */
function summed(
  forecasts: readonly JobForecast[],
  resolved: readonly ResolvedItem[],
  others: number,
): BatchForecast {
  const targets = forecasts.flatMap((forecast) => forecast.targets);
  const ranks = targets.flatMap(({ rank }) => rank ?? []);
  const seconds = forecasts.flatMap((forecast) => forecast.seconds ?? []);
  const isUnknown = ({ targets: all }: JobForecast): boolean =>
    all.length > 0 && all.every(({ rank, error }) => rank === null && error === null);
  return {
    refused: resolved
      .flatMap(({ failure, name }, index) => (failure ? [{ index, name, ...failure }] : []))
      .slice(0, MAX_REFUSED_SHOWN),
    unknown: others + forecasts.filter(isUnknown).length,
    reused: forecasts.filter(({ reused }) => reused).length,
    rank:
      ranks.length === 0
        ? null
        : {
            min: ranks.reduce((minimum, { min }) => Math.min(minimum, min), Number.POSITIVE_INFINITY),
            max: ranks.reduce((maximum, { max }) => Math.max(maximum, max), 0),
          },
    parameters: sum(targets.map(({ parameters }) => parameters)),
    bytes: sum(targets.map(({ bytes }) => bytes)),
    seconds: seconds.length === 0 ? null : Number(sum(seconds).toPrecision(2)),
  };
}

const sum = (numbers: readonly (number | null)[]): number =>
  numbers.reduce<number>((total, number) => total + (number ?? 0), 0);
