import { sql } from 'kysely';
import { type Database, DatabaseError, type Dialect, type Writer } from './database.ts';
import { FIRST_RELEASE } from './first-release.ts';
import { FIRST_RELEASE_JOBS } from './first-release-jobs.ts';

/**
 * A step from one version of the tables to the next. Within a release, steps only add, so that older processes can
 * continue.
 */
export interface Migration {
  /** Never changed after it was released. */
  readonly name: string;
  up(writer: Writer, types: ColumnTypes): Promise<void>;
}

/** Column types that both dialects have, under different names. */
export interface ColumnTypes {
  /** Compared by its bytes. */
  readonly text: string;
  /** Up to 2^53. */
  readonly integer: 'integer' | 'bigint';
  readonly bytes: 'blob' | 'bytea';
}

const TYPES: Readonly<Record<Dialect, ColumnTypes>> = {
  sqlite: { text: 'text', integer: 'integer', bytes: 'blob' },
  postgresql: { text: 'text collate "C"', integer: 'bigint', bytes: 'bytea' },
};

/**
 * In the order in which they are applied. Nothing has been released yet; until then, the first one is changed in
 * place.
 */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: '0001-first-release',
    async up(writer, types) {
      for (const statement of statementsOf(FIRST_RELEASE + FIRST_RELEASE_JOBS, types))
        await sql.raw(statement).execute(writer);
      await writer.insertInto('tenant').values({ id: 'default', created_at: Date.now() }).execute();
      await writer.insertInto('hold').values({ owner: '', expires_at: 0 }).execute();
    },
  },
];

/** The names of the applied steps, in their order; none for a new database. @throws AppError DATABASE_UNAVAILABLE */
export function appliedMigrations(database: Database): Promise<string[]> {
  return database.snapshot(async (reader) => {
    const table =
      database.dialect === 'sqlite'
        ? sql<{ name: string | null }>`select name from sqlite_master where name = 'schema_migration'`
        : sql<{ name: string | null }>`select to_regclass('schema_migration')::text as name`;
    const { rows } = await table.execute(reader);
    if (!rows[0]?.name) return [];
    const applied = await reader.selectFrom('schema_migration').select('name').orderBy('name').execute();
    return applied.map(({ name }) => name);
  });
}

/**
 * Brings the tables to the version of this program. If several processes start at the same time, one of them does it
 * and the others wait.
 * @returns names of the applied steps
 * @throws DatabaseError if a newer program has used the database; AppError DATABASE_UNAVAILABLE, STORAGE_FULL
 */
export function migrate(database: Database, migrations: readonly Migration[]): Promise<string[]> {
  return database.write(async (writer) => {
    const { text, integer } = TYPES[database.dialect];
    await database.lockExclusively(writer, 'migrate');
    await writer.schema
      .createTable('schema_migration')
      .ifNotExists()
      .addColumn('name', sql.raw(text), (column) => column.primaryKey())
      .addColumn('applied_at', integer, (column) => column.notNull())
      .execute();
    const rows = await writer.selectFrom('schema_migration').select('name').execute();
    const applied = new Set(rows.map(({ name }) => name));
    const known = new Set(migrations.map(({ name }) => name));
    const newer = [...applied].filter((name) => !known.has(name)).sort();
    if (newer.length > 0)
      throw new DatabaseError(
        `The database has been used by a newer version of this program (it has ${newer.at(-1)}); start that version, or restore a backup.`,
      );
    const missing = migrations.filter(({ name }) => !applied.has(name));
    for (const { name, up } of missing) {
      await up(writer, TYPES[database.dialect]);
      await writer.insertInto('schema_migration').values({ name, applied_at: Date.now() }).execute();
    }
    return missing.map(({ name }) => name);
  });
}

/** The statements with the column types of a dialect. */
const statementsOf = (text: string, { text: textType, integer, bytes }: ColumnTypes): string[] =>
  text
    .replace(/\bTEXT\b/g, textType)
    .replace(/\bINTEGER\b/g, integer)
    .replace(/\bBYTES\b/g, bytes)
    .split(';')
    .map((statement) => statement.trim())
    .filter(Boolean);
