/**
 * Every failure the service can answer with, in one table. `code` is the stable part of a problem document
 * (RFC 9457); `retryable` tells the queue whether another attempt can help. http/problem.ts maps the table to
 * responses, queue/worker.ts maps it to retry or give up.
 */
export interface ErrorKind {
  readonly status: number;
  readonly title: string;
  readonly retryable: boolean;
}

const permanent = (status: number, title: string): ErrorKind => ({ status, title, retryable: false });
const transient = (status: number, title: string): ErrorKind => ({ status, title, retryable: true });

export const ERROR_KINDS = {
  // The request itself
  BAD_REQUEST: permanent(400, 'The request is malformed'),
  VALIDATION_FAILED: permanent(400, 'The request does not fit its schema'),
  UNKNOWN_OPTION: permanent(400, 'The request names an option that does not exist'),
  UNKNOWN_PROFILE: permanent(400, 'The target names a profile that does not exist'),
  REQUEST_JSON: permanent(400, 'The request is not valid JSON'),
  REQUEST_DUPLICATE_KEY: permanent(400, 'The JSON of the request has a key twice'),
  REQUEST_FORBIDDEN_KEY: permanent(400, 'The JSON of the request has a forbidden key'),
  REQUEST_TOO_DEEP: permanent(400, 'The JSON of the request is nested too deeply'),
  REQUEST_NUMBER: permanent(400, 'The JSON of the request has a number that cannot be kept exactly'),
  NOT_FOUND: permanent(404, 'There is nothing here'),
  METHOD_NOT_ALLOWED: permanent(405, 'The method is not allowed here'),
  NOT_ACCEPTABLE: permanent(406, 'None of the media types asked for can be had'),
  ADAPTER_EXPIRED: permanent(410, 'The adapter has expired'),
  ADAPTER_NOT_FOUND: permanent(404, 'No adapter has this id'),
  JOB_NOT_FOUND: permanent(404, 'No job has this id'),
  BATCH_NOT_FOUND: permanent(404, 'No batch has this id'),
  PROFILE_NOT_FOUND: permanent(404, 'There is no profile of this name'),
  TENANT_NOT_FOUND: permanent(404, 'There is no tenant of this id'),
  KEY_NOT_FOUND: permanent(404, 'No key has this id'),
  WEBHOOK_NOT_FOUND: permanent(404, 'No webhook has this id'),
  DELIVERY_NOT_FOUND: permanent(404, 'The webhook has no delivery of this id'),
  WEBHOOK_DISABLED: permanent(409, 'The webhook is disabled'),
  FILE_NOT_FOUND: permanent(404, 'There is no file of this name'),
  REPORT_NOT_READY: permanent(409, 'The job has no report yet'),
  ADAPTER_IN_USE: permanent(409, 'An unfinished job reads the adapter'),
  RUN_IN_USE: permanent(409, 'A checkpoint of the run is being squeezed'),
  JOB_FINAL: permanent(409, 'The job has ended already'),
  JOB_NOT_FINAL: permanent(409, 'The job has not ended yet'),
  JOB_SUCCEEDED: permanent(409, 'The job succeeded, so there is nothing to retry'),
  DELIVERIES_SUCCEEDED: permanent(409, 'No delivery of the job failed, so there is nothing to send again'),
  JOB_OF_RUN: permanent(409, 'The job belongs to an annealing run'),
  BATCH_INVALID: permanent(422, 'Jobs of the batch cannot be accepted'),
  BATCH_FINAL: permanent(409, 'The batch has ended already'),
  BATCH_NOT_FINAL: permanent(409, 'The batch has not ended yet'),
  BATCH_SUCCEEDED: permanent(409, 'Every job of the batch succeeded, so there is nothing to retry'),
  RANGE_NOT_SATISFIABLE: permanent(416, 'The range lies outside the file'),
  UNSUPPORTED_MEDIA_TYPE: permanent(415, 'The content type is not accepted here'),
  UNSUPPORTED_CONTENT_ENCODING: permanent(415, 'Compressed request bodies are not accepted'),
  EXPECTATION_FAILED: permanent(417, 'The Expect header cannot be met'),
  HOST_NOT_ALLOWED: permanent(421, 'The host that was asked for is not one of this service'),
  CROSS_ORIGIN_REQUEST: permanent(403, 'The request comes from a page of another site'),
  HEADERS_TOO_LARGE: permanent(431, 'The request headers are too large'),
  REQUEST_TIMEOUT: transient(408, 'The request did not arrive in time'),
  TOO_MANY_CONNECTIONS: transient(503, 'All connections are in use'),

  // Who asks, and how much
  KEY_MISSING: permanent(401, 'A key is needed'),
  KEY_INVALID: permanent(401, 'The key cannot be used'),
  SCOPE_MISSING: permanent(403, 'The key may not do this'),
  ADMINISTRATION_CLOSED: permanent(
    403,
    'Keys and tenants cannot be managed over REST without authentication',
  ),
  RATE_LIMITED: transient(429, 'Too many requests'),
  QUOTA_STORED_BYTES: permanent(429, 'The tenant stores as many bytes as it may'),
  QUOTA_TOO_SMALL: permanent(422, 'The request alone exceeds a quota of the tenant'),
  QUOTA_WEBHOOKS: permanent(429, 'The tenant has as many webhooks as it may'),
  TOO_MANY_STREAMS: transient(429, 'Too many streams of events are open'),
  QUOTA_CONCURRENT_JOBS: transient(429, 'The tenant has as many unfinished jobs as it may'),
  IDEMPOTENCY_KEY_INVALID: permanent(400, 'The Idempotency-Key cannot be used'),
  IDEMPOTENCY_IN_FLIGHT: transient(409, 'The first request with this Idempotency-Key is still being handled'),
  IDEMPOTENCY_MISMATCH: permanent(422, 'The Idempotency-Key belongs to another request'),

  // The multipart body
  MULTIPART_MALFORMED: permanent(400, 'The multipart body is malformed'),
  UPLOAD_ABORTED: permanent(400, 'The upload ended early'),
  DUPLICATE_PART: permanent(400, 'A part of this name was sent twice'),
  UNEXPECTED_PART: permanent(400, 'A part of this name is not expected'),
  FILE_MISSING: permanent(422, 'A required file is missing'),
  UPLOAD_TOO_LARGE: permanent(413, 'The upload exceeds the size limit'),
  FIELD_TOO_LARGE: permanent(413, 'A form field exceeds the size limit'),
  TOO_MANY_PARTS: permanent(413, 'The multipart body has too many parts'),
  UPLOAD_TOO_SLOW: permanent(408, 'The upload stalled'),
  DIGEST_INVALID: permanent(400, 'A digest in the request headers cannot be read'),
  DIGEST_MISMATCH: permanent(400, 'The body does not match its digest'),

  // Uploads that are kept until an adapter is made of them
  UPLOAD_NOT_FOUND: permanent(404, 'No upload has this id'),
  UPLOAD_EXPIRED: permanent(410, 'The upload has expired'),
  UPLOAD_FILENAME: permanent(422, 'The upload needs the name of a file that an adapter has'),
  UPLOAD_HEADER: permanent(400, 'A header of the upload protocol cannot be used'),
  UPLOAD_VERSION: permanent(412, 'The version of the upload protocol is not spoken here'),
  UPLOAD_OFFSET: permanent(409, 'The upload does not go on at this offset'),
  UPLOAD_INCOMPLETE: permanent(409, 'The upload is not complete'),
  UPLOAD_LOCKED: transient(423, 'Another request is at work on the upload'),
  QUOTA_UPLOADS: permanent(429, 'The tenant has as many unused uploads as it may'),

  // The kind of file
  PICKLE_REFUSED: permanent(415, 'Pickle files are never opened'),
  UNSUPPORTED_FORMAT: permanent(415, 'The file is not safetensors'),
  LFS_POINTER: permanent(422, 'The file is a Git LFS pointer, not the weights'),

  // safetensors (https://github.com/huggingface/safetensors, README, "Format")
  ST_HEADER_TOO_SMALL: permanent(422, 'The safetensors file is shorter than its length field'),
  ST_HEADER_TOO_LARGE: permanent(422, 'The safetensors header exceeds the limit'),
  ST_HEADER_LENGTH: permanent(422, 'The safetensors header is longer than the file'),
  ST_HEADER_JSON: permanent(422, 'The safetensors header is not the JSON the format asks for'),
  ST_DUPLICATE_KEY: permanent(422, 'The safetensors header names something twice'),
  ST_METADATA: permanent(422, 'The safetensors metadata is not a map of strings'),
  ST_TENSOR_NAME: permanent(422, 'A tensor name is not acceptable'),
  ST_TOO_MANY_TENSORS: permanent(422, 'The safetensors file has too many tensors'),
  ST_UNKNOWN_DTYPE: permanent(422, 'A tensor has an unknown dtype'),
  ST_MISALIGNED: permanent(422, 'A tensor does not fill whole bytes'),
  ST_VALIDATION_OVERFLOW: permanent(422, 'A tensor shape overflows'),
  ST_TENSOR_INVALID_INFO: permanent(422, 'A tensor shape does not match its bytes'),
  ST_INVALID_OFFSET: permanent(422, 'Tensor offsets overlap or leave holes'),
  ST_BUFFER_NOT_COVERED: permanent(422, 'The tensors do not cover the file exactly'),

  // GGUF (https://github.com/ggml-org/ggml, docs/gguf.md)
  GGUF_VERSION: permanent(422, 'The version or byte order of the GGUF file is not read'),
  GGUF_TRUNCATED: permanent(422, 'The GGUF header is longer than the file'),
  GGUF_HEADER_TOO_LARGE: permanent(422, 'The GGUF header exceeds a limit'),
  GGUF_KEY_VALUE: permanent(422, 'A key or value of the GGUF metadata is not acceptable'),
  GGUF_DUPLICATE: permanent(422, 'The GGUF header names something twice'),
  GGUF_ALIGNMENT: permanent(422, 'The alignment of the GGUF file is not a power of two within bounds'),
  GGUF_TENSOR_NAME: permanent(422, 'A tensor name is not acceptable'),
  GGUF_TENSOR_TYPE: permanent(422, 'A tensor has an unknown type'),
  GGUF_TENSOR_SHAPE: permanent(422, 'A tensor shape overflows, or does not suit its type'),
  GGUF_OFFSET: permanent(422, 'Tensor offsets overlap, leave holes or are not aligned'),
  GGUF_NOT_COVERED: permanent(422, 'The tensors do not cover the GGUF file exactly'),
  GGUF_NOT_LORA: permanent(422, 'The GGUF file is not a LoRA adapter'),

  // adapter_config.json
  CONFIG_JSON: permanent(422, 'adapter_config.json is not valid JSON'),
  CONFIG_TOO_LARGE: permanent(422, 'adapter_config.json exceeds a limit'),
  CONFIG_TOO_DEEP: permanent(422, 'adapter_config.json is nested too deeply'),
  CONFIG_DUPLICATE_KEY: permanent(422, 'adapter_config.json has a key twice'),
  CONFIG_FORBIDDEN_KEY: permanent(422, 'adapter_config.json has a forbidden key'),
  CONFIG_INVALID: permanent(422, 'adapter_config.json has a field of the wrong type'),
  CONFIG_PEFT_TYPE: permanent(422, 'The adapter is not LoRA'),
  CONFIG_RANK: permanent(422, 'A rank in adapter_config.json is not a positive integer'),
  CONFIG_ALPHA: permanent(422, 'An alpha in adapter_config.json is not a finite number'),
  CONFIG_REGEX: permanent(422, 'A pattern in adapter_config.json cannot be read'),
  CONFIG_RANK_MISMATCH: permanent(422, 'adapter_config.json and the tensors disagree on a rank'),

  // The LoRA inside
  NO_LORA_TENSORS: permanent(422, 'The file has no LoRA tensors'),
  LORA_UNPAIRED: permanent(422, 'A LoRA tensor has no partner'),
  LORA_MAGNITUDE_MISMATCH: permanent(422, 'The setting for DoRA and its magnitude vectors disagree'),
  LORA_DUPLICATE_MODULE: permanent(422, 'A module appears twice'),
  LORA_RANK_MISMATCH: permanent(422, 'lora_A and lora_B disagree on the rank'),
  LORA_RANK_DIMS: permanent(422, 'A LoRA tensor has the wrong number of dimensions'),
  LORA_RANK_ZERO: permanent(422, 'A module has rank 0'),
  UNSUPPORTED_DTYPE: permanent(422, 'A LoRA tensor has a dtype that cannot be squeezed'),
  FORMAT_NOT_CONVERTIBLE: permanent(422, 'The adapter cannot be written in this format'),
  FORMAT_NOT_WRITABLE: permanent(422, 'This format can be read but not written'),
  FORMAT_NEEDS_FOLD: permanent(422, 'This format has no place for a scale'),
  FORMAT_MIXED: permanent(422, 'The tensors belong to more than one format'),
  UNSUPPORTED_LORA_VARIANT: permanent(422, 'This variant of LoRA cannot be squeezed yet'),
  LORA_BIAS_NEEDS_KEEP: permanent(422, 'Adapters with lora_bias need scale "keep"'),

  // A sum of adapters
  MERGE_BASE_MISMATCH: permanent(422, 'The adapters to merge belong to different base models'),
  MERGE_SHAPE_MISMATCH: permanent(422, 'A module has different shapes in the adapters to merge'),
  MERGE_RANK_TOO_LARGE: permanent(422, 'The ranks of the adapters to merge add up to too much'),
  MERGE_TENSOR_CONFLICT: permanent(422, 'A tensor differs between the adapters to merge'),
  MERGE_UNSUPPORTED: permanent(422, 'This variant of LoRA cannot be merged'),

  // Annealing runs
  SCHEDULE_INVALID: permanent(422, 'The schedule contradicts itself'),
  SCHEDULE_TOO_SHORT: permanent(422, 'The steps do not suffice for the stages'),
  RUN_NOT_FOUND: permanent(404, 'No run has this id'),
  CHECKPOINT_NOT_FOUND: permanent(404, 'The run has no checkpoint of this step'),
  CHECKPOINT_STEP: permanent(422, 'The step of the checkpoint lies outside the run'),
  CHECKPOINT_OUT_OF_ORDER: permanent(409, 'A later checkpoint was squeezed already'),
  CHECKPOINT_CONFLICT: permanent(409, 'Another checkpoint of this step was squeezed already'),
  CHECKPOINT_PENDING: permanent(409, 'The checkpoint before is still being squeezed'),
  CHECKPOINT_RANK: permanent(409, 'The checkpoint does not have the rank the run is at'),
  CHECKPOINT_BASE_MISMATCH: permanent(409, 'The checkpoint belongs to another base model or other modules'),
  OPTIMIZER_STATE_INVALID: permanent(422, 'The optimizer state does not fit the adapter'),

  // Elsewhere: what is fetched from and delivered to other servers
  OUTBOUND_URL_INVALID: permanent(422, 'The URL cannot be used'),
  OUTBOUND_FORBIDDEN: permanent(422, 'The service does not connect to there'),
  OUTBOUND_REFUSED: permanent(422, 'The other server refused'),
  OUTBOUND_TOO_LARGE: permanent(422, 'The other server sent more than is taken'),
  OUTBOUND_FAILED: transient(502, 'The other server failed or cannot be reached'),
  TRANSFER_DIGEST_MISMATCH: permanent(422, 'A file from elsewhere is not the one that was announced'),
  SECRETS_GONE: permanent(409, 'The credentials of the job are not kept any more'),
  SECRETS_UNAVAILABLE: permanent(503, 'The service has no key for secrets'),
  SECRETS_KEY_MISMATCH: permanent(500, 'The secret was sealed with another key'),
  SECRETS_DAMAGED: permanent(500, 'The sealed secret was changed'),

  // The computation
  NON_FINITE_WEIGHTS: permanent(422, 'A LoRA tensor holds NaN or infinity'),
  NON_FINITE_RESULT: permanent(422, 'A result does not fit the output dtype'),
  BUDGET_TOO_SMALL: permanent(422, 'The budget is too small for the adapter'),
  CORE_NOT_CONVERGED: permanent(500, 'The eigen-solver did not converge'),
  PROVIDER_UNAVAILABLE: permanent(503, 'The execution provider asked for cannot be loaded'),

  // The service
  STORAGE_FULL: transient(507, 'The storage is full'),
  STORAGE_FAILED: transient(503, 'The storage failed'),
  DATABASE_UNAVAILABLE: transient(503, 'The database cannot be used'),
  QUEUE_UNAVAILABLE: transient(503, 'The queue cannot be used'),
  QUEUE_FULL: transient(503, 'The queue has no room for more jobs'),
  WORKER_CRASHED: permanent(500, 'The compute process died too often on this job'),
  CANCELLED: permanent(409, 'The job was cancelled'),
  SHUTTING_DOWN: transient(503, 'The service is shutting down'),
  INTERNAL: transient(500, 'The service failed'),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERROR_KINDS;

/** Machine-readable details of a problem: which file, tensor, value and limit. */
export type ErrorContext = Readonly<Record<string, string | number | boolean | null | readonly unknown[]>>;

/** A failure with a stable code. `message` is written for the person who sent the input. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly context: ErrorContext;

  constructor(code: ErrorCode, message: string, context: ErrorContext = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AppError';
    this.code = code;
    this.context = context;
  }

  get kind(): ErrorKind {
    return ERROR_KINDS[this.code];
  }

  get retryable(): boolean {
    return this.kind.retryable;
  }
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERROR_KINDS, value);
}

/** What operating systems say of a disk that has no room, and of one that cannot be used. */
const DISK_ERRORS: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'STORAGE_FULL',
  EDQUOT: 'STORAGE_FULL',
  EROFS: 'STORAGE_FAILED',
  EIO: 'STORAGE_FAILED',
  ESTALE: 'STORAGE_FAILED',
};

