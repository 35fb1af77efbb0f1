/**
 * The tables of the first release, except those of jobs; tables.ts describes their columns. Column types are in
 * capitals: TEXT is compared by its bytes, INTEGER holds up to 2^53, and BYTES holds binary data.
 */
export const FIRST_RELEASE = `
create table storage (
  one INTEGER primary key,
  id TEXT not null,
  tied_at INTEGER
);

create table tenant (
  id TEXT primary key,
  stored_bytes INTEGER,
  max_queued INTEGER,
  max_running INTEGER,
  requests_per_minute INTEGER,
  weight INTEGER,
  max_priority TEXT,
  suspended_at INTEGER,
  deleting_at INTEGER,
  created_at INTEGER not null
);

create table api_key (
  id TEXT primary key,
  tenant TEXT not null references tenant (id),
  name TEXT not null,
  scopes TEXT not null,
  max_priority TEXT,
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

create table usage_day (
  tenant TEXT not null references tenant (id),
  day TEXT not null,
  jobs INTEGER not null,
  bytes INTEGER not null,
  compute_ms INTEGER not null,
  primary key (tenant, day)
);
create index usage_day_day on usage_day (day);

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
  encrypted_url TEXT,
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
`;
