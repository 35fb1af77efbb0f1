/** The columns of the tables of jobs, batches and what is done for them; see tables.ts. */

/** A step of work, which several jobs may wait for. It is dispatched to the workers when they have room for it. */
export interface ExecutionTable {
  /** Sorts by the time at which it was asked for first. */
  id: string;
  tenant: string;
  /** Digest of the request, hex, while equal requests can join it; null: they cannot. */
  key: string | null;
  step: 'fetch' | 'work' | 'deliver';
  state: 'waiting' | 'dispatched' | 'succeeded' | 'failed' | 'cancelled';
  /** 0 is first: the highest priority of the jobs that wait for it. */
  priority: number;
  /** Size of the weights that it reads. */
  work_bytes: number;
  /** Attempts that count. */
  attempts: number;
  /** It is not dispatched before. */
  not_before: number | null;
  /** How often it was dispatched: only the last one may record what came of it. */
  dispatch_no: number;
  dispatched_at: number | null;
  /** How long it was thought to take when it was dispatched; null: it never was. */
  estimate_ms: number | null;
  /** What its tenant was charged for it then, in virtual milliseconds. */
  charged_ms: number | null;
  /** Of the attempt that runs. */
  started_at: number | null;
  /** When the worker that runs it last reported it. */
  seen_at: number | null;
  /** Attempts that the storage failed, and what they took with the pauses after them; they do not count. */
  storage_failures: number;
  storage_trouble_ms: number;
  finished_at: number | null;
  /** JSON of Origin: the request that asked for it first. */
  origin: string | null;
  /** JSON of WorkOutcome: what equal requests get; null where there are none, and until it has succeeded. */
  outcome: string | null;
}

/** How much of the workers' time a tenant has had, beside the others. Only the dispatcher writes it, one at a time. */
export interface TenantShareTable {
  tenant: string;
  /** Its virtual time: milliseconds of slots, divided by a hundredth of its weight. The tenant with the least is next. */
  virtual_ms: number;
  /** 1: it had something to dispatch when the dispatcher last looked. */
  is_active: number;
}

/** A process that takes executions. One that has not been seen for a while is gone. */
export interface WorkerTable {
  id: string;
  /** Executions that it runs at once. */
  slots: number;
  /** Of these, how many did when it was seen last. */
  running: number;
  /** Name of its machine. */
  host: string;
  provider: string;
  /** How long it takes for a MiB of weights; null until it has completed an attempt. */
  ms_per_mib: number | null;
  /** When draining was requested, after which it starts no jobs; null if it was not. */
  draining_at: number | null;
  /** When its last job after that ended. */
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
  /** JSON of Labels; job_label is for finding them. */
  labels: string;
  batch: string | null;
  retry_of: string | null;
  /** What came with its request, or that of its batch; it may be gone. */
  webhook: string | null;
  ttl_seconds: number | null;
  created_at: number;
  started_at: number | null;
  /** Null: it has not ended. */
  finished_at: number | null;
  /** It is removed when it has ended and this is past. */
  expires_at: number | null;
  attempts: number;
  /** What it waits for, or waited for last. */
  execution: string;
  /** Where that is its deliveries: what did its work. */
  work_execution: string | null;
  /** 1: its work was done, or under way, when it came. */
  reused: number;
  /** JSON of RecordedJobRequest without secrets. */
  request: string;
  /** JSON of RecordedJobRequest with its sealed part; null if it has none, and once it is no longer needed. */
  sealed_request: string | null;
  /** JSON of JobOutcome, as far as it has come; null: nothing yet. */
  outcome: string | null;
}

export interface JobLabelTable {
  tenant: string;
  name: string;
  /** JSON, a string: PostgreSQL takes no text with U+0000. */
  text: string;
  job: string;
}

/** Adapters that jobs read, or have read. */
export interface JobSourceTable {
  tenant: string;
  adapter: string;
  job: string;
  /** Of the job: from then on it reads nothing. */
  finished_at: number | null;
}

/** Content that jobs read or wrote beside adapters. */
export interface JobFileTable {
  job: string;
  content: string;
  /** Of the content, hex. */
  sha256: string;
  role: 'report' | 'training' | 'optimizer';
}

/** Jobs that were submitted together. The counts change in the transactions that end its items. */
export interface BatchTable {
  /** Sorts by the time at which the batch was asked for. */
  id: string;
  tenant: string;
  name: string | null;
  /** JSON of Labels; batch_label is for finding them. */
  labels: string;
  retry_of: string | null;
  /** What came with its request; it may be gone. */
  webhook: string | null;
  ttl_seconds: number | null;
  /** How many items there are, and how they ended. */
  jobs: number;
  succeeded: number;
  partial: number;
  failed: number;
  cancelled: number;
  created_at: number;
  /** Null: it is a draft whose items are still being written. No call shows it, and it is removed when it expires. */
  accepted_at: number | null;
  /** When its last job was made; null: some are still to be. */
  opened_at: number | null;
  /** When that was asked for: no job of it begins any more. */
  cancelled_at: number | null;
  /** Null: not all its items have ended. */
  finished_at: number | null;
  expires_at: number | null;
}

export interface BatchLabelTable {
  tenant: string;
  name: string;
  /** JSON, a string: PostgreSQL takes no text with U+0000. */
  text: string;
  batch: string;
}

/** The items of a batch: requests and outcomes, which stay when the jobs are deleted. */
export interface BatchMemberTable {
  batch: string;
  /** Its place in the request, from 0. */
  position: number;
  /** Null: it could not be tried. */
  job: string | null;
  /** JSON, a string: PostgreSQL takes no text with U+0000. */
  name: string;
  kind: string;
  adapter: string | null;
  /** Where its adapter comes from, to be shown. */
  source: string | null;
  /** A job that this one does once more. */
  retry_of: string | null;
  state: 'queued' | 'succeeded' | 'partial' | 'failed' | 'cancelled';
  finished_at: number | null;
  /** The how many-th of the batch ended with it: 1, 2 and so on; null: it has not ended. */
  ended_no: number | null;
  error_code: string | null;
  /** A JSON string, because it may contain text of the request. */
  error_detail: string | null;
  /** JSON, an array: ids of adapters. */
  results: string;
  /** JSON of RecordedJobRequest with what is sealed in it, until its job is made; null where nothing is. */
  sealed: string | null;
  /** JSON of ItemRequest: the request, without secrets. It is the last column, because it may be large. */
  request: string;
}
