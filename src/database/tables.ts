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
 * The columns of every table. Times are milliseconds since 1970; JSON is text; ids and names are compared by their bytes.
 * What is absent is null.
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

/** What was done to the tables. */
export interface SchemaMigrationTable {
  name: string;
  applied_at: number;
}

/** The storage that belongs to this database: one row, once there is one. */
export interface StorageTable {
  /** 1, so that there can be no other row. */
  one: number;
  /** What the storage has as its id. */
  id: string;
  /** Null: the storage may not have the id yet. */
  tied_at: number | null;
}

/** Tenants. A limit that is null is the default of the configuration; -1: no limit. */
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
  /** null: that of the tenant. */
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
  /** JSON, a string: PostgreSQL takes no text with U+0000. */
  name: string | null;
  /** JSON, a string: as the run names it, or otherwise its newest checkpoint. */
  base_model: string | null;
  /** Of `base_model` as text, hex: to be found by, however long it is. */
  base_model_sha256: string | null;
  /** JSON of RunRequest. */
  request: string;
  /** JSON of Schedule or AdaptivePlan. */
  plan: string;
  /** Number of accepted checkpoints, superseded ones included. */
  checkpoints: number;
  /** Of the newest checkpoint. */
  step: number | null;
  created_at: number;
  /** Of its request; null: none came with it. */
  webhook: string | null;
}

/** The log of a run: what was decided about each checkpoint. */
export interface CheckpointTable {
  run: string;
  /** Its place in the log, from 1. */
  sequence: number;
  step: number;
  /** The checkpoint that took its place. Of one step there is one at most without. */
  superseded_by: number | null;
  job: string | null;
  /** Null if the checkpoint was kept unchanged, so that nothing of it is stored. */
  source_adapter: string | null;
  /** Digest of the adapter that was sent, hex. */
  source_digest: string;
  modules_sha256: string;
  /** The list of modules. */
  modules_content: string;
  optimizer_sha256: string | null;
  /** JSON of what no query asks for. */
  facts: string;
  created_at: number;
}

/** Idempotency keys of requests. */
export interface IdempotencyTable {
  tenant: string;
  /** SHA-256 of the key, hex. */
  key: string;
  /** Who took it. */
  owner: string;
  /** SHA-256 of method and URL, hex. */
  route: string;
  /** SHA-256 of the body, hex; null while it has not come. */
  payload: string | null;
  /** JSON of StoredAnswer; null while the request is handled. */
  answer: string | null;
  /** What the ids of what is made of the request consist of, behind the underscore. */
  seed: string;
  expires_at: number;
}

/** Where adapters of a tenant come from and go to, with what opens it. */
export interface ConnectionTable {
  id: string;
  tenant: string;
  /** Unique for the tenant. */
  name: string;
  kind: 's3' | 'hub' | 'url';
  /** JSON of ConnectionSettings. */
  settings: string;
  /** JSON of its credentials, sealed; null: it has none of its own. */
  credentials: string | null;
  created_at: number;
  updated_at: number;
}

export interface WebhookTable {
  id: string;
  tenant: string;
  /** 1: it came with the request of a job or a batch, and gets their events only. */
  of_request: number;
  /** JSON of WebhookSettings; where the URL is sealed, with no more than its host. */
  settings: string;
  /** Sealed; null: it is in the settings. */
  sealed_url: string | null;
  /** Why the service stopped sending, whatever the settings say. */
  disabled_reason: string | null;
  /** Sealed. */
  secret: string;
  /** Sealed; also signs, until it expires. */
  previous_secret: string | null;
  previous_secret_expires_at: number | null;
  created_at: number;
}

/** An event on its way to one webhook. */
export interface DeliveryTable {
  webhook: string;
  /** Follows from the webhook and the event, so that there is one delivery of an event. */
  id: string;
  tenant: string;
  type: string;
  subject: string | null;
  state: string;
  /** JSON, an array: the last ones. */
  attempts: string;
  /** Of all times. */
  attempts_made: number;
  /** Of these, before the schedule began, for the first time or anew. */
  attempts_before: number;
  created_at: number;
  /** Null: it is final. */
  next_attempt_at: number | null;
  /** The body of its requests, the same at every attempt. It comes last, for it is large and rarely read. */
  payload: string;
}

