import { setTimeout as sleep } from 'node:timers/promises';
import closeWithGrace from 'close-with-grace';
import { type Config, ConfigError, computeEnvironment, loadConfig } from './config.ts';
import { AppError } from './errors.ts';
import { buildApp, buildProbeApp } from './http/app.ts';
import { createLogger, type Logger, withoutCredentials } from './log.ts';
import { Metrics } from './metrics/metrics.ts';
import { Broker } from './queue/broker.ts';
import { BrokerError } from './queue/broker-error.ts';
import type { RedisAddress } from './queue/connection.ts';
import { BullJobQueue } from './queue/producer.ts';
import { probeProvider } from './queue/provider-probe.ts';
import { JobWorker } from './queue/worker.ts';
import { redacted } from './redaction.ts';
import { AdapterService } from './service/adapter-service.ts';
import { JobService } from './service/job-service.ts';
import { JobStore } from './service/job-store.ts';
import { RunService } from './service/runs/run-service.ts';
import { openStore } from './storage/open-store.ts';
import { openTracing } from './tracing/open-tracing.ts';
import type { Tracing } from './tracing/tracing.ts';
import { PRODUCT } from './version.ts';

/** A job that Redis lost is queued again after this at most. Looking costs little: only unfinished jobs are read. */
const RECONCILE_INTERVAL_MS = 30_000;

/** After the grace: for jobs to be given back and for Redis to write its data. */
const CLOSING_MS = 30_000;

const EXIT_BAD_CONFIG = 2;

/** For the last spans to reach a collector that answers. */
const TRACES_MS = 3_000;

type Closer = (deadlineMs: number) => Promise<void>;

/** What is running, to be ended in the reverse order of its start. */
const running: Closer[] = [];
let isShuttingDown = false;

/** Ends everything that was started; what has requests or jobs to finish gets until `deadlineMs`. */
async function stop(deadlineMs: number, logger: Logger): Promise<void> {
  isShuttingDown = true;
  for (let close = running.pop(); close; close = running.pop()) {
    await close(deadlineMs).catch((error: unknown) => logger.error({ err: error }, 'closing failed'));
  }
}

async function start(config: Config, logger: Logger): Promise<void> {
  const tracing = await openTracing({
    ...config.tracing,
    version: PRODUCT.version,
    role: config.role,
    onTrouble: (message) => logger.warn({ reason: message }, 'trouble with traces'),
  });
  running.push(() => tracing.close(TRACES_MS));
  const blobs = await openStore(config);
  running.push(() => blobs.close());
  const address = await redisAddress(config, logger);
  const queue = new BullJobQueue({ address, prefix: config.queuePrefix, logger, tracing });
  running.push(() => queue.close());
  const metrics = new Metrics(PRODUCT);
  metrics.watchQueue(() => queue.counts());
  metrics.watchReadiness({ storage: () => blobs.check(), queue: () => queue.check() });
  await queue
    .check()
    .catch((error: AppError) => logger.warn({ reason: error.message }, 'the queue is not ready'));

  const adapters = new AdapterService(blobs);
  const jobs = new JobService(blobs, adapters, queue);
  const runs = new RunService(blobs, adapters, jobs);
  const probes = {
    store: blobs,
    queue,
    metrics,
    version: PRODUCT.version,
    logger,
    tracing,
    isShuttingDown: () => isShuttingDown,
  };
  const { queueBoardKey: key } = config;
  const queueBoard = key === undefined ? undefined : { key, queue: queue.bullQueue };
  const app =
    config.role === 'worker'
      ? await buildProbeApp(probes)
      : await buildApp({ ...probes, store: blobs, adapters, jobs, runs, limits: config, queueBoard });
  running.push(async (deadlineMs) => {
    const closed = app.close();
    await Promise.race([closed, sleep(Math.max(0, deadlineMs - Date.now()))]);
    app.server.closeAllConnections();
    await closed;
  });

  // Last up and first down: while it drains, the rest still answers, /readyz with 503.
  if (config.role !== 'api')
    await startWorker(config, { address, jobs: new JobStore(blobs), metrics, logger, tracing });
  if (config.role !== 'worker') keepReconciled(jobs, logger);

  await app.listen({
    host: config.host,
    port: config.port,
    listenTextResolver: (address) => `${PRODUCT.name} ${PRODUCT.version} listens on ${address}`,
  });
}

async function redisAddress(config: Config, logger: Logger): Promise<RedisAddress> {
  if (config.redisUrl !== undefined) {
    logger.info({ redis: withoutCredentials(config.redisUrl) }, 'using an external Redis');
    return { url: config.redisUrl };
  }
  const broker = await Broker.start({ ...config, logger });
  running.push(() => broker.close());
  return { socketPath: broker.socketPath };
}

async function startWorker(
  config: Config,
  {
    address,
    jobs,
    metrics,
    logger,
    tracing,
  }: { address: RedisAddress; jobs: JobStore; metrics: Metrics; logger: Logger; tracing: Tracing },
): Promise<void> {
  const computeEnv = computeEnvironment(config);
  const provider = await probeProvider(computeEnv);
  metrics.providerKnown(provider);
  logger.info({ provider }, `jobs run on ${provider.name}`);
  const worker = new JobWorker({
    address,
    prefix: config.queuePrefix,
    concurrency: config.workerConcurrency,
    jobs,
    computeEnv,
    logger,
    tracing,
    onFinished: (record, totals) => metrics.jobFinished(record, totals),
  });
  running.push((deadlineMs) => worker.close(Math.max(0, deadlineMs - Date.now())));
  worker.start();
}

/** Queues again what was lost, now and from time to time. */
function keepReconciled(jobs: JobService, logger: Logger): void {
  const reconcile = async (): Promise<void> => {
    try {
      const requeued = await jobs.reconcile();
      if (requeued.length > 0)
        logger.warn({ jobIds: requeued }, 'the queue had lost jobs; they are queued again');
    } catch (error) {
      logger.warn({ err: error }, 'lost jobs cannot be looked for');
    }
  };
  void reconcile();
  const timer = setInterval(() => void reconcile(), RECONCILE_INTERVAL_MS);
  running.push(async () => clearInterval(timer));
}

async function main(): Promise<void> {
  const config = loadConfig();
  const logger = createLogger(config.logLevel, { role: config.role });
  closeWithGrace({ delay: config.shutdownGraceMs + CLOSING_MS, logger }, async ({ signal, err }) => {
    if (err) logger.fatal({ err }, 'unforeseen error; stopping');
    else logger.info({ signal }, 'stopping');
    await stop(Date.now() + config.shutdownGraceMs, logger);
    logger.info('stopped');
  });
  try {
    await start(config, logger);
  } catch (error) {
    await stop(Date.now(), logger);
    throw error;
  }
}

/** What the person who starts the service can put right is said in a sentence, anything else with its stack. */
function reason(error: unknown): string {
  const isForeseen =
    error instanceof ConfigError ||
    error instanceof BrokerError ||
    error instanceof AppError ||
    isSystemError(error);
  return isForeseen ? error.message : String(error instanceof Error ? error.stack : error);
}

const isSystemError = (error: unknown): error is Error => error instanceof Error && 'syscall' in error;

main().catch((error: unknown) => {
  console.error(redacted(reason(error)));
  process.exit(error instanceof ConfigError ? EXIT_BAD_CONFIG : 1);
});
