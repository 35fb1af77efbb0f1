import type { FastifyInstance } from 'fastify';
import { ConfigError } from '../errors/config-error.ts';
import { PROBE_CONNECTIONS, RESERVED_CONNECTIONS } from '../http/connections.ts';
import { type Logger, openAuditLog } from '../log.ts';
import { Metrics } from '../metrics/metrics.ts';
import { Reconciler } from '../queue/reconciler.ts';
import { RedisRateCounter } from '../queue/redis-rate-counter.ts';
import { ClaimStore } from '../resources/idempotency/claim-store.ts';
import type { KeyService } from '../resources/keys/service.ts';
import { busiestTenants } from '../resources/tenants/usage.ts';
import { PRODUCT } from '../version.ts';
import { type Config, isLoopback } from './config.ts';
import { connectionCeiling } from './connection-ceiling.ts';
import { makeDataFolderPrivate } from './data-folder.ts';
import { buildApp } from './http-app.ts';
import { collectWhenIdle } from './idle-collection.ts';
import type { Lifecycle } from './lifecycle.ts';
import { type Backends, openBackends } from './open-backends.ts';
import { buildProbeApp, closeApp } from './probe-app.ts';
import { withSecretsKey } from './secrets-key.ts';
import { makeServices, type Services } from './services.ts';
import { startWorker } from './start-worker.ts';

/** The interval at which expired uploads are removed. */
const SWEEP_INTERVAL_MS = 600_000;

/** The audit log; undefined: it is off, or this process answers no calls. */
type AuditLog = ReturnType<typeof openAuditLog>;

/**
 * Starts everything that the role of this process requires; when it returns, requests are answered. `lifecycle`
 * contains what has been started, even if this throws.
 * @throws ConfigError, DatabaseError, BrokerError, AppError and errors of the system, for the person who starts the
 *   service
 */
export async function startService(loaded: Config, logger: Logger, lifecycle: Lifecycle): Promise<void> {
  for (const { variable, suggestion } of loaded.misspelt)
    logger.warn({ variable }, `the service has no variable with this name. Did you mean ${suggestion}?`);
  // The folder may contain the audit log, and must be private from the first start on.
  const open = await makeDataFolderPrivate(loaded.dataDir);
  if (open) logger.warn(open, 'other users of this machine may read the data folder');
  const audit = openAudit(loaded);
  const config = await withSecretsKey(loaded);
  const maxConnections = connectionCeiling(config.maxConnections);
  const metrics = new Metrics(PRODUCT, { tenants: config.metricsTenants });
  metrics.resources.watchDisk('data', config.dataDir);
  if (!config.s3) metrics.resources.watchDisk('storage', config.storageDir);
  const backends = await openBackends(config, metrics.backends.observe, logger, lifecycle);
  const services = makeServices(config, backends, metrics, logger, lifecycle);
  const { workspaces, uploads, dispatcher, readiness } = services;
  await refuseWithoutKeys(config, services.keys);
  metrics.tenants.name(await busiestTenants(backends.database, config.metricsTenants));
  if (config.role !== 'worker' && config.auth === 'open' && !isLoopback(config.host))
    logger.warn(
      { host: config.host },
      'this service requires no key, and other machines may be able to reach its address',
    );
  const listeners = await makeListeners({
    config,
    backends,
    services,
    audit,
    maxConnections,
    logger,
    lifecycle,
  });

  // Started last and stopped first: while the worker drains, the rest still answers, and /readyz answers 503.
  if (config.role !== 'api') await startWorker(config, backends, services, logger, lifecycle);
  if (config.role !== 'worker') {
    const reconciler = new Reconciler({ workspaces, logger });
    lifecycle.add(() => reconciler.close());
    reconciler.start();
    uploads.sweepEvery(Math.min(config.uploadTtlMs, SWEEP_INTERVAL_MS), logger);
  }

  dispatcher.start();

  // Logs what is missing before the first request. It does not end the process, because most of it may come back.
  await readiness.check();
  await listen(config, listeners);
  const endCollection = collectWhenIdle(logger);
  lifecycle.add(async () => endCollection());
}

/** @throws ConfigError if the file cannot be written */
function openAudit({ role, auditLog: place }: Config): AuditLog {
  if (role === 'worker') return undefined;
  try {
    return openAuditLog(place);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(
      `AUDIT_LOG is "${place}", which cannot be written (${code}); it must be a path in an existing folder, ` +
        '`stdout` or `off`.',
    );
  }
}

