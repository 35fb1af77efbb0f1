import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';

const PAUSE_MS = 100;
/** The server does not answer for a while. */
const BROKEN_PAUSE_MS = 200;

/**
 * Reads lists, jobs, reports and files of results all the time, whatever happens. Every complete 200 must be
 * correct: its digest equals the one in its header, JSON can be parsed, and a job that succeeded has its
 * report and its results.
 */
export class Reader {
  /** Bodies that arrived completely with 200. */
  bodies = 0;
  /** Of those, files with a digest. */
  files = 0;
  /** Responses that did not arrive or broke off; the client notices this by the connection. */
  broken = 0;
  /** Responses other than 200, by status. */
  readonly refused = new Map<number, number>();
  /** Descriptions of wrong responses. */
  readonly faults: string[] = [];
  private readonly round: Promise<void>;
  private isStopped = false;

  private readonly url: string;

  constructor(url: string) {
    this.url = url;
    this.round = this.read();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await this.round;
  }

  private async read(): Promise<void> {
    while (!this.isStopped) {
      const page = (await this.json('/v1/jobs?limit=200')) as { data: JobRecord[] } | undefined;
      for (const job of sample(page?.data ?? [])) {
        if (this.isStopped) return;
        await this.json(`/v1/jobs/${job.id}`);
        if (job.state === 'succeeded') await this.outcome(job);
        await sleep(PAUSE_MS);
      }
      await sleep(PAUSE_MS);
    }
  }

  private async outcome(job: JobRecord): Promise<void> {
    const report = (await this.json(`/v1/jobs/${job.id}/report`)) as { targets: unknown[] } | undefined;
    if (report && report.targets.length !== job.results.length) {
      this.faults.push(
        `${job.id}: report of ${report.targets.length} targets, ${job.results.length} results`,
      );
    }
    for (const { adapter_id } of succeededResults(job)) {
      const adapter = (await this.json(`/v1/adapters/${adapter_id}`)) as AdapterRecord | undefined;
      for (const { name, sha256 } of adapter?.files ?? []) {
        const path = `/v1/adapters/${adapter_id}/files/${name}`;
        const body = await this.body(path);
        if (!body) continue;
        this.files++;
        const digest = createHash('sha256').update(body.bytes).digest();
        if (body.reprDigest !== `sha-256=:${digest.toString('base64')}:` || digest.toString('hex') !== sha256)
          this.faults.push(
            `${path}: ${body.bytes.byteLength} bytes do not have the digest ${body.reprDigest}`,
          );
      }
    }
  }

  private async json(path: string): Promise<unknown> {
    const body = await this.body(path);
    if (!body) return undefined;
    try {
      return JSON.parse(body.bytes.toString('utf8'));
    } catch (error) {
      this.faults.push(`${path}: ${String(error)}`);
      return undefined;
    }
  }

  private async body(path: string): Promise<{ bytes: Buffer; reprDigest: string | null } | undefined> {
    try {
      const response = await fetch(this.url + path, { signal: AbortSignal.timeout(10_000) });
      const bytes = Buffer.from(await response.arrayBuffer());
      if (response.status !== 200) {
        this.refused.set(response.status, (this.refused.get(response.status) ?? 0) + 1);
        // Everything that a list or a job names must exist.
        if (response.status === 404) this.faults.push(`${path}: 404`);
        return undefined;
      }
      this.bodies++;
      return { bytes, reprDigest: response.headers.get('repr-digest') };
    } catch {
      this.broken++;
      await sleep(BROKEN_PAUSE_MS);
      return undefined;
    }
  }
}

/** The newest and some others, so that a round does not take long. */
function sample(jobs: readonly JobRecord[]): JobRecord[] {
  return jobs.filter((_, i) => i < 3 || Math.random() < 5 / jobs.length);
}
