import { CompiledQuery } from 'kysely';
import type { Database } from '../../src/database/database.ts';
import type { Tables } from '../../src/database/tables.ts';

/** In an order in which rows are written after those to which they refer. */
const TABLES = [
  'content',
  'adapter',
  'adapter_label',
  'adapter_file',
  'execution',
  'job',
  'job_label',
  'job_source',
  'job_file',
  'batch',
  'batch_label',
  'batch_member',
] as const satisfies readonly (keyof Tables)[];

export type RowsByTable = Pick<Tables, (typeof TABLES)[number]>;

const ROWS_OF_TRANSACTION = 20_000;
/** Fewer than the number of values that SQLite accepts in a statement. */
const VALUES_AT_ONCE = 10_000;

/** Inserts rows in large groups: rows that are added wait until there are enough of them. */
export class RowWriter {
  private readonly database: Database;
  private readonly waiting = new Map<keyof RowsByTable, object[]>(TABLES.map((table) => [table, []]));
  private count = 0;

  constructor(database: Database) {
    this.database = database;
  }

  readonly add = <T extends keyof RowsByTable>(table: T, ...rows: readonly RowsByTable[T][]): void => {
    this.waiting.get(table)!.push(...rows);
    this.count += rows.length;
  };

  get isFull(): boolean {
    return this.count >= ROWS_OF_TRANSACTION;
  }

  /** Writes all waiting rows, in one transaction. */
  async flush(): Promise<void> {
    await this.database.write(async (writer) => {
      for (const table of TABLES)
        for (const query of this.inserts(table, this.waiting.get(table)!)) await writer.executeQuery(query);
    });
    for (const rows of this.waiting.values()) rows.length = 0;
    this.count = 0;
  }

  /** Statements without Kysely's tree of nodes, which takes longer to build than the statements take to run. */
  private *inserts(table: string, rows: readonly object[]): Generator<CompiledQuery> {
    if (rows.length === 0) return;
    const columns = Object.keys(rows[0]!);
    const atOnce = Math.floor(VALUES_AT_ONCE / columns.length);
    for (let begin = 0; begin < rows.length; begin += atOnce) {
      const some = rows.slice(begin, begin + atOnce);
      let value = 0;
      const mark = () => (this.database.dialect === 'sqlite' ? '?' : `$${++value}`);
      const values = some.map(() => `(${columns.map(mark).join(', ')})`).join(', ');
      const names = columns.map((column) => `"${column}"`).join(', ');
      const text = `insert into ${table} (${names}) values ${values}`;
      const valuesOf = (row: object) => columns.map((column) => (row as Record<string, unknown>)[column]);
      yield CompiledQuery.raw(text, some.flatMap(valuesOf));
    }
  }
}
