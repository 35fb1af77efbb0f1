import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import type { BatchRecord } from '../contract/batch.ts';
import type { JobRecord, ProviderInfo } from '../contract/job.ts';
import type { CheckpointRecord, RunRecord } from '../contract/run.ts';
import { BackendMetrics } from './backends.ts';
import { ENERGY_BUCKETS, ERROR_BUCKETS, HTTP_SECONDS_BUCKETS } from './buckets.ts';
import { ConnectionMetrics } from './connections.ts';
import { DeliveryMetrics, type DeliveryObservation } from './deliveries.ts';
import { ControlMetrics, faultOf, OutcomeMetrics, TransferMetrics } from './job-metrics.ts';
import { type EndedJob, JobTimes } from './job-times.ts';
import { MetricFactory } from './metric-factory.ts';
import { QueueMetrics } from './queue.ts';
import { ReadinessMetrics, type ReadinessView } from './readiness.ts';
import { ResourceMetrics } from './resources.ts';
import { SweepMetrics } from './sweeps.ts';
import { TenantLabels } from './tenants.ts';

/** The default of METRICS_TENANTS. */
const DEFAULT_TENANTS = 20;

/** What a job processed, as counted by the engine. */
export interface JobTotals {
  readonly modules: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

export interface HttpObservation {
  readonly method: string;
  /** The pattern of the route, never the URL: there must be only few label values. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

/** Why a request was refused before it reached its handler. */
type AccessRefusal =
  | 'missing'
  | 'invalid'
  | 'too_many'
  | 'scope'
  | 'tenant'
  | 'rate'
  | 'host'
  | 'origin'
  | 'in_flight'
  | 'queue_age';

/** Why an execution is queued again. */
type Requeue = 'retry' | 'storage' | 'given_back' | 'stalled' | 'lost';

/** The declaration of a metric, whether or not it has a value yet. */
export interface MetricFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** Everything that /metrics shows, in its own registry. */
export class Metrics {
  private readonly registry = new Registry();
  private readonly make = new MetricFactory(this.registry);
  private readonly outcomes = new OutcomeMetrics(this.make);
  private readonly transfers = new TransferMetrics(this.make);
  private readonly refusals = this.make.counter(
    'access_refused_total',
    'Refused requests by reason: missing (no key), invalid (an invalid key), too_many (too many invalid keys from one address), scope (the key lacks a scope), tenant (the token names no tenant), rate (a quota of requests), host (not a host of this service), origin (a web page of another site), in_flight (too many requests in flight), queue_age (jobs of the tenant have waited too long).',
    ['reason'],
  );
  private readonly deliveries = new DeliveryMetrics(this.make);
  private readonly readiness = new ReadinessMetrics(this.make);
  private readonly control = new ControlMetrics(this.make);
  /** Measured in the process that sweeps the storage. */
  readonly sweeps = new SweepMetrics(this.make);
  readonly connections = new ConnectionMetrics(this.make);
  readonly backends = new BackendMetrics(this.make);
  readonly resources = new ResourceMetrics(this.make);
  /** Measured in the process that is configured to report it, because all processes see the same queue. */
  readonly queue: QueueMetrics;
  readonly tenants: TenantLabels;
  private readonly times: JobTimes;

  private readonly jobs = this.make.counter('jobs_total', 'Jobs that reached a final state.', [
    'kind',
    'state',
    'tenant',
  ]);
  private readonly failures = this.make.counter(
    'job_failures_total',
    'Jobs that failed as a whole or were cancelled, by error code and by who is at fault: service, or caller (which includes failures of other servers).',
    ['kind', 'code', 'fault'],
  );
  private readonly modules = this.make.counter('modules_total', 'LoRA modules that jobs processed.', [
    'kind',
  ]);
  private readonly bytesRead = this.make.counter('job_read_bytes_total', 'Bytes of weights read by jobs.', [
    'kind',
  ]);
  private readonly bytesWritten = this.make.counter(
    'job_written_bytes_total',
    'Bytes of weights written by jobs.',
    ['kind'],
  );
  private readonly energy = this.make.histogram(
    'energy_retained_ratio',
    'Share of the energy (squared Frobenius norm) that a result keeps.',
    ['kind'],
    ENERGY_BUCKETS,
  );
  private readonly error = this.make.histogram(
    'relative_error_ratio',
    'Relative error (Frobenius norm) of a result, after rounding.',
    ['kind'],
    ERROR_BUCKETS,
  );
  private readonly provider = this.make.gauge('provider_info', 'The execution provider of jobs; always 1.', [
    'provider',
    'requested',
    'onnxruntime',
    'threads',
  ]);
  private readonly paused = this.make.gauge(
    'worker_paused',
    '1 while the worker takes no jobs because its storage fails, otherwise 0.',
    [],
  );
  private readonly postponed = this.make.counter(
    'job_storage_retries_total',
    'Attempts that failed because of the storage and are repeated without counting towards the limit of attempts, by error code.',
    ['code'],
  );
  private readonly requeues = this.make.counter(
    'executions_requeued_total',
    'Executions that are repeated or were queued again, by reason: retry (an attempt failed), storage (it failed because of the storage), given_back (its worker was stopped), stalled (its worker disappeared), lost (the queue had lost it).',
    ['reason'],
  );
  private readonly uploadedBytes = this.make.counter('upload_bytes_total', 'Bytes received in uploads.', []);
  private readonly uploads = this.make.counter(
    'uploads_total',
    'Uploads by outcome: created, known (the content was stored already), received (a file, or part of one, for later), unneeded (a checkpoint of which only the decision is stored), ' +
      'replayed (Idempotency-Key) or the error code.',
    ['outcome'],
  );
  private readonly runs = this.make.counter('runs_created_total', 'Annealing runs started, by mode.', [
    'mode',
  ]);
  private readonly checkpoints = this.make.counter(
    'checkpoints_total',
    'Checkpoints of annealing runs by decision; repeated ones count once.',
    ['decision'],
  );
  private readonly httpSeconds = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Seconds from a request to the end of its response.',
    labelNames: ['method', 'route', 'status'],
    buckets: HTTP_SECONDS_BUCKETS,
    registers: [this.registry],
  });

