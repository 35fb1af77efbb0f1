import { accessSync, constants } from 'node:fs';
import { isIPv4, isIPv6 } from 'node:net';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { envSchema } from 'env-schema';
import type { TSchema } from 'typebox';
import { ConfigError } from '../errors/config-error.ts';
import { parseAuthority } from '../http/authority.ts';
import type { OutboundRules } from '../net/destinations.ts';
import type { RedisTls } from '../queue/redis-connection.ts';
import type { EventRetention } from '../resources/events/sweep-events.ts';
import type { TokenSettings } from '../resources/keys/token-settings.ts';
import type { Limits } from '../resources/tenants/limits.ts';
import { Environment, MAX_DEFAULT_THREADS } from './environment.ts';
import type { LiveSecretsOptions } from './live-secrets.ts';
import { type MisspeltVariable, misspeltVariables } from './misspelt-variables.ts';
import { SECRET_NAMES, SECRET_VARIABLES, urlFromEnvironment, withSecretFiles } from './secret-variables.ts';
import { type Bucket, storagePlace } from './storage-url.ts';
import { readTokenSettings } from './token-variables.ts';

export { Environment };

export interface S3Config extends Bucket {
  readonly forcePathStyle: boolean;
  readonly cacheBytes: number;
}

export interface Config {
  readonly role: Environment['ROLE'];
  readonly port: number;
  readonly host: string;
  /** undefined: probes and metrics are served on `port`. */
  readonly probePort: number | undefined;
  /** In CIDR notation. */
  readonly probeCidrs: readonly string[];
  /** In CIDR notation, or single addresses. */
  readonly trustedProxies: readonly string[];
  /** undefined: as many as the file descriptors allow. */
  readonly maxConnections: number | undefined;
  readonly maxRequestsInFlight: number;
  readonly maxUploadsInFlight: number;
  /** undefined: jobs are accepted however long earlier ones have waited. */
  readonly maxQueueAgeSeconds: number | undefined;
  /** open: no key is required. */
  readonly auth: 'open' | 'keys';
  readonly adminKey: string | undefined;
  /** Tokens that are accepted besides keys; undefined: none. */
  readonly tokens: TokenSettings | undefined;
  /** The limits of tenants without limits of their own. */
  readonly defaultLimits: Limits;
  /** How many tenants have time series of their own in the metrics. */
  readonly metricsTenants: number;
  /** `host` or `host:port`: the names of this service, besides those of loopback, for which it answers without keys. */
  readonly allowedHosts: readonly string[];
  /** undefined: start a private server. */
  readonly redisUrl: string | undefined;
  readonly redisTls: RedisTls;
  readonly database: {
    /** undefined: an SQLite file in `dataDir`. */
    readonly url: string | undefined;
    readonly dataDir: string;
    readonly poolSize: number;
    readonly timeoutMs: number;
  };
  /** Disk space that is reserved beside the SQLite file; 0: none. */
  readonly reserveBytes: number;
  /** Absolute. */
  readonly dataDir: string;
  /** Absolute folder of the storage; with S3, of local copies and of files in transit. */
  readonly storageDir: string;
  /** undefined: blobs are files in `storageDir`. */
  readonly s3: S3Config | undefined;
  readonly storageIdleTimeoutMs: number;
  readonly storageRetryMs: number;
  readonly executionProvider: Environment['EXECUTION_PROVIDER'];
  readonly computeThreads: number;
  readonly computeWarmUp: boolean;
  readonly cudaMemoryBytes: number;
  readonly workerConcurrency: number;
  readonly maxUploadBytes: number;
  readonly uploadIdleTimeoutMs: number;
  readonly uploadTtlMs: number;
  /** undefined: adapters do not expire, and neither do jobs. */
  readonly adapterTtlSeconds: number | undefined;
  readonly jobTtlSeconds: number | undefined;
  readonly eventRetention: EventRetention;
  readonly sweepIntervalMs: number;
  readonly blobGraceMs: number;
  readonly shutdownGraceMs: number;
  readonly queuePrefix: string;
  readonly outbound: OutboundRules;
  /** The URL of the Hugging Face Hub, without a trailing slash. */
  readonly hubEndpoint: string;
  /** The token of the Hub that belongs to the service. */
  readonly hubToken: string | undefined;
  readonly logLevel: Environment['LOG_LEVEL'];
  /** A path, or `stdout`, or `off`. */
  readonly auditLog: string;
  readonly tracing: {
    /** OpenTelemetry's SDK reads the rest, such as the destination of spans, from OTEL_* variables itself. */
    readonly isOn: boolean;
    readonly serviceName: string;
  };
  /** Folders where programs are looked up, as in PATH. */
  readonly searchPath: string;
  /** Variables that were probably meant for the service. */
  readonly misspelt: readonly MisspeltVariable[];
  /** The secrets as they were given, and the files from which they are read again. */
  readonly secrets: Pick<LiveSecretsOptions, 'values' | 'files'>;
}

