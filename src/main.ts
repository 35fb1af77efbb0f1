import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import closeWithGrace from 'close-with-grace';
import { type Config, computeEnvironment, isLoopback, loadConfig } from './app/config.ts';
import { connectionCeiling } from './app/connection-ceiling.ts';
import { buildApp } from './app/http-app.ts';
import { buildProbeApp, closeApp } from './app/probe-app.ts';
import { ProcessReadiness, type ReadinessOptions } from './app/readiness.ts';
import { ownSecretsKey } from './app/secrets-key.ts';
import { ForeignStorage, StorageBond } from './app/storage-bond.ts';
import { DatabaseError } from './database/database.ts';
import { openDatabase } from './database/open-database.ts';
import { backlog } from './dispatch/backlog.ts';
import { Dispatcher } from './dispatch/dispatcher.ts';
import { AppError } from './errors/app-error.ts';
import { ConfigError } from './errors/config-error.ts';
import { PROBE_CONNECTIONS, RESERVED_CONNECTIONS } from './http/connections.ts';
import { createLogger, type Logger, openAuditLog, withoutCredentials } from './log.ts';
import { Metrics } from './metrics/metrics.ts';
import { Outbound } from './net/outbound.ts';
import { Broker } from './queue/broker.ts';
import { BrokerError } from './queue/broker-folder.ts';
import { BullJobQueue } from './queue/bull-job-queue.ts';
import { JobProcessing } from './queue/job-processing.ts';
import { Maintenance } from './queue/maintenance.ts';
import { Reconciler } from './queue/reconciler.ts';
import type { RedisAddress } from './queue/redis-connection.ts';
import { RedisRateCounter } from './queue/redis-rate-counter.ts';
import { BullDeliveryQueue } from './queue/webhooks/bull-delivery-queue.ts';
import { DeliveryWorker } from './queue/webhooks/delivery-worker.ts';
import { redacted } from './redaction.ts';
import { ClaimStore } from './resources/idempotency/claim-store.ts';
import { TransferDesk } from './resources/jobs/transfer-desk.ts';
import { KeyService } from './resources/keys/service.ts';
import { Sweeper } from './resources/sweeper.ts';
import { TenantService } from './resources/tenants/service.ts';
import { UploadService } from './resources/uploads/service.ts';
import type { AttemptResult } from './resources/webhooks/deliverer.ts';
import { SecretsCheck } from './resources/webhooks/secrets-check.ts';
import { Workspaces } from './resources/workspaces.ts';
import { guardedStore } from './storage/guarded-store.ts';
import { openStore } from './storage/open-store.ts';
import { currentOrigin, originText } from './tracing/origin.ts';
import { openTracing } from './tracing/tracing.ts';
import { SecretBox } from './transfer/secret-box.ts';
import { PRODUCT } from './version.ts';

/** After the grace: for jobs to be given back and for everything to close. */
const CLOSING_MS = 30_000;

/** Expired uploads are looked for at least so often. */
const SWEEP_INTERVAL_MS = 600_000;

/** For a database that starts at the same time, or is slow to answer the first time. */
const DATABASE_PATIENCE_MS = 30_000;

/** For a storage that is slow: the service starts without it, and asks it again. */
const STORAGE_PATIENCE_MS = 5_000;

const EXIT_BAD_CONFIG = 2;

/** For the last spans to reach a collector that answers. */
const TRACES_MS = 3_000;

type Audit = ReturnType<typeof openAuditLog>;
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

