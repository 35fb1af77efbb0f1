/** The columns of the tables of jobs, batches and executions; see tables.ts. */

/** A step of work for which several jobs may wait. It is dispatched when a worker has room for it. */
export interface ExecutionTable {
  /** Sorts by the time at which it was first requested. */
  id: string;
  tenant: string;
  /** Digest of the request, hex, while equal requests can join it; null if they cannot. */
  key: string | null;
  step: 'fetch' | 'work' | 'deliver';
  state: 'waiting' | 'dispatched' | 'succeeded' | 'failed' | 'cancelled';
  /** 0 comes first: the highest priority of the jobs that wait for it. */
  priority: number;
  /** Size of the weights that it reads, in bytes. */
  work_bytes: number;
  /** Attempts that count. */
  attempts: number;
  /** It is not dispatched before this time. */
  not_before: number | null;
  /** How often it was dispatched: only the last dispatch may record an outcome. */
  dispatch_no: number;
  dispatched_at: number | null;
  /** The estimated duration when it was dispatched; null if it never was. */
  estimate_ms: number | null;
  /** What its tenant was charged for it at that time, in virtual milliseconds. */
  charged_ms: number | null;
  /** When the current attempt began. */
  started_at: number | null;
  /** When the worker that runs it last reported it. */
  seen_at: number | null;
  /** Attempts that failed because of the storage, and their duration with the pauses after them; they do not count. */
  storage_failures: number;
  storage_trouble_ms: number;
  finished_at: number | null;
  /** JSON of Origin: the request that first asked for it. */
  origin: string | null;
  /** JSON of WorkOutcome, which equal requests share; null until it has succeeded, and if there is none. */
  outcome: string | null;
}

/**
 * How much of the workers' time a tenant has had compared with others. Only the dispatcher writes it, and only one
 * process at a time.
 */
export interface TenantShareTable {
  tenant: string;
  /**
   * Its virtual time: milliseconds of slots, divided by a hundredth of its weight. The tenant with the least is next.
   */
  virtual_ms: number;
  /** 1 if it had something to dispatch when the dispatcher last checked. */
  is_active: number;
}

/** A process that takes executions. One that has not been seen for a while has gone. */
export interface WorkerTable {
  id: string;
  /** The number of executions that it runs at the same time. */
  slots: number;
  /** How many of these slots were in use when it was last seen. */
  running: number;
  /** The name of its machine. */
  host: string;
  provider: string;
  /** Its time for a MiB of weights, in milliseconds; null until it has completed an attempt. */
  ms_per_mib: number | null;
  /** When draining was requested, after which it starts no jobs; null if it was not. */
  draining_at: number | null;
  /** When its last job after that request ended. */
  drained_at: number | null;
  seen_at: number;
}

/** A request, from its acceptance to its end. */
export interface JobTable {
  /** Sorts by the time at which the job was accepted. */
  id: string;
  tenant: string;
  kind: string;
  state: 'queued' | 'active' | 'succeeded' | 'partial' | 'failed' | 'cancelled';
  priority: string;
  name: string | null;
  /** JSON of Labels; the table job_label is for searches. */
  labels: string;
  batch: string | null;
  retry_of: string | null;
  /** Id of the webhook of its request, or of its batch's request; it may no longer exist. */
  webhook: string | null;
  ttl_seconds: number | null;
  created_at: number;
  started_at: number | null;
  /** null if it has not ended. */
  finished_at: number | null;
  /** It is removed when it has ended and this time has passed. */
  expires_at: number | null;
  attempts: number;
  /** The execution that it waits for, or last waited for. */
  execution: string;
  /** If that execution makes deliveries: the one that did the work. */
  work_execution: string | null;
  /** 1 if it may share the work of an equal request. A job with a source only knows its work once that is fetched. */
  reuse: number;
  /** 1 if its work was done, or under way, when it was accepted. */
  reused: number;
  /** JSON of RecordedJobRequest without secrets. */
  request: string;
  /** JSON of RecordedJobRequest with its encrypted part; null if it has none, and once it is no longer needed. */
  encrypted_request: string | null;
  /** JSON of JobOutcome as far as it is known; null if nothing is known yet. */
  outcome: string | null;
}

export interface JobLabelTable {
  tenant: string;
  name: string;
  /** JSON, a string, because PostgreSQL accepts no text with U+0000. */
  text: string;
  job: string;
}

/** The adapters that jobs read, or have read. */
export interface JobSourceTable {
  tenant: string;
  adapter: string;
  job: string;
  /** When the job ended; it has read nothing since. */
  finished_at: number | null;
}

/** Contents that jobs read or wrote besides adapters. */
export interface JobFileTable {
  job: string;
  content: string;
  /** SHA-256 of the content, hex. */
  sha256: string;
  role: 'report' | 'training' | 'optimizer';
}

/** Jobs that were submitted together. The counts change in the transactions that end its items. */
export interface BatchTable {
  /** Sorts by the time at which the batch was requested. */
  id: string;
  tenant: string;
  name: string | null;
  /** JSON of Labels; the table batch_label is for searches. */
  labels: string;
  retry_of: string | null;
  /** Id of the webhook of its request; it may no longer exist. */
  webhook: string | null;
  ttl_seconds: number | null;
  /** The number of items, and of those that ended in each state. */
  jobs: number;
  succeeded: number;
  partial: number;
  failed: number;
  cancelled: number;
  created_at: number;
  /** null for a draft whose items are still being written. No call shows it, and it is removed when it expires. */
  accepted_at: number | null;
  /** When its last job was created; null if some are still to be created. */
  opened_at: number | null;
  /** When its cancellation was requested; none of its jobs starts after that. */
  cancelled_at: number | null;
  /** null if not all of its items have ended. */
  finished_at: number | null;
  expires_at: number | null;
}

export interface BatchLabelTable {
  tenant: string;
  name: string;
  /** JSON, a string, because PostgreSQL accepts no text with U+0000. */
  text: string;
  batch: string;
}

/** The items of a batch: requests and outcomes, which stay when the jobs are deleted. */
export interface BatchMemberTable {
  batch: string;
  /** Its position in the request, counted from 0. */
  position: number;
  /** null if it could not be tried. */
  job: string | null;
  /** JSON, a string, because PostgreSQL accepts no text with U+0000. */
  name: string;
  kind: string;
  adapter: string | null;
  /** The source of its adapter, for display. */
  source: string | null;
  /** The job that this one repeats. */
  retry_of: string | null;
  state: 'queued' | 'succeeded' | 'partial' | 'failed' | 'cancelled';
  finished_at: number | null;
  /** Its position in the order in which the items of the batch ended, counted from 1; null if it has not ended. */
  ended_no: number | null;
  error_code: string | null;
  /** A JSON string, because it may contain text of the request. */
  error_detail: string | null;
  /** JSON, an array of ids of adapters. */
  results: string;
  /** JSON of RecordedJobRequest with its encrypted part, until its job is created; null if nothing is encrypted. */
  encrypted: string | null;
  /** JSON of ItemRequest: the request, without secrets. It is the last column, because it may be large. */
  request: string;
}
