import { join } from 'node:path';
import { Dispatcher } from '../dispatch/dispatcher.ts';
import { queueLoad } from '../dispatch/queue-load.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { Outbound } from '../net/outbound.ts';
import { BullJobQueue } from '../queue/bull-job-queue.ts';
import { BullDeliveryQueue } from '../queue/webhooks/bull-delivery-queue.ts';
import { EventTail } from '../resources/events/event-tail.ts';
import { TransferRequests } from '../resources/jobs/transfer-requests.ts';
import { KeyService } from '../resources/keys/service.ts';
import { TokenService } from '../resources/keys/token-service.ts';
import type { TokenSettings } from '../resources/keys/token-settings.ts';
import { SecretsCheck } from '../resources/secrets/secrets-check.ts';
import { TenantService } from '../resources/tenants/service.ts';
import { UploadService } from '../resources/uploads/service.ts';
import { RequestWebhooks } from '../resources/webhooks/request-webhook.ts';
import { Workspaces } from '../resources/workspaces.ts';
import { currentOrigin, originText } from '../tracing/origin.ts';
import type { Config } from './config.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Backends } from './open-backends.ts';
import { ProcessReadiness, type ReadinessOptions } from './readiness.ts';
import { createSecretBox } from './secrets-key.ts';
import { issuerHosts } from './token-variables.ts';

/** The services of a process in any role. */
export type Services = ReturnType<typeof makeServices>;

/** Creates the services over the opened backends. None of them is started. */
export function makeServices(
  config: Config,
  { database, store, redis: address, tracing, secrets }: Backends,
  metrics: Metrics,
  logger: Logger,
  lifecycle: Lifecycle,
) {
  const { hubEndpoint, hubToken, queuePrefix: prefix, defaultLimits, maxQueueAgeSeconds } = config;
  const queue = new BullJobQueue({ address, prefix, logger, tracing });
  lifecycle.add(() => queue.close());
  // There are many workers, and all of them would report the same.
  if (config.role !== 'worker') metrics.queue.watch(() => queueLoad(database));
  const readiness = new ProcessReadiness({ store, database, queue, onChange: logReadiness(logger) });
  readiness.add('database', () => database.checkFreeSpace());
  metrics.watchReadiness(() => readiness.check());

  const outbound = new Outbound(config.outbound);
  lifecycle.add(() => outbound.close());
  const box = createSecretBox(secrets);
  const transfers = new TransferRequests({ outbound, box, hubEndpoint, hubToken });
  const requestWebhooks = new RequestWebhooks({ outbound, box });
  const deliveries = new BullDeliveryQueue({ address, prefix, logger });
  lifecycle.add(() => deliveries.close());
  const dispatcher = new Dispatcher({
    database,
    queue,
    shares: defaultLimits,
    onLost: (dispatches) => {
      metrics.requeued('lost', dispatches.length);
      logger.warn({ dispatches }, 'the queue had lost executions; they are queued again');
    },
    onFailure: (error) => logger.debug({ err: error }, 'nothing can be dispatched now'),
  });
  lifecycle.add(() => dispatcher.close());

  const { observer } = metrics;
  const origin = () => originText(currentOrigin());
  const eventTail = new EventTail({ database, queue });
  const onEvents = (tenant: string): void => eventTail.notify(tenant);
  const changes = { store, database, dispatcher, deliveries, observer, origin, onEvents };
  const workspaces = new Workspaces({
    ...changes,
    ...{ queue, ttls: config, defaultLimits, maxQueueAgeSeconds, transfers, requestWebhooks, eventTail },
  });
  const keys = new KeyService(database);
  const tenants = new TenantService(database);
  const tokens = config.tokens && makeTokens(config.tokens, { outbound, tenants, logger, lifecycle });
  const secretsCheck = new SecretsCheck({ database, box });
  readiness.add('secrets', () => secretsCheck.check());
  const uploads = new UploadService({
    database,
    folder: join(config.storageDir, 'uploads'),
    maxUploadBytes: config.maxUploadBytes,
    ttlMs: config.uploadTtlMs,
  });
  lifecycle.add(async () => uploads.close());
  return {
    ...{ metrics, readiness, outbound, box, deliveries, dispatcher },
    ...{ changes, workspaces, keys, tokens, tenants, uploads },
  };
}

interface TokenParts {
  readonly outbound: Outbound;
  readonly tenants: TenantService;
  readonly logger: Logger;
  readonly lifecycle: Lifecycle;
}

/** The issuer that the operator names may be in a private network, unlike the hosts that callers name. */
function makeTokens(
  settings: TokenSettings,
  { outbound, tenants, logger, lifecycle }: TokenParts,
): TokenService {
  const inside = outbound.withAllowedHosts(issuerHosts(settings));
  lifecycle.add(() => inside.close());
  const onFailure = (error: unknown): void =>
    logger.warn({ err: error, issuer: settings.issuer }, 'the keys of the issuer of tokens cannot be read');
  return new TokenService({ settings, tenants, outbound: inside, onFailure });
}

/** Logs once when a part starts to fail and once when it works again, however often it is checked. */
const logReadiness =
  (logger: Logger): NonNullable<ReadinessOptions['onChange']> =>
  ({ part, code, detail: reason }, { isThere, isUsable }) => {
    if (!isThere) logger.info({ part, code }, 'readiness: recovered');
    else if (isUsable) logger.warn({ part, code, reason }, 'readiness: at risk');
    else logger.error({ part, code, reason }, 'readiness: cannot be used');
  };
