import { sql } from 'kysely';
import type { Migration } from './migration.ts';

/** In the order in which they are made. Nothing was released yet: until then the first one is changed in place. */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: '0001-first-release',
    async up(writer, { text, integer, bytes }) {
      const { schema } = writer;
      await schema
        .createTable('storage')
        .addColumn('one', integer, (column) => column.primaryKey())
        .addColumn('id', text, (column) => column.notNull())
        .addColumn('tied_at', integer)
        .execute();

      await schema
        .createTable('tenant')
        .addColumn('id', text, (column) => column.primaryKey())
        .addColumn('quotas', text, (column) => column.notNull())
        .addColumn('created_at', integer, (column) => column.notNull())
        .execute();
      await writer
        .insertInto('tenant')
        .values({ id: 'default', quotas: '{}', created_at: Date.now() })
        .execute();

      await schema
        .createTable('api_key')
        .addColumn('id', text, (column) => column.primaryKey())
        .addColumn('tenant', text, (column) => column.notNull().references('tenant.id'))
        .addColumn('name', text, (column) => column.notNull())
        .addColumn('scopes', text, (column) => column.notNull())
        .addColumn('sha256', text, (column) => column.notNull())
        .addColumn('created_at', integer, (column) => column.notNull())
        .addColumn('expires_at', integer)
        .addColumn('revoked_at', integer)
        .addColumn('last_used_at', integer)
        .execute();
      await schema
        .createIndex('api_key_tenant')
        .on('api_key')
        .columns(['tenant', 'created_at', 'id'])
        .execute();

      await schema
        .createTable('run')
        .addColumn('id', text, (column) => column.primaryKey())
        .addColumn('tenant', text, (column) => column.notNull().references('tenant.id'))
        .addColumn('mode', text, (column) => column.notNull())
        .addColumn('name', text)
        .addColumn('base_model', text)
        .addColumn('base_model_sha256', text)
        .addColumn('checkpoints', integer, (column) => column.notNull())
        .addColumn('step', integer)
        .addColumn('created_at', integer, (column) => column.notNull())
        .addColumn('request', text, (column) => column.notNull())
        .addColumn('plan', text, (column) => column.notNull())
        .execute();
      await schema.createIndex('run_tenant').on('run').columns(['tenant', 'id']).execute();
      await schema.createIndex('run_mode').on('run').columns(['tenant', 'mode', 'id']).execute();
      await schema
        .createIndex('run_base_model')
        .on('run')
        .columns(['tenant', 'base_model_sha256', 'id'])
        .execute();

      await schema
        .createTable('content')
        .addColumn('id', text, (column) => column.primaryKey())
        .addColumn('sha256', text, (column) => column.notNull())
        .addColumn('bytes', integer, (column) => column.notNull())
        .addColumn('state', text, (column) => column.notNull())
        .addColumn('inline', bytes)
        .addColumn('released_at', integer)
        .execute();
      await schema
        .createIndex('content_stored')
        .unique()
        .on('content')
        .columns(['sha256'])
        .where(sql.ref('state'), '=', sql.lit('stored'))
        .execute();
      await schema
        .createIndex('content_released')
        .on('content')
        .columns(['released_at'])
        .where(sql.ref('released_at'), 'is not', null)
        .execute();
      await schema
        .createIndex('content_deleting')
        .on('content')
        .columns(['id'])
        .where(sql.ref('state'), '=', sql.lit('deleting'))
        .execute();
      await schema
        .createTable('content_write')
        .addColumn('id', text, (column) => column.primaryKey())
        .addColumn('expires_at', integer, (column) => column.notNull())
        .execute();
      await schema.createIndex('content_write_expiry').on('content_write').columns(['expires_at']).execute();

      await schema
        .createTable('checkpoint')
        .addColumn('run', text, (column) => column.notNull().references('run.id').onDelete('cascade'))
        .addColumn('sequence', integer, (column) => column.notNull())
        .addColumn('step', integer, (column) => column.notNull())
        .addColumn('superseded_by', integer)
        .addColumn('job', text)
        .addColumn('source_adapter', text)
        .addColumn('source_digest', text, (column) => column.notNull())
        .addColumn('modules_sha256', text, (column) => column.notNull())
        .addColumn('modules_content', text, (column) => column.notNull().references('content.id'))
        .addColumn('optimizer_sha256', text)
        .addColumn('created_at', integer, (column) => column.notNull())
        .addColumn('facts', text, (column) => column.notNull())
        .addPrimaryKeyConstraint('checkpoint_key', ['run', 'sequence'])
        .execute();
      await schema
        .createIndex('checkpoint_step')
        .unique()
        .on('checkpoint')
        .columns(['run', 'step'])
        .where(sql.ref('superseded_by'), 'is', null)
        .execute();

      await schema.createIndex('checkpoint_content').on('checkpoint').columns(['modules_content']).execute();

      await schema
        .createTable('adapter')
        .addColumn('id', text, (column) => column.primaryKey())
        .addColumn('tenant', text, (column) => column.notNull().references('tenant.id'))
        .addColumn('name', text, (column) => column.notNull())
        .addColumn('labels', text, (column) => column.notNull())
        .addColumn('format', text, (column) => column.notNull())
        .addColumn('base_model_sha256', text)
        .addColumn('parent', text)
        .addColumn('job', text)
        .addColumn('digest', text, (column) => column.notNull())
        .addColumn('bytes', integer, (column) => column.notNull())
        .addColumn('created_at', integer, (column) => column.notNull())
        .addColumn('expires_at', integer)
        .addColumn('facts', text, (column) => column.notNull())
        .execute();
      for (const [name, columns] of Object.entries({
        tenant: [],
        name: ['name'],
        format: ['format'],
        base_model: ['base_model_sha256'],
        parent: ['parent'],
        job: ['job'],
        digest: ['digest'],
      }))
        await schema
          .createIndex(`adapter_${name}`)
          .on('adapter')
          .columns(['tenant', ...columns, 'id'])
          .execute();
      await schema
        .createIndex('adapter_expiry')
        .on('adapter')
        .columns(['expires_at', 'id'])
        .where(sql.ref('expires_at'), 'is not', null)
        .execute();
      await schema
        .createTable('adapter_label')
        .addColumn('tenant', text, (column) => column.notNull())
        .addColumn('name', text, (column) => column.notNull())
        .addColumn('text', text, (column) => column.notNull())
        .addColumn('adapter', text, (column) => column.notNull().references('adapter.id').onDelete('cascade'))
        .addPrimaryKeyConstraint('adapter_label_primary', ['tenant', 'name', 'text', 'adapter'])
        .execute();
      await schema.createIndex('adapter_label_adapter').on('adapter_label').columns(['adapter']).execute();
      await schema
        .createTable('adapter_file')
        .addColumn('adapter', text, (column) => column.notNull().references('adapter.id').onDelete('cascade'))
        .addColumn('name', text, (column) => column.notNull())
        .addColumn('content', text, (column) => column.notNull().references('content.id'))
        .addPrimaryKeyConstraint('adapter_file_primary', ['adapter', 'name'])
        .execute();
      await schema.createIndex('adapter_file_content').on('adapter_file').columns(['content']).execute();

      await schema
        .createTable('usage')
        .addColumn('tenant', text, (column) => column.primaryKey().references('tenant.id'))
        .addColumn('adapters', integer, (column) => column.notNull())
        .addColumn('bytes', integer, (column) => column.notNull())
        .execute();

      await schema
        .createTable('idempotency')
        .addColumn('tenant', text, (column) => column.notNull().references('tenant.id'))
        .addColumn('key', text, (column) => column.notNull())
        .addColumn('owner', text, (column) => column.notNull())
        .addColumn('route', text, (column) => column.notNull())
        .addColumn('payload', text)
        .addColumn('answer', text)
        .addColumn('expires_at', integer, (column) => column.notNull())
        .addPrimaryKeyConstraint('idempotency_key', ['tenant', 'key'])
        .execute();
      await schema.createIndex('idempotency_expiry').on('idempotency').columns(['expires_at']).execute();

      await schema
        .createTable('webhook')
        .addColumn('id', text, (column) => column.primaryKey())
        .addColumn('tenant', text, (column) => column.notNull().references('tenant.id'))
        .addColumn('settings', text, (column) => column.notNull())
        .addColumn('disabled_reason', text)
        .addColumn('secret', text, (column) => column.notNull())
        .addColumn('previous_secret', text)
        .addColumn('previous_secret_expires_at', integer)
        .addColumn('created_at', integer, (column) => column.notNull())
        .execute();
      await schema.createIndex('webhook_tenant').on('webhook').columns(['tenant', 'id']).execute();

      await schema
        .createTable('delivery')
        .addColumn('webhook', text, (column) => column.notNull().references('webhook.id').onDelete('cascade'))
        .addColumn('id', text, (column) => column.notNull())
        .addColumn('tenant', text, (column) => column.notNull())
        .addColumn('type', text, (column) => column.notNull())
        .addColumn('subject', text)
        .addColumn('status', text, (column) => column.notNull())
        .addColumn('attempts', text, (column) => column.notNull())
        .addColumn('attempts_made', integer, (column) => column.notNull())
        .addColumn('attempts_before', integer, (column) => column.notNull())
        .addColumn('created_at', integer, (column) => column.notNull())
        .addColumn('next_attempt_at', integer)
        .addColumn('payload', text, (column) => column.notNull())
        .addPrimaryKeyConstraint('delivery_primary', ['webhook', 'id'])
        .execute();
      await schema
        .createIndex('delivery_pending')
        .on('delivery')
        .columns(['next_attempt_at', 'webhook', 'id'])
        .where(sql.ref('next_attempt_at'), 'is not', null)
        .execute();
      await schema
        .createIndex('delivery_final')
        .on('delivery')
        .columns(['created_at'])
        .where(sql.ref('next_attempt_at'), 'is', null)
        .execute();

      await schema
        .createTable('upload')
        .addColumn('tenant', text, (column) => column.notNull().references('tenant.id'))
        .addColumn('id', text, (column) => column.notNull())
        .addColumn('file', text, (column) => column.notNull())
        .addColumn('filename', text, (column) => column.notNull())
        .addColumn('total_bytes', integer)
        .addColumn('reserved_bytes', integer, (column) => column.notNull())
        .addColumn('received_bytes', integer, (column) => column.notNull())
        .addColumn('metadata', text, (column) => column.notNull())
        .addColumn('sha256', text)
        .addColumn('created_at', integer, (column) => column.notNull())
        .addColumn('touched_at', integer, (column) => column.notNull())
        .addPrimaryKeyConstraint('upload_key', ['tenant', 'id'])
        .execute();
      await schema.createIndex('upload_touched').on('upload').columns(['touched_at']).execute();

      await schema
        .createTable('upload_lock')
        .addColumn('tenant', text, (column) => column.notNull())
        .addColumn('id', text, (column) => column.notNull())
        .addColumn('owner', text, (column) => column.notNull().unique())
        .addColumn('expires_at', integer, (column) => column.notNull())
        .addColumn('wanted', integer, (column) => column.notNull())
        .addPrimaryKeyConstraint('upload_lock_key', ['tenant', 'id'])
        .execute();

      await schema
        .createTable('job')
        .addColumn('id', text, (column) => column.primaryKey())
        .addColumn('tenant', text, (column) => column.notNull().references('tenant.id'))
        .addColumn('kind', text, (column) => column.notNull())
        .addColumn('state', text, (column) => column.notNull())
        .addColumn('priority', text, (column) => column.notNull())
        .addColumn('labels', text, (column) => column.notNull())
        .addColumn('batch', text)
        .addColumn('retry_of', text)
        .addColumn('run', text)
        .addColumn('ttl_seconds', integer)
        .addColumn('created_at', integer, (column) => column.notNull())
        .addColumn('started_at', integer)
        .addColumn('finished_at', integer)
        .addColumn('expires_at', integer)
        .addColumn('attempts', integer, (column) => column.notNull())
        .addColumn('request_sha256', text)
        .addColumn('request', text, (column) => column.notNull())
        .addColumn('sealed_request', text)
        .addColumn('outcome', text)
        .execute();
      await schema.createIndex('job_tenant').on('job').columns(['tenant', 'id']).execute();
      await schema.createIndex('job_state').on('job').columns(['tenant', 'state', 'id']).execute();
      await schema.createIndex('job_kind').on('job').columns(['tenant', 'kind', 'id']).execute();
      await schema
        .createIndex('job_batch')
        .on('job')
        .columns(['tenant', 'batch', 'id'])
        .where(sql.ref('batch'), 'is not', null)
        .execute();
      await schema
        .createIndex('job_run')
        .on('job')
        .columns(['run', 'id'])
        .where(sql.ref('run'), 'is not', null)
        .execute();
      await schema
        .createIndex('job_unfinished')
        .on('job')
        .columns(['id'])
        .where(sql.ref('finished_at'), 'is', null)
        .execute();
      await schema
        .createIndex('job_expiry')
        .on('job')
        .columns(['expires_at', 'id'])
        .where(sql.ref('expires_at'), 'is not', null)
        .execute();
      await schema
        .createIndex('job_request')
        .unique()
        .on('job')
        .columns(['tenant', 'request_sha256'])
        .where(sql.ref('request_sha256'), 'is not', null)
        .execute();

      await schema
        .createTable('job_label')
        .addColumn('tenant', text, (column) => column.notNull())
        .addColumn('name', text, (column) => column.notNull())
        .addColumn('text', text, (column) => column.notNull())
        .addColumn('job', text, (column) => column.notNull().references('job.id').onDelete('cascade'))
        .addPrimaryKeyConstraint('job_label_primary', ['tenant', 'name', 'text', 'job'])
        .execute();
      await schema.createIndex('job_label_job').on('job_label').columns(['job']).execute();

      await schema
        .createTable('job_source')
        .addColumn('tenant', text, (column) => column.notNull())
        .addColumn('adapter', text, (column) => column.notNull())
        .addColumn('job', text, (column) => column.notNull().references('job.id').onDelete('cascade'))
        .addPrimaryKeyConstraint('job_source_primary', ['tenant', 'adapter', 'job'])
        .execute();
      await schema.createIndex('job_source_job').on('job_source').columns(['job']).execute();

      await schema
        .createTable('job_file')
        .addColumn('job', text, (column) => column.notNull().references('job.id').onDelete('cascade'))
        .addColumn('content', text, (column) => column.notNull().references('content.id'))
        .addColumn('sha256', text, (column) => column.notNull())
        .addColumn('role', text, (column) => column.notNull())
        .addPrimaryKeyConstraint('job_file_primary', ['job', 'content', 'role'])
        .execute();
      await schema.createIndex('job_file_content').on('job_file').columns(['content']).execute();

      await schema
        .createTable('batch')
        .addColumn('id', text, (column) => column.primaryKey())
        .addColumn('tenant', text, (column) => column.notNull().references('tenant.id'))
        .addColumn('labels', text, (column) => column.notNull())
        .addColumn('retry_of', text)
        .addColumn('ttl_seconds', integer)
        .addColumn('jobs', integer, (column) => column.notNull())
        .addColumn('succeeded', integer, (column) => column.notNull())
        .addColumn('failed', integer, (column) => column.notNull())
        .addColumn('cancelled', integer, (column) => column.notNull())
        .addColumn('created_at', integer, (column) => column.notNull())
        .addColumn('opened_at', integer)
        .addColumn('cancelled_at', integer)
        .addColumn('finished_at', integer)
        .addColumn('expires_at', integer)
        .addColumn('request', text, (column) => column.notNull())
        .execute();
      await schema.createIndex('batch_tenant').on('batch').columns(['tenant', 'id']).execute();
      await schema
        .createIndex('batch_unfinished')
        .on('batch')
        .columns(['id'])
        .where(sql.ref('finished_at'), 'is', null)
        .execute();
      await schema
        .createIndex('batch_expiry')
        .on('batch')
        .columns(['expires_at'])
        .where(sql.ref('expires_at'), 'is not', null)
        .execute();

      await schema
        .createTable('batch_member')
        .addColumn('batch', text, (column) => column.notNull().references('batch.id').onDelete('cascade'))
        .addColumn('job', text, (column) => column.notNull())
        .addColumn('position', integer, (column) => column.notNull())
        .addColumn('kind', text, (column) => column.notNull())
        .addColumn('adapter', text)
        .addColumn('retry_of', text)
        .addColumn('reused', integer, (column) => column.notNull())
        .addColumn('state', text, (column) => column.notNull())
        .addColumn('finished_at', integer)
        .addColumn('error_code', text)
        .addColumn('results', text, (column) => column.notNull())
        .addPrimaryKeyConstraint('batch_member_primary', ['batch', 'job', 'position'])
        .execute();
    },
  },
];