/**
 * Anything thrown, as an AppError that keeps its cause. Where a disk failed, whatever was written there, it is STORAGE_*;
 * what is unknown becomes INTERNAL (retryable).
 */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const errno = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (Object.hasOwn(DISK_ERRORS, errno))
    return new AppError(
      DISK_ERRORS[errno]!,
      `A file could not be used (${errno}).`,
      { errno },
      { cause: error },
    );
  return new AppError('INTERNAL', message, {}, { cause: error });
}

/** An AppError as jobs and their targets show it; JobFailure in the contract. */
export interface Failure {
  code: string;
  title: string;
  detail: string;
  retryable: boolean;
  context?: Record<string, unknown>;
}

/** An error as a job, or one of its targets, shows it. */
export const jobFailure = ({ code, kind, message, retryable, context }: AppError): Failure => ({
  code,
  title: kind.title,
  detail: message,
  retryable,
  ...(Object.keys(context).length > 0 && { context }),
});

/** An AppError as plain data, for the way between processes and threads. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly context: ErrorContext;
}

export function toPlainError(error: unknown): PlainError {
  const { code, message, context } = toAppError(error);
  return { code, message, context };
}

export function fromPlainError({ code, message, context }: PlainError): AppError {
  return new AppError(code, message, context);
}