  /** @param tenants how many tenants have labels of their own */
  constructor(build: { readonly version: string }, { tenants = DEFAULT_TENANTS } = {}) {
    collectDefaultMetrics({ register: this.registry });
    this.make
      .gauge('build_info', 'The running version; always 1.', ['version', 'node'])
      .set({ version: build.version, node: process.version }, 1);
    this.tenants = new TenantLabels(tenants);
    this.queue = new QueueMetrics(this.make, this.tenants);
    this.times = new JobTimes(this.make, this.tenants);
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  /**
   * The metrics in the text exposition format. Does not fail if the queue cannot be read: its gauge is then left out.
   */
  render(): Promise<string> {
    return this.registry.metrics();
  }

  /** All metrics that can be scraped; docs/metrics.md is generated from this list. */
  families(): MetricFamily[] {
    return familiesOf(this.registry);
  }

  /** Counts a job that has reached a final state. `totals` is given if it was computed. */
  jobFinished(ended: EndedJob, totals?: JobTotals): void {
    const { job, tenant } = ended;
    const { kind, state } = job;
    this.jobs.inc({ kind, state, tenant: this.tenants.of(tenant) });
    this.times.jobEnded(ended);
    this.outcomes.jobFinished(job, totals?.bytesRead);
    this.transfers.jobFinished(job);
    if (job.error) this.failures.inc({ kind, code: job.error.code, fault: faultOf(job.error.code) });
    for (const result of job.results) {
      if (result.state === 'failed') continue;
      this.energy.observe({ kind }, result.energy_retained);
      this.error.observe({ kind }, result.relative_error);
    }
    if (!totals) return;
    this.modules.inc({ kind }, totals.modules);
    this.bytesRead.inc({ kind }, totals.bytesRead);
    this.bytesWritten.inc({ kind }, totals.bytesWritten);
  }

  /** Callbacks for the services of jobs and batches. */
  readonly observer = {
    onReused: (job: JobRecord): void => this.control.jobReused(job),
    onCancelled: (job: JobRecord): void => this.control.jobCancelled(job),
    onJobBegun: (job: JobRecord, tenant: string): void => this.times.jobStarted(job, tenant),
    onJobEnded: (ended: EndedJob, totals: JobTotals | undefined): void => this.jobFinished(ended, totals),
    onBatchFinished: (batch: BatchRecord): void => this.control.batchFinished(batch),
    onUsed: (tenant: string, use: { readonly bytes: number; readonly computeMs: number }): void =>
      this.times.used(tenant, use),
  };

  /** Counts executions that are queued again. */
  requeued(reason: Requeue, count = 1): void {
    this.requeues.inc({ reason }, count);
  }

  /** Shows whether this worker has stopped taking jobs because its storage fails. */
  workerPaused(isPaused: boolean): void {
    this.paused.set(isPaused ? 1 : 0);
  }

  /** Counts an attempt that failed because of the storage and therefore does not count as an attempt of its job. */
  jobPostponed(code: string): void {
    this.postponed.inc({ code });
  }

  /** Shows the provider on which jobs run, replacing the previous one. */
  providerKnown({ name, requested, onnxruntime, threads }: ProviderInfo): void {
    this.provider.reset();
    this.provider.set({ provider: name, requested, onnxruntime, threads: String(threads) }, 1);
  }

  /** Counts an attempt to deliver an event to a webhook. */
  deliveryAttempted(result: DeliveryObservation): void {
    this.deliveries.attempted(result);
  }

  httpObserved({ method, route, status, seconds }: HttpObservation): void {
    this.httpSeconds.observe({ method, route, status: String(status) }, seconds);
  }

  /** Counts an upload that ended; `outcome` is "created", "known", "received", "unneeded", "replayed" or a code. */
  uploadEnded(outcome: string, bytes: number): void {
    this.uploads.inc({ outcome });
    this.uploadedBytes.inc(bytes);
  }

  /** Counts a request that was refused access. */
  accessRefused(reason: AccessRefusal): void {
    this.refusals.inc({ reason });
  }

  runCreated(mode: RunRecord['mode']): void {
    this.runs.inc({ mode });
  }

  /** Counts a checkpoint that was accepted. */
  checkpointDecided(decision: CheckpointRecord['decision']): void {
    this.checkpoints.inc({ decision });
  }

  /** Sets the function from which the readiness gauges get their values, called at every scrape. */
  watchReadiness(readView: () => Promise<ReadinessView>): void {
    this.readiness.watch(readView);
  }
}

/** Every metric of a registry, in the order of its declaration. */
function familiesOf(registry: Registry): MetricFamily[] {
  return registry.getMetricsAsArray().map((metric) => {
    // prom-client stores the label names on every metric, but its types do not declare them.
    const { labelNames = [] } = metric as { labelNames?: readonly string[] };
    return { name: metric.name, type: String(metric.type), help: metric.help, labels: [...labelNames] };
  });
}
