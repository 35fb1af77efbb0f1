import { LRUCache } from 'lru-cache';
import { asFileName } from '../../adapter/file-names.ts';
import { succeededResults } from '../../charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../contract/adapter.ts';
import type { JobRecord } from '../../contract/job.ts';
import { AppError } from '../../errors/app-error.ts';
import { digestTag } from '../../http/entity-tag.ts';
import type { ReportForm } from '../../report/render.ts';
import { Renderer } from '../../report/renderer.ts';
import { reportName } from '../../report/report-name.ts';
import type { AdapterService } from '../adapters/service.ts';
import { sourceIds } from './adapters-of-request.ts';
import { hasReport } from './job-end.ts';
import type { JobService } from './service.ts';

const MAX_BYTES = 32 * 2 ** 20;

/**
 * How long a rendered report is cached. It shows which adapters of the job still exist, and that information may be
 * this old.
 */
const CACHE_MS = 5 * 60_000;

/** The location of the report of a job, and its adapters. */
export interface ReportSource {
  readonly tenant: string;
  readonly jobs: Pick<JobService, 'recorded' | 'storedReport'>;
  readonly adapters: Pick<AdapterService, 'find'>;
}

/** A report as it is sent. */
export interface ReportResponse {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly policy: string | undefined;
}

/** The beginning of the names of all files of a job's report, such as `gpt2-rank-4`. */
export async function reportFileName({ adapters }: ReportSource, job: JobRecord): Promise<string> {
  const ids = [...sourceIds(job.request), ...(job.imported?.adapter_id ? [job.imported.adapter_id] : [])];
  const found = await Promise.all([...new Set(ids)].map((id) => adapters.find(id)));
  return asFileName(
    reportName(
      job,
      found.flatMap((record) => record?.name ?? []),
    ),
  );
}

/** Reports in their readable forms, which are rendered in a thread of their own and cached for a while. */
export class RenderedReports {
  private readonly renderer = new Renderer();
  private readonly answers = new LRUCache<string, ReportResponse>({
    maxSize: MAX_BYTES,
    sizeCalculation: ({ bytes }, key) => bytes.length + key.length + 200,
    ttl: CACHE_MS,
  });
  private readonly running = new Map<string, Promise<ReportResponse>>();

  /**
   * The report of a job in one form. Simultaneous requests for the same report share one rendering.
   * @throws AppError JOB_NOT_FOUND, REPORT_NOT_READY, STORAGE_*; INTERNAL if it cannot be rendered
   * @throws AppError VALIDATION_FAILED if a figure needs more results than the job has
   */
  async get(
    source: ReportSource,
    jobId: string,
    form: ReportForm,
  ): Promise<ReportResponse & { readonly fileName: string }> {
    // Read even if the report is cached, because a deleted job has no report, and names change.
    const job = await source.jobs.recorded(jobId);
    if (hasReport(job)) refuseLoneResult(job, form);
    const key = `${source.tenant}/${jobId}/${JSON.stringify(form)}`;
    const known = hasReport(job) ? (this.answers.get(key) ?? this.running.get(key)) : undefined;
    const answer = await (known ?? this.begin(key, source, jobId, form));
    return { ...answer, fileName: await reportFileName(source, job) };
  }

  private async begin(
    key: string,
    source: ReportSource,
    jobId: string,
    form: ReportForm,
  ): Promise<ReportResponse> {
    const answer = this.make(source, jobId, form).finally(() => this.running.delete(key));
    this.running.set(key, answer);
    const report = await answer;
    this.answers.set(key, report);
    return report;
  }

  /** Ends the thread. */
  close(): Promise<void> {
    return this.renderer.close();
  }

  private async make(source: ReportSource, jobId: string, form: ReportForm): Promise<ReportResponse> {
    const { bytes, policy } = await this.renderer.render(async () => {
      const stored = await source.jobs.storedReport(jobId);
      const adapters = await adaptersOf(source, stored.job);
      return { form, report: stored.bytes, job: stored.job, adapters };
    });
    return { bytes: Buffer.from(bytes), etag: digestTag(bytes), policy };
  }
}

function refuseLoneResult(job: JobRecord, form: ReportForm): void {
  const { length } = succeededResults(job);
  if (form.as === 'html' || form.figure !== 'difference' || length > 1) return;
  const detail = `The figure "difference" needs two results; job ${job.id} has ${length}`;
  throw new AppError('VALIDATION_FAILED', `${detail}.`, { errors: [{ pointer: '/figure', detail }] });
}

/** The adapters of a job that still exist. */
async function adaptersOf({ adapters }: ReportSource, job: JobRecord): Promise<AdapterRecord[]> {
  const fetched = job.imported?.adapter_id ?? [];
  const results = job.results.flatMap((result) => (result.state === 'succeeded' ? result.adapter_id : []));
  const ids = new Set([sourceIds(job.request), fetched, results].flat());
  const found = await Promise.all([...ids].map((id) => adapters.find(id)));
  return found.filter((record) => record !== undefined);
}