/**
 * Reads the configuration. Variables that are empty count as unset.
 * @throws ConfigError naming the variable, its value and what is allowed
 */
export function loadConfig(given: NodeJS.ProcessEnv = process.env): Config {
  const { env, files } = withSecretFiles(given);
  const values = validate(env);
  if (values.ROLE !== 'all' && values.REDIS_URL === undefined) {
    throw new ConfigError(
      `REDIS_URL is not set; ROLE "${values.ROLE}" needs it, because only role "all" starts a Redis server of its own.`,
    );
  }
  if (values.ROLE !== 'all' && values.DATABASE_URL === undefined) {
    throw new ConfigError(
      `DATABASE_URL is not set; ROLE "${values.ROLE}" needs it, because only role "all" can keep its records in ` +
        'an SQLite file.',
    );
  }
  const dataDir = resolve(values.DATA_DIR);
  const cores = Math.min(availableParallelism(), MAX_DEFAULT_THREADS);
  const auth = values.AUTH ?? (isLoopback(values.HOST) && !values.JWT_ISSUER ? 'open' : 'keys');
  return {
    role: values.ROLE,
    port: values.PORT,
    host: values.HOST,
    probePort: probePortOf(values),
    probeCidrs: cidrsOf('PROBE_CIDRS', values.PROBE_CIDRS),
    trustedProxies: trustedProxiesOf(values.TRUSTED_PROXIES),
    maxConnections: values.MAX_CONNECTIONS,
    maxRequestsInFlight: values.MAX_REQUESTS_IN_FLIGHT,
    maxUploadsInFlight: values.MAX_UPLOADS_IN_FLIGHT,
    maxQueueAgeSeconds: values.MAX_QUEUE_AGE_SECONDS,
    auth,
    adminKey: values.ADMIN_KEY,
    tokens: readTokenSettings(values, auth),
    defaultLimits: {
      weight: values.TENANT_WEIGHT,
      max_priority: values.TENANT_MAX_PRIORITY,
      stored_bytes: values.TENANT_STORED_BYTES ?? null,
      max_queued: values.TENANT_MAX_QUEUED ?? null,
      max_running: values.TENANT_MAX_RUNNING ?? null,
      requests_per_minute: values.TENANT_REQUESTS_PER_MINUTE ?? null,
    },
    metricsTenants: values.METRICS_TENANTS,
    allowedHosts: allowedHosts(values.ALLOWED_HOSTS),
    redisUrl: urlFromEnvironment('REDIS_URL', values),
    redisTls: redisTlsOf(values),
    database: {
      url: urlFromEnvironment('DATABASE_URL', values),
      dataDir,
      poolSize: values.DATABASE_POOL_SIZE,
      timeoutMs: values.DATABASE_TIMEOUT_MS,
    },
    reserveBytes: values.RESERVE_BYTES,
    dataDir,
    ...storageOf(values, dataDir),
    storageIdleTimeoutMs: values.STORAGE_IDLE_TIMEOUT_MS,
    storageRetryMs: values.STORAGE_RETRY_SECONDS * 1000,
    executionProvider: values.EXECUTION_PROVIDER,
    computeThreads: values.COMPUTE_THREADS ?? Math.max(1, Math.floor(cores / values.WORKER_CONCURRENCY)),
    computeWarmUp: values.COMPUTE_WARM_UP === 'on',
    cudaMemoryBytes: values.CUDA_MEMORY_BYTES,
    workerConcurrency: values.WORKER_CONCURRENCY,
    maxUploadBytes: values.MAX_UPLOAD_BYTES,
    uploadIdleTimeoutMs: values.UPLOAD_IDLE_TIMEOUT_MS,
    uploadTtlMs: values.UPLOAD_TTL_SECONDS * 1000,
    adapterTtlSeconds: values.ADAPTER_TTL_SECONDS,
    jobTtlSeconds: values.JOB_TTL_SECONDS,
    eventRetention: {
      keptMs: values.EVENT_RETENTION_SECONDS * 1000,
      maxEvents: values.EVENT_RETENTION_COUNT,
    },
    sweepIntervalMs: values.SWEEP_INTERVAL_SECONDS * 1000,
    blobGraceMs: values.BLOB_GRACE_SECONDS * 1000,
    shutdownGraceMs: values.SHUTDOWN_GRACE_MS,
    queuePrefix: values.QUEUE_PREFIX,
    outbound: { allowedHosts: values.OUTBOUND_ALLOWED_HOSTS?.split(/, */) ?? [] },
    hubEndpoint: values.HF_ENDPOINT.replace(/\/+$/, ''),
    hubToken: values.HF_TOKEN,
    logLevel: values.LOG_LEVEL,
    auditLog: values.AUDIT_LOG ?? (auth === 'keys' ? 'stdout' : 'off'),
    tracing: { isOn: isTraced(values, env), serviceName: values.OTEL_SERVICE_NAME },
    searchPath: env.PATH ?? '',
    misspelt: misspeltVariables(env),
    secrets: { values: Object.fromEntries(SECRET_NAMES.map((name) => [name, values[name]])), files },
  };
}

