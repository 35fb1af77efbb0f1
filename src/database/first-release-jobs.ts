/** The tables of jobs, batches and executions; see first-release.ts. */
export const FIRST_RELEASE_JOBS = `
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
  estimate_ms INTEGER,
  charged_ms INTEGER,
  started_at INTEGER,
  seen_at INTEGER,
  storage_failures INTEGER not null,
  storage_trouble_ms INTEGER not null,
  finished_at INTEGER,
  origin TEXT,
  outcome TEXT
);
create unique index execution_key on execution (tenant, key) where key is not null;
create index execution_oldest on execution (tenant, id) where state = 'waiting' and dispatch_no = 0;
create index execution_waiting on execution (tenant, priority, id, work_bytes, not_before) where state = 'waiting';
create index execution_dispatched on execution (id) where state = 'dispatched';

create table tenant_share (
  tenant TEXT primary key references tenant (id) on delete cascade,
  virtual_ms INTEGER not null,
  is_active INTEGER not null
);
create index tenant_share_virtual on tenant_share (virtual_ms);
create index tenant_share_active on tenant_share (tenant) where is_active = 1;

create table worker (
  id TEXT primary key,
  slots INTEGER not null,
  running INTEGER not null,
  host TEXT not null,
  provider TEXT not null,
  ms_per_mib INTEGER,
  draining_at INTEGER,
  drained_at INTEGER,
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
  reuse INTEGER not null,
  reused INTEGER not null,
  request TEXT not null,
  encrypted_request TEXT,
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
  encrypted TEXT,
  request TEXT not null,
  primary key (batch, position)
);
create index batch_member_job on batch_member (batch, job) where job is not null;
create index batch_member_ended on batch_member (batch, ended_no) where ended_no is not null;
`;
