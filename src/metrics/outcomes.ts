import { Counter, Histogram, type Registry } from 'prom-client';
import type { JobRecord } from '../contract/job.ts';
import { RANK_BUCKETS } from './buckets.ts';

/** What jobs came to: attempts they took, ranks and sizes of their results. */
export class OutcomeMetrics {
  private readonly attempts: Counter<'kind'>;
  private readonly targets: Counter<'kind' | 'state'>;
  private readonly failures: Counter<'kind' | 'state' | 'code'>;
  private readonly rank: Histogram<'kind'>;
  private readonly sourceBytes: Counter<'kind'>;
  private readonly resultBytes: Counter<'kind'>;

  constructor(registry: Registry) {
    const shared = { labelNames: ['kind'] as const, registers: [registry] };
    this.attempts = new Counter({
      ...shared,
      name: 'lora_squeeze_job_attempts_total',
      help: 'Attempts that finished jobs took. More than jobs: some were tried again.',
    });
    this.targets = new Counter({
      ...shared,
      labelNames: ['kind', 'state'],
      name: 'lora_squeeze_targets_total',
      help: 'Targets of finished jobs, by how each ended: succeeded or failed.',
    });
    this.failures = new Counter({
      ...shared,
      labelNames: ['kind', 'state', 'code'],
      name: 'lora_squeeze_target_failures_total',
      help:
        'Targets that failed, by error code and the state in which their job ended: partial, where others of it succeeded; ' +
        'where it is failed, lora_squeeze_job_failures_total counts the job as well.',
    });
    this.rank = new Histogram({
      ...shared,
      name: 'lora_squeeze_result_rank',
      help: 'Largest rank of a result over its modules.',
      buckets: RANK_BUCKETS,
    });
    this.sourceBytes = new Counter({
      ...shared,
      name: 'lora_squeeze_result_source_bytes_total',
      help: 'Bytes of the weights that results were made from, counted anew for every result.',
    });
    this.resultBytes = new Counter({
      ...shared,
      name: 'lora_squeeze_result_bytes_total',
      help: 'Bytes of the weights of results, including results that needed no change.',
    });
  }

  /** @param sourceBytes of all sources together; undefined where the job was not computed here */
  jobFinished({ kind, state, attempts, results }: JobRecord, sourceBytes: number | undefined): void {
    this.attempts.inc({ kind }, attempts);
    for (const result of results) {
      this.targets.inc({ kind, state: result.state });
      if (result.state === 'failed') {
        this.failures.inc({ kind, state, code: result.error.code });
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
