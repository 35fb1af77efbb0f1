import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { envSchema } from 'env-schema';
import { type Static, type TSchema, Type } from 'typebox';
import { type Bucket, storagePlace } from './storage-url.ts';

const GIB = 2 ** 30;
const DAY_MS = 86_400_000;

/** More compute threads than this do not make the graphs of a LoRA module faster. */
const MAX_DEFAULT_THREADS = 16;

/** Every environment variable the service reads. docs/configuration.md is generated from this table. */
export const Environment = Type.Object({
  ROLE: Type.Enum(['all', 'api', 'worker'], {
    default: 'all',
    description:
      'What this process does: `api` answers HTTP and queues jobs, `worker` runs them, `all` does both. ' +
      'A worker answers the probes and `/metrics` only.',
  }),
  PORT: Type.Integer({
    minimum: 0,
    maximum: 65535,
    default: 8080,
    description: 'TCP port to listen on; 0 takes a free one and the log says which.',
  }),
  HOST: Type.String({
    minLength: 1,
    default: '127.0.0.1',
    description: 'Address to listen on; `0.0.0.0` or `::` for all interfaces.',
  }),
  REDIS_URL: Type.Optional(
    Type.String({
      pattern: '^rediss?(\\+(sentinel|cluster))?://.+',
      title: 'a redis://, rediss://, redis+sentinel:// or redis+cluster:// URL',
      description:
        'Redis or Valkey server, `redis://` or `rediss://` (TLS); several of them behind Sentinel or as a Cluster, ' +
        'see [scaling](scaling.md#redis). Unset: a private server is started under ' +
        '`DATA_DIR` (role `all` only). An external server needs `maxmemory-policy noeviction` and `appendonly yes`.',
    }),
  ),
  DATA_DIR: Type.String({
    minLength: 1,
    default: './data',
    description: 'Folder for everything the service keeps on this machine. One running service per folder.',
  }),
  STORAGE_URL: Type.Optional(
    Type.String({
      pattern: '^(file:|s3://).+',
      title: 'file: and a folder, or s3://bucket/prefix',
      description:
        'Where adapters, jobs and reports live: `file:` and a folder (relative ones lie under `DATA_DIR`), or ' +
        '`s3://bucket/prefix`, see [storage](storage.md). Unset: `file:storage`. All instances of a deployment need ' +
        'the same one.',
    }),
  ),
  S3_FORCE_PATH_STYLE: Type.Boolean({
    default: false,
    description:
      'Puts the bucket into the path of URLs and not into the host name, for stores that have one host name only. ' +
      'Endpoint, region and credentials come from the `AWS_*` variables and files of the AWS SDK.',
  }),
  S3_CACHE_BYTES: Type.Integer({
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    default: 16 * GIB,
    description:
      'With `s3:`, most bytes of local copies under `DATA_DIR`, besides those that running jobs use. The least ' +
      'recently used go first.',
  }),
  EXECUTION_PROVIDER: Type.Enum(['auto', 'cuda', 'cpu'], {
    default: 'auto',
    description:
      'ONNX Runtime execution provider; `auto` takes CUDA where it loads, else the CPU, and says so.',
  }),
  COMPUTE_THREADS: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 1024,
      description:
        `Threads of each compute process. Unset: the available cores (at most ${MAX_DEFAULT_THREADS}), shared ` +
        'among `WORKER_CONCURRENCY`.',
    }),
  ),
  CUDA_MEMORY_BYTES: Type.Integer({
    minimum: 2 ** 24,
    maximum: Number.MAX_SAFE_INTEGER,
    default: 2 * GIB,
    description:
      'GPU memory the decompositions of one compute process may take: it sets how many modules go through the GPU ' +
      'at once. On the CPU a stack is as large as the cache likes and this has no effect.',
  }),
  WORKER_CONCURRENCY: Type.Integer({
    minimum: 1,
    maximum: 64,
    default: 1,
    description: 'Jobs run at the same time, each in its own compute process.',
  }),
  MAX_UPLOAD_BYTES: Type.Integer({
    minimum: 1,
    maximum: Number.MAX_SAFE_INTEGER,
    default: 8 * GIB,
    description: 'Largest weights file accepted, in bytes.',
  }),
  UPLOAD_IDLE_TIMEOUT_MS: Type.Integer({
    minimum: 100,
    maximum: DAY_MS,
    default: 30_000,
    description: 'An upload that sends nothing for this long is refused.',
  }),
  SHUTDOWN_GRACE_MS: Type.Integer({
    minimum: 0,
    maximum: DAY_MS,
    default: 30_000,
    description:
      'How long SIGTERM waits for running requests and jobs. A job that takes longer goes back to the queue.',
  }),
  QUEUE_PREFIX: Type.String({
    pattern: '^[A-Za-z0-9._-]{1,64}$',
    title: '1 to 64 letters, digits, dots, underscores and hyphens',
    default: 'lora-squeeze',
    description: 'Prefix of all keys in Redis, so that several deployments can share a server.',
  }),
  LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info',
    description: 'Least severe log lines to write.',
  }),
});
type Environment = Static<typeof Environment>;

