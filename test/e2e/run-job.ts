import assert from 'node:assert/strict';
import type { JobRecord } from '../../src/contract/job.ts';
import type { JobRequest } from '../../src/contract/job-request.ts';
import type { Client } from './client.ts';

/**
 * Submits a job of any kind that is not shared with earlier ones, and waits for its end, whatever the
 * outcome.
 */
export async function runJob(client: Client, request: JobRequest): Promise<JobRecord> {
  const response = await client.postJob({ ...request, reuse: false });
  const text = await response.text();
  assert.equal(response.status, 202, `POST /v1/jobs: ${response.status} ${text}`);
  return client.finished((JSON.parse(text) as JobRecord).id);
}

/** The same for a job that must succeed. */
export async function succeed(client: Client, request: JobRequest): Promise<JobRecord> {
  const job = await runJob(client, request);
  assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
  return job;
}
