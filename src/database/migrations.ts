import type { Migration } from './migration.ts';

/** In the order in which they are made. Nothing was released yet: until then the first one is changed in place. */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: '0001-first-release',
    async up(writer, { text, integer }) {
      const { schema } = writer;
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
    },
  },
];
