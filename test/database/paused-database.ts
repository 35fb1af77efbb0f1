import type { Database } from '../../src/database/database.ts';
import { sql } from '../../src/database/sql.ts';
import { until } from '../queue/harness.ts';

export interface PausedDatabase {
  /** The same database, but the first transaction is held after its work and before its commit. */
  readonly database: Database;
  /** Resolves when the transaction is held. */
  readonly reached: Promise<void>;
  readonly release: () => void;
}

/** Holds a transaction so that others come in between. */
export function pauseDatabase(database: Database): PausedDatabase {
  const [reached, released] = [gate(), gate()];
  const write: Database['write'] = (work) =>
    database.write(async (writer) => {
      const result = await work(writer);
      reached.open();
      await released.promise;
      return result;
    });
  return { database: { ...database, write }, reached: reached.promise, release: released.open };
}

/** Waits until a transaction waits for rows of another one. With SQLite, each waits for those before it anyway. */
export async function untilBlocked({ dialect, reader }: Database): Promise<void> {
  if (dialect === 'sqlite') return;
  const blocked = sql`select from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`;
  await until('a blocked transaction', async () => (await blocked.execute(reader)).rows.length > 0);
}

function gate(): { readonly promise: Promise<void>; readonly open: () => void } {
  let open: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}
