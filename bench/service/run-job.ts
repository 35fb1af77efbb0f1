import { setTimeout as sleep } from 'node:timers/promises';
import type { JobRecord } from '../../src/contract/job.ts';
import type { SqueezeOptions } from '../../src/contract/job-request.ts';
import type { Client } from '../../test/e2e/client.ts';

/** Polling more often would take the cores from the job. */
const DEFAULT_POLL_MS = 20;
/** 10 GB take about a minute. */
const JOB_LIMIT_MS = 30 * 60_000;

export interface JobOrder {
  readonly adapterId: string;
  readonly rank: number;
  readonly options?: SqueezeOptions;
  readonly pollMs?: number;
}

/**
 * One squeeze, from the request until the client sees it succeeded.
 * @throws if it ends in another state, or takes half an hour
 */
export async function runJob(client: Client, order: JobOrder): Promise<{ job: JobRecord; seconds: number }> {
  const startedMs = performance.now();
  const elapsedMs = () => performance.now() - startedMs;
  const response = await client.postJob({
    kind: 'squeeze',
    adapter_id: order.adapterId,
    targets: [{ rank: order.rank }],
    options: order.options,
    reuse: false,
  });
  if (!response.ok) throw new Error(`POST /v1/jobs: ${response.status} ${await response.text()}`);
  const { id } = (await response.json()) as JobRecord;
  for (;;) {
    const job = await client.json<JobRecord>(`/v1/jobs/${id}`);
    if (job.state === 'succeeded') return { job, seconds: elapsedMs() / 1000 };
    if (job.state !== 'queued' && job.state !== 'active') {
      throw new Error(`the job ${job.state}: ${JSON.stringify(job.error)}`);
    }
    if (elapsedMs() > JOB_LIMIT_MS)
      throw new Error(`the job is still ${job.state}: ${JSON.stringify(job.progress)}`);
    await sleep(order.pollMs ?? DEFAULT_POLL_MS);
  }
}
