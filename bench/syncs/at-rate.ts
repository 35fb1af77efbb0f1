import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Answers {
  readonly milliseconds: readonly number[];
  /** Number of answers by status; 0 stands for no answer. */
  readonly statuses: ReadonlyMap<number, number>;
  /** The time in which the requests were sent. */
  readonly seconds: number;
}

interface Request {
  readonly url: string;
  readonly body?: string;
}

/**
 * Sends a request this many times per second, even while earlier ones have no answer yet: waiting for each would hide
 * how many requests arrive while the service does not answer.
 */
export async function atRate({ url, body }: Request, perSecond: number, seconds: number): Promise<Answers> {
  const agent = new Agent({ keepAlive: true });
  const milliseconds: number[] = [];
  const statuses = new Map<number, number>();
  const send = async (): Promise<void> => {
    const startedMs = performance.now();
    const status = await statusOf(agent, { url, ...(body !== undefined && { body }) }).catch(() => 0);
    milliseconds.push(performance.now() - startedMs);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  };
  const sent: Promise<void>[] = [];
  const beginMs = performance.now();
  const count = Math.round(perSecond * seconds);
  for (let i = 0; i < count; i++) {
    const waitMs = beginMs + (i * 1000) / perSecond - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    sent.push(send());
  }
  const taken = (performance.now() - beginMs) / 1000;
  await Promise.all(sent);
  agent.destroy();
  return { milliseconds, statuses, seconds: taken };
}

function statusOf(agent: Agent, { url, body }: Request): Promise<number> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST';
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const sent = request(url, { agent, method, headers }, (response) => {
      response.resume().once('error', reject);
      response.once('end', () => resolve(response.statusCode!));
    });
    sent.once('error', reject).end(body);
  });
}
