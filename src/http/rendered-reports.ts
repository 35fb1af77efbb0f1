import { LRUCache } from 'lru-cache';
import type { AdapterRecord } from '../contract/adapter.ts';
import type { JobRecord } from '../contract/job.ts';
import type { Form } from '../report/render.ts';
import { Renderer } from '../report/renderer.ts';
import { hasReport } from '../service/job-end.ts';
import { sourceIds } from '../service/source-ids.ts';
import type { Workspace } from '../service/workspaces.ts';
import { digestTag } from './entity-tag.ts';

const MAX_BYTES = 32 * 2 ** 20;

/** A report tells which of its adapters are still there: that may be as old as this. */
const REMEMBERED_MS = 5 * 60_000;

/** A report as it is sent. */
export interface ReportAnswer {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly policy: string | undefined;
}

/** Reports as people read them, drawn in a thread of their own and remembered for a while. */
export class RenderedReports {
  private readonly renderer = new Renderer();
  private readonly answers = new LRUCache<string, ReportAnswer>({
    maxSize: MAX_BYTES,
    sizeCalculation: ({ bytes }, key) => bytes.length + key.length + 200,
    ttl: REMEMBERED_MS,
  });
  private readonly running = new Map<string, Promise<ReportAnswer>>();

  /**
   * The report of a job in a form. Who asks while another one waits for the same gets the same.
   * @throws AppError JOB_NOT_FOUND, REPORT_NOT_READY, STORAGE_*; INTERNAL where it cannot be drawn
   */
  async get(workspace: Workspace, jobId: string, form: Form): Promise<ReportAnswer> {
    // Also of a remembered one: a job that was deleted has no report.
    const job = await workspace.jobs.recorded(jobId);
    const key = `${workspace.tenant}/${jobId}/${JSON.stringify(form)}`;
    const known = hasReport(job) ? (this.answers.get(key) ?? this.running.get(key)) : undefined;
    if (known) return known;
    const answer = this.make(workspace, jobId, form).finally(() => this.running.delete(key));
    this.running.set(key, answer);
    const made = await answer;
    this.answers.set(key, made);
    return made;
  }

  /** Ends the thread. */
  close(): Promise<void> {
    return this.renderer.close();
  }

  private async make(workspace: Workspace, jobId: string, form: Form): Promise<ReportAnswer> {
    const { bytes, policy } = await this.renderer.render(async () => {
      const stored = await workspace.jobs.storedReport(jobId);
      const adapters = await adaptersOf(workspace, stored.job);
      return { form, report: stored.bytes, job: stored.job, adapters };
    });
    return { bytes: Buffer.from(bytes), etag: digestTag(bytes), policy };
  }
}

/** The adapters of a job that are still there. */
async function adaptersOf({ adapters }: Workspace, job: JobRecord): Promise<AdapterRecord[]> {
  const fetched = job.import?.adapter_id ?? [];
  const results = job.results.flatMap((result) => (result.state === 'succeeded' ? result.adapter_id : []));
  const ids = new Set([sourceIds(job.request), fetched, results].flat());
  const found = await Promise.all([...ids].map((id) => adapters.find(id)));
  return found.filter((record) => record !== undefined);
}