/** Something that happened to a job or a batch, kept for a while for those who watch. */
export interface EventTable {
  /** Later ones have higher places, whatever tenant they are of. */
  place: number;
  tenant: string;
  type: string;
  /** Null: it is of a batch. */
  job: string | null;
  batch: string | null;
  /** JSON of Labels, as they were. */
  labels: string;
  /** JSON of WebhookEvent. It is the last column, because it is large. */
  body: string;
}

/** Up to where the events of a tenant are not kept any more. */
export interface EventHorizonTable {
  tenant: string;
  /** Place of the newest one that was removed. */
  removed_through: number;
}

/** A file that is being uploaded, or waits for an adapter to be made of it. Its bytes are in a file of some process. */
export interface UploadTable {
  tenant: string;
  /** Chosen by clients: unique for the tenant. */
  id: string;
  /** Name of the file of its bytes, used once: another one when the upload is replaced. */
  file: string;
  filename: string;
  /** Null: not announced yet. */
  total_bytes: number | null;
  /** What counts against the tenant's share: all that was announced, or all that may still come. */
  reserved_bytes: number;
  /**
   * Bytes on disk when the last request ended. The file itself may have more, from a request that continues or was
   * killed.
   */
  received_bytes: number;
  /** JSON: what a tus client sent along. */
  metadata: string;
  /** Hex; null until every byte has arrived and was checked. */
  sha256: string | null;
  created_at: number;
  /** When its last bytes came, or it was made. */
  touched_at: number;
}

/** Locks on uploads, and on ids that are to become uploads. */
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
  /** Hex. Of one digest there is one row at most that is stored. */
  sha256: string;
  bytes: number;
  /** deleting: its bytes are being removed, and no record may refer to it any more. */
  state: 'stored' | 'deleting';
  /** Small content is kept here, other content in the storage. */
  inline: Uint8Array | null;
  /** When the last reference to it ended; null: it never had one that ended, or has new ones. */
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
  /** Sorts by the time at which the adapter was made. */
  id: string;
  tenant: string;
  name: string;
  /** JSON of Labels; adapter_label is for finding them. */
  labels: string;
  format: string;
  /** Of the name of the base model, hex; null where the files do not say it. */
  base_model_sha256: string | null;
  /** The adapter it was made from, which may be gone. */
  parent: string | null;
  /** The job that made it, which may be gone. */
  job: string | null;
  /** Of weights and configuration, hex: equal adapters have the same one. */
  digest: string;
  /** Of all files. */
  bytes: number;
  created_at: number;
  expires_at: number | null;
  /** JSON of AdapterFacts: what follows from the files. */
  facts: string;
}

export interface AdapterLabelTable {
  tenant: string;
  name: string;
  /** JSON, a string: PostgreSQL takes no text with U+0000. */
  text: string;
  adapter: string;
}

export interface AdapterFileTable {
  adapter: string;
  name: string;
  content: string;
}

/** What a tenant uses, kept up by whatever changes it. */
export interface UsageTable {
  tenant: string;
  adapters: number;
  /** Of all files of all its adapters, each counted in full. */
  bytes: number;
  jobs: number;
}

/** What a tenant uploaded and computed on one day. */
export interface UsageDayTable {
  tenant: string;
  /** YYYY-MM-DD, in UTC. */
  day: string;
  /** Accepted on that day. */
  jobs: number;
  /** Of the adapters that were created on that day, each counted in full. */
  bytes: number;
  /** How long its work ran, by the time at which each attempt ended. */
  compute_ms: number;
}

/** Backups that are under way: what is stored stays as long. There is always one of owner ''. */
export interface HoldTable {
  /** A new one for each. */
  owner: string;
  /** The holder extends this, so that a process that died does not hold it for long. */
  expires_at: number;
}
