import { DEFAULT_TENANT } from '../../src/contract/tenant-id.ts';
import type { Database } from '../../src/database/database.ts';
import type { TenantTable } from '../../src/database/tables.ts';
import { insertExecutions, newExecution } from '../../src/resources/jobs/executions/execution-rows.ts';

const MIB = 2 ** 20;

/** A worker whose last heartbeat is this old. */
export async function addWorker(
  { write, after }: Database,
  slots: number,
  { seenMsAgo = 0, msPerMib = 100 as number | null } = {},
): Promise<string> {
  const id = `worker-${Math.random()}`;
  const seen_at = after(-seenMsAgo);
  const row = { id, slots, running: 0, host: 'test', provider: 'cpu', ms_per_mib: msPerMib, seen_at };
  await write((writer) => writer.insertInto('worker').values(row).execute());
  return id;
}

/** Tenants with equal settings. */
export async function addTenants(
  { write }: Pick<Database, 'write'>,
  ids: readonly string[],
  settings: Partial<Pick<TenantTable, 'weight' | 'max_running' | 'suspended_at' | 'deleting_at'>> = {},
): Promise<void> {
  const rows = ids.map((id) => ({ id, ...settings, created_at: 0 }));
  await write((writer) => writer.insertInto('tenant').values(rows).execute());
}

/**
 * Waiting executions, in the order of their ids. @param mib size of the weights; the fixed cost of each is
 * one more
 */
export async function addWaiting(
  { write }: Database,
  count: number,
  { tenant = DEFAULT_TENANT as string, priority = 1, mib = 0, change = {} } = {},
): Promise<string[]> {
  const given = { tenant, key: null, step: 'work' as const, priority, work_bytes: mib * MIB };
  const rows = Array.from({ length: count }, () => ({ ...newExecution(given), ...change }));
  rows.sort((one, other) => (one.id < other.id ? -1 : 1));
  await write((writer) => insertExecutions(writer, rows));
  return rows.map(({ id }) => id);
}

export const executionStates = async ({ reader }: Database): Promise<Map<string, string>> => {
  const rows = await reader.selectFrom('execution').select(['id', 'state']).execute();
  return new Map(rows.map(({ id, state }) => [id, state]));
};
