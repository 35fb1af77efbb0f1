import type { JobEvent, JobRecord } from '../../../contract/job.ts';
import { isFinal } from '../store.ts';
import {
  began,
  compare,
  type EventPosition,
  ended,
  eventIdOf,
  isAttemptOver,
  progressed,
  requeued,
} from './event-position.ts';

/** An event with its place. */
export interface PlacedEvent {
  readonly position: EventPosition;
  readonly event: JobEvent;
}

/**
 * What a client does not know yet that knows of a job up to a position: the changes of its state, told from the record,
 * and the newest progress. Attempts between the first and the newest one left nothing to tell of.
 * @param last undefined: the client knows nothing
 */
export function eventsSince(job: JobRecord, last: EventPosition | undefined): PlacedEvent[] {
  const { attempts, progress } = job;
  // Fewer attempts than it was told of: the queue lost the job, and counts anew.
  // The same one more than once: an attempt that does not count was begun anew.
  const isAnew =
    last &&
    (attempts < last.attempt ||
      (job.state === 'active' && attempts === last.attempt && compare(last, requeued(attempts)) === 0));
  const known = isAnew ? { ...began(attempts), step: -1 } : last;
  const isNews = (position: EventPosition): boolean => !known || compare(position, known) > 0;
  const events: PlacedEvent[] = [];
  const tell = (position: EventPosition, record: JobRecord): void => {
    if (isNews(position))
      events.push({ position, event: { id: eventIdOf(position), event: 'state', data: record } });
  };

  tell(began(0), asQueued(job));
  if (attempts > 0) {
    tell(began(attempts), asActive(job));
    const position = progressed(attempts, progress);
    if (progress.phase !== 'waiting' && isProgressNews(position, known)) {
      const data = { ...progress, attempt: attempts };
      events.push({ position, event: { id: eventIdOf(position), event: 'progress', data } });
    }
  }
  if (isFinal(job)) tell(ended(attempts), job);
  else if (job.state === 'queued' && attempts > 0) tell(requeued(attempts), job);
  return events;
}

/** Within an attempt any other progress is news: it may begin anew. */
function isProgressNews(position: EventPosition, known: EventPosition | undefined): boolean {
  if (!known || position.attempt !== known.attempt) return true;
  return !isAttemptOver(known) && compare(position, known) !== 0;
}

/** A job as it was when it had been accepted. */
const asQueued = (job: JobRecord): JobRecord => ({
  ...asActive(job),
  state: 'queued',
  progress: { phase: 'waiting', done: 0, total: 0, module: null },
  started_at: null,
  attempts: 0,
});

/** A job as it was before it ended. */
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
