import type { BatchSummary } from '../contract/batch.ts';
import type { JobRecord } from '../contract/job.ts';

/** Who is told what happens here, for metrics; nothing depends on it. */
export interface Observer {
  /** A job was the answer to a request that came later. */
  readonly onReused?: (job: JobRecord) => void;
  /** @param wasQueued it was taken out of the queue, so no worker tells of its end */
  readonly onCancelled?: (job: JobRecord, wasQueued: boolean) => void;
  /** Called once for each batch, where its last job ended. */
  readonly onBatchFinished?: (batch: BatchSummary) => void;
}
