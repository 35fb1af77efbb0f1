import type { Logger } from '../log.ts';
import { JobProcessing } from '../queue/job-processing.ts';
import { Maintenance } from '../queue/maintenance.ts';
import { DeliveryWorker } from '../queue/webhooks/delivery-worker.ts';
import { Sweeper } from '../resources/sweeper.ts';
import type { AttemptResult } from '../resources/webhooks/deliverer.ts';
import { computeEnvironment } from './compute-settings.ts';
import type { Config } from './config.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Backends } from './open-backends.ts';
import type { Services } from './services.ts';

/** Starts the parts of a worker: deliveries to webhooks, jobs, and sweeps of the storage. */
export async function startWorker(
  config: Config,
  { database, redis: address, binding, tracing }: Backends,
  { changes, metrics, outbound, box, readiness, workspaces }: Services,
  logger: Logger,
  lifecycle: Lifecycle,
): Promise<void> {
  const { queuePrefix: prefix } = config;
  const onAttempt = (result: AttemptResult): void => metrics.deliveryAttempted(result);
  const sender = new DeliveryWorker({ address, prefix, database, outbound, box, logger, onAttempt });
  lifecycle.add((deadlineMs) => sender.close(leftMs(deadlineMs)));
  sender.start();

  const jobs = new JobProcessing({
    ...{ ...changes, address, prefix, logger, tracing },
    mayTake: async () => {
      // Checked first, because compute processes use the storage by themselves.
      await binding.ensureBound();
      // The last room on a full disk is not for results.
      await database.checkFreeSpace();
    },
    concurrency: config.workerConcurrency,
    computeEnv: computeEnvironment(config),
    warmsUp: config.computeWarmUp,
    jobTtlSeconds: config.jobTtlSeconds,
    adapterTtlSeconds: config.adapterTtlSeconds,
    storageRetryMs: config.storageRetryMs,
    onStorageFailure: (isPaused) => metrics.workerPaused(isPaused),
    onPostponed: (error) => metrics.jobPostponed(error.code),
    onRequeued: (reason) => metrics.requeued(reason),
    onCalls: (calls) => calls.forEach(metrics.backends.observe),
    // The other work of the process continues.
    onDrained: () => {
      if (config.role === 'worker') lifecycle.requestStop();
    },
    onProvider: (provider) => metrics.providerKnown(provider),
  });
  lifecycle.add((deadlineMs) => jobs.close(leftMs(deadlineMs)));
  await jobs.start();
  metrics.resources.watchCompute(() => jobs.computeUse());
  // A worker can do nothing without a provider; an API that also runs jobs can still do everything else.
  readiness.add('provider', () => jobs.check(), { isVital: config.role === 'worker' });

  const { sweepIntervalMs: intervalMs, blobGraceMs: graceMs, eventRetention } = config;
  const sweeper = new Sweeper({ workspaces, graceMs, eventRetention });
  const { sweeps } = metrics;
  const maintenance = new Maintenance({ address, prefix, intervalMs, sweeper, metrics: sweeps, logger });
  lifecycle.add((deadlineMs) => maintenance.close(leftMs(deadlineMs)));
  maintenance.start();
}

const leftMs = (deadlineMs: number): number => Math.max(0, deadlineMs - performance.now());
