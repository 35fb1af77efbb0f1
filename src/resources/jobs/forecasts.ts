import { DRY_RUN_ID, type JobForecast, type TargetForecast } from '../../contract/forecast.ts';
import type { JobRecord } from '../../contract/job.ts';
import type { JobPriority, JobRequest, RecordedJobRequest, WorkRequest } from '../../contract/job-request.ts';
import { END_TYPES } from '../../contract/webhook.ts';
import type { Database } from '../../database/database.ts';
import { newJobId, timedId } from '../../database/ids.ts';
import type { ExecutionTable } from '../../database/job-tables.ts';
import type { Dispatcher } from '../../dispatch/dispatcher.ts';
import { liveFleet, mibOf } from '../../dispatch/worker-fleet.ts';
import { unknownForecast } from '../../squeeze/forecast.ts';
import { forecastRequest } from '../../squeeze/forecast-request.ts';
import type { SourceFiles } from '../../squeeze/job-context.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { removeScratch } from '../../storage/scratch.ts';
import { localFiles } from '../adapters/files.ts';
import type { AdapterService } from '../adapters/service.ts';
import type { RequestWebhooks } from '../webhooks/request-webhook.ts';
import { acceptedJob, type JobOptions, splitRequest, splitWithTransfers } from './accepted-job.ts';
import { sourceIds } from './adapters-of-request.ts';
import { firstStep, type SourceContent } from './executions/accept-jobs.ts';
import { findEqualExecution, sourceContents } from './executions/equal-execution.ts';
import { executionKey, sourceIdentity } from './executions/execution-key.ts';
import { priorityNumber } from './executions/execution-rows.ts';
import { knownReports } from './known-reports.ts';
import { withoutResults } from './result-settings.ts';
import type { JobService } from './service.ts';
import type { JobStore } from './store.ts';
import { type TransferRequests, withoutSecrets } from './transfer-requests.ts';

const NOT_HERE =
  'The adapter has yet to be fetched, so nothing is known about the results in advance. A job of kind ' +
  '"import" only fetches it.';

interface JobForecastsParts {
  readonly database: Database;
  readonly dispatcher: Pick<Dispatcher, 'secondsUntilStart'>;
  readonly tenant: string;
  readonly blobs: BlobStore;
  readonly adapters: Pick<AdapterService, 'stored'>;
  readonly jobs: Pick<JobService, 'check'>;
  readonly jobStore: Pick<JobStore, 'file'>;
  readonly transfers: TransferRequests | undefined;
  readonly requestWebhooks?: RequestWebhooks | undefined;
}

/** Forecasts for dry runs. Nothing is stored or queued. */
export class JobForecasts {
  private readonly parts: JobForecastsParts;

  constructor(parts: JobForecastsParts) {
    this.parts = parts;
  }

  /**
   * The job as it would be accepted, with its forecast.
   * @throws AppError as JobService.submit
   */
  async dryRun(
    { dry_run: _asked, ...request }: JobRequest & { dry_run?: boolean },
    ceiling: JobPriority,
  ): Promise<JobRecord> {
    const { jobs, transfers, requestWebhooks } = this.parts;
    const { work, options } = transfers
      ? await splitWithTransfers(request as JobRequest, ceiling, transfers.recorder())
      : splitRequest(request as JobRequest, ceiling);
    // The URL of the webhook is checked as for a real request.
    if (request.webhook) requestWebhooks?.prepare(request.webhook, END_TYPES);
    await jobs.check(work);
    const forecast = await this.of(work, options);
    const job = acceptedJob(newJobId(Date.now()), withoutSecrets(work), options);
    return { ...job, id: DRY_RUN_ID, reused: forecast.reused, forecast };
  }

  /** The forecast of a job that can be tried. */
  async of(work: RecordedJobRequest, options: Pick<JobOptions, 'reuse' | 'priority'>): Promise<JobForecast> {
    const { database, tenant } = this.parts;
    const contents = await sourceContents(database, tenant, sourceIds(work));
    const isWork = firstStep({ request: work }) === 'work';
    const key = isWork ? executionKey(work, (id) => sourceIdentity(contents.get(id)!)) : undefined;
    const equal =
      key === undefined || !options.reuse ? undefined : await findEqualExecution(database, tenant, key);
    return {
      reused: equal !== undefined,
      ...(await this.pace(isWork ? bytesOf(contents) : undefined, priorityNumber(options.priority), equal)),
      targets: 'targets' in work ? await this.targets(work, contents) : [],
    };
  }

  /**
   * The expected start of the job and its duration.
   * @param workBytes size of the weights to be read; undefined if nothing is computed, or if it is not known
   * @param equal the execution that it would share with others
   */
  private async pace(
    workBytes: number | undefined,
    priority: number,
    equal: ExecutionTable | undefined,
  ): Promise<Pick<JobForecast, 'starts_in_seconds' | 'seconds'>> {
    if (equal?.state === 'succeeded') return { starts_in_seconds: 0, seconds: 0 };
    const { database, dispatcher, tenant } = this.parts;
    const { slots, msPerMib } = await liveFleet(database, database.reader);
    if (slots === 0) return { starts_in_seconds: null, seconds: null };
    const place = { tenant, id: equal?.id ?? timedId('ex', Date.now()), priority };
    const startsIn = equal?.state === 'dispatched' ? 0 : await dispatcher.secondsUntilStart(place);
    // More digits would suggest a precision that the estimate does not have.
    const seconds =
      workBytes === undefined ? null : Number(((mibOf(workBytes) * msPerMib) / 1000).toPrecision(2));
    return { starts_in_seconds: startsIn ?? null, seconds };
  }

  private async targets(
    work: Extract<RecordedJobRequest, { targets: unknown }>,
    contents: ReadonlyMap<string, SourceContent>,
  ): Promise<TargetForecast[]> {
    const ids = sourceIds(work);
    if (ids.length === 0) {
      const unknown = (target: (typeof work.targets)[number]) => ({
        ...unknownForecast(target),
        warnings: [NOT_HERE],
      });
      return work.targets.map(unknown);
    }
    const { database, tenant, blobs, jobStore } = this.parts;
    const scratchDir = await blobs.makeScratch();
    try {
      const sources = new Map<string, SourceFiles>();
      for (const id of ids) sources.set(id, await this.source(id, scratchDir));
      const forecasts = await forecastRequest({
        request: withoutResults(work) as WorkRequest,
        sources,
        reported: knownReports({ database, blobs, jobStore }, tenant, contents.get(ids[0]!)!.digest),
      });
      // The target is shown as it was requested.
      return forecasts.map((forecast, index) => ({ ...forecast, target: work.targets[index]! }));
    } finally {
      await removeScratch(scratchDir);
    }
  }

  private async source(id: string, scratchDir: string): Promise<SourceFiles> {
    const { adapters, blobs } = this.parts;
    const { record, files } = await adapters.stored(id);
    const { sha256, bytes, base_model } = record;
    return { id, sha256, bytes, base_model, ...(await localFiles(blobs, files, scratchDir)) };
  }
}

const bytesOf = (contents: ReadonlyMap<string, SourceContent>): number =>
  [...contents.values()].reduce((sum, { bytes }) => sum + bytes, 0);
