import assert from 'node:assert/strict';
import { it } from 'node:test';
import { DEFAULT_TENANT } from '../../../src/contract/tenant-id.ts';
import type { Database } from '../../../src/database/database.ts';
import { timedId } from '../../../src/database/ids.ts';
import type { ExecutionTable } from '../../../src/database/job-tables.ts';
import type { AppError } from '../../../src/errors/app-error.ts';
import { newExecution } from '../../../src/resources/jobs/executions/execution-rows.ts';
import { QueueAge } from '../../../src/resources/jobs/queue-age.ts';
import { TenantService } from '../../../src/resources/tenants/service.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { planOf, watched } from '../../database/query-plans.ts';

async function insert(
  database: Database,
  tenant: string,
  agesSeconds: readonly number[],
  change: Partial<ExecutionTable> = {},
): Promise<void> {
  await new TenantService(database).put(tenant, {});
  const row = newExecution({ tenant, key: null, step: 'work', priority: 1, work_bytes: 0 });
  const rows = agesSeconds.map((age) => ({
    ...row,
    ...change,
    id: timedId('ex', Date.now() - age * 1000),
  }));
  await database.write(async (writer) => {
    await writer.insertInto('execution').values(rows).execute();
  });
}

const refusal = (waited: number, retryAfter: number) => (error: unknown) => {
  const { code, context } = error as AppError;
  assert.equal(code, 'QUEUE_TOO_OLD');
  assert.equal(context.retry_after_seconds, retryAfter);
  const seconds = context.waited_seconds as number;
  assert.ok(seconds >= waited && seconds < waited + 60, String(seconds));
  return true;
};

onEachDialect('the age of a queue', (database) => {
  it("is that of the tenant's oldest job that could begin, whatever others have sent", async () => {
    await insert(database(), 'busy', [3, 700, 20]);
    await insert(database(), 'quiet', [1]);
    const age = new QueueAge(database(), 500);
    await assert.rejects(age.check('busy'), refusal(700, 60));
    await age.check('quiet');
    await age.check('without');
  });

  it('has no limit unless one is set', async () => {
    await insert(database(), 'busy', [1_000_000]);
    await new QueueAge(database(), undefined).check('busy');
  });

  it('does not count jobs that run, have ended, are not due, or were dispatched before', async () => {
    const old = [900];
    await insert(database(), 'busy', old, { state: 'dispatched', dispatch_no: 1 });
    await insert(database(), 'busy', old, { state: 'failed' });
    await insert(database(), 'busy', old, { not_before: Date.now() + 50_000 });
    await insert(database(), 'busy', old, { dispatch_no: 1 });
    const age = new QueueAge(database(), 30);
    await age.check('busy');
    await insert(database(), 'other', old, { not_before: Date.now() - 1_000 });
    await assert.rejects(age.check('other'), refusal(900, 60));
  });

  it('is read once for many simultaneous callers, from an index alone', async () => {
    await insert(database(), DEFAULT_TENANT, [10, 33]);
    const watch = watched(database());
    const age = new QueueAge(watch.database, 30);
    const all = await Promise.allSettled(Array.from({ length: 500 }, () => age.check(DEFAULT_TENANT)));
    assert.ok(all.every(({ status }) => status === 'rejected'));
    await assert.rejects(age.check(DEFAULT_TENANT), refusal(33, 5));
    assert.equal(watch.queries.length, 1);
    if (database().dialect === 'postgresql') return;
    const plan = await planOf(database(), watch.queries[0]!);
    assert.deepEqual(plan, ['SEARCH execution USING INDEX execution_oldest (tenant=?)']);
  });
});