/**
 * The configuration for work outside any role of the service, which needs no Redis.
 * @throws ConfigError as loadConfig
 */
export const loadRolelessConfig = (env: NodeJS.ProcessEnv = process.env): Config =>
  loadConfig({ ...env, ROLE: 'all' });

/** The variables that only the command reads; docs/command.md describes them. */
export interface CliEnvironment {
  /** undefined: the command works without a server. */
  readonly serverUrl: string | undefined;
  readonly key: string | undefined;
}

export const cliEnvironment = (env: NodeJS.ProcessEnv = process.env): CliEnvironment => ({
  serverUrl: env.LORA_SQUEEZE_URL || undefined,
  key: env.LORA_SQUEEZE_KEY || undefined,
});

/** @throws ConfigError naming an entry that has no host, or whose port or IPv6 address is not valid */
function allowedHosts(list = ''): string[] {
  const entries = list.split(',').flatMap((entry) => entry.trim() || []);
  const wrong = entries.find((entry) => !parseAuthority(entry)?.host);
  if (wrong === undefined) return entries;
  throw new ConfigError(`ALLOWED_HOSTS contains "${wrong}", which is neither a host nor host:port.`);
}

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);

function probePortOf({ PORT: port, PROBE_PORT: probePort }: Environment): number | undefined {
  if (probePort === port && port !== 0)
    throw new ConfigError(`PROBE_PORT is "${probePort}", the same as PORT; it must be another port.`);
  return probePort;
}

/** @throws ConfigError naming an entry that is not a network */
function cidrsOf(name: string, list: string | undefined): readonly string[] {
  const cidrs = list?.split(/ *, */) ?? [];
  for (const cidr of cidrs) {
    const [address = '', prefix] = cidr.split('/');
    const mostBits = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1;
    // An entry without a prefix is a single address.
    if (Number(prefix ?? 0) > mostBits)
      throw new ConfigError(
        `${name} contains "${cidr}", which is not a network such as 10.0.0.0/8 or fd00::/8.`,
      );
  }
  return cidrs;
}

