import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Snapshot, Writer } from './database.ts';
import type { Tables } from './tables.ts';

interface SavedTable<T> {
  /** The primary key. */
  readonly key: readonly (keyof T & string)[];
  /** Condition on the rows to save; default: all. */
  readonly only?: RawBuilder<SqlBool>;
}

/** How a backup saves each table, referenced tables first. null: its rows are meaningless for another process. */
const TABLES: { readonly [T in keyof Tables]: SavedTable<Tables[T]> | null } = {
  tenant: { key: ['id'] },
  api_key: { key: ['id'] },
  // Content that is being deleted may disappear before it is copied, and no record refers to it.
  content: { key: ['id'], only: sql`state = 'stored'` },
  run: { key: ['id'] },
  checkpoint: { key: ['run', 'sequence'] },
  adapter: { key: ['id'] },
  adapter_label: { key: ['tenant', 'name', 'text', 'adapter'] },
  adapter_file: { key: ['adapter', 'name'] },
  usage: { key: ['tenant'] },
  usage_day: { key: ['tenant', 'day'] },
  // A process that was handling a request does not survive to answer it.
  idempotency: { key: ['tenant', 'key'], only: sql`answer is not null` },
  connection: { key: ['id'] },
  webhook: { key: ['id'] },
  delivery: { key: ['webhook', 'id'] },
  event: { key: ['place'] },
  event_horizon: { key: ['tenant'] },
  execution: { key: ['id'] },
  job: { key: ['id'] },
  job_label: { key: ['tenant', 'name', 'text', 'job'] },
  job_source: { key: ['tenant', 'adapter', 'job'] },
  job_file: { key: ['job', 'content', 'role'] },
  batch: { key: ['id'] },
  batch_label: { key: ['tenant', 'name', 'text', 'batch'] },
  batch_member: { key: ['batch', 'position'] },
  schema_migration: null,
  // After a restore, all tenants start equally.
  tenant_share: null,
  // Workers register again.
  worker: null,
  // The restored database gets a storage of its own.
  storage: null,
  hold: null,
  // The bytes of uploads are on the machine of the process that received them.
  upload: null,
  upload_lock: null,
  content_write: null,
};

/** Rows that are read at a time. With SQLite, reading blocks the process for its duration. */
const PAGE_ROWS = 500;

/** Values of one statement: SQLite accepts 32,766, and PostgreSQL twice as many. */
const MAX_VALUES = 30_000;

export type SavedRow = Readonly<Record<string, string | number | null | Uint8Array>>;
export type SavedName = keyof Tables;

/** The names of the saved tables; a table comes before those whose rows refer to it. */
export const SAVED_TABLES = (Object.keys(TABLES) as SavedName[]).filter((name) => TABLES[name] !== null);

/** The rows of a table that a backup saves, page by page. @throws AppError DATABASE_UNAVAILABLE */
export async function* savedRows(reader: Snapshot, name: SavedName): AsyncGenerator<SavedRow[]> {
  const { key, only = sql<SqlBool>`1 = 1` } = TABLES[name]!;
  const columns = sql.join(key.map((column) => sql.ref(column)));
  for (let last: SavedRow | undefined; ; ) {
    const after = last && sql.join(key.map((column) => last![column]));
    const from = after ? sql`and (${columns}) > (${after})` : sql``;
    const page = sql<SavedRow>`select * from ${sql.table(name)} where ${only} ${from} order by ${columns} limit ${sql.lit(PAGE_ROWS)}`;
    const { rows } = await page.execute(reader);
    if (rows.length > 0) yield rows;
    if (rows.length < PAGE_ROWS) return;
    last = rows.at(-1);
  }
}

/** Writes rows of one table, all with the same columns. @throws AppError DATABASE_UNAVAILABLE, STORAGE_FULL */
export async function insertSavedRows(
  writer: Writer,
  name: SavedName,
  rows: readonly SavedRow[],
): Promise<void> {
  const atOnce = Math.floor(MAX_VALUES / Math.max(1, Object.keys(rows[0] ?? {}).length));
  for (let from = 0; from < rows.length; from += atOnce)
    await writer
      .insertInto(name)
      .values(rows.slice(from, from + atOnce) as never)
      .execute();
}

/** The first table with a row that a new database does not have; undefined if there is none. */
export async function firstNonEmptyTable(
  reader: Snapshot,
  names: readonly SavedName[],
): Promise<SavedName | undefined> {
  for (const name of names) {
    const own = name === 'tenant' ? sql`id <> 'default'` : sql`1 = 1`;
    const { rows } = await sql`select 1 from ${sql.table(name)} where ${own} limit 1`.execute(reader);
    if (rows.length > 0) return name;
  }
  return undefined;
}
