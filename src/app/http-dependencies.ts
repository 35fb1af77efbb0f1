import type { FastifyBaseLogger } from 'fastify';
import type { ConnectionOptions } from '../http/connections.ts';
import type { EventStreamOptions } from '../http/event-streams.ts';
import type { AuditEntry } from '../http/plugins/audit.ts';
import type { Listener } from '../metrics/connections.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { UploadLimits } from '../resources/adapters/upload/receive-adapter.ts';
import type { ConnectionParts } from '../resources/connections/service.ts';
import type { ClaimStore } from '../resources/idempotency/claim-store.ts';
import type { KeyService } from '../resources/keys/service.ts';
import type { TokenService } from '../resources/keys/token-service.ts';
import type { RateCounter } from '../resources/tenants/rate-limit.ts';
import type { TenantService } from '../resources/tenants/service.ts';
import type { UploadService } from '../resources/uploads/service.ts';
import type { WebhookParts } from '../resources/webhooks/service.ts';
import type { Workspaces } from '../resources/workspaces.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { ProcessReadiness } from './readiness.ts';

export interface HttpLimits extends UploadLimits {
  /** A request that is not an upload must be complete after this time; default 30 s. */
  readonly bodyTimeoutMs?: number;
  /** Limits of requests and uploads in flight; default: none. */
  readonly maxRequestsInFlight?: number;
  readonly maxUploadsInFlight?: number;
  /** Options that differ from those of the routes. */
  readonly eventStreams?: Partial<EventStreamOptions>;
}

export interface AuthOptions {
  /** open: no key is required. */
  readonly mode: 'open' | 'keys';
  /** `host` or `host:port`: in open mode, names of this service besides those of the loopback interface. */
  readonly allowedHosts?: readonly string[];
  /** The current key with all scopes and without a record; undefined: there is none. */
  readonly adminKey?: () => string | undefined;
  /** Tokens of an identity provider, besides keys; undefined: none are accepted. */
  readonly tokens?: TokenService | undefined;
  /** Refused keys from one address before the response is 429; default 100. */
  readonly failedKeysPerMinute?: number;
}

/** The parts that the probes and /metrics need, which are all that a worker serves. */
export interface ProbeDependencies {
  readonly readiness: Pick<ProcessReadiness, 'check'>;
  readonly metrics: Metrics;
  readonly version: string;
  readonly logger: FastifyBaseLogger | false;
  /** Default: requests are not traced. */
  readonly tracing?: Tracing;
  /** Limits of the number and the duration of connections. */
  readonly connections?: ConnectionOptions;
  /** Addresses and networks whose X-Forwarded-For is trusted. Default: none. */
  readonly trustedProxies?: readonly string[];
  /** The name of this listener in the metrics. Default: `main`. */
  readonly listener?: Listener;
  /** Default: true. */
  readonly hasMetrics?: boolean;
  /**
   * Whether the validators of requests that submit work are compiled before the service is ready. Default: at the
   * first such request.
   */
  readonly compilesAhead?: boolean;
  /** True after the first signal to stop: new work is refused, and running work may finish. */
  readonly isShuttingDown?: () => boolean;
}

export interface HttpDependencies extends ProbeDependencies {
  readonly workspaces: Workspaces;
  readonly webhooks: WebhookParts;
  /** The parts for connections to sources and sinks. */
  readonly places: ConnectionParts;
  readonly tenants: TenantService;
  /** Keys can always be managed; `auth` decides whether they are required. */
  readonly keys: KeyService;
  readonly auth: AuthOptions;
  readonly store: BlobStore;
  readonly uploads: UploadService;
  readonly limits: HttpLimits;
  readonly claims: ClaimStore;
  /** undefined: rates are not limited. */
  readonly rates?: RateCounter | undefined;
  /** The audit log; undefined: none. */
  readonly audit?: ((entry: AuditEntry) => void) | undefined;
}
