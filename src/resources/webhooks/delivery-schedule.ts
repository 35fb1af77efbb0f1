const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Pauses before the attempts of a delivery, in milliseconds: the schedule of Standard Webhooks. */
export const SCHEDULE_MS: readonly number[] = [
  0,
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];

/** Random variation, so that deliveries that failed together are not retried together. */
const JITTER = 0.1;

/** The longest wait that a receiver can ask for. */
const MAX_RETRY_AFTER_MS = 24 * HOUR;

/**
 * The pause before the next attempt, in milliseconds; undefined if there is none.
 * @param attempts the number of attempts so far
 * @param retryAfterMs the wait that the receiver asks for; it never makes the next attempt earlier
 */
export function attemptPauseMs(
  attempts: number,
  retryAfterMs: number | undefined,
  schedule: readonly number[] = SCHEDULE_MS,
  random: () => number = Math.random,
): number | undefined {
  const pauseMs = schedule[attempts];
  if (pauseMs === undefined) return undefined;
  const jittered = pauseMs * (1 + JITTER * random());
  return Math.round(Math.max(jittered, Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS)));
}

/** Parses a Retry-After header (RFC 9110 §10.2.3) to milliseconds from now; undefined if it is not valid. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * SECOND;
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}
