import type { Counter, Histogram } from 'prom-client';
import type { BatchRecord } from '../contract/batch.ts';
import type { JobRecord } from '../contract/job.ts';
import { isServiceFault } from '../errors/error-kinds.ts';
import { RANK_BUCKETS } from './buckets.ts';
import type { MetricFactory } from './metric-factory.ts';

/** Who caused an error, used as a label. */
export const faultOf = (code: string): 'service' | 'caller' => (isServiceFault(code) ? 'service' : 'caller');

/** Outcomes of jobs: attempts, ranks and sizes of their results. */
export class OutcomeMetrics {
  private readonly attempts: Counter<'kind'>;
  private readonly targets: Counter<'kind' | 'state'>;
  private readonly failures: Counter<'kind' | 'state' | 'code' | 'fault'>;
  private readonly rank: Histogram<'kind'>;
  private readonly sourceBytes: Counter<'kind'>;
  private readonly resultBytes: Counter<'kind'>;

  constructor(make: MetricFactory) {
    this.attempts = make.counter(
      'job_attempts_total',
      'Attempts of finished jobs, repeated attempts included.',
      ['kind'],
    );
    this.targets = make.counter('targets_total', 'Targets of finished jobs, by state: succeeded or failed.', [
      'kind',
      'state',
    ]);
    this.failures = make.counter(
      'target_failures_total',
      'Failed targets by error code, by who is at fault (service, caller) and by the state of their job: partial if other targets succeeded, ' +
        'otherwise failed. A failed job is also counted in lora_squeeze_job_failures_total.',
      ['kind', 'state', 'code', 'fault'],
    );
    this.rank = make.histogram(
      'result_rank',
      'Largest rank among the modules of a result.',
      ['kind'],
      RANK_BUCKETS,
    );
    this.sourceBytes = make.counter(
      'result_source_bytes_total',
      'Bytes of the source weights of results, counted once for every result.',
      ['kind'],
    );
    this.resultBytes = make.counter(
      'result_bytes_total',
      'Bytes of the weights of results, including results that needed no change.',
      ['kind'],
    );
  }

  /** @param sourceBytes total size of the sources; undefined if the job was not computed by this worker */
  jobFinished({ kind, state, attempts, results }: JobRecord, sourceBytes: number | undefined): void {
    this.attempts.inc({ kind }, attempts);
    for (const result of results) {
      this.targets.inc({ kind, state: result.state });
      if (result.state === 'failed') {
        const { code } = result.error;
        this.failures.inc({ kind, state, code, fault: faultOf(code) });
        continue;
      }
      const { rank, bytes } = result;
      this.rank.observe({ kind }, rank.max);
      if (sourceBytes === undefined) continue;
      this.sourceBytes.inc({ kind }, sourceBytes);
      this.resultBytes.inc({ kind }, bytes);
    }
  }
}

/** Metrics of the adapters that jobs import and export. */
export class TransferMetrics {
  private readonly transfers: Counter<'direction' | 'kind'>;
  private readonly bytes: Counter<'direction' | 'kind'>;

  constructor(make: MetricFactory) {
    this.transfers = make.counter(
      'transfers_total',
      'Adapters that finished jobs fetched (in) and delivered (out), by kind of source or sink.',
      ['direction', 'kind'],
    );
    this.bytes = make.counter(
      'transferred_bytes_total',
      'Bytes of the files of adapters that jobs fetched (in) and delivered (out).',
      ['direction', 'kind'],
    );
  }

  jobFinished({ imported: fetched, deliveries }: JobRecord): void {
    if (fetched) this.count('in', fetched);
    for (const { state, kind, bytes } of deliveries)
      if (state === 'succeeded') this.count('out', { kind, bytes: bytes ?? 0 });
  }

  private count(direction: 'in' | 'out', { kind, bytes }: { kind: string; bytes: number }): void {
    this.transfers.inc({ direction, kind });
    this.bytes.inc({ direction, kind }, bytes);
  }
}

/** Counts reused and cancelled jobs and the outcomes of batches. */
export class ControlMetrics {
  private readonly reused: Counter<'kind'>;
  private readonly cancelled: Counter<'kind'>;
  private readonly batches: Counter<'state'>;
  private readonly batchJobs: Counter<'state'>;

  constructor(make: MetricFactory) {
    this.reused = make.counter(
      'jobs_reused_total',
      'Jobs whose work was already done or under way for another job.',
      ['kind'],
    );
    this.cancelled = make.counter(
      'jobs_cancelled_total',
      'Cancelled jobs, counted at the request to cancel.',
      ['kind'],
    );
    this.batches = make.counter(
      'batches_total',
      'Batches that ended, by outcome: succeeded, partial (some items failed), failed or cancelled.',
      ['state'],
    );
    this.batchJobs = make.counter(
      'batch_jobs_total',
      'Ended items of batches, by state. An item that could not be tried counts as failed.',
      ['state'],
    );
  }

  jobReused({ kind }: JobRecord): void {
    this.reused.inc({ kind });
  }

  jobCancelled({ kind }: JobRecord): void {
    this.cancelled.inc({ kind });
  }

  batchFinished({ state, counts }: BatchRecord): void {
    this.batches.inc({ state });
    for (const [jobState, jobs] of Object.entries(counts))
      if (jobs > 0) this.batchJobs.inc({ state: jobState }, jobs);
  }
}
