import type { Database } from '../../src/database/database.ts';
import { ensureTenant } from '../../src/resources/tenants/store.ts';
import { GeneratedRows } from './generated-rows.ts';
import type { Amounts } from './options.ts';
import { RowWriter } from './row-writer.ts';

/** Fills a new database. @returns the rows that were created, from which their ids are known */
export async function fill(database: Database, amounts: Amounts): Promise<GeneratedRows> {
  const made = new GeneratedRows(amounts, Date.now());
  await database.write(async (writer) => {
    for (const tenant of made.tenants) await ensureTenant(writer, tenant);
  });
  const writer = new RowWriter(database);
  for (const rows of [made.adapters(writer.add), made.jobs(writer.add)])
    for (const _ of rows) if (writer.isFull) await writer.flush();
  await writer.flush();
  await database.write(async (transaction) => {
    const rows = [...made.usage].map(([tenant, usage]) => ({ tenant, ...usage }));
    await transaction.insertInto('usage').values(rows).execute();
  });
  return made;
}
