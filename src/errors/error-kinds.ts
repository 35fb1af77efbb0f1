import { type ErrorGroup, type ErrorKind, permanent, transient } from './error-kind.ts';

/** What is known about each failure, in one table. Responses, retries and the contract are derived from it. */
export const ERROR_KINDS = {
  // The request itself
  BAD_REQUEST: permanent(400, 'The request is malformed', { groups: ['any'] }),
  VALIDATION_FAILED: permanent(400, 'The request does not fit its schema', { groups: ['json-body'] }),
  UNKNOWN_OPTION: permanent(400, 'The request names an option that does not exist', {
    groups: ['access', 'json-body'],
  }),
  UNKNOWN_PROFILE: permanent(400, 'The target names a profile that does not exist'),
  REQUEST_JSON: permanent(400, 'The request is not valid JSON', { groups: ['json'] }),
  REQUEST_DUPLICATE_KEY: permanent(400, 'A key appears twice in the JSON of the request', {
    groups: ['json'],
  }),
  REQUEST_FORBIDDEN_KEY: permanent(400, 'The JSON of the request has a forbidden key', {
    groups: ['json'],
  }),
  REQUEST_TOO_DEEP: permanent(400, 'The JSON of the request is nested too deeply', {
    groups: ['json'],
  }),
  REQUEST_NUMBER: permanent(400, 'The JSON of the request has a number that cannot be represented exactly', {
    groups: ['json'],
  }),
  NOT_FOUND: permanent(404, 'There is nothing at this address'),
  METHOD_NOT_ALLOWED: permanent(405, 'The method is not allowed here'),
  ADAPTER_EXPIRED: permanent(410, 'The adapter has expired'),
  ADAPTER_NOT_FOUND: permanent(404, 'No adapter has this id'),
  JOB_NOT_FOUND: permanent(404, 'No job has this id'),
  BATCH_NOT_FOUND: permanent(404, 'No batch has this id'),
  TENANT_NOT_FOUND: permanent(404, 'No tenant has this id', { groups: ['of-tenant'] }),
  TENANT_NOT_DELETABLE: permanent(409, 'The default tenant cannot be deleted'),
  TENANT_DELETING: permanent(409, 'The tenant is being deleted'),
  WORKER_NOT_FOUND: permanent(404, 'No worker has this id'),
  KEY_NOT_FOUND: permanent(404, 'No key has this id'),
  WEBHOOK_NOT_FOUND: permanent(404, 'No webhook has this id'),
  DELIVERY_NOT_FOUND: permanent(404, 'The webhook has no delivery with this id'),
  WEBHOOK_DISABLED: permanent(409, 'The webhook is disabled'),
  FILE_NOT_FOUND: permanent(404, 'No file has this name'),
  REPORT_NOT_READY: permanent(409, 'There is no report'),
  ADAPTER_IN_USE: permanent(409, 'An unfinished job reads the adapter'),
  RUN_IN_USE: permanent(409, 'A checkpoint of the run is being squeezed'),
  JOB_FINAL: permanent(409, 'The job has already ended'),
  JOB_NOT_FINAL: permanent(409, 'The job has not ended yet'),
  JOB_SUCCEEDED: permanent(409, 'The job succeeded, so there is nothing to retry'),
  DELIVERIES_SUCCEEDED: permanent(409, 'No delivery of the job failed, so there is nothing to send again'),
  JOB_OF_RUN: permanent(409, 'The job belongs to an annealing run'),
  BATCH_INVALID: permanent(422, 'The batch is not valid'),
  BATCH_EMPTY: permanent(422, 'The batch has no items'),
  NO_ADAPTERS_FOUND: permanent(422, 'There is no adapter below the prefix'),
  TOO_MANY_ADAPTERS: permanent(422, 'There are more adapters below the prefix than a batch can hold'),
  SOURCE_UNAVAILABLE: transient(
    424,
    'The prefix cannot be listed, because its server failed or cannot be reached',
    {
      retryAfterSeconds: 5,
    },
  ),
  BATCH_FINAL: permanent(409, 'The batch has already ended'),
  BATCH_NOT_FINAL: permanent(409, 'The batch has not ended yet'),
  BATCH_SUCCEEDED: permanent(409, 'Every item of the batch succeeded, so there is nothing to retry'),
  RANGE_NOT_SATISFIABLE: permanent(416, 'The range lies outside the file'),
  UNSUPPORTED_MEDIA_TYPE: permanent(415, 'The content type is not accepted here', {
    groups: ['json-body', 'bodiless', 'upload', 'content'],
    framework: ['FST_ERR_CTP_INVALID_MEDIA_TYPE', 'FST_INVALID_MULTIPART_CONTENT_TYPE'],
  }),
  UNSUPPORTED_CONTENT_ENCODING: permanent(415, 'Compressed request bodies are not accepted', {
    groups: ['json-body', 'upload', 'content'],
  }),
  EXPECTATION_FAILED: permanent(417, 'The expectation in the Expect header cannot be met'),
  HOST_NOT_ALLOWED: permanent(421, 'The requested host does not belong to this service'),
  CROSS_ORIGIN_REQUEST: permanent(403, 'The request comes from a page of another site'),
  HEADERS_TOO_LARGE: permanent(431, 'The request headers are too large'),
  REQUEST_TIMEOUT: transient(408, 'The request did not arrive in time', { groups: ['any'] }),
  TOO_MANY_CONNECTIONS: transient(503, 'All connections are in use', { groups: ['any'] }),
  SERVICE_OVERLOADED: transient(503, 'Too many requests are in flight', { retryAfterSeconds: 1 }),

  // Who asks, and how much
  KEY_MISSING: permanent(401, 'A key is required', { groups: ['access'] }),
  KEY_INVALID: permanent(401, 'The key cannot be used', { groups: ['access'] }),
  TOKEN_INVALID: permanent(401, 'The token of the identity provider cannot be used', { groups: ['access'] }),
  TOKEN_TENANT_UNKNOWN: permanent(403, 'The token names no tenant of this service', { groups: ['access'] }),
  IDENTITY_PROVIDER_UNAVAILABLE: transient(503, 'The identity provider cannot be reached', {
    groups: ['access'],
    retryAfterSeconds: 5,
  }),
  KEY_GRANT_REFUSED: permanent(403, 'The key would have more rights than its creator may grant'),
  PRIORITY_TOO_HIGH: permanent(403, 'The priority is higher than the tenant or the key allows'),
  SCOPE_MISSING: permanent(403, 'The key does not allow this', { groups: ['access'] }),
  ADMINISTRATION_CLOSED: permanent(
    403,
    'Keys and tenants cannot be managed over REST without authentication',
  ),
  TENANT_SUSPENDED: permanent(403, 'The tenant is suspended', { groups: ['of-tenant-write'] }),
  RATE_LIMITED: transient(429, 'Too many requests', { groups: ['access'] }),
  // A removal makes room at any moment; otherwise the next sweep does, by default within this time.
  QUOTA_STORED_BYTES: permanent(429, 'The quota of stored bytes is used up', {
    groups: ['upload'],
    retryAfterSeconds: 900,
  }),
  QUOTA_TOO_SMALL: permanent(422, 'The request alone exceeds a quota of the tenant', { groups: ['access'] }),
  QUOTA_WEBHOOKS: permanent(429, 'The tenant has the maximum number of webhooks'),
  TOO_MANY_STREAMS: transient(429, 'Too many streams of events are open', { retryAfterSeconds: 10 }),
  QUOTA_QUEUED_JOBS: transient(429, 'The tenant has the maximum number of unfinished jobs', {
    retryAfterSeconds: 5,
  }),
  QUEUE_TOO_OLD: transient(429, 'The jobs of the tenant have waited too long', {
    retryAfterSeconds: 5,
  }),
  IDEMPOTENCY_KEY_INVALID: permanent(400, 'The Idempotency-Key cannot be used', { groups: ['idempotency'] }),
  IDEMPOTENCY_IN_FLIGHT: transient(
    409,
    'The first request with this Idempotency-Key is still being handled',
    { groups: ['idempotency'], retryAfterSeconds: 1 },
  ),
  IDEMPOTENCY_MISMATCH: permanent(422, 'The Idempotency-Key belongs to another request', {
    groups: ['idempotency'],
  }),

  // The multipart body
  MULTIPART_MALFORMED: permanent(400, 'The multipart body is malformed', { groups: ['upload'] }),
  UPLOAD_ABORTED: permanent(400, 'The upload ended early', {
    groups: ['upload', 'content'],
    framework: ['FST_MP_PREMATURE_CLOSE'],
  }),
  DUPLICATE_PART: permanent(400, 'A part with this name was sent twice', { groups: ['upload'] }),
  UNEXPECTED_PART: permanent(400, 'A part with this name is not expected', {
    groups: ['upload'],
    framework: ['FST_PROTO_VIOLATION'],
  }),
  FILE_MISSING: permanent(422, 'A required file is missing', { groups: ['upload'] }),
  SHARDS_MISMATCH: permanent(422, 'The shards of the weights do not belong together', {
    groups: ['upload'],
  }),
  UPLOAD_TOO_LARGE: permanent(413, 'The upload exceeds the size limit', {
    groups: ['json-body', 'bodiless', 'upload', 'content'],
    framework: ['FST_ERR_CTP_BODY_TOO_LARGE', 'FST_REQ_FILE_TOO_LARGE'],
  }),
  FIELD_TOO_LARGE: permanent(413, 'A form field exceeds the size limit', { groups: ['upload'] }),
  TOO_MANY_PARTS: permanent(413, 'The multipart body has too many parts', {
    groups: ['upload'],
    framework: ['FST_PARTS_LIMIT', 'FST_FILES_LIMIT'],
  }),
  UPLOAD_TOO_SLOW: permanent(408, 'The upload stalled', { groups: ['upload', 'content'] }),
  DIGEST_INVALID: permanent(400, 'A digest in the request headers cannot be read', {
    groups: ['json-body', 'upload', 'content'],
  }),
  DIGEST_MISMATCH: permanent(400, 'The body does not match its digest', {
    groups: ['json-body', 'upload', 'content'],
  }),

  // Uploads that are kept until an adapter is made of them
  UPLOAD_NOT_FOUND: permanent(404, 'No upload has this id', { groups: ['use-uploads'] }),
  UPLOAD_EXPIRED: permanent(410, 'The upload has expired', { groups: ['use-uploads'] }),
  UPLOAD_FILENAME: permanent(422, 'The upload does not have the required file name', {
    groups: ['use-uploads'],
  }),
  UPLOAD_HEADER: permanent(400, 'A header of the upload protocol cannot be used'),
  UPLOAD_VERSION: permanent(412, 'The version of the upload protocol is not supported'),
  UPLOAD_OFFSET: permanent(409, 'The upload does not continue at this offset'),
  UPLOAD_INCOMPLETE: permanent(409, 'The upload is not complete', { groups: ['use-uploads'] }),
  UPLOAD_LOCKED: transient(423, 'Another request is using the upload', { groups: ['use-uploads'] }),
  QUOTA_UPLOADS: permanent(429, 'The quota of unused uploads is used up', {
    retryAfterSeconds: 600,
  }),

  // The kind of file
  PICKLE_REFUSED: permanent(415, 'Pickle files are never opened', { groups: ['upload', 'content'] }),
  UNSUPPORTED_FORMAT: permanent(415, 'The format of the file is not supported', {
    groups: ['upload', 'content'],
  }),
  LFS_POINTER: permanent(422, 'The file is a Git LFS pointer, not the weights', {
    groups: ['upload', 'content'],
  }),

  // safetensors (https://github.com/huggingface/safetensors, README, "Format")
  ST_HEADER_TOO_SMALL: permanent(422, 'The safetensors file is shorter than its length field', {
    groups: ['upload', 'content'],
  }),
  ST_HEADER_TOO_LARGE: permanent(422, 'The safetensors header exceeds the limit', {
    groups: ['upload', 'content'],
  }),
  ST_HEADER_LENGTH: permanent(422, 'The safetensors header is longer than the file', {
    groups: ['upload', 'content'],
  }),
  ST_HEADER_JSON: permanent(422, 'The safetensors header is not the JSON that the format requires', {
    groups: ['upload', 'content'],
  }),
  ST_DUPLICATE_KEY: permanent(422, 'The safetensors header has a duplicate name', {
    groups: ['upload', 'content'],
  }),
  ST_METADATA: permanent(422, 'The safetensors metadata is not a map of strings', {
    groups: ['upload', 'content'],
  }),
  ST_TENSOR_NAME: permanent(422, 'A tensor name is not acceptable', { groups: ['upload', 'content'] }),
  ST_TOO_MANY_TENSORS: permanent(422, 'The safetensors file has too many tensors', {
    groups: ['upload', 'content'],
  }),
  ST_UNKNOWN_DTYPE: permanent(422, 'A tensor has an unknown dtype', { groups: ['upload', 'content'] }),
  ST_MISALIGNED: permanent(422, 'A tensor does not fill whole bytes', { groups: ['upload', 'content'] }),
  ST_VALIDATION_OVERFLOW: permanent(422, 'The size of a tensor is too large to represent', {
    groups: ['upload', 'content'],
  }),
  ST_TENSOR_INVALID_INFO: permanent(422, 'A tensor shape does not match its bytes', {
    groups: ['upload', 'content'],
  }),
  ST_INVALID_OFFSET: permanent(422, 'Tensor offsets overlap or leave holes', {
    groups: ['upload', 'content'],
  }),
  ST_BUFFER_NOT_COVERED: permanent(422, 'The tensors do not cover the file exactly', {
    groups: ['upload', 'content'],
  }),

  // GGUF (https://github.com/ggml-org/ggml, docs/gguf.md)
  GGUF_VERSION: permanent(422, 'The version or byte order of the GGUF file is not supported', {
    groups: ['upload', 'content'],
  }),
  GGUF_TRUNCATED: permanent(422, 'The GGUF header is longer than the file', {
    groups: ['upload', 'content'],
  }),
  GGUF_HEADER_TOO_LARGE: permanent(422, 'The GGUF header exceeds a limit', { groups: ['upload', 'content'] }),
  GGUF_KEY_VALUE: permanent(422, 'A key or value of the GGUF metadata is not acceptable', {
    groups: ['upload', 'content'],
  }),
  GGUF_DUPLICATE: permanent(422, 'The GGUF header has a duplicate name', { groups: ['upload', 'content'] }),
  GGUF_ALIGNMENT: permanent(422, 'The alignment of the GGUF file is not a supported power of two', {
    groups: ['upload', 'content'],
  }),
  GGUF_TENSOR_NAME: permanent(422, 'A tensor name is not acceptable', { groups: ['upload', 'content'] }),
  GGUF_TENSOR_TYPE: permanent(422, 'A tensor has an unknown type', { groups: ['upload', 'content'] }),
  GGUF_TENSOR_SHAPE: permanent(
    422,
    'The size of a tensor is too large to represent, or its shape does not fit its type',
    {
      groups: ['upload', 'content'],
    },
  ),
  GGUF_OFFSET: permanent(422, 'Tensor offsets overlap, leave holes or are not aligned', {
    groups: ['upload', 'content'],
  }),
  GGUF_NOT_COVERED: permanent(422, 'The tensors do not cover the GGUF file exactly', {
    groups: ['upload', 'content'],
  }),
  GGUF_NOT_LORA: permanent(422, 'The GGUF file is not a LoRA adapter', { groups: ['upload', 'content'] }),

  // adapter_config.json
  CONFIG_JSON: permanent(422, 'The configuration is not valid JSON', { groups: ['upload'] }),
  CONFIG_TOO_LARGE: permanent(422, 'adapter_config.json exceeds a limit', { groups: ['upload', 'content'] }),
  CONFIG_TOO_DEEP: permanent(422, 'adapter_config.json is nested too deeply', { groups: ['upload'] }),
  CONFIG_DUPLICATE_KEY: permanent(422, 'A key appears twice in adapter_config.json', { groups: ['upload'] }),
  CONFIG_FORBIDDEN_KEY: permanent(422, 'adapter_config.json has a forbidden key', { groups: ['upload'] }),
  CONFIG_INVALID: permanent(422, 'The configuration has a value of the wrong type', { groups: ['upload'] }),
  CONFIG_PEFT_TYPE: permanent(422, 'The adapter is not a LoRA adapter', { groups: ['upload'] }),
  CONFIG_RANK: permanent(422, 'A rank in the configuration or metadata is not a positive integer', {
    groups: ['upload'],
  }),
  CONFIG_ALPHA: permanent(422, 'An alpha or a scaling cannot be used', {
    groups: ['upload'],
  }),
  CONFIG_REGEX: permanent(422, 'A pattern in adapter_config.json cannot be read', { groups: ['upload'] }),
  CONFIG_RANK_MISMATCH: permanent(422, 'The configuration or metadata and the tensors disagree on a rank', {
    groups: ['upload'],
  }),

  // The LoRA inside
  NO_LORA_TENSORS: permanent(422, 'The file has no LoRA tensors', { groups: ['upload'] }),
  LORA_UNPAIRED: permanent(422, 'A LoRA tensor has no partner', { groups: ['upload'] }),
  LORA_MAGNITUDE_MISMATCH: permanent(422, 'The DoRA setting and the magnitude vectors disagree', {
    groups: ['upload'],
  }),
  LORA_DUPLICATE_MODULE: permanent(422, 'A module appears twice', { groups: ['upload'] }),
  LORA_RANK_MISMATCH: permanent(422, 'lora_A and lora_B disagree on the rank', { groups: ['upload'] }),
  LORA_RANK_DIMS: permanent(422, 'The shape of a LoRA tensor is not acceptable', { groups: ['upload'] }),
  LORA_RANK_ZERO: permanent(422, 'A module has rank 0', { groups: ['upload'] }),
  UNSUPPORTED_DTYPE: permanent(422, 'A LoRA tensor has a dtype that cannot be squeezed', {
    groups: ['upload'],
  }),
  FORMAT_NOT_CONVERTIBLE: permanent(422, 'The adapter cannot be written in this format'),
  FORMAT_NOT_WRITABLE: permanent(422, 'The result cannot be stored in this format'),
  FORMAT_NEEDS_FOLD: permanent(422, 'This format cannot store the scalings of the result'),
  FORMAT_MIXED: permanent(422, 'The tensors belong to more than one format', { groups: ['upload'] }),
  UNSUPPORTED_LORA_VARIANT: permanent(422, 'This variant of LoRA cannot be squeezed yet', {
    groups: ['upload'],
  }),

  // A sum of adapters
  MERGE_BASE_MISMATCH: permanent(422, 'The adapters to merge belong to different base models'),
  MERGE_SHAPE_MISMATCH: permanent(422, 'A module has different shapes in the adapters to merge'),
  MERGE_RANK_TOO_LARGE: permanent(422, 'The ranks of the adapters to merge add up to more than the limit'),
  MERGE_TENSOR_CONFLICT: permanent(422, 'A tensor differs between the adapters to merge'),
  MERGE_UNSUPPORTED: permanent(422, 'The adapters cannot be merged as they are'),

  // Annealing runs
  SCHEDULE_INVALID: permanent(422, 'The schedule is not valid'),
  SCHEDULE_TOO_SHORT: permanent(422, 'There are too few steps for the stages'),
  RUN_NOT_FOUND: permanent(404, 'No run has this id'),
  CHECKPOINT_NOT_FOUND: permanent(404, 'The run has no checkpoint for this step'),
  CHECKPOINT_STEP: permanent(422, 'The step of the checkpoint lies outside the run'),
  CHECKPOINT_OUT_OF_ORDER: permanent(409, 'A later checkpoint has already been accepted'),
  CHECKPOINT_CONFLICT: permanent(409, 'Another checkpoint for this step has already been accepted'),
  CHECKPOINT_PENDING: permanent(409, 'The previous checkpoint is still being squeezed'),
  CHECKPOINT_RANK: permanent(409, 'The checkpoint does not have the rank of the run'),
  CHECKPOINT_BASE_MISMATCH: permanent(409, 'The checkpoint belongs to another base model or other modules'),
  OPTIMIZER_STATE_INVALID: permanent(422, 'The optimizer state does not fit the adapter'),

  // Other servers, for sources and sinks
  OUTBOUND_URL_INVALID: permanent(422, 'The URL cannot be used'),
  OUTBOUND_FORBIDDEN: permanent(422, 'The service does not connect to this host'),
  OUTBOUND_REFUSED: permanent(422, 'The remote server refused the request'),
  OUTBOUND_TOO_LARGE: permanent(422, 'The remote server sent more bytes than the limit'),
  OUTBOUND_FAILED: transient(502, 'The remote server failed or cannot be reached'),
  CONNECTION_NOT_FOUND: permanent(404, 'No connection has this name'),
  CONNECTION_EXISTS: permanent(409, 'A connection with this name already exists'),
  CONNECTION_NEEDED: permanent(422, 'No connection covers this location'),
  CONNECTION_AMBIGUOUS: permanent(422, 'Several connections cover this location'),
  CONNECTION_FORBIDDEN: permanent(422, 'The connection does not cover this location'),
  CONNECTION_CREDENTIALS: permanent(422, 'The change needs the credentials of the connection'),
  QUOTA_CONNECTIONS: permanent(429, 'The tenant has the maximum number of connections'),
  AMBIENT_UNAVAILABLE: transient(503, 'The service has no credentials of its own'),
  TRANSFER_DIGEST_MISMATCH: permanent(422, 'A fetched file does not have the expected digest'),
  SECRETS_GONE: permanent(409, 'The credentials of the job are no longer kept'),
  SECRETS_UNAVAILABLE: permanent(503, 'The service cannot encrypt or decrypt secrets', {
    groups: ['secret-answer'],
  }),
  SECRETS_KEY_MISMATCH: permanent(500, 'The secret was encrypted with another key', {
    groups: ['secret-answer'],
  }),
  SECRETS_DAMAGED: permanent(500, 'The encrypted secret has been changed or damaged', {
    groups: ['secret-answer'],
  }),

  // The computation
  NON_FINITE_WEIGHTS: permanent(422, 'A LoRA tensor holds NaN or infinity'),
  NON_FINITE_RESULT: permanent(422, 'A number in the result is too large or too small for the output dtype'),
  BUDGET_TOO_SMALL: permanent(422, 'The budget is too small for the adapter'),
  CORE_NOT_CONVERGED: permanent(500, 'The eigensolver did not converge'),
  PROVIDER_UNAVAILABLE: permanent(503, 'The requested execution provider cannot be loaded'),

  // The service
  STORAGE_FULL: transient(507, 'The storage, the database or a disk is full', {
    groups: ['upload', 'content', 'idempotency', 'storage'],
    retryAfterSeconds: 60,
  }),
  STORAGE_FAILED: transient(503, 'The storage failed', {
    groups: ['upload', 'content', 'storage'],
    retryAfterSeconds: 5,
  }),
  DATABASE_UNAVAILABLE: transient(503, 'The database cannot be used', {
    groups: ['access'],
    retryAfterSeconds: 5,
  }),
  QUEUE_UNAVAILABLE: transient(503, 'The queue cannot be used', { retryAfterSeconds: 5 }),
  QUEUE_FULL: transient(503, 'The queue has no room for more jobs', { retryAfterSeconds: 60 }),
  WORKER_CRASHED: permanent(500, 'The worker or its compute process crashed too often on this job'),
  CANCELLED: permanent(409, 'The job was cancelled'),
  SHUTTING_DOWN: transient(503, 'The service is shutting down', { groups: ['any'], retryAfterSeconds: 5 }),
  INTERNAL: transient(500, 'The service failed', { groups: ['any'] }),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERROR_KINDS;

const ROWS = Object.entries(ERROR_KINDS) as readonly [ErrorCode, ErrorKind][];

/** The codes that belong to any of the given groups, in the order of the table. */
export const codesOfGroups = (...wanted: readonly ErrorGroup[]): readonly ErrorCode[] =>
  ROWS.filter(([, { groups }]) => groups?.some((group) => wanted.includes(group))).map(([code]) => code);

/** The code here for an error code of Fastify or one of its plugins. */
export const errorOfFramework = (code: string): ErrorCode | undefined =>
  ROWS.find(([, { framework }]) => framework?.includes(code))?.[0];

/** Whether the service itself is at fault, rather than its caller or another server. */
export function isServiceFault(code: string): boolean {
  if (!isErrorCode(code)) return true;
  return ERROR_KINDS[code].status >= 500 && !code.startsWith('OUTBOUND_');
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERROR_KINDS, value);
}
