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
    description: 'TCP port to listen on; 0 chooses a free one, which the log names.',
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
        'A second TCP port, on the same `HOST`, for `/livez`, `/readyz` and `/metrics` only, which answer there however ' +
        'many connections `PORT` has. If it is set, `PORT` has no `/metrics`. Do not publish it. See ' +
        '[connections](scaling.md#connections).',
    }),
  ),
  PROBE_CIDRS: Type.Optional(
    Type.String({
      pattern: '^[0-9A-Fa-f:.]+/[0-9]{1,3}(, *[0-9A-Fa-f:.]+/[0-9]{1,3})*$',
      title: 'a list of networks such as 10.0.0.0/8 or fd00::/8, separated by commas',
      description:
        'Networks of probes. While `PROBE_PORT` is unset, 16 connections are reserved for them and for loopback ' +
        'addresses.',
    }),
  ),
  TRUSTED_PROXIES: Type.Optional(
    Type.String({
      pattern: '^[0-9A-Fa-f:.]+(/[0-9]{1,3})?( *, *[0-9A-Fa-f:.]+(/[0-9]{1,3})?)*$',
      title: 'a list of addresses or networks such as 10.0.0.0/8 or fd00::/8, separated by commas',
      description:
        'Proxies whose `X-Forwarded-For` is trusted, as addresses or networks. The address of a client, in the ' +
        '[audit log](observability.md#audit-log) and for counting invalid keys, is the last one that is ' +
        'not a proxy. Unset: the address is that of the connection, and the header is ignored.',
    }),
  ),
  MAX_CONNECTIONS: Type.Optional(
    Type.Integer({
      minimum: 32,
      maximum: 1_000_000,
      description:
        'Maximum number of connections to `PORT`. Unset: half of what remains of the file descriptors that the process may open after ' +
        '256 of them are reserved for other purposes, and at most 10,000. Values larger than this half are refused at startup. See ' +
        '[connections](scaling.md#connections).',
    }),
  ),
  MAX_REQUESTS_IN_FLIGHT: Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: 200,
    description:
      'Maximum number of `POST`, `PUT` and `PATCH` requests that this process handles at a time; further ones get 503 at once. ' +
      'See [overload](scaling.md#overload).',
  }),
  MAX_UPLOADS_IN_FLIGHT: Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: 256,
    description:
      'Maximum number of uploads that this process receives at a time; further ones get 503 at once.',
  }),
  MAX_QUEUE_AGE_SECONDS: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 31_536_000,
      description:
        'New jobs of a tenant are refused (429) while its oldest job that could start has waited for longer. Unset: ' +
        'jobs are accepted however long they will wait. See [overload](scaling.md#overload).',
    }),
  ),
  AUTH: Type.Optional(
    Type.Enum(['open', 'keys'], {
      description:
        '`keys`: the API requires a key, see [keys](keys.md). `open`: anyone who can reach the API may do everything. ' +
        'Unset: `open` if `HOST` is a loopback address and `JWT_ISSUER` is not set, otherwise `keys`. With `keys`, the ' +
        'service does not start without any key unless it accepts tokens.',
    }),
  ),
  ...SECRET_VARIABLES,
  ...TOKEN_VARIABLES,
  ...TENANT_VARIABLES,
  ALLOWED_HOSTS: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9.:_\\[\\]-]+( *, *[A-Za-z0-9.:_\\[\\]-]+)*$',
      title: 'a list of hosts or host:port, separated by commas',
      description:
        'With `AUTH=open`, names of this service besides `localhost` and loopback addresses, separated by commas, with ' +
        'or without a port. Requests for other hosts are refused (421), which protects against DNS rebinding. With ' +
        'keys it has no effect. See [keys](keys.md#without-keys).',
    }),
  ),
  REDIS_TLS_CA_FILE: Type.Optional(
    Type.String({
      minLength: 1,
      title: 'the path of a file in PEM format',
      description:
        'CA certificates for Redis, with a `rediss` URL. Unset: the CAs that Node.js trusts. This file and the next two ' +
        'are read for each connection.',
    }),
  ),
  REDIS_TLS_CERT_FILE: Type.Optional(
    Type.String({
      minLength: 1,
      title: 'the path of a file in PEM format',
      description: 'Client certificate, if Redis requires one.',
    }),
  ),
  REDIS_TLS_KEY_FILE: Type.Optional(
    Type.String({
      minLength: 1,
      title: 'the path of a file in PEM format',
      description: 'Private key of the client certificate.',
    }),
  ),
  DATABASE_POOL_SIZE: Type.Integer({
    minimum: 1,
    maximum: 1_000,
    default: 10,
    description: 'Maximum number of connections of this process to PostgreSQL.',
  }),
  DATABASE_TIMEOUT_MS: Type.Integer({
    minimum: 100,
    maximum: 600_000,
    default: 5_000,
    description:
      'How long PostgreSQL may take to accept a connection, and to answer a statement, before the request is answered with 503.',
  }),
  RESERVE_BYTES: Type.Integer({
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    default: 2 ** 26,
    description:
      'With SQLite, size of the file `reserve` in `DATA_DIR`, whose space the database uses on a full disk to delete ' +
      'records and to end jobs; nothing new is accepted until twice as much is free. 0: no reserve. See ' +
      '[database](database.md#a-full-disk).',
  }),
  DATA_DIR: Type.String({
    minLength: 1,
    default: './data',
    description:
      'Folder for everything that the service keeps on this machine. Only one running service process may use a folder.',
  }),
  STORAGE_URL: Type.Optional(
    Type.String({
      pattern: '^(file:|s3://).+',
      title: 'file: and a folder, or s3://bucket/prefix',
      description:
        'Where the bytes of adapters and reports are stored: `file:` and a folder (relative to `DATA_DIR`), or ' +
        '`s3://bucket/prefix`, see [storage](storage.md). Unset: `file:storage`. All processes of a deployment need ' +
        'the same one.',
    }),
  ),
  S3_FORCE_PATH_STYLE: Type.Boolean({
    default: false,
    description:
      'Puts the bucket into the path of URLs instead of the host name, for stores with a single host name. ' +
      'Endpoint, region and credentials come from the `AWS_*` variables and files of the AWS SDK.',
  }),
  S3_CACHE_BYTES: Type.Integer({
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    default: 16 * GIB,
    description:
      'With `s3:`, maximum size of local copies under `DATA_DIR` in bytes, in addition to the copies that running jobs use. The least ' +
      'recently used are removed first.',
  }),
  STORAGE_IDLE_TIMEOUT_MS: Type.Integer({
    minimum: 1_000,
    maximum: DAY_MS,
    default: 30_000,
    description:
      'How long the storage may be silent while the service waits for it. Then the request is answered with 503, or its ' +
      'connection is closed if the response has begun. See [storage](storage.md#failures).',
  }),
  STORAGE_RETRY_SECONDS: Type.Integer({
    minimum: 0,
    maximum: 604_800,
    default: 600,
    description:
      'How long a job is retried after failures of the storage without using up an attempt. See ' +
      '[jobs](jobs.md#when-the-storage-fails).',
  }),
  EXECUTION_PROVIDER: Type.Enum(['auto', 'cuda', 'cpu'], {
    default: 'auto',
    description:
      'ONNX Runtime execution provider; `auto` uses CUDA if it loads, otherwise the CPU, and logs the choice.',
  }),
  COMPUTE_THREADS: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 1024,
      description:
        `Threads of each compute process. Unset: the available cores (at most ${MAX_DEFAULT_THREADS}), divided by ` +
        '`WORKER_CONCURRENCY`.',
    }),
  ),
  COMPUTE_WARM_UP: Type.Enum(['on', 'off'], {
    default: 'on',
    description:
      '`on`: before the service is ready, compute processes are started and squeeze a small built-in adapter, ' +
      'and the checks of job requests are compiled. `off`: the first job does this, which takes about a second ' +
      'longer; until then the service uses 150 MB less.',
  }),
  CUDA_MEMORY_BYTES: Type.Integer({
    minimum: 2 ** 24,
    maximum: Number.MAX_SAFE_INTEGER,
    default: 2 * GIB,
    description:
      'GPU memory for the decompositions of one compute process, which limits how many modules the GPU processes ' +
      'at once. It has no effect on the CPU.',
  }),
  WORKER_CONCURRENCY: Type.Integer({
    minimum: 1,
    maximum: 64,
    default: 1,
    description: 'Jobs that run at the same time, each in its own compute process.',
  }),
  MAX_UPLOAD_BYTES: Type.Integer({
    minimum: 1,
    maximum: Number.MAX_SAFE_INTEGER,
    default: 8 * GIB,
    description: 'Largest accepted weights file, in bytes.',
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
      'How long an [upload](uploads.md) is kept after its last byte if no adapter is created from it.',
  }),
  ADAPTER_TTL_SECONDS: Type.Optional(
    Type.Integer({
      minimum: 60,
      maximum: 3_153_600_000,
      description:
        'Time to live of adapters (uploaded ones and results alike) that are created without one. Unset: they are kept. See ' +
        '[lifecycle](lifecycle.md).',
    }),
  ),
  JOB_TTL_SECONDS: Type.Optional(
    Type.Integer({
      minimum: 60,
      maximum: 3_153_600_000,
      description:
        'Default time to live of jobs after they end, with their reports and other files. ' +
        'Unset: they are kept. Jobs of annealing runs are kept as long as their run.',
    }),
  ),
  EVENT_RETENTION_SECONDS: Type.Integer({
    minimum: 60,
    maximum: 31_536_000,
    default: 86_400,
    description:
      'How long [events](watching.md#events-of-all-jobs) are kept for clients that resume a stream; at most the newest ' +
      '`EVENT_RETENTION_COUNT` of each tenant.',
  }),
  EVENT_RETENTION_COUNT: Type.Integer({
    minimum: 100,
    maximum: 10_000_000,
    default: 50_000,
    description: 'How many events of a tenant are kept for clients that resume a stream.',
  }),
  SWEEP_INTERVAL_SECONDS: Type.Integer({
    minimum: 1,
    maximum: 604_800,
    default: 900,
    description:
      'How often a worker removes expired records and unreferenced content; one worker at a time in a deployment.',
  }),
  BLOB_GRACE_SECONDS: Type.Integer({
    minimum: 300,
    maximum: 31_536_000,
    default: 3_600,
    description:
      'How long unreferenced content is kept. It must exceed the time from the last byte of an upload to its response, ' +
      'and the difference between clocks.',
  }),
  SHUTDOWN_GRACE_MS: Type.Integer({
    minimum: 0,
    maximum: DAY_MS,
    default: 30_000,
    description:
      'How long a process waits for running requests and jobs after SIGTERM. A job that takes longer is queued again.',
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
      title: 'a list of hosts or host:port, separated by commas',
      description:
        'Hosts that sources, sinks and webhooks may use although they are not public, separated by commas, with or ' +
        'without a port, over https or http. See [transfers](transfers.md).',
    }),
  ),
  HF_ENDPOINT: Type.String({
    pattern: '^https?://[^?#]+$',
    title: 'an http:// or https:// URL',
    default: 'https://huggingface.co',
    description:
      'The Hugging Face Hub for sources and sinks; an internal mirror must be in `OUTBOUND_ALLOWED_HOSTS`.',
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
        'Where the [audit log](observability.md#audit-log) goes: a file that JSON lines are appended to, `stdout` (lines with ' +
        '`"component":"audit"` in the log) or `off`. Unset: `stdout` if keys are required, otherwise `off`.',
    }),
  ),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(
    Type.String({
      pattern: '^https?://.+',
      title: 'an http:// or https:// URL',
      description:
        'OpenTelemetry collector that accepts OTLP over HTTP (port 4318); `/v1/traces` is added. If it is set, requests and ' +
        'jobs are traced; [observability](observability.md#traces) has more `OTEL_*` variables.',
    }),
  ),
  OTEL_TRACES_EXPORTER: Type.Optional(
    Type.Enum(['otlp', 'none'], {
      description:
        '`otlp` switches traces on without an endpoint (to `http://localhost:4318`); `none` switches them off.',
    }),
  ),
  OTEL_SERVICE_NAME: Type.String({
    minLength: 1,
    default: 'lora-squeeze',
    description: 'Name of the service in traces.',
  }),
});
export type Environment = Static<typeof Environment>;
