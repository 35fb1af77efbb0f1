import type { BatchSummary } from '../../contract/batch.ts';
import type { JobRecord } from '../../contract/job.ts';
import type { Totals } from './executions/made.ts';

/** Who is told what happens here, for metrics; nothing depends on it. */
export interface Observer {
  /** A job was accepted whose work had been done, or was under way. */
  readonly onReused?: (job: JobRecord) => void;
  /** A job was cancelled by its owner. */
  readonly onCancelled?: (job: JobRecord) => void;
  /** Called once for each job that ended. @param totals what was moved, where it was computed for this job first */
  readonly onJobEnded?: (job: JobRecord, totals: Totals | undefined) => void;
  /** Called once for each batch, where its last job ended. */
  readonly onBatchFinished?: (batch: BatchSummary) => void;
}
