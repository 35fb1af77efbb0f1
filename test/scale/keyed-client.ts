import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import { adapterForm, readAdapterFiles } from '../e2e/client.ts';

/** How many seconds one call waits for the end of a job. */
const WAIT_S = 60;
/** Only prevents hanging: for calls, and for jobs. */
const CALL_LIMIT_MS = 120_000;
const JOB_LIMIT_MS = 240_000;

export interface Call {
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Which of the APIs; default: in turn. */
  readonly api?: number;
}

/** A refusal as its client sees it. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly retryAfter: string | null;
}

/** A caller with a key, who uses several APIs in turn and retries when one of them is busy. */
export class KeyedClient {
  readonly #urls: readonly string[];
  readonly #key: string;
  #calls = 0;
  /** How many calls were answered so. */
  readonly answers = new Map<number, number>();

  constructor(urls: readonly string[], key: string) {
    this.#urls = urls;
    this.#key = key;
  }

  /** @throws AssertionError if the service fails other than by 503 with a Retry-After */
  async call(method: string, path: string, { body, headers, api }: Call = {}): Promise<Response> {
    for (;;) {
      const url = this.#urls[(api ?? this.#calls++) % this.#urls.length]!;
      const isForm = body instanceof FormData;
      const answer = await fetch(url + path, {
        method,
        headers: {
          authorization: `Bearer ${this.#key}`,
          ...(body && !isForm && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body && { body: isForm ? body : JSON.stringify(body) }),
        signal: AbortSignal.timeout(CALL_LIMIT_MS),
      });
      this.answers.set(answer.status, (this.answers.get(answer.status) ?? 0) + 1);
      if (answer.status < 500) return answer;
      const text = `${method} ${path}: ${answer.status} ${await answer.text()}`;
      assert.equal(answer.status, 503, text);
      const seconds = Number(answer.headers.get('retry-after') ?? Number.NaN);
      assert.ok(seconds > 0, `${text}: no Retry-After`);
      await sleep(seconds * 1_000);
    }
  }

  async json<T>(method: string, path: string, call?: Call): Promise<T> {
    const answer = await this.call(method, path, call);
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text) as T;
  }

  async refused(method: string, path: string, call?: Call): Promise<Refusal> {
    const answer = await this.call(method, path, call);
    const text = await answer.text();
    assert.ok(!answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    const { code } = JSON.parse(text) as { code: string };
    return { status: answer.status, code, retryAfter: answer.headers.get('retry-after') };
  }

  async all<T>(path: string): Promise<T[]> {
    const found: T[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: { data: T[]; next_cursor: string | null } = await this.json(
        'GET',
        `${path}${path.includes('?') ? '&' : '?'}limit=200${cursor && `&cursor=${cursor}`}`,
      );
      found.push(...page.data);
      cursor = page.next_cursor;
    }
    return found;
  }

  upload(dir: string): Promise<AdapterRecord> {
    return this.json('POST', '/v1/adapters', { body: adapterForm(readAdapterFiles(dir)) });
  }

  /** The job when it has ended. */
  async ended(id: string): Promise<JobRecord> {
    const deadline = Date.now() + JOB_LIMIT_MS;
    for (;;) {
      const job = await this.json<JobRecord>('GET', `/v1/jobs/${id}`, {
        headers: { prefer: `wait=${WAIT_S}` },
      });
      if (job.finished_at !== null) return job;
      assert.ok(Date.now() < deadline, `it has not ended: ${JSON.stringify(job)}`);
    }
  }
}
