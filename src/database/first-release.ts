/**
 * The tables of the first release; tables.ts says what is in them. Types are in capitals: TEXT is compared by its bytes,
 * INTEGER goes up to 2^53, BYTES are as they are.
 */
export const FIRST_RELEASE = `
create table storage (
  one INTEGER primary key,
  id TEXT not null,
  tied_at INTEGER
);

create table tenant (
  id TEXT primary key,
  quotas TEXT not null,
  created_at INTEGER not null
);

create table api_key (
  id TEXT primary key,
  tenant TEXT not null references tenant (id),
  name TEXT not null,
  scopes TEXT not null,
  sha256 TEXT not null,
  created_at INTEGER not null,
  expires_at INTEGER,
  revoked_at INTEGER,
  last_used_at INTEGER
);
create index api_key_tenant on api_key (tenant, created_at, id);

create table run (
  id TEXT primary key,
  tenant TEXT not null references tenant (id),
  mode TEXT not null,
  name TEXT,
  base_model TEXT,
  base_model_sha256 TEXT,
  checkpoints INTEGER not null,
  step INTEGER,
  created_at INTEGER not null,
  webhook TEXT,
  request TEXT not null,
  plan TEXT not null
);
create index run_tenant on run (tenant, id, name);
create index run_name on run (tenant, name, id);
create index run_mode on run (tenant, mode, id);
create index run_webhook on run (webhook) where webhook is not null;
create index run_base_model on run (tenant, base_model_sha256, id);

create table content (
  id TEXT primary key,
  sha256 TEXT not null,
  bytes INTEGER not null,
  state TEXT not null,
  inline BYTES,
  released_at INTEGER
);
create unique index content_stored on content (sha256) where state = 'stored';
create index content_released on content (released_at) where released_at is not null;
create index content_deleting on content (id) where state = 'deleting';

create table content_write (
  id TEXT primary key,
  expires_at INTEGER not null
);
create index content_write_expiry on content_write (expires_at);

create table checkpoint (
  run TEXT not null references run (id) on delete cascade,
  sequence INTEGER not null,
  step INTEGER not null,
  superseded_by INTEGER,
  job TEXT,
  source_adapter TEXT,
  source_digest TEXT not null,
  modules_sha256 TEXT not null,
  modules_content TEXT not null references content (id),
  optimizer_sha256 TEXT,
  created_at INTEGER not null,
  facts TEXT not null,
  primary key (run, sequence)
);
create unique index checkpoint_step on checkpoint (run, step) where superseded_by is null;
create index checkpoint_content on checkpoint (modules_content);

create table adapter (
  id TEXT primary key,
  tenant TEXT not null references tenant (id),
  name TEXT not null,
  labels TEXT not null,
  format TEXT not null,
  base_model_sha256 TEXT,
  parent TEXT,
  job TEXT,
  digest TEXT not null,
  bytes INTEGER not null,
  created_at INTEGER not null,
  expires_at INTEGER,
  facts TEXT not null
);
create index adapter_tenant on adapter (tenant, id, name);
create index adapter_name on adapter (tenant, name, id);
create index adapter_format on adapter (tenant, format, id);
create index adapter_base_model on adapter (tenant, base_model_sha256, id);
create index adapter_parent on adapter (tenant, parent, id);
create index adapter_job on adapter (tenant, job, id);
create index adapter_digest on adapter (tenant, digest, id);
create index adapter_expiry on adapter (expires_at, id) where expires_at is not null;

create table adapter_label (
  tenant TEXT not null,
  name TEXT not null,
  text TEXT not null,
  adapter TEXT not null references adapter (id) on delete cascade,
  primary key (tenant, name, text, adapter)
);
create index adapter_label_adapter on adapter_label (adapter);

create table adapter_file (
  adapter TEXT not null references adapter (id) on delete cascade,
  name TEXT not null,
  content TEXT not null references content (id),
  primary key (adapter, name)
);
create index adapter_file_content on adapter_file (content);

create table usage (
  tenant TEXT primary key references tenant (id),
  adapters INTEGER not null,
  bytes INTEGER not null,
  jobs INTEGER not null
);

create table hold (
  owner TEXT primary key,
  expires_at INTEGER not null
);

create table idempotency (
  tenant TEXT not null references tenant (id),
  key TEXT not null,
  owner TEXT not null,
  route TEXT not null,
  payload TEXT,
  answer TEXT,
  seed TEXT not null,
  expires_at INTEGER not null,
  primary key (tenant, key)
);
create index idempotency_expiry on idempotency (expires_at);

create table connection (
  id TEXT primary key,
  tenant TEXT not null references tenant (id),
  name TEXT not null,
  kind TEXT not null,
  settings TEXT not null,
  credentials TEXT,
  created_at INTEGER not null,
  updated_at INTEGER not null
);
create unique index connection_name on connection (tenant, name);
create index connection_tenant on connection (tenant, id);
create index connection_kind on connection (tenant, kind, id);

create table webhook (
  id TEXT primary key,
  tenant TEXT not null references tenant (id),
  of_request INTEGER not null,
  settings TEXT not null,
  sealed_url TEXT,
  disabled_reason TEXT,
  secret TEXT not null,
  previous_secret TEXT,
  previous_secret_expires_at INTEGER,
  created_at INTEGER not null
);
create index webhook_tenant on webhook (tenant, of_request, id);
create index webhook_of_request on webhook (created_at) where of_request = 1;

create table delivery (
  webhook TEXT not null references webhook (id) on delete cascade,
  id TEXT not null,
  tenant TEXT not null,
  type TEXT not null,
  subject TEXT,
  state TEXT not null,
  attempts TEXT not null,
  attempts_made INTEGER not null,
  attempts_before INTEGER not null,
  created_at INTEGER not null,
  next_attempt_at INTEGER,
  payload TEXT not null,
  primary key (webhook, id)
);
create index delivery_state on delivery (webhook, state, id);
create index delivery_pending on delivery (next_attempt_at, webhook, id) where next_attempt_at is not null;
create index delivery_final on delivery (created_at) where next_attempt_at is null;

create table event (
  place INTEGER primary key,
  tenant TEXT not null,
  type TEXT not null,
  job TEXT,
  batch TEXT,
  labels TEXT not null,
  body TEXT not null
);
create index event_tenant on event (tenant, place);

create table event_horizon (
  tenant TEXT primary key,
  removed_through INTEGER not null
);

create table upload (
  tenant TEXT not null references tenant (id),
  id TEXT not null,
  file TEXT not null,
  filename TEXT not null,
  total_bytes INTEGER,
  reserved_bytes INTEGER not null,
  received_bytes INTEGER not null,
  metadata TEXT not null,
  sha256 TEXT,
  created_at INTEGER not null,
  touched_at INTEGER not null,
  primary key (tenant, id)
);
create index upload_touched on upload (touched_at);

create table upload_lock (
  tenant TEXT not null,
  id TEXT not null,
  owner TEXT not null unique,
  expires_at INTEGER not null,
  wanted INTEGER not null,
  primary key (tenant, id)
);

create table execution (
  id TEXT primary key,
  tenant TEXT not null references tenant (id),
  key TEXT,
  step TEXT not null,
  state TEXT not null,
  priority INTEGER not null,
  work_bytes INTEGER not null,
  attempts INTEGER not null,
  not_before INTEGER,
  dispatch_no INTEGER not null,
  dispatched_at INTEGER,
  started_at INTEGER,
  seen_at INTEGER,
  storage_failures INTEGER not null,
  storage_trouble_ms INTEGER not null,
  finished_at INTEGER,
  origin TEXT,
  outcome TEXT
);
create unique index execution_key on execution (tenant, key) where key is not null;
create index execution_waiting on execution (priority, id, work_bytes) where state = 'waiting';
create index execution_dispatched on execution (id) where state = 'dispatched';

create table worker (
  id TEXT primary key,
  slots INTEGER not null,
  provider TEXT not null,
  ms_per_mib INTEGER,
  seen_at INTEGER not null
);

create table job (
  id TEXT primary key,
  tenant TEXT not null references tenant (id),
  kind TEXT not null,
  state TEXT not null,
  priority TEXT not null,
  name TEXT,
  labels TEXT not null,
  batch TEXT,
  retry_of TEXT,
  webhook TEXT,
  ttl_seconds INTEGER,
  created_at INTEGER not null,
  started_at INTEGER,
  finished_at INTEGER,
  expires_at INTEGER,
  attempts INTEGER not null,
  execution TEXT not null references execution (id),
  work_execution TEXT references execution (id),
  reused INTEGER not null,
  request TEXT not null,
  sealed_request TEXT,
  outcome TEXT
);
create index job_tenant on job (tenant, id, name);
create index job_name on job (tenant, name, id) where name is not null;
create index job_state on job (tenant, state, id);
create index job_kind on job (tenant, kind, id);
create index job_batch on job (tenant, batch, id) where batch is not null;
create index job_active on job (batch) where state = 'active';
create index job_webhook on job (webhook) where webhook is not null;
create index job_execution on job (execution, id);
create index job_work on job (work_execution) where work_execution is not null;
create index job_expiry on job (expires_at, id) where expires_at is not null;

create table job_label (
  tenant TEXT not null,
  name TEXT not null,
  text TEXT not null,
  job TEXT not null references job (id) on delete cascade,
  primary key (tenant, name, text, job)
);
create index job_label_job on job_label (job);

create table job_source (
  tenant TEXT not null,
  adapter TEXT not null,
  job TEXT not null references job (id) on delete cascade,
  finished_at INTEGER,
  primary key (tenant, adapter, job)
);
create index job_source_job on job_source (job);
create index job_source_reading on job_source (tenant, adapter, job) where finished_at is null;

create table job_file (
  job TEXT not null references job (id) on delete cascade,
  content TEXT not null references content (id),
  sha256 TEXT not null,
  role TEXT not null,
  primary key (job, content, role)
);
create index job_file_content on job_file (content);

create table batch (
  id TEXT primary key,
  tenant TEXT not null references tenant (id),
  name TEXT,
  labels TEXT not null,
  retry_of TEXT,
  webhook TEXT,
  ttl_seconds INTEGER,
  jobs INTEGER not null,
  succeeded INTEGER not null,
  partial INTEGER not null,
  failed INTEGER not null,
  cancelled INTEGER not null,
  created_at INTEGER not null,
  accepted_at INTEGER,
  opened_at INTEGER,
  cancelled_at INTEGER,
  finished_at INTEGER,
  expires_at INTEGER
);
create index batch_tenant on batch (tenant, id, name);
create index batch_name on batch (tenant, name, id) where name is not null;
create index batch_state on batch (tenant, (case
  when cancelled_at is not null then 'cancelled' when finished_at is null then 'active'
  when partial > 0 or failed > 0 and succeeded > 0 then 'partial' when failed > 0 then 'failed'
  when cancelled > 0 then 'cancelled' else 'succeeded' end), id);
create index batch_webhook on batch (webhook) where webhook is not null;
create index batch_unfinished on batch (id) where finished_at is null;
create index batch_expiry on batch (expires_at) where expires_at is not null;

create table batch_label (
  tenant TEXT not null,
  name TEXT not null,
  text TEXT not null,
  batch TEXT not null references batch (id) on delete cascade,
  primary key (tenant, name, text, batch)
);
create index batch_label_batch on batch_label (batch);

create table batch_member (
  batch TEXT not null references batch (id) on delete cascade,
  position INTEGER not null,
  job TEXT,
  name TEXT not null,
  kind TEXT not null,
  adapter TEXT,
  source TEXT,
  retry_of TEXT,
  state TEXT not null,
  finished_at INTEGER,
  ended_no INTEGER,
  error_code TEXT,
  error_detail TEXT,
  results TEXT not null,
  sealed TEXT,
  request TEXT not null,
  primary key (batch, position)
);
create index batch_member_job on batch_member (batch, job) where job is not null;
create index batch_member_ended on batch_member (batch, ended_no) where ended_no is not null;
`;
