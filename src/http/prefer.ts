import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { onceClosed } from './once-closed.ts';

/** Longest wait for a job in one request: proxies commonly cut a silent response after 60 s. */
export const MAX_WAIT_SECONDS = 55;

const WAIT = /^wait\s*=\s*"?(\d{1,9})"?$/i;

/** Seconds of the first `Prefer: wait=N` (RFC 7240 §4.3), at most MAX_WAIT_SECONDS; 0 without one. */
export function preferredWaitSeconds(header: string | string[] | undefined): number {
  const preferences = [header ?? []].flat().join(',').split(/[,;]/);
  for (const preference of preferences) {
    const found = WAIT.exec(preference.trim());
    if (found) return Math.min(Number(found[1]), MAX_WAIT_SECONDS);
  }
  return 0;
}

export const PreferHeader = Type.Object({
  prefer: Type.Optional(
    Type.String({
      description:
        `\`wait=N\` (RFC 7240) waits up to N seconds, at most ${MAX_WAIT_SECONDS}, until the job, the batch or the ` +
        'squeeze has ended. If it has not ended by then, the response is the same as without `wait`.',
      examples: ['wait=30'],
    }),
  ),
});

/** How long to wait at most, and a signal that the client has disconnected. */
export interface PreferredWait {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * The wait that a client prefers, which is confirmed in a header of the response; undefined if the client states
 * none.
 */
export function preferredWait(request: FastifyRequest, reply: FastifyReply): PreferredWait | undefined {
  const seconds = preferredWaitSeconds(request.headers.prefer);
  if (seconds === 0) return undefined;
  reply.header('preference-applied', `wait=${seconds}`);
  // Only waiting remains, so the request no longer counts as in flight.
  request.inFlight?.releaseAll();
  const disconnected = new AbortController();
  onceClosed(reply, () => disconnected.abort());
  return { timeoutMs: seconds * 1000, signal: disconnected.signal };
}
