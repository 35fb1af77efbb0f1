import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError } from './command-error.ts';

/** A server that is starting again is there after a moment. */
const AGAIN_MS = [250, 500, 1000, 2000];
/** Where the server says how long, it is asked so often at most, and waited for so long. */
const PATIENT_TRIES = 10;
const MOST_WAIT_MS = 60_000;

/** The server said: later. */
export class ServerBusy extends CommandError {
  /** undefined: it did not say how long. */
  readonly waitMs: number | undefined;

  /** @param retryAfter the header of that name: seconds or a date; null where it lacks */
  constructor(refusal: CommandError, retryAfter: string | null) {
    super(refusal.code, refusal.message, refusal.context);
    this.waitMs = retryAfter === null ? undefined : waitMsOf(retryAfter);
  }
}

function waitMsOf(retryAfter: string): number | undefined {
  const waitMs = /^\d+$/.test(retryAfter) ? 1000 * Number(retryAfter) : Date.parse(retryAfter) - Date.now();
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(waitMs, 0), MOST_WAIT_MS);
}

/**
 * Does a request again while there is hope: a server that says how long it is busy is waited for, a connection that
 * fails is tried a few times more. What is asked for twice this way must do no harm.
 * @throws CommandError SERVER_UNREACHABLE; what the request throws; the signal's reason when it fires
 */
export async function withRetries<T>(
  server: string,
  signal: AbortSignal,
  request: () => Promise<T>,
): Promise<T> {
  let patience = 0;
  let again = 0;
  for (;;) {
    signal.throwIfAborted();
    let waitMs: number | undefined;
    try {
      return await request();
    } catch (error) {
      signal.throwIfAborted();
      if (isOfFile(error)) throw error.cause;
      const isBusy = error instanceof ServerBusy;
      if (isBusy && error.waitMs !== undefined && patience++ < PATIENT_TRIES) waitMs = error.waitMs;
      else if (isBusy || isOfConnection(error)) waitMs = AGAIN_MS[again++];
      if (waitMs === undefined) throw isOfConnection(error) ? unreachable(server, error) : error;
    }
    await sleep(waitMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** fetch tells of everything below HTTP as a TypeError with a cause. */
const isOfConnection = (error: unknown): error is TypeError =>
  error instanceof TypeError && error.cause instanceof Error;

/** A file that could not be read while it was sent. */
const isOfFile = (error: unknown): error is TypeError =>
  isOfConnection(error) && (error.cause as NodeJS.ErrnoException).path !== undefined;

function unreachable(server: string, { cause }: TypeError): CommandError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const why = message || code || 'no reason given';
  return new CommandError('SERVER_UNREACHABLE', `${server} cannot be reached: ${why}.`, {
    server,
    ...(code === undefined ? {} : { reason: code }),
  });
}
