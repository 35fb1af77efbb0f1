import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import type { SqueezeOptions } from '../../src/contract/job-request.ts';
import type { Report } from '../../src/contract/report.ts';
import type { Target } from '../../src/contract/target.ts';
import { CONFIG, WEIGHTS } from '../oracle/peft-adapter.ts';

const POLL_MS = 50;
/** The longest job of the tests takes a few seconds; only one that never ends takes this long. */
const JOB_LIMIT_MS = 300_000;

/** A problem document (RFC 9457) of the service. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
}

export interface AdapterFiles {
  readonly weights: Uint8Array;
  readonly config: Uint8Array | string;
}

/** The service as its users see it: only through HTTP. */
export class Client {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  fetch(path: string, init?: RequestInit): Promise<Response> {
    return fetch(new URL(path, this.#url), init);
  }

  async json<T>(path: string, headers: Readonly<Record<string, string>> = {}): Promise<T> {
    const response = await this.fetch(path, { headers });
    const text = await response.text();
    assert.equal(response.status, 200, `GET ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  }

  async bytes(path: string): Promise<Buffer> {
    const response = await this.fetch(path);
    assert.equal(response.status, 200, `GET ${path}: ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  }

  postAdapter(files: Partial<AdapterFiles>): Promise<Response> {
    return this.fetch('/v1/adapters', { method: 'POST', body: adapterForm(files) });
  }

  async upload(dir: string): Promise<{ status: number; location: string | null; adapter: AdapterRecord }> {
    const response = await this.postAdapter(readAdapterFiles(dir));
    const text = await response.text();
    assert.ok(response.ok, `upload of ${dir}: ${response.status} ${text}`);
    return { status: response.status, location: response.headers.get('location'), adapter: JSON.parse(text) };
  }

  postJob(body: unknown): Promise<Response> {
    return this.fetch('/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  /**
   * Submits a squeeze that is not shared with earlier requests, and waits for its end, whatever the outcome.
   */
  async squeeze(adapterId: string, targets: readonly Target[], options?: SqueezeOptions): Promise<JobRecord> {
    const request = { kind: 'squeeze', adapter_id: adapterId, targets, options, reuse: false };
    const response = await this.postJob(request);
    const text = await response.text();
    assert.equal(response.status, 202, `POST /v1/jobs: ${response.status} ${text}`);
    const { id } = JSON.parse(text) as JobRecord;
    assert.equal(response.headers.get('location'), `/v1/jobs/${id}`);
    return this.finished(id);
  }

  async finished(jobId: string): Promise<JobRecord> {
    const deadline = Date.now() + JOB_LIMIT_MS;
    for (;;) {
      const job = await this.json<JobRecord>(`/v1/jobs/${jobId}`);
      if (job.state !== 'queued' && job.state !== 'active') return job;
      assert.ok(Date.now() < deadline, `job ${jobId} is still ${job.state}: ${JSON.stringify(job.progress)}`);
      await sleep(POLL_MS);
    }
  }

  /**
   * Names and SHA-256 of the files of a job's results, as their records state: equal results have equal ones.
   */
  async contents(job: Pick<JobRecord, 'results'>): Promise<string[]> {
    const all: string[] = [];
    for (const { adapter_id } of succeededResults(job)) all.push(...(await this.content(adapter_id)));
    return all;
  }

  /** The same of one adapter. */
  async content(adapterId: string): Promise<string[]> {
    const { files } = await this.json<AdapterRecord>(`/v1/adapters/${adapterId}`);
    return files.map(({ name, sha256 }) => `${name} ${sha256}`);
  }

  report(jobId: string): Promise<Report> {
    return this.json<Report>(`/v1/jobs/${jobId}/report`);
  }

  /** Saves every file of an adapter through /files; returns the folder. */
  async download(adapterId: string, dir: string): Promise<string> {
    const adapter = await this.json<AdapterRecord>(`/v1/adapters/${adapterId}`);
    mkdirSync(dir, { recursive: true });
    for (const { name, bytes } of adapter.files) {
      const content = await this.bytes(`/v1/adapters/${adapterId}/files/${encodeURIComponent(name)}`);
      assert.equal(content.byteLength, bytes, `${name} of ${adapterId}`);
      writeFileSync(join(dir, name), content);
    }
    return dir;
  }
}

export function readAdapterFiles(dir: string): AdapterFiles {
  return { weights: readFileSync(join(dir, WEIGHTS)), config: readFileSync(join(dir, CONFIG)) };
}

export function adapterForm({ weights, config }: Partial<AdapterFiles>): FormData {
  const form = new FormData();
  if (weights !== undefined) form.append(WEIGHTS, new Blob([Buffer.from(weights)]), WEIGHTS);
  if (config !== undefined) form.append(CONFIG, new Blob([Buffer.from(config)]), CONFIG);
  return form;
}

/** A failed response as a problem document, checked for the fields that each must have. */
export async function problemOf(response: Response): Promise<Problem> {
  const text = await response.text();
  const what = `${response.status} ${text}`;
  assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json\b/, what);
  const problem = JSON.parse(text) as Problem;
  assert.equal(problem.status, response.status, what);
  for (const field of ['type', 'title', 'detail', 'code'] as const) {
    assert.ok(typeof problem[field] === 'string' && problem[field] !== '', `${field} in ${what}`);
  }
  // What the reader must never see.
  assert.doesNotMatch(text, /node_modules|\bat .+:\d+:\d+|\/src\//, what);
  return problem;
}
