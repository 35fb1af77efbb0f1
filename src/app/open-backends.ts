import { setTimeout as sleep } from 'node:timers/promises';
import type { ObserveBackend } from '../backend-calls.ts';
import { type Database, DatabaseError } from '../database/database.ts';
import { openDatabase } from '../database/open-database.ts';
import { type Logger, withoutCredentials } from '../log.ts';
import { Broker } from '../queue/broker.ts';
import type { RedisAddress } from '../queue/redis-connection.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { guardedStore } from '../storage/guarded-store.ts';
import { openStore } from '../storage/open-store.ts';
import { openTracing, type Tracing } from '../tracing/tracing.ts';
import { PRODUCT } from '../version.ts';
import type { Config } from './config.ts';
import type { Lifecycle } from './lifecycle.ts';
import { LiveSecrets } from './live-secrets.ts';
import { urlWithLoginOf } from './secret-variables.ts';
import { ForeignStorage, StorageBinding } from './storage-binding.ts';

/** How long to wait for a database that starts at the same time, or whose first answer is slow. */
const DATABASE_PATIENCE_MS = 30_000;

/** How long to wait for a slow storage; after that, the service starts and tries again later. */
const STORAGE_PATIENCE_MS = 5_000;

/** How long to wait until the last spans have reached the collector. */
const TRACES_MS = 3_000;

/** The backends of a process in any role: database, storage, Redis, traces. */
export interface Backends {
  readonly tracing: Tracing;
  /** Not used before it is known to belong to the database. */
  readonly store: BlobStore;
  readonly binding: StorageBinding;
  readonly database: Database;
  readonly redis: RedisAddress;
  readonly secrets: LiveSecrets;
}

/**
 * Opens the backends. An unavailable backend that may come back does not prevent the start of the process, except the
 * database and a private Redis.
 * @param observe called for each call to them
 * @throws DatabaseError if storage and database do not belong together; AppError; BrokerError; ConfigError
 */
export async function openBackends(
  config: Config,
  observe: ObserveBackend,
  logger: Logger,
  lifecycle: Lifecycle,
): Promise<Backends> {
  const tracing = await openTracing({
    ...config.tracing,
    version: PRODUCT.version,
    role: config.role,
    onFailure: (message) => logger.warn({ reason: message }, 'traces cannot be sent'),
  });
  lifecycle.add(() => tracing.close(TRACES_MS));
  const secrets = new LiveSecrets({
    ...config.secrets,
    onChange: (variable) => logger.info({ variable }, 'a secret was read again from its changed file'),
    onFailure: (variable, reason) =>
      logger.warn({ variable, reason }, 'a secret keeps its previous value, because its file cannot be used'),
  });
  const stored = await openStore({ ...config, observe });
  lifecycle.add(() => stored.close());
  const database = await openDatabase({
    ...config.database,
    renewedUrl: () => urlWithLoginOf(config.database.url!, secrets.url('DATABASE_URL')),
    reserveBytes: config.reserveBytes,
    observe,
    patienceMs: DATABASE_PATIENCE_MS,
    onFailure: (error) => logger.warn({ err: error }, 'error on a connection to the database'),
  });
  lifecycle.add(() => database.close());
  const binding = new StorageBinding(stored, database);
  await refuseForeignStorage(config, binding);
  const store = guardedStore(stored, { mayRead: binding.verify, mayWrite: binding.ensureBound });
  const redis = { ...(await redisAddress(config, secrets, logger, lifecycle)), observe };
  return { tracing, store, binding, database, redis, secrets };
}

/**
 * Refuses a storage of another database. If this cannot be checked yet, the service starts, but does not use the
 * storage until it can.
 */
async function refuseForeignStorage({ s3, storageDir }: Config, binding: StorageBinding): Promise<void> {
  const outcome = binding.ensureBound().catch((error: unknown) => error);
  const error = await Promise.race([outcome, sleep(STORAGE_PATIENCE_MS, undefined, { ref: false })]);
  if (error instanceof ForeignStorage)
    throw new DatabaseError(error.operatorMessage(s3 ? `s3://${s3.bucket}/${s3.prefix}` : storageDir));
}

async function redisAddress(
  config: Config,
  secrets: LiveSecrets,
  logger: Logger,
  lifecycle: Lifecycle,
): Promise<RedisAddress> {
  if (config.redisUrl !== undefined) {
    logger.info({ redis: withoutCredentials(config.redisUrl) }, 'using an external Redis');
    return { url: config.redisUrl, renewedUrl: () => secrets.url('REDIS_URL'), tls: config.redisTls };
  }
  const broker = await Broker.start({ ...config, logger });
  lifecycle.add(() => broker.close());
  return { socketPath: broker.socketPath };
}
