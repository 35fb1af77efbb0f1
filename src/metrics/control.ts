import { Counter, type Registry } from 'prom-client';
import type { BatchSummary } from '../contract/batch.ts';
import type { JobRecord } from '../contract/job.ts';

/** What was done with jobs besides doing them, and what batches came to. */
export class ControlMetrics {
  private readonly reused: Counter<'kind'>;
  private readonly cancelled: Counter<'kind'>;
  private readonly batches: Counter<'state'>;
  private readonly batchJobs: Counter<'state'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.reused = new Counter({
      name: 'lora_squeeze_jobs_reused_total',
      help: 'Jobs whose work was done, or under way, for another job when they came.',
      labelNames: ['kind'],
      registers,
    });
    this.cancelled = new Counter({
      name: 'lora_squeeze_jobs_cancelled_total',
      help: 'Jobs that were cancelled, counted when that was asked for.',
      labelNames: ['kind'],
      registers,
    });
    this.batches = new Counter({
      name: 'lora_squeeze_batches_total',
      help: 'Batches that ended, by outcome: succeeded, partial (some jobs failed), failed or cancelled.',
      labelNames: ['state'],
      registers,
    });
    this.batchJobs = new Counter({
      name: 'lora_squeeze_batch_jobs_total',
      help: 'Jobs of batches that ended, by state.',
      labelNames: ['state'],
      registers,
    });
  }

  jobReused({ kind }: JobRecord): void {
    this.reused.inc({ kind });
  }

  jobCancelled({ kind }: JobRecord): void {
    this.cancelled.inc({ kind });
  }

  batchFinished({ state, counts }: BatchSummary): void {
    this.batches.inc({ state });
    for (const [jobState, jobs] of Object.entries(counts))
      if (jobs > 0) this.batchJobs.inc({ state: jobState }, jobs);
  }
}
