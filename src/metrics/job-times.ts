import type { Counter, Histogram } from 'prom-client';
import { type JobRecord, PHASES } from '../contract/job.ts';
import { isServiceFault } from '../errors/error-kinds.ts';
import { JOB_SECONDS_BUCKETS, WAIT_SECONDS_BUCKETS } from './buckets.ts';
import type { MetricFactory } from './metric-factory.ts';
import type { TenantLabels } from './tenants.ts';

/**
 * Upper bounds, in bytes of weights, of the size classes for which durations are promised: below the first bound is
 * small, and so on.
 */
const SIZES = [
  ['small', 2 ** 26],
  ['medium', 2 ** 30],
  ['large', Infinity],
] as const;

/** A job that ended, with facts that its record does not contain. */
export interface EndedJob {
  readonly job: JobRecord;
  readonly tenant: string;
  /** Size of the weights that were read; undefined: no work was done for the job, or it was cancelled. */
  readonly workBytes: number | undefined;
}

/**
 * How long jobs wait, how long they run and both together, each in its own metric, and how much work is done for each
 * tenant.
 */
export class JobTimes {
  private readonly tenants: TenantLabels;
  private readonly wait: Histogram<'tenant'>;
  private readonly run: Histogram<'kind'>;
  private readonly phases: Histogram<'kind' | 'phase'>;
  private readonly completion: Histogram<'size' | 'outcome'>;
  private readonly compute: Counter<'tenant'>;
  private readonly bytes: Counter<'tenant'>;

  constructor(make: MetricFactory, tenants: TenantLabels) {
    this.tenants = tenants;
    this.wait = make.histogram(
      'job_wait_seconds',
      'Seconds from the acceptance of a job to its start, by tenant.',
      ['tenant'],
      WAIT_SECONDS_BUCKETS,
    );
    this.run = make.histogram(
      'job_run_seconds',
      'Wall-clock seconds from the start of the last attempt at a job to the end of its work.',
      ['kind'],
      JOB_SECONDS_BUCKETS,
    );
    this.phases = make.histogram(
      'job_phase_seconds',
      'Mean seconds that each compute thread of a job was busy with a phase: load, gram (the Gram matrices), core (their decomposition), project (the new factors), write.',
      ['kind', 'phase'],
      JOB_SECONDS_BUCKETS,
    );
    this.completion = make.histogram(
      'job_completion_seconds',
      'Seconds from the acceptance of a job to its end, by size of the weights (small: less than 64 MiB, medium: less than 1 GiB, ' +
        'large) and outcome (done, even if the job failed because of its input; fault, if the service was at fault). Cancelled jobs, and those ' +
        'that needed no work, are left out.',
      ['size', 'outcome'],
      JOB_SECONDS_BUCKETS,
    );
    this.compute = make.counter(
      'compute_seconds_total',
      'Seconds that work occupied a slot of a worker, by tenant. The usage of a tenant reports the same by day.',
      ['tenant'],
    );
    this.bytes = make.counter(
      'adapter_bytes_total',
      'Bytes of new adapters, uploads and results, each counted in full, by tenant. The usage of a tenant reports the same by day.',
      ['tenant'],
    );
  }

  /** Observes how long a job waited, when it starts for the first time. */
  jobStarted({ created_at, started_at }: JobRecord, tenant: string): void {
    if (started_at !== null)
      this.wait.observe({ tenant: this.tenants.of(tenant) }, secondsBetween(created_at, started_at));
  }

  jobEnded({ job, workBytes }: EndedJob): void {
    const { kind, timings } = job;
    if (timings) {
      this.run.observe({ kind }, timings.total);
      for (const phase of PHASES) if (phase !== 'done') this.phases.observe({ kind, phase }, timings[phase]);
    }
    if (workBytes === undefined || job.finished_at === null || job.state === 'cancelled') return;
    const outcome = job.error && isServiceFault(job.error.code) ? 'fault' : 'done';
    const labels = { size: sizeOf(job, workBytes), outcome };
    this.completion.observe(labels, secondsBetween(job.created_at, job.finished_at));
  }

  /** Adds what is charged to a tenant. */
  used(tenant: string, { bytes, computeMs }: { readonly bytes: number; readonly computeMs: number }): void {
    const label = { tenant: this.tenants.of(tenant) };
    if (bytes > 0) this.bytes.inc(label, bytes);
    if (computeMs > 0) this.compute.inc(label, computeMs / 1000);
  }
}

const secondsBetween = (from: string, to: string): number =>
  Math.max(0, Date.parse(to) - Date.parse(from)) / 1000;

/** Transferred bytes count as well, because a job that only transfers files reads no weights. */
function sizeOf({ imported, results, deliveries }: JobRecord, workBytes: number): string {
  const resultBytes = results.reduce(
    (sum, result) => sum + (result.state === 'succeeded' ? result.bytes : 0),
    0,
  );
  const brought = deliveries.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  const bytes = Math.max(workBytes, imported?.bytes ?? 0, resultBytes, brought);
  return SIZES.find(([, limit]) => bytes < limit)![0];
}
