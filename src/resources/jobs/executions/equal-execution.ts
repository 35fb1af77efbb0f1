import type { Database } from '../../../database/database.ts';
import type { ExecutionTable } from '../../../database/job-tables.ts';
import { licenseIn } from '../../adapters/rows.ts';
import { adapterNotFound } from '../../adapters/store.ts';
import type { SourceContent } from './accept-jobs.ts';
import type { WorkOutcome } from './execution-outcome.ts';
import { areFilesStored } from './record-work.ts';

/**
 * The contents of adapters, by which requests are compared.
 * @throws AppError ADAPTER_NOT_FOUND if one no longer exists, DATABASE_UNAVAILABLE
 */
export async function sourceContents(
  { reader }: Pick<Database, 'reader'>,
  tenant: string,
  ids: readonly string[],
): Promise<Map<string, SourceContent>> {
  if (ids.length === 0) return new Map();
  const rows = await reader
    .selectFrom('adapter')
    .select(['id', 'digest', 'bytes', 'facts'])
    .where('tenant', '=', tenant)
    .where('id', 'in', ids)
    .execute();
  const found = new Map(rows.map((row) => [row.id, { ...row, license: licenseIn(row) }]));
  for (const id of ids) if (!found.has(id)) throw adapterNotFound(id);
  return found;
}

/**
 * The execution that a job with such a request would join now; undefined if it would get one of its own.
 * @param key by executionKey
 * @throws AppError DATABASE_UNAVAILABLE
 */
export async function findEqualExecution(
  { reader }: Pick<Database, 'reader'>,
  tenant: string,
  key: string,
): Promise<ExecutionTable | undefined> {
  const row = await reader
    .selectFrom('execution')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('key', '=', key)
    .executeTakeFirst();
  if (row?.state !== 'succeeded') return row;
  return (await areFilesStored(reader, JSON.parse(row.outcome!) as WorkOutcome)) ? row : undefined;
}
