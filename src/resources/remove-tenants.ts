import { setImmediate } from 'node:timers/promises';
import type { Database, Writer } from '../database/database.ts';
import type { Tables } from '../database/tables.ts';
import { deleteAdapters } from './adapters/rows.ts';
import { removeBatchRows } from './batches/sweep-batches.ts';
import { cancelTenant } from './cancel-tenant.ts';
import { releaseContent } from './contents/contents.ts';
import { runAll, type Sweep } from './contents/sweep.ts';
import { removeUnused } from './jobs/executions/execution-rows.ts';
import { removeDeliveries } from './webhooks/delivery-rows.ts';
import type { Workspace, Workspaces } from './workspaces.ts';

/**
 * Rows of a deleted tenant are kept this long, because other processes cache its limits for 5 s and a request may be
 * under way.
 */
const LATE_MS = 30_000;

/** Rows that one transaction removes, which delays other work for its duration. */
const ROWS_AT_ONCE = 100;

/** Tables with rows of a tenant on which no other rows depend, each with its tenant column. */
const INDEPENDENT_TABLES = {
  connection: 'id',
  upload_lock: 'id',
  upload: 'id',
  idempotency: 'key',
  event: 'place',
  event_horizon: 'tenant',
  api_key: 'id',
  usage_day: 'day',
  usage: 'tenant',
} as const satisfies { readonly [T in keyof Tables]?: keyof Tables[T] & string };

/**
 * Removes tenants that are being deleted with all their records, in steps that are safe individually: if a sweep is
 * interrupted, the next one continues. Rows of uploads are removed here, and their bytes in UploadService.sweep.
 * @throws AppError DATABASE_UNAVAILABLE, STORAGE_FULL
 */
export async function removeDeletedTenants(workspaces: Workspaces, { startMs, swept }: Sweep): Promise<void> {
  const rows = await workspaces.database.reader
    .selectFrom('tenant')
    .select('id')
    .where('deleting_at', '<=', startMs - LATE_MS)
    .execute();
  await runAll(
    rows.map(({ id }) => async () => {
      await removeTenant(workspaces.of(id));
      workspaces.limits.forget(id);
      swept.add('tenant');
    }),
  );
}

async function removeTenant(space: Workspace): Promise<void> {
  const { tenant, database } = space;
  await cancelTenant(space);
  await space.batches.settled();
  await removeDeliveries(database, (all) =>
    // Its own column of the tenant is not in an index.
    all.where('webhook', 'in', ({ selectFrom }) =>
      selectFrom('webhook').select('webhook.id').where('webhook.tenant', '=', tenant),
    ),
  );
  await inSteps(database, (writer) => removeRows(writer, tenant, 'webhook', 'id'));
  await inSteps(database, (writer) => removeCheckpoints(database, writer, tenant));
  await inSteps(database, (writer) => removeRows(writer, tenant, 'run', 'id'));
  for (let id = await firstOf(database, 'batch', tenant); id; id = await firstOf(database, 'batch', tenant))
    await removeBatchRows(database, id);
  for (let ids = await jobsOf(space); ids.length > 0; ids = await jobsOf(space)) {
    await space.jobControl.erase(...ids);
    await setImmediate();
  }
  // Executions without a job are remains of an interrupted sweep.
  await inSteps(database, (writer) => removeExecutions(writer, tenant));
  await inSteps(database, (writer) => removeAdapters(database, writer, tenant));
  for (const [table, column] of Object.entries(INDEPENDENT_TABLES))
    await inSteps(database, (writer) => removeRows(writer, tenant, table as Removable, column));
  await database.write((writer) =>
    writer.deleteFrom('tenant').where('id', '=', tenant).where('deleting_at', 'is not', null).execute(),
  );
}

/** Repeats a step until nothing is left for it. @param step returns how many rows it has removed */
async function inSteps(database: Database, step: (writer: Writer) => Promise<number>): Promise<void> {
  while ((await database.write(step)) > 0) await setImmediate();
}

type Removable = keyof typeof INDEPENDENT_TABLES | 'webhook' | 'run';

/** The tables differ only in their names, so one of them stands for all in the types. */
async function removeRows(writer: Writer, tenant: string, table: Removable, column: string): Promise<number> {
  const [from, key] = [table as 'connection', column as 'id'];
  const some = writer.selectFrom(from).select(key).where('tenant', '=', tenant).limit(ROWS_AT_ONCE);
  const { numDeletedRows } = await writer
    .deleteFrom(from)
    .where('tenant', '=', tenant)
    .where(key, 'in', some)
    .executeTakeFirst();
  return Number(numDeletedRows);
}

async function removeCheckpoints(
  database: Pick<Database, 'now'>,
  writer: Writer,
  tenant: string,
): Promise<number> {
  const some = await writer
    .selectFrom('checkpoint')
    .innerJoin('run', 'run.id', 'checkpoint.run')
    .select(['checkpoint.run', 'checkpoint.sequence', 'checkpoint.modules_content'])
    .where('run.tenant', '=', tenant)
    .limit(ROWS_AT_ONCE)
    .execute();
  for (const { run, sequence } of some)
    await writer.deleteFrom('checkpoint').where('run', '=', run).where('sequence', '=', sequence).execute();
  await releaseContent(database, writer, [...new Set(some.map(({ modules_content }) => modules_content))]);
  return some.length;
}

async function removeExecutions(writer: Writer, tenant: string): Promise<number> {
  const some = await writer
    .selectFrom('execution')
    .select('id')
    .where('tenant', '=', tenant)
    .limit(ROWS_AT_ONCE)
    .execute();
  return some.length === 0
    ? 0
    : removeUnused(
        writer,
        some.map(({ id }) => id),
      );
}

async function removeAdapters(
  database: Pick<Database, 'now'>,
  writer: Writer,
  tenant: string,
): Promise<number> {
  const some = await writer
    .selectFrom('adapter')
    .select(['id', 'bytes'])
    .where('tenant', '=', tenant)
    .limit(ROWS_AT_ONCE)
    .execute();
  if (some.length > 0) await deleteAdapters(database, writer, tenant, some);
  return some.length;
}

async function firstOf(
  { reader }: Pick<Database, 'reader'>,
  table: 'batch',
  tenant: string,
): Promise<string | undefined> {
  const row = await reader
    .selectFrom(table)
    .select('id')
    .where('tenant', '=', tenant)
    .limit(1)
    .executeTakeFirst();
  return row?.id;
}

const jobsOf = ({ database: { reader }, tenant }: Workspace): Promise<{ id: string }[]> =>
  reader
    .selectFrom('job')
    .select('id')
    .where('tenant', '=', tenant)
    .orderBy('id')
    .limit(ROWS_AT_ONCE)
    .execute();
