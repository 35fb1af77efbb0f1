import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Responses after which the same request is sent again: the trouble is temporary, or the first request is
 * still being handled.
 */
const RETRYABLE_STATUSES = new Set([408, 409, 425, 429, 500, 502, 503, 504, 507]);
const PAUSE_MS = 200;
const TRY_TIMEOUT_MS = 10_000;

export interface Accepted {
  readonly key: string;
  readonly jobId: string;
  /** How often the request was sent until it was accepted. */
  readonly tries: number;
}

/**
 * A correct client: it sends a request with an Idempotency-Key until it gets a final response, and then once
 * more, which must be answered with the same job.
 * @param until in milliseconds since 1970; afterwards it gives up
 * @throws Error for a response that repeating cannot improve, or if the second response differs
 */
export function submit(url: string, key: string, request: unknown, until: number): Promise<Accepted> {
  return retryUntilAccepted(key, () => postJob(url, key, request), until);
}

interface Answer {
  readonly ok: boolean;
  readonly status: number;
  readonly text: string;
}

/** The same for any request that is answered with a record. @param post sends it once; may fail */
export async function retryUntilAccepted(
  key: string,
  post: () => Promise<Answer>,
  until: number,
): Promise<Accepted> {
  let tries = 0;
  const send = async (): Promise<{ id: string; status: number }> => {
    for (;;) {
      if (Date.now() > until) throw new Error(`${key} was not accepted in time, after ${tries} tries`);
      tries++;
      const answer = await post().catch(() => undefined);
      if (answer?.ok) return { id: (JSON.parse(answer.text) as { id: string }).id, status: answer.status };
      if (answer && !RETRYABLE_STATUSES.has(answer.status)) {
        throw new Error(`${key} was refused for good: ${answer.status} ${answer.text}`);
      }
      await sleep(PAUSE_MS);
    }
  };
  const first = await send();
  const accepted = { key, jobId: first.id, tries };
  const again = await send();
  if (again.id !== first.id) throw new Error(`${key} has two records: ${first.id} and ${again.id}`);
  return accepted;
}

/** Sends it once. */
export async function postJob(url: string, key: string, request: unknown): Promise<Answer> {
  const response = await fetch(`${url}/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify(request),
    signal: AbortSignal.timeout(TRY_TIMEOUT_MS),
  });
  return { ok: response.ok, status: response.status, text: await response.text() };
}
