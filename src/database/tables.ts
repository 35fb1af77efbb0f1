import type {
  BatchLabelTable,
  BatchMemberTable,
  BatchTable,
  ExecutionTable,
  JobFileTable,
  JobLabelTable,
  JobSourceTable,
  JobTable,
  TenantShareTable,
  WorkerTable,
} from './job-tables.ts';

/**
 * The columns of every table. Times are milliseconds since 1970; JSON is stored as text; ids and names are compared
 * by their bytes. Absent values are null.
 */
export interface Tables {
  schema_migration: SchemaMigrationTable;
  storage: StorageTable;
  tenant: TenantTable;
  api_key: ApiKeyTable;
  run: RunTable;
  checkpoint: CheckpointTable;
  idempotency: IdempotencyTable;
  connection: ConnectionTable;
  webhook: WebhookTable;
  delivery: DeliveryTable;
  event: EventTable;
  event_horizon: EventHorizonTable;
  upload: UploadTable;
  upload_lock: UploadLockTable;
  execution: ExecutionTable;
  tenant_share: TenantShareTable;
  worker: WorkerTable;
  job: JobTable;
  job_label: JobLabelTable;
  job_source: JobSourceTable;
  job_file: JobFileTable;
  content: ContentTable;
  content_write: ContentWriteTable;
  adapter: AdapterTable;
  adapter_label: AdapterLabelTable;
  adapter_file: AdapterFileTable;
  usage: UsageTable;
  usage_day: UsageDayTable;
  batch: BatchTable;
  batch_label: BatchLabelTable;
  batch_member: BatchMemberTable;
  hold: HoldTable;
}

/** The applied changes of the tables. */
export interface SchemaMigrationTable {
  name: string;
  applied_at: number;
}

/** The storage that belongs to this database: one row, once it is known. */
export interface StorageTable {
  /** Always 1, so that there can be no other row. */
  one: number;
  /** The id that the storage has. */
  id: string;
  /** null if the storage may not have the id yet. */
  tied_at: number | null;
}

/** The value of a column for no limit, whatever the defaults of the service are. */
export const UNLIMITED = -1;

/** Tenants. A limit of null is the default of the configuration. */
export interface TenantTable {
  id: string;
  stored_bytes: number | null;
  max_queued: number | null;
  max_running: number | null;
  requests_per_minute: number | null;
  /** Its share of the workers relative to other tenants; null: the default of the configuration. */
  weight: number | null;
  /** The highest priority of its jobs; null: the default of the configuration. */
  max_priority: string | null;
  /** When its jobs were suspended; null while they are dispatched. */
  suspended_at: number | null;
  /** When its deletion was requested; null if it was not. */
  deleting_at: number | null;
  created_at: number;
}

export interface ApiKeyTable {
  id: string;
  tenant: string;
  name: string;
  /** JSON, an array. */
  scopes: string;
  /** null: the limit of the tenant. */
  max_priority: string | null;
  /** SHA-256 of the key, hex. */
  sha256: string;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
  last_used_at: number | null;
}

/** An annealing run. `checkpoints`, `step` and `base_model` change with each checkpoint, the rest never. */
export interface RunTable {
  id: string;
  tenant: string;
  mode: 'scheduled' | 'adaptive';
  /** JSON, a string, because PostgreSQL accepts no text with U+0000. */
  name: string | null;
  /** JSON, a string: the one that the run names, or otherwise that of its newest checkpoint. */
  base_model: string | null;
  /** SHA-256 of the text of `base_model`, hex, for searches by names of any length. */
  base_model_sha256: string | null;
  /** JSON of RunRequest. */
  request: string;
  /** JSON of Schedule or AdaptivePlan. */
  plan: string;
  /** Number of accepted checkpoints, superseded ones included. */
  checkpoints: number;
  /** The step of the newest checkpoint. */
  step: number | null;
  created_at: number;
  /** Id of the webhook of its request; null if there was none. */
  webhook: string | null;
}

/** The log of a run: what was decided about each checkpoint. */
export interface CheckpointTable {
  run: string;
  /** Its position in the log, counted from 1. */
  sequence: number;
  step: number;
  /** The checkpoint that replaced it. At most one checkpoint of a step has null here. */
  superseded_by: number | null;
  job: string | null;
  /** null if the checkpoint was kept unchanged, so that nothing of it is stored. */
  source_adapter: string | null;
  /** Digest of the sent adapter, hex. */
  source_digest: string;
  modules_sha256: string;
  /** The content with the list of modules. */
  modules_content: string;
  optimizer_sha256: string | null;
  /** JSON of the fields that no query filters by. */
  facts: string;
  created_at: number;
}

/** Idempotency keys of requests. */
export interface IdempotencyTable {
  tenant: string;
  /** SHA-256 of the key, hex. */
  key: string;
  /** The process that claims it. */
  owner: string;
  /** SHA-256 of method and URL, hex. */
  route: string;
  /** SHA-256 of the body, hex; null until it has arrived. */
  payload: string | null;
  /** JSON of StoredResponse; null while the request is being handled. */
  answer: string | null;
  /** The part after the underscore in ids of records that the request creates. */
  seed: string;
  expires_at: number;
}

/** A place from which adapters of a tenant come and to which they go, with the credentials for it. */
export interface ConnectionTable {
  id: string;
  tenant: string;
  /** Unique within the tenant. */
  name: string;
  kind: 's3' | 'hub' | 'url';
  /** JSON of ConnectionSettings. */
  settings: string;
  /** JSON of its credentials, encrypted; null if it has none of its own. */
  credentials: string | null;
  created_at: number;
  updated_at: number;
}

