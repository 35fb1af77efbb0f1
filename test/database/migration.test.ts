import assert from 'node:assert/strict';
import { it } from 'node:test';
import { sql } from 'kysely';
import { DatabaseError } from '../../src/database/database.ts';
import { MIGRATIONS, type Migration, migrate } from '../../src/database/migration.ts';
import { onEachDialect } from './dialects.ts';

/** A migration of a later release: a new column, filled from an old one. */
const NEXT: Migration = {
  name: '9001-title',
  async up(writer, { text }) {
    await writer.schema.alterTable('tenant').addColumn('title', sql.raw(text)).execute();
    await writer
      .updateTable('tenant')
      .set((row) => ({ title: row.ref('id') }) as never)
      .execute();
  },
};
const FAILING: Migration = {
  name: '9002-fails',
  async up(writer, { text }) {
    await writer.schema.alterTable('tenant').addColumn('half', sql.raw(text)).execute();
    throw new Error('on purpose');
  },
};

onEachDialect('migrations', (database) => {
  it('are applied once', async () => {
    assert.deepEqual(await migrate(database(), MIGRATIONS), []);
  });

  it('leave no trace of a step that fails', async () => {
    await assert.rejects(migrate(database(), [...MIGRATIONS, FAILING]), /on purpose/);
    assert.deepEqual(await migrate(database(), MIGRATIONS), []);
    // The column can be added, so it does not exist.
    const corrected: Migration = {
      ...FAILING,
      up: (writer, types) => FAILING.up(writer, types).catch(() => undefined),
    };
    assert.deepEqual(await migrate(database(), [...MIGRATIONS, corrected]), [FAILING.name]);
  });

  it('keep existing rows, and are applied by one of many processes that start at once', async () => {
    await database().write((writer) =>
      writer.insertInto('tenant').values({ id: 'kept', weight: 7, created_at: 1 }).execute(),
    );
    const made = await Promise.all(
      Array.from({ length: 8 }, () => migrate(database(), [...MIGRATIONS, NEXT])),
    );
    assert.deepEqual(made.flat(), [NEXT.name]);
    const row = await database()
      .reader.selectFrom('tenant')
      .selectAll()
      .where('id', '=', 'kept')
      .executeTakeFirstOrThrow();
    const { id, weight, created_at, title } = row as typeof row & { title: string };
    assert.deepEqual([id, weight, created_at, title], ['kept', 7, 1, 'kept']);
  });

  it('refuse a database that a newer version has used, with a sentence', async () => {
    await migrate(database(), [...MIGRATIONS, NEXT]);
    await assert.rejects(
      migrate(database(), MIGRATIONS),
      (error) =>
        error instanceof DatabaseError &&
        /newer version of this program \(it has 9001-title\)/.test(error.message),
    );
  });
});