/** @throws ConfigError as cidrsOf, and if every address would be trusted */
function trustedProxiesOf(list: string | undefined): readonly string[] {
  const cidrs = cidrsOf('TRUSTED_PROXIES', list);
  const all = cidrs.find((cidr) => /\/0+$/.test(cidr));
  if (all === undefined) return cidrs;
  throw new ConfigError(
    `TRUSTED_PROXIES contains "${all}", which includes all addresses; specify those of your proxies, such as ` +
      '10.0.0.0/8.',
  );
}

/** @throws ConfigError naming a file that cannot be read, or a certificate or key without the other */
function redisTlsOf(values: Environment): RedisTls {
  const { REDIS_URL: url, REDIS_TLS_CERT_FILE: certFile, REDIS_TLS_KEY_FILE: keyFile } = values;
  for (const name of ['REDIS_TLS_CA_FILE', 'REDIS_TLS_CERT_FILE', 'REDIS_TLS_KEY_FILE'] as const) {
    const path = values[name];
    if (path === undefined) continue;
    if (!url?.startsWith('rediss'))
      throw new ConfigError(`${name} is set, but REDIS_URL does not begin with rediss, which selects TLS.`);
    try {
      accessSync(path, constants.R_OK);
    } catch {
      throw new ConfigError(`${name} is "${path}", which cannot be read; it must be a file in PEM format.`);
    }
  }
  if ((certFile === undefined) !== (keyFile === undefined))
    throw new ConfigError(
      'Only one of REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE is set; set both or neither.',
    );
  return { caFile: values.REDIS_TLS_CA_FILE, certFile, keyFile };
}

/** Whether traces are exported. OTEL_SDK_DISABLED is OpenTelemetry's switch for everything. */
function isTraced(values: Environment, env: NodeJS.ProcessEnv): boolean {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return false;
  const { OTEL_TRACES_EXPORTER: exporter, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } = values;
  return exporter === undefined ? endpoint !== undefined : exporter === 'otlp';
}

/** The values that a variable may have, as the end of "must be …". */
export function allowedValues(schema: TSchema): string {
  const { type, minimum, maximum, title } = schema as Record<string, unknown>;
  const choices = (schema as { enum?: readonly string[] }).enum;
  if (choices) return `one of ${choices.join(', ')}`;
  if (type === 'boolean') return 'true or false';
  if (type === 'integer') return `a whole number from ${minimum} to ${maximum}`;
  return typeof title === 'string' ? title : 'text that is not empty';
}

function validate(env: NodeJS.ProcessEnv): Environment {
  const data = Object.fromEntries(
    Object.keys(Environment.properties)
      .filter((name) => env[name])
      .map((name) => [name, env[name]]),
  );
  try {
    return envSchema<Environment>({ schema: Environment, data, env: false });
  } catch (error) {
    const [problem] = (error as { errors?: { instancePath: string }[] }).errors ?? [];
    const name = problem?.instancePath.slice(1);
    if (!name) throw error;
    const schema = Environment.properties[name as keyof Environment];
    throw new ConfigError(`${name} ${describeValue(name, env[name])}; it must be ${allowedValues(schema)}.`);
  }
}

/** An invalid URL may contain a password in any position. */
function describeValue(name: string, value = ''): string {
  const isUrl = name === 'STORAGE_URL' || name === 'OTEL_EXPORTER_OTLP_ENDPOINT';
  return name in SECRET_VARIABLES || (isUrl && value.includes('@'))
    ? 'has a value that cannot be used (not shown: it may hold a password)'
    : `is "${value}"`;
}

function storageOf(values: Environment, dataDir: string): Pick<Config, 'storageDir' | 's3'> {
  const url = values.STORAGE_URL ?? 'file:storage';
  const place = storagePlace(url, dataDir);
  if (typeof place === 'string')
    throw new ConfigError(`STORAGE_URL ${describeValue('STORAGE_URL', url)}; it must be ${place}.`);
  if ('folder' in place) return { storageDir: place.folder, s3: undefined };
  const { S3_FORCE_PATH_STYLE: forcePathStyle, S3_CACHE_BYTES: cacheBytes } = values;
  return { storageDir: join(dataDir, 's3'), s3: { ...place, forcePathStyle, cacheBytes } };
}