export interface WebhookTable {
  id: string;
  tenant: string;
  /** 1 if it was part of the request of a job or a batch, and receives only their events. */
  of_request: number;
  /** JSON of WebhookSettings; if the URL is encrypted, they contain only its host. */
  settings: string;
  /** The encrypted URL; null if it is in the settings. */
  encrypted_url: string | null;
  /** Why the service stopped sending, whatever the settings are. */
  disabled_reason: string | null;
  /** Encrypted. */
  secret: string;
  /** Encrypted. It also signs until it expires. */
  previous_secret: string | null;
  previous_secret_expires_at: number | null;
  created_at: number;
}

/** An event on its way to one webhook. */
export interface DeliveryTable {
  webhook: string;
  /** Derived from the webhook and the event, so that an event has only one delivery. */
  id: string;
  tenant: string;
  type: string;
  subject: string | null;
  state: string;
  /** JSON, an array of the last attempts. */
  attempts: string;
  /** The number of all attempts. */
  attempts_made: number;
  /** How many of these preceded the current schedule. */
  attempts_before: number;
  created_at: number;
  /** null if it is final. */
  next_attempt_at: number | null;
  /**
   * The body of its requests, the same for every attempt. It is the last column, because it is large and rarely read.
   */
  payload: string;
}

/** An event of a job or a batch, which is kept for a while for clients that watch. */
export interface EventTable {
  /** Later events of any tenant have higher places. */
  place: number;
  tenant: string;
  type: string;
  /** null for an event of a batch. */
  job: string | null;
  batch: string | null;
  /** JSON of Labels at the time of the event. */
  labels: string;
  /** JSON of WebhookEvent. It is the last column, because it is large. */
  body: string;
}

/** The place up to which the events of a tenant have been removed. */
export interface EventHorizonTable {
  tenant: string;
  /** The place of the newest removed event. */
  removed_through: number;
}

/**
 * A file that is being uploaded, or waits until an adapter is created from it. Its bytes are in a file of one of the
 * processes.
 */
export interface UploadTable {
  tenant: string;
  /** Chosen by the client; unique within the tenant. */
  id: string;
  /** The name of the file with its bytes; a new one if the upload is replaced. */
  file: string;
  filename: string;
  /** null if not announced yet. */
  total_bytes: number | null;
  /** The bytes that count against the tenant's limit: those announced, or else the limit of the file. */
  reserved_bytes: number;
  /**
   * Bytes on disk when the last request ended. The file itself may have more, from a request that continues or was
   * killed.
   */
  received_bytes: number;
  /** JSON of the metadata that a tus client sent. */
  metadata: string;
  /** Hex; null until every byte has arrived and been checked. */
  sha256: string | null;
  created_at: number;
  /** The time when its last bytes arrived, or when it was created. */
  touched_at: number;
}

/** Locks on uploads, and on ids of uploads that are about to be created. */
export interface UploadLockTable {
  tenant: string;
  id: string;
  /** A new one for each lock. */
  owner: string;
  /** The holder extends this, so that a process that died does not block others for long. */
  expires_at: number;
  /** 1: another request waits for it. */
  wanted: number;
}

/** Stored bytes to which records refer, once for all tenants. */
export interface ContentTable {
  /** For content in the storage, its location. */
  id: string;
  /** Hex. At most one row with a digest is stored. */
  sha256: string;
  bytes: number;
  /** deleting: its bytes are being removed, and no record may refer to it any more. */
  state: 'stored' | 'deleting';
  /** Small content is kept here, other content in the storage. */
  inline: Uint8Array | null;
  /** When the last reference to it ended; null if none has ended, or if there are new ones. */
  released_at: number | null;
}

/**
 * Bytes that are being written to the storage. They are stored under the id, so that the remains of a crash are
 * found.
 */
export interface ContentWriteTable {
  id: string;
  /** When the write counts as abandoned. */
  expires_at: number;
}

export interface AdapterTable {
  /** Sorts by the time at which the adapter was created. */
  id: string;
  tenant: string;
  name: string;
  /** JSON of Labels; the table adapter_label is for searches. */
  labels: string;
  format: string;
  /** SHA-256 of the name of the base model, hex; null if the files do not name it. */
  base_model_sha256: string | null;
  /** The adapter from which it was created, which may no longer exist. */
  parent: string | null;
  /** The job that created it, which may no longer exist. */
  job: string | null;
  /** Digest of weights and configuration, hex: equal adapters have the same one. */
  digest: string;
  /** The bytes of all files. */
  bytes: number;
  created_at: number;
  expires_at: number | null;
  /** JSON of AdapterFacts, which follow from the files. */
  facts: string;
}

export interface AdapterLabelTable {
  tenant: string;
  name: string;
  /** JSON, a string, because PostgreSQL accepts no text with U+0000. */
  text: string;
  adapter: string;
}

export interface AdapterFileTable {
  adapter: string;
  name: string;
  content: string;
}

/** The usage of a tenant, updated by every change of it. */
export interface UsageTable {
  tenant: string;
  adapters: number;
  /** The bytes of all files of all its adapters, each counted in full. */
  bytes: number;
  jobs: number;
}

/** What a tenant uploaded and computed on one day. */
export interface UsageDayTable {
  tenant: string;
  /** YYYY-MM-DD, in UTC. */
  day: string;
  /** The jobs that were accepted on that day. */
  jobs: number;
  /** The bytes of the adapters that were created on that day, each counted in full. */
  bytes: number;
  /** How long its work held slots; each attempt counts on the day when it ended. */
  compute_ms: number;
}

/** Backups in progress: stored content is kept until they end. There is always a row with owner ''. */
export interface HoldTable {
  /** A new one for each backup. */
  owner: string;
  /** The holder extends this, so that a process that died does not hold it for long. */
  expires_at: number;
}
