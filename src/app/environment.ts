import { type Static, Type } from 'typebox';
import { SECRET_VARIABLES } from './secret-variables.ts';
import { TENANT_VARIABLES } from './tenant-variables.ts';
import { TOKEN_VARIABLES } from './token-variables.ts';

const GIB = 2 ** 30;
const DAY_MS = 86_400_000;

/** More compute threads than this do not make the graphs of a LoRA module faster. */
export const MAX_DEFAULT_THREADS = 16;

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
  PROBE_PORT: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 65535,
      description:
        'A second TCP port, on the same `HOST`, for `/livez`, `/readyz` and `/metrics` only: they answer there however ' +
        'many connections `PORT` has. Set: `PORT` has no `/metrics`. Keep it inside. See ' +
        '[connections](scaling.md#connections).',
    }),
  ),
  PROBE_CIDRS: Type.Optional(
    Type.String({
      pattern: '^[0-9A-Fa-f:.]+/[0-9]{1,3}(, *[0-9A-Fa-f:.]+/[0-9]{1,3})*$',
      title: 'a list of networks such as 10.0.0.0/8 or fd00::/8, with commas between',
      description:
        'Networks that probes come from. While `PROBE_PORT` is unset, 16 connections are kept for them and for loopback ' +
        'addresses.',
    }),
  ),
  TRUSTED_PROXIES: Type.Optional(
    Type.String({
      pattern: '^[0-9A-Fa-f:.]+(/[0-9]{1,3})?( *, *[0-9A-Fa-f:.]+(/[0-9]{1,3})?)*$',
      title: 'a list of addresses or networks such as 10.0.0.0/8 or fd00::/8, with commas between',
      description:
        'Proxies in front whose `X-Forwarded-For` is believed, as addresses or networks. The address of a client, in the ' +
        '[audit log](observability.md#audit-log) and where keys that cannot be used are counted, is the last one that is ' +
        'not a proxy. Unset: it is that of the connection, and the header is ignored.',
    }),
  ),
  MAX_CONNECTIONS: Type.Optional(
    Type.Integer({
      minimum: 32,
      maximum: 1_000_000,
      description:
        'Most connections to `PORT` at a time. Unset: half of the file descriptors that the process may open, after ' +
        '256 for other purposes; at most 10,000. More than that half does not start. See ' +
        '[connections](scaling.md#connections).',
    }),
  ),
  MAX_REQUESTS_IN_FLIGHT: Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: 200,
    description:
      'Most requests that bring work (`POST`, `PUT`, `PATCH`) this process handles at a time; others get 503 at once. ' +
      'See [overload](scaling.md#overload).',
  }),
  MAX_UPLOADS_IN_FLIGHT: Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: 256,
    description: 'Most uploads that this process receives at a time; others get 503 at once.',
  }),
  MAX_QUEUE_AGE_SECONDS: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 31_536_000,
      description:
        'New jobs of a tenant are refused (429) while its oldest one that could begin has waited for longer. Unset: ' +
        'they are taken however long they will wait. See [overload](scaling.md#overload).',
    }),
  ),
  AUTH: Type.Optional(
    Type.Enum(['open', 'keys'], {
      description:
        '`keys`: the API asks for a key, see [keys](keys.md). `open`: everybody who reaches it may do everything. ' +
        'Unset: `open` where `HOST` is a loopback address and `JWT_ISSUER` is not set, else `keys`. With `keys` and none ' +
        'there, the service does not start unless it takes tokens.',
    }),
  ),
  ...SECRET_VARIABLES,
  ...TOKEN_VARIABLES,
  ...TENANT_VARIABLES,
  ALLOWED_HOSTS: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9.:_\\[\\]-]+( *, *[A-Za-z0-9.:_\\[\\]-]+)*$',
      title: 'a list of hosts or host:port, with commas between',
      description:
        'With `AUTH=open`, names this service is reached by besides `localhost` and loopback addresses, with commas ' +
        'between; with or without a port. Requests for other hosts are refused (421), so that no web page can reach ' +
        'it by a name of its own. With keys it has no effect. See [keys](keys.md#without-keys).',
    }),
  ),
  REDIS_TLS_CA_FILE: Type.Optional(
    Type.String({
      minLength: 1,
      title: 'the path of a file in PEM format',
      description:
        'Certificates of the authorities that may have signed those of Redis, with a `rediss` URL. Unset: those that ' +
        'Node.js trusts. It is read for each connection, as the next two are.',
    }),
  ),
  REDIS_TLS_CERT_FILE: Type.Optional(
    Type.String({
      minLength: 1,
      title: 'the path of a file in PEM format',
      description: 'Certificate that this process shows to Redis, where it asks for one.',
    }),
  ),
  REDIS_TLS_KEY_FILE: Type.Optional(
    Type.String({
      minLength: 1,
      title: 'the path of a file in PEM format',
      description: 'Private key of that certificate.',
    }),
  ),
  DATABASE_POOL_SIZE: Type.Integer({
    minimum: 1,
    maximum: 1_000,
    default: 10,
    description: 'Most connections of this process to PostgreSQL.',
  }),
  DATABASE_TIMEOUT_MS: Type.Integer({
    minimum: 100,
    maximum: 600_000,
    default: 5_000,
    description:
      'How long PostgreSQL may take to accept a connection, and to answer a statement. Then a request is answered with 503.',
  }),
  RESERVE_BYTES: Type.Integer({
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    default: 2 ** 26,
    description:
      'With SQLite, size of the file `reserve` in `DATA_DIR`, whose room the database gets when the disk is full, to delete ' +
      'and to end jobs in; nothing new is taken in until twice as much is free. 0: there is none. See ' +
      '[database](database.md#a-full-disk).',
  }),
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
  STORAGE_IDLE_TIMEOUT_MS: Type.Integer({
    minimum: 1_000,
    maximum: DAY_MS,
    default: 30_000,
    description:
      'How long the storage may be silent while the service waits for it. Then a request is answered with 503, or its ' +
      'connection is closed where the answer has begun. See [storage](storage.md#failures).',
  }),
  STORAGE_RETRY_SECONDS: Type.Integer({
    minimum: 0,
    maximum: 604_800,
    default: 600,
    description:
      'How long a job that the storage fails is tried again without the loss of an attempt. See ' +
      '[jobs](jobs.md#when-the-storage-fails).',
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
  COMPUTE_WARM_UP: Type.Enum(['on', 'off'], {
    default: 'on',
    description:
      'Whether compute processes are started, and squeeze a small adapter of their own, before the service says that it ' +
      'is ready. `off`: they are started by the first job, which takes about a second longer; until then 150 MB less are ' +
      'used.',
  }),
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
  UPLOAD_TTL_SECONDS: Type.Integer({
    minimum: 1,
    maximum: 3_153_600_000,
    default: 86_400,
    description:
      'How long an [upload](uploads.md) that no adapter was made of stays after its last byte came.',
  }),
  ADAPTER_TTL_SECONDS: Type.Optional(
    Type.Integer({
      minimum: 60,
      maximum: 3_153_600_000,
      description:
        'Default time to live of adapters that are created without one, uploads and results. Unset: they are kept. See ' +
        '[lifecycle](lifecycle.md).',
    }),
  ),
  JOB_TTL_SECONDS: Type.Optional(
    Type.Integer({
      minimum: 60,
      maximum: 3_153_600_000,
      description:
        'Default time to live of jobs after they end, with their reports and other files. ' +
        'Unset: they are kept. Those of annealing runs stay as long as their run.',
    }),
  ),
  EVENT_RETENTION_SECONDS: Type.Integer({
    minimum: 60,
    maximum: 31_536_000,
    default: 86_400,
    description:
      'How long [events](watching.md#events-of-all-jobs) are kept for clients that come back to their stream. Only the newest ' +
      '`EVENT_RETENTION_COUNT` of each tenant are.',
  }),
  EVENT_RETENTION_COUNT: Type.Integer({
    minimum: 100,
    maximum: 10_000_000,
    default: 50_000,
    description: 'How many events of a tenant are kept for clients that come back to their stream.',
  }),
  SWEEP_INTERVAL_SECONDS: Type.Integer({
    minimum: 1,
    maximum: 604_800,
    default: 900,
    description:
      'How often a worker removes what has expired and content that nobody refers to; one at a time in a deployment.',
  }),
  BLOB_GRACE_SECONDS: Type.Integer({
    minimum: 300,
    maximum: 31_536_000,
    default: 3_600,
    description:
      'How long content stays that nobody refers to. More than an upload takes from its last byte to its answer, and ' +
      'than clocks differ.',
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
  OUTBOUND_ALLOWED_HOSTS: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9.:_\\[\\]-]+(, *[A-Za-z0-9.:_\\[\\]-]+)*$',
      title: 'a list of hosts or host:port, with commas between',
      description:
        'Hosts that sources, results and webhooks may be at although they are not public, with commas between; with or ' +
        'without a port, over https or http. See [transfers](transfers.md).',
    }),
  ),
  HF_ENDPOINT: Type.String({
    pattern: '^https?://[^?#]+$',
    title: 'an http:// or https:// URL',
    default: 'https://huggingface.co',
    description:
      'The Hugging Face Hub that adapters come from and go to; a mirror inside has to be an allowed host.',
  }),
  LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info',
    description: 'Least severe log lines to write.',
  }),
  AUDIT_LOG: Type.Optional(
    Type.String({
      minLength: 1,
      title: 'a path, `stdout` or `off`',
      description:
        'Where it is written down who did what: a file that JSON lines are added to, `stdout` (lines with ' +
        '`"component":"audit"` in the log) or `off`. Unset: `stdout` where keys are asked for, else `off`.',
    }),
  ),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(
    Type.String({
      pattern: '^https?://.+',
      title: 'an http:// or https:// URL',
      description:
        'OpenTelemetry collector that takes OTLP over HTTP (port 4318); `/v1/traces` is added. Set: requests and ' +
        'jobs are traced, see [observability](observability.md), which names more `OTEL_*` variables.',
    }),
  ),
  OTEL_TRACES_EXPORTER: Type.Optional(
    Type.Enum(['otlp', 'none'], {
      description:
        '`otlp` traces also without an endpoint (then to `http://localhost:4318`); `none` does not trace in any case.',
    }),
  ),
  OTEL_SERVICE_NAME: Type.String({
    minLength: 1,
    default: 'lora-squeeze',
    description: 'Name of the service in traces.',
  }),
});
export type Environment = Static<typeof Environment>;
