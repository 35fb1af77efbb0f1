import { setTimeout as sleep } from 'node:timers/promises';
import type { JobRecord } from '../../contract/job.ts';
import { AppError } from '../../errors.ts';
import type { JobQueue } from '../job-queue.ts';
import type { JobService } from '../job-service.ts';
import { isFinal } from '../job-store.ts';
import { Bell } from './bell.ts';
import type { EventPosition } from './event-position.ts';
import { eventsSince, type PlacedEvent } from './events-since.ts';

/** The first looks come soon, for the source of hints may just be connecting. */
const FIRST_POLL_MS = 100;
/** However many hints there are: more is not seen by anybody. */
const MIN_LOOK_MS = 150;

/** Said when there was nothing else to say for a while. */
export const BEAT = 'beat';

export interface JobWatch {
  readonly jobs: Pick<JobService, 'get'>;
  readonly queue: Pick<JobQueue, 'watch'>;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** A job is looked at after so long without a hint. */
  readonly pollMs: number;
  readonly heartbeatMs: number;
  /** The watch ends after so long in any case. */
  readonly lifeMs: number;
}

/** What is known of a job at the beginning. `isLive` false: the queue could not be asked. */
export interface Look {
  readonly job: JobRecord;
  readonly isLive: boolean;
}

/**
 * Tells of a job until it is final. It looks when somebody takes what it has said, so that who reads slowly gets the
 * newest progress and not all of it. While queue or storage cannot be asked, it waits.
 * @param last what the client knows already
 */
export async function* watchJob(
  first: Look,
  last: EventPosition | undefined,
  watch: JobWatch,
): AsyncGenerator<PlacedEvent | typeof BEAT, void, undefined> {
  const { jobs, queue, signal, heartbeatMs } = watch;
  const bell = new Bell();
  const ring = (): void => bell.ring();
  const unwatch = queue.watch(first.job.id, ring);
  signal.addEventListener('abort', ring);
  const endMs = performance.now() + watch.lifeMs;
  try {
    let known = last;
    let look: Look | undefined = first;
    let saidAtMs = performance.now();
    for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(2 * pollMs, watch.pollMs)) {
      for (const placed of newsIn(look, known)) {
        yield placed;
        known = placed.position;
        saidAtMs = performance.now();
      }
      if (look && isFinal(look.job)) return;
      const lookedAtMs = performance.now();
      await bell.rung(Math.min(pollMs, saidAtMs + heartbeatMs - lookedAtMs));
      await pause(lookedAtMs + MIN_LOOK_MS - performance.now(), signal);
      if (signal.aborted || performance.now() > endMs) return;
      if (performance.now() - saidAtMs >= heartbeatMs) {
        yield BEAT;
        saidAtMs = performance.now();
      }
      const found = await lookAt(jobs, first.job.id);
      if (found === 'gone') return;
      look = found;
    }
  } finally {
    signal.removeEventListener('abort', ring);
    unwatch();
  }
}

/** A job that is not known live is known as it was accepted, and no more can be said of it. */
function newsIn(look: Look | undefined, known: EventPosition | undefined): PlacedEvent[] {
  if (!look || (!look.isLive && known)) return [];
  return eventsSince(look.job, known);
}

/** undefined: nothing can be known now. */
async function lookAt(jobs: Pick<JobService, 'get'>, jobId: string): Promise<Look | undefined | 'gone'> {
  try {
    return { job: await jobs.get(jobId), isLive: true };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.code === 'JOB_NOT_FOUND' ? 'gone' : undefined;
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined);
}