async function start(config: Config, logger: Logger, audit: Audit): Promise<void> {
  const max = connectionCeiling(config.maxConnections);
  const tracing = await openTracing({
    ...config.tracing,
    version: PRODUCT.version,
    role: config.role,
    onTrouble: (message) => logger.warn({ reason: message }, 'trouble with traces'),
  });
  running.push(() => tracing.close(TRACES_MS));
  const stored = await openStore(config);
  running.push(() => stored.close());
  const database = await openDatabase({
    ...config.database,
    reserveBytes: config.reserveBytes,
    patienceMs: DATABASE_PATIENCE_MS,
    onTrouble: (error) => logger.warn({ err: error }, 'connection to the database'),
  });
  running.push(() => database.close());
  const bond = new StorageBond(stored, database);
  await refuseForeignStorage(config, bond);
  const blobs = guardedStore(stored, { mayRead: bond.compare, mayWrite: bond.settle });
  const address = await redisAddress(config, logger);
  const queue = new BullJobQueue({ address, prefix: config.queuePrefix, logger, tracing });
  running.push(() => queue.close());
  const metrics = new Metrics(PRODUCT);
  metrics.watchQueue(() => backlog(database));
  const readiness = new ProcessReadiness({ store: blobs, database, queue, onChange: logReadiness(logger) });
  readiness.add('database', () => database.checkRoom());
  metrics.watchReadiness(() => readiness.look());

  const outbound = new Outbound(config.outbound);
  running.push(() => outbound.close());
  const { hubEndpoint, secretsKey } = config;
  const box = secretsKey && new SecretBox(secretsKey);
  const desk = new TransferDesk({ outbound, box, hubEndpoint });
  const deliveries = new BullDeliveryQueue({ address, prefix: config.queuePrefix, logger });
  running.push(() => deliveries.close());
  const dispatcher = new Dispatcher({
    database,
    queue,
    onLost: (dispatches) =>
      logger.warn({ dispatches }, 'the queue had lost executions; they are queued again'),
    onTrouble: (error) => logger.debug({ err: error }, 'nothing can be dispatched now'),
  });
  running.push(() => dispatcher.close());
  const { observer } = metrics;
  const origin = () => originText(currentOrigin());
  const changes = { store: blobs, database, dispatcher, deliveries, observer, origin };
  const workspaces = new Workspaces({ ...changes, queue, ttls: config, desk });
  const keys = new KeyService(database);
  await refuseWithoutKeys(config, keys);
  if (config.role !== 'worker' && config.auth === 'open' && !isLoopback(config.host))
    logger.warn({ host: config.host }, 'nobody is asked for a key, on an address that others may reach');
  const tenants = new TenantService(database);
  const secrets = new SecretsCheck({ database, box });
  readiness.add('secrets', () => secrets.check());
  const uploads = new UploadService({
    database,
    folder: join(config.storageDir, 'uploads'),
    maxUploadBytes: config.maxUploadBytes,
    ttlMs: config.uploadTtlMs,
  });
  running.push(async () => uploads.close());
  const probes = {
    readiness,
    metrics,
    version: PRODUCT.version,
    logger,
    tracing,
    isShuttingDown: () => isShuttingDown,
  };
  const probeApp =
    config.probePort === undefined
      ? undefined
      : await buildProbeApp({ ...probes, listener: 'probes', connections: { max: PROBE_CONNECTIONS } });
  // Closed after the traffic: until then it says that the service is stopping.
  if (probeApp) running.push((deadlineMs) => closeApp(probeApp, deadlineMs));
  const traffic = {
    ...probes,
    hasMetrics: !probeApp,
    connections: { max, reserved: probeApp ? 0 : RESERVED_CONNECTIONS, reservedNetworks: config.probeCidrs },
  };
  const app =
    config.role === 'worker'
      ? await buildProbeApp(traffic)
      : await buildApp({
          ...traffic,
          store: blobs,
          uploads,
          workspaces,
          webhooks: { outbound, box, queue: deliveries },
          tenants,
          keys,
          auth: { mode: config.auth, adminKey: config.adminKey, allowedHosts: config.allowedHosts },
          limits: config,
          claims: new ClaimStore(database),
          rates: await rateCounter(config, address, logger),
          audit,
          compilesAhead: true,
        });
  running.push((deadlineMs) => closeApp(app, deadlineMs));

  // Last up and first down: while it drains, the rest still answers, /readyz with 503.
  if (config.role !== 'api') {
    const { queuePrefix: prefix } = config;
    const onAttempt = (result: AttemptResult): void => metrics.deliveryAttempted(result);
    const sender = new DeliveryWorker({ address, prefix, database, outbound, box, logger, onAttempt });
    running.push((deadlineMs) => sender.close(Math.max(0, deadlineMs - performance.now())));
    sender.start();
    const jobs = new JobProcessing({
      ...{ ...changes, address, prefix, logger, tracing },
      mayTake: async () => {
        // Compute processes use the storage by themselves.
        await bond.settle();
        // What is left of a full disk is not for results.
        await database.checkRoom();
      },
      concurrency: config.workerConcurrency,
      computeEnv: computeEnvironment(config),
      jobTtlSeconds: config.jobTtlSeconds,
      adapterTtlSeconds: config.adapterTtlSeconds,
      storageRetryMs: config.storageRetryMs,
      onStorageTrouble: (isPaused) => metrics.workerPaused(isPaused),
      onPostponed: (error) => metrics.jobPostponed(error.code),
      onProvider: (provider) => metrics.providerKnown(provider),
    });
    running.push((deadlineMs) => jobs.close(Math.max(0, deadlineMs - performance.now())));
    await jobs.start();
    // A worker can do nothing without it; an API that also runs jobs can do all the rest.
    readiness.add('provider', () => jobs.check(), { isVital: config.role === 'worker' });
    const { sweepIntervalMs: intervalMs, blobGraceMs: graceMs } = config;
    const sweeper = new Sweeper({ workspaces, graceMs });
    const maintenance = new Maintenance({
      address,
      prefix,
      intervalMs,
      sweeper,
      metrics: metrics.sweeps,
      logger,
    });
    running.push((deadlineMs) => maintenance.close(Math.max(0, deadlineMs - performance.now())));
    maintenance.start();
  }
  if (config.role !== 'worker') {
    const reconciler = new Reconciler({ workspaces, logger });
    running.push(() => reconciler.close());
    reconciler.start();
    uploads.sweepEvery(Math.min(config.uploadTtlMs, SWEEP_INTERVAL_MS), logger);
  }

  dispatcher.start();

  // Says in the log what is missing before anybody asks. Nothing ends for it: most of it may come back.
  await readiness.look();
  // For "localhost" Fastify would open a second server, whose connections nobody counts.
  const host = config.host === 'localhost' ? '127.0.0.1' : config.host;
  const listenTextResolver = (place: string) => `${PRODUCT.name} ${PRODUCT.version} listens on ${place}`;
  await app.listen({ host, port: config.port, listenTextResolver });
  // Its /readyz says of the traffic's listener that it is ready.
  await app.prepared;
  await probeApp?.listen({
    host,
    port: config.probePort!,
    listenTextResolver: (place) => `Probes and metrics are at ${place}`,
  });
}