export interface S3Config extends Bucket {
  readonly forcePathStyle: boolean;
  readonly cacheBytes: number;
}

export interface Config {
  readonly role: Environment['ROLE'];
  readonly port: number;
  readonly host: string;
  /** undefined: start a private server. */
  readonly redisUrl: string | undefined;
  /** Absolute. */
  readonly dataDir: string;
  /** Absolute folder of the blob storage; with S3, of its local copies and of files on their way. */
  readonly storageDir: string;
  /** undefined: blobs are files in `storageDir`. */
  readonly s3: S3Config | undefined;
  readonly executionProvider: Environment['EXECUTION_PROVIDER'];
  readonly computeThreads: number;
  readonly cudaMemoryBytes: number;
  readonly workerConcurrency: number;
  readonly maxUploadBytes: number;
  readonly uploadIdleTimeoutMs: number;
  readonly shutdownGraceMs: number;
  readonly queuePrefix: string;
  readonly logLevel: Environment['LOG_LEVEL'];
  /** Folders where programs are looked up, as in PATH. */
  readonly searchPath: string;
}

/** A variable has a value the service cannot use. The message is one sentence for the person who set it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Reads the configuration. Variables that are empty count as unset.
 * @throws ConfigError naming the variable, its value and what is allowed
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const values = validate(env);
  if (values.ROLE !== 'all' && values.REDIS_URL === undefined) {
    throw new ConfigError(
      `REDIS_URL is not set; ROLE "${values.ROLE}" needs it, because only role "all" starts a private server.`,
    );
  }
  const dataDir = resolve(values.DATA_DIR);
  const cores = Math.min(availableParallelism(), MAX_DEFAULT_THREADS);
  return {
    role: values.ROLE,
    port: values.PORT,
    host: values.HOST,
    redisUrl: values.REDIS_URL,
    dataDir,
    ...storageOf(values, dataDir),
    executionProvider: values.EXECUTION_PROVIDER,
    computeThreads: values.COMPUTE_THREADS ?? Math.max(1, Math.floor(cores / values.WORKER_CONCURRENCY)),
    cudaMemoryBytes: values.CUDA_MEMORY_BYTES,
    workerConcurrency: values.WORKER_CONCURRENCY,
    maxUploadBytes: values.MAX_UPLOAD_BYTES,
    uploadIdleTimeoutMs: values.UPLOAD_IDLE_TIMEOUT_MS,
    shutdownGraceMs: values.SHUTDOWN_GRACE_MS,
    queuePrefix: values.QUEUE_PREFIX,
    logLevel: values.LOG_LEVEL,
    searchPath: env.PATH ?? '',
  };
}

/**
 * The environment of a compute process: ours, with what it needs of the configuration spelled out, so that its own
 * `loadConfig()` gives the same. It has no business with Redis and does not get the address, which may hold a
 * password; the keys to object storage it gets only where the blobs are there.
 */
export function computeEnvironment(config: Config, env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const { REDIS_URL: _secret, ...inherited } = env;
  if (!config.s3) {
    for (const name of Object.keys(inherited)) if (name.startsWith('AWS_')) delete inherited[name];
  }
  return {
    ...inherited,
    ROLE: 'all',
    DATA_DIR: config.dataDir,
    ...storageVariables(config),
    EXECUTION_PROVIDER: config.executionProvider,
    COMPUTE_THREADS: String(config.computeThreads),
    CUDA_MEMORY_BYTES: String(config.cudaMemoryBytes),
    WORKER_CONCURRENCY: String(config.workerConcurrency),
    LOG_LEVEL: config.logLevel,
  };
}

function storageVariables({ storageDir, s3 }: Config): NodeJS.ProcessEnv {
  if (!s3) return { STORAGE_URL: `file:${storageDir}` };
  return {
    STORAGE_URL: `s3://${s3.bucket}/${s3.prefix}`,
    S3_FORCE_PATH_STYLE: String(s3.forcePathStyle),
    S3_CACHE_BYTES: String(s3.cacheBytes),
  };
}

/** What a variable may be, as the end of "must be …". */
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
    throw new ConfigError(`${name} ${shownValue(name, env[name])}; it must be ${allowedValues(schema)}.`);
  }
}

/** A wrong URL may still hold a password, in a place that nobody can tell. */
function shownValue(name: string, value = ''): string {
  return name === 'REDIS_URL' || (name === 'STORAGE_URL' && value.includes('@'))
    ? 'has a value that cannot be used (not shown: it may hold a password)'
    : `is "${value}"`;
}

function storageOf(values: Environment, dataDir: string): Pick<Config, 'storageDir' | 's3'> {
  const url = values.STORAGE_URL ?? 'file:storage';
  const place = storagePlace(url, dataDir);
  if (typeof place === 'string')
    throw new ConfigError(`STORAGE_URL ${shownValue('STORAGE_URL', url)}; it must be ${place}.`);
  if ('folder' in place) return { storageDir: place.folder, s3: undefined };
  const { S3_FORCE_PATH_STYLE: forcePathStyle, S3_CACHE_BYTES: cacheBytes } = values;
  return { storageDir: join(dataDir, 's3'), s3: { ...place, forcePathStyle, cacheBytes } };
}
