import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { residentBytes } from '../../test/e2e/process-tree.ts';
import { formOf, tinyAdapter } from '../../test/http/tiny-adapter.ts';
import { Probe } from '../service/probe.ts';

/** A service that is put under load. */
export interface LoadedService {
  readonly url: string;
  readonly pid: number;
}

/** The response to one POST. */
export interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly retryAfter: string | undefined;
  readonly ms: number;
  /** Id of the job, if it was accepted. */
  readonly jobId: string | undefined;
}

export interface Load {
  readonly answers: readonly Answer[];
  /** Response times of /livez in the meantime. */
  readonly probeMs: readonly number[];
  readonly idleBytes: number;
  readonly peakBytes: number;
}

const MEMORY_POLL_MS = 100;
const END_POLL_MS = 500;

/**
 * Posts jobs over many connections. Each sends its next job as soon as the last one was answered, whatever the
 * answer; no well-behaved client is as demanding. Returns after all were answered. Every job has work of its own.
 * @throws Error if the first job was not accepted, or a probe not answered with 200
 */
export async function postJobs(
  { url, pid }: LoadedService,
  { connections, seconds }: { readonly connections: number; readonly seconds: number },
): Promise<Load> {
  const adapterId = await uploadTiny(url);
  const body = JSON.stringify({
    ...{ kind: 'squeeze', adapter_id: adapterId, targets: [{ rank: 2 }], reuse: false },
  });
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const post = (): Promise<Answer> => sendPost(agent, `${url}/v1/jobs`, body);
  // The first requests compile code, which is not part of the load.
  const first = await post();
  if (first.status !== 202) throw new Error(`the first job was answered with ${first.status} ${first.code}`);
  await untilEnded(url, [first]);
  const idleBytes = residentBytes({ pid });
  let peakBytes = idleBytes;
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, residentBytes({ pid }));
  }, MEMORY_POLL_MS);
  const probe = new Probe(`${url}/livez`);
  const answers: Answer[] = [];
  const endMs = performance.now() + seconds * 1000;
  try {
    await Promise.all(
      Array.from({ length: connections }, async () => {
        while (performance.now() < endMs) answers.push(await post());
      }),
    );
    return { answers, probeMs: await probe.stop(), idleBytes, peakBytes };
  } finally {
    clearInterval(timer);
    agent.destroy();
    await probe.stop().catch(() => undefined);
  }
}

/** Waits until every accepted job has ended. @returns how many ended in which state */
export async function untilEnded(url: string, answers: readonly Answer[]): Promise<Record<string, number>> {
  const open = new Set(answers.flatMap(({ jobId }) => jobId ?? []));
  const states: Record<string, number> = {};
  while (open.size > 0) {
    for (const id of open) {
      const { state, finished_at } = (await (await fetch(`${url}/v1/jobs/${id}`)).json()) as {
        state: string;
        finished_at: string | null;
      };
      // Jobs begin in this order: if one is waiting, so are those behind it.
      if (finished_at === null) break;
      states[state] = (states[state] ?? 0) + 1;
      open.delete(id);
    }
    if (open.size > 0) await sleep(END_POLL_MS);
  }
  return states;
}

async function uploadTiny(url: string): Promise<string> {
  const response = await fetch(`${url}/v1/adapters`, { method: 'POST', body: formOf(tinyAdapter()) });
  if (response.status !== 201) throw new Error(`the upload was answered with ${response.status}`);
  return ((await response.json()) as { id: string }).id;
}

function sendPost(agent: Agent, url: string, body: string): Promise<Answer> {
  const startedMs = performance.now();
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    request(url, { method: 'POST', agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const { id, code } = JSON.parse(Buffer.concat(chunks).toString()) as { id?: string; code?: string };
        resolve({
          status: response.statusCode ?? 0,
          code,
          retryAfter: response.headers['retry-after'],
          ms: performance.now() - startedMs,
          jobId: response.statusCode === 202 ? id : undefined,
        });
      });
    })
      .once('error', reject)
      .end(body);
  });
}
