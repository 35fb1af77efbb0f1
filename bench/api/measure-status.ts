import autocannon from 'autocannon';
import type { JobRecord } from '../../src/contract/job.ts';
import type { ApiService } from './api-service.ts';
import { multipartBody } from './send-body.ts';

export const CONNECTIONS = 50;
const WARM_UP_SECONDS = 3;

export interface StatusLoad {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers that were not 200, and connections that broke. */
  readonly failures: number;
  /** Jobs that ended in the meantime. */
  readonly jobs: number;
}

/** Uploads an adapter. @returns its id */
export async function uploadAdapter(running: ApiService, dir: string): Promise<string> {
  const { headers, chunks, path } = await multipartBody(dir);
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks()) parts.push(chunk);
  const response = await fetch(`${running.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': String(headers['content-type']), authorization: running.authorization },
    body: Buffer.concat(parts),
  });
  return ((await response.json()) as { id: string }).id;
}

/** A squeeze, from its request to its end. */
export async function squeeze(running: ApiService, adapterId: string): Promise<JobRecord> {
  const response = await fetch(`${running.url}/v1/jobs`, {
    method: 'POST',
    headers: {
      authorization: running.authorization,
      'content-type': 'application/json',
      prefer: 'wait=55',
    },
    body: JSON.stringify({ kind: 'squeeze', adapter_id: adapterId, targets: [{ rank: 4 }], reuse: false }),
  });
  const job = (await response.json()) as JobRecord;
  if (job.state !== 'succeeded') throw new Error(`the job ${job.state}: ${JSON.stringify(job.error)}`);
  return job;
}

/**
 * Reads the status of a finished job repeatedly over this many connections, after a warm-up.
 * @param busyWith an adapter that is squeezed meanwhile, one job after the other
 */
export async function measureStatus(
  running: ApiService,
  jobId: string,
  seconds: number,
  busyWith?: string,
): Promise<StatusLoad> {
  const load = (duration: number) =>
    autocannon({
      url: `${running.url}/v1/jobs/${jobId}`,
      connections: CONNECTIONS,
      duration,
      headers: { authorization: running.authorization },
    });
  await load(WARM_UP_SECONDS);
  let isOver = false;
  let jobs = 0;
  const work = (async () => {
    while (busyWith !== undefined && !isOver) {
      await squeeze(running, busyWith);
      jobs++;
    }
  })();
  const result = await load(seconds);
  isOver = true;
  await work;
  return {
    requestsPerSecond: result.requests.mean,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    failures: result.non2xx + result.errors + result.timeouts,
    jobs,
  };
}