/** Where it cannot be known yet the service starts all the same, and nothing of the storage is used until it is. */
async function refuseForeignStorage({ s3, storageDir }: Config, bond: StorageBond): Promise<void> {
  const outcome = bond.settle().catch((error: unknown) => error);
  const error = await Promise.race([outcome, sleep(STORAGE_PATIENCE_MS, undefined, { ref: false })]);
  if (error instanceof ForeignStorage)
    throw new DatabaseError(error.told(s3 ? `s3://${s3.bucket}/${s3.prefix}` : storageDir));
}

/** A service that asks for keys and has none would answer nobody; one that asks nobody is opened on purpose only. */
async function refuseWithoutKeys(config: Config, keys: KeyService): Promise<void> {
  if (config.role === 'worker' || config.auth === 'open' || config.adminKey !== undefined) return;
  if (await keys.isAny()) return;
  throw new ConfigError(
    `HOST is ${config.host}, so callers need a key, and there is none. Make one (node dist/cli/main.js keys create ` +
      '--tenant default --scopes read,write,admin), set ADMIN_KEY, or let everybody in with AUTH=open.',
  );
}

async function rateCounter(config: Config, address: RedisAddress, logger: Logger): Promise<RedisRateCounter> {
  const rates = await RedisRateCounter.open({ address, prefix: config.queuePrefix, logger });
  running.push(async () => rates.close());
  return rates;
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

/** A line when something begins to be wrong and one when it is well again, as often as somebody looks. */
const logReadiness =
  (logger: Logger): NonNullable<ReadinessOptions['onChange']> =>
  ({ part, code, detail: reason }, { isThere, isUsable }) => {
    if (!isThere) logger.info({ part, code }, 'readiness: well again');
    else if (isUsable) logger.warn({ part, code, reason }, 'readiness: at risk');
    else logger.error({ part, code, reason }, 'readiness: cannot be used');
  };

async function main(): Promise<void> {
  const loaded = loadConfig();
  const audit = auditLog(loaded);
  const config = await withSecretsKey(loaded);
  const logger = createLogger(config.logLevel, { role: config.role });
  closeWithGrace({ delay: config.shutdownGraceMs + CLOSING_MS, logger }, async ({ signal, err }) => {
    if (err) logger.fatal({ err }, 'unforeseen error; stopping');
    else logger.info({ signal }, 'stopping');
    await stop(performance.now() + config.shutdownGraceMs, logger);
    logger.info('stopped');
  });
  try {
    await start(config, logger, audit);
  } catch (error) {
    await stop(performance.now(), logger);
    throw error;
  }
}

/** @throws ConfigError where there is no such file to be written */
function auditLog({ role, dataDir, auditLog: place }: Config): Audit {
  if (role === 'worker') return undefined;
  // It may be kept there, also from the first start on.
  mkdirSync(dataDir, { recursive: true });
  try {
    return openAuditLog(place);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(
      `AUDIT_LOG is "${place}", which cannot be written (${code}); it must be a path in a folder that is there, ` +
        '`stdout` or `off`.',
    );
  }
}

/** A service that runs alone keeps a key of its own; where several share jobs, somebody has to give them one. */
async function withSecretsKey(config: Config): Promise<Config> {
  if (config.secretsKey || config.role !== 'all' || config.redisUrl !== undefined) return config;
  return { ...config, secretsKey: await ownSecretsKey(config.dataDir) };
}

/** What the person who starts the service can put right is said in a sentence, anything else with its stack. */
function reason(error: unknown): string {
  const isForeseen =
    error instanceof ConfigError ||
    error instanceof BrokerError ||
    error instanceof DatabaseError ||
    error instanceof AppError ||
    isSystemError(error);
  return isForeseen ? error.message : String(error instanceof Error ? error.stack : error);
}

const isSystemError = (error: unknown): error is Error => error instanceof Error && 'syscall' in error;

main().catch((error: unknown) => {
  console.error(redacted(reason(error)));
  process.exit(error instanceof ConfigError ? EXIT_BAD_CONFIG : 1);
});