/** A service that requires keys and has none could answer no caller; open access must be chosen explicitly. */
async function refuseWithoutKeys(config: Config, keys: KeyService): Promise<void> {
  if (config.role === 'worker' || config.auth === 'open') return;
  if (config.adminKey !== undefined || config.tokens) return;
  if (await keys.isAny()) return;
  // The default of AUTH follows from HOST, so on a loopback address somebody has set AUTH.
  const why = isLoopback(config.host) ? 'AUTH is "keys"' : `HOST is ${config.host}, and AUTH is not "open"`;
  throw new ConfigError(
    `${why}, so callers need a key, and there is none. Create one (node dist/cli/main.js keys ` +
      'create --tenant default --scopes read,write,admin), set ADMIN_KEY or JWT_ISSUER, or allow access without ' +
      'keys with AUTH=open.',
  );
}

interface Listeners {
  /** The listener at PORT. */
  readonly traffic: FastifyInstance;
  /** The listener at PROBE_PORT; undefined: probes are served at PORT. */
  readonly probes: FastifyInstance | undefined;
}

interface ListenersOptions {
  readonly config: Config;
  readonly backends: Backends;
  readonly services: Services;
  readonly audit: AuditLog;
  readonly maxConnections: number;
  readonly logger: Logger;
  readonly lifecycle: Lifecycle;
}

/** Creates the listeners. None of them listens yet. */
async function makeListeners({
  config,
  backends,
  services,
  audit,
  maxConnections,
  logger,
  lifecycle,
}: ListenersOptions): Promise<Listeners> {
  const { database, store, tracing } = backends;
  const { metrics, readiness, outbound, box, deliveries, workspaces, keys, tokens, tenants, uploads } =
    services;
  const ofAll = {
    ...{ readiness, metrics, logger, tracing },
    version: PRODUCT.version,
    trustedProxies: config.trustedProxies,
    isShuttingDown: () => lifecycle.isStopping,
  };
  const probes =
    config.probePort === undefined
      ? undefined
      : await buildProbeApp({ ...ofAll, listener: 'probes', connections: { max: PROBE_CONNECTIONS } });
  // Closed after the traffic: until then it reports that the service is stopping.
  if (probes) lifecycle.add((deadlineMs) => closeApp(probes, deadlineMs));
  const ofTraffic = {
    ...ofAll,
    hasMetrics: !probes,
    connections: {
      max: maxConnections,
      reserved: probes ? 0 : RESERVED_CONNECTIONS,
      reservedNetworks: config.probeCidrs,
    },
  };
  const traffic =
    config.role === 'worker'
      ? await buildProbeApp(ofTraffic)
      : await buildApp({
          ...{ ...ofTraffic, store, uploads, workspaces, tenants, keys, audit },
          webhooks: { outbound, box, queue: deliveries },
          places: { outbound, box },
          auth: {
            mode: config.auth,
            adminKey: () => backends.secrets.get('ADMIN_KEY'),
            tokens,
            allowedHosts: config.allowedHosts,
          },
          limits: config,
          claims: new ClaimStore(database),
          rates: await rateCounter(config, backends, logger, lifecycle),
          compilesAhead: config.computeWarmUp,
        });
  lifecycle.add((deadlineMs) => closeApp(traffic, deadlineMs));
  return { traffic, probes };
}

async function rateCounter(
  { queuePrefix: prefix }: Config,
  { redis: address }: Backends,
  logger: Logger,
  lifecycle: Lifecycle,
): Promise<RedisRateCounter> {
  const rates = await RedisRateCounter.open({ address, prefix, logger });
  lifecycle.add(async () => rates.close());
  return rates;
}

async function listen(config: Config, { traffic, probes }: Listeners): Promise<void> {
  // For "localhost", Fastify would open a second server, whose connections would not be counted.
  const host = config.host === 'localhost' ? '127.0.0.1' : config.host;
  const listenTextResolver = (place: string) => `${PRODUCT.name} ${PRODUCT.version} listens on ${place}`;
  await traffic.listen({ host, port: config.port, listenTextResolver });
  // The /readyz of the probe port reports on the listener at PORT, so it starts after that is ready.
  await traffic.prepared;
  await probes?.listen({
    host,
    port: config.probePort!,
    listenTextResolver: (place) => `Probes and metrics are at ${place}`,
  });
}
