import type { JobEvent, JobRecord } from '../../../contract/job.ts';
import { AppError } from '../../../errors/app-error.ts';
import { sleepUntilAborted, WakeSignal } from '../../events/wake-signal.ts';
import type { JobService } from '../service.ts';
import { isFinal } from '../store.ts';
import {
  began,
  compare,
  type EventPosition,
  ended,
  formatEventId,
  isAttemptOver,
  progressed,
  requeued,
} from './event-position.ts';

/** The first reads follow quickly, because the source of hints may still be connecting. */
const FIRST_POLL_MS = 100;
/** Pauses this long however many hints there are: clients would not notice faster updates. */
const MIN_READ_INTERVAL_MS = 150;

/** Sent if nothing else has been sent for a while. */
export const HEARTBEAT = 'beat';

export interface JobWatch {
  readonly jobs: Pick<JobService, 'get' | 'watch'>;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** How long to wait without a hint until the job is read again. */
  readonly pollMs: number;
  readonly heartbeatMs: number;
  /** The longest life of the watch. */
  readonly lifeMs: number;
}

/**
 * Yields the events of a job until it has ended. The job is read when the consumer asks for more, so slow clients get
 * only the newest progress. While the database is unavailable, the generator waits.
 * @param last the position of the last event that the client has seen
 */
export async function* watchJob(
  first: JobRecord,
  last: EventPosition | undefined,
  watch: JobWatch,
): AsyncGenerator<PlacedEvent | typeof HEARTBEAT, void, undefined> {
  const { jobs, signal, heartbeatMs } = watch;
  const wakeSignal = new WakeSignal();
  const wake = (): void => wakeSignal.notify();
  const hints = jobs.watch(first.id, wake);
  signal.addEventListener('abort', wake);
  const endMs = performance.now() + watch.lifeMs;
  try {
    let known = last;
    let job: JobRecord | undefined = first;
    let sentAtMs = performance.now();
    for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(2 * pollMs, watch.pollMs)) {
      for (const placed of job ? eventsSince(job, known) : []) {
        yield placed;
        known = placed.position;
        sentAtMs = performance.now();
      }
      if (job && isFinal(job)) return;
      await hints.follow().catch(() => undefined);
      const readAtMs = performance.now();
      await wakeSignal.wait(Math.min(pollMs, sentAtMs + heartbeatMs - readAtMs));
      await sleepUntilAborted(readAtMs + MIN_READ_INTERVAL_MS - performance.now(), signal);
      if (signal.aborted || performance.now() > endMs) return;
      if (performance.now() - sentAtMs >= heartbeatMs) {
        yield HEARTBEAT;
        sentAtMs = performance.now();
      }
      const found = await readJob(jobs, first.id);
      if (found === 'gone') return;
      job = found;
    }
  } finally {
    signal.removeEventListener('abort', wake);
    hints.end();
  }
}

/** undefined if the database is unavailable. */
async function readJob(
  jobs: Pick<JobService, 'get'>,
  jobId: string,
): Promise<JobRecord | undefined | 'gone'> {
  try {
    return await jobs.get(jobId);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.code === 'JOB_NOT_FOUND' ? 'gone' : undefined;
  }
}

/** An event and its position. */
interface PlacedEvent {
  readonly position: EventPosition;
  readonly event: JobEvent;
}

/**
 * The events after a position: changes of the state, derived from the record, and the newest progress. Attempts
 * between the first and the newest one leave no events.
 * @param last undefined if the client has seen nothing
 */
function eventsSince(job: JobRecord, last: EventPosition | undefined): PlacedEvent[] {
  const { attempts, progress } = job;
  // Fewer attempts than the client has seen: the queue lost the job and counts from the beginning. The same attempt
  // more than once: an attempt that does not count started over.
  const isNewAttempt =
    last &&
    (attempts < last.attempt ||
      (job.state === 'active' && attempts === last.attempt && compare(last, requeued(attempts)) === 0));
  const known = isNewAttempt ? { ...began(attempts), step: -1 } : last;
  const isNews = (position: EventPosition): boolean => !known || compare(position, known) > 0;
  const events: PlacedEvent[] = [];
  const add = (position: EventPosition, record: JobRecord): void => {
    if (isNews(position))
      events.push({ position, event: { id: formatEventId(position), event: 'state', data: record } });
  };

  add(began(0), asQueued(job));
  if (attempts > 0) {
    add(began(attempts), asActive(job));
    const position = progressed(attempts, progress);
    if (progress.phase !== 'waiting' && isProgressNews(position, known)) {
      const data = { ...progress, attempt: attempts };
      events.push({ position, event: { id: formatEventId(position), event: 'progress', data } });
    }
  }
  if (isFinal(job)) add(ended(attempts), job);
  else if (job.state === 'queued' && attempts > 0) add(requeued(attempts), job);
  return events;
}

/** Whether progress must be sent. Within an attempt, any change is sent, because progress may start over. */
function isProgressNews(position: EventPosition, known: EventPosition | undefined): boolean {
  if (!known || position.attempt !== known.attempt) return true;
  return !isAttemptOver(known) && compare(position, known) !== 0;
}

/** The job as it was when it was accepted. */
const asQueued = (job: JobRecord): JobRecord => ({
  ...asActive(job),
  state: 'queued',
  progress: { phase: 'waiting', done: 0, total: 0, module: null },
  started_at: null,
  attempts: 0,
});

/** The job as it was before it ended. */
const asActive = (job: JobRecord): JobRecord => ({
  ...job,
  state: 'active',
  finished_at: null,
  expires_at: null,
  deliveries: [],
  results: [],
  timings: null,
  provider: null,
  error: null,
});
