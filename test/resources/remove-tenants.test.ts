import assert from 'node:assert/strict';
import { it } from 'node:test';
import { newRunId } from '../../src/database/ids.ts';
import { SAVED_TABLES } from '../../src/database/saved-tables.ts';
import { sql } from '../../src/database/sql.ts';
import { ClaimStore } from '../../src/resources/idempotency/claim-store.ts';
import { KeyService } from '../../src/resources/keys/service.ts';
import { Sweeper } from '../../src/resources/sweeper.ts';
import { type Workspace, Workspaces } from '../../src/resources/workspaces.ts';
import { onEachDialect } from '../database/dialects.ts';
import { MemoryQueue } from '../http/memory-queue.ts';
import { tinyAdapter } from '../http/tiny-adapter.ts';
import { crashAfterWrites, SimulatedCrash } from './crashing-stores.ts';
import { NO_DISPATCHER } from './jobs/fake-worker.ts';
import { reportFile } from './jobs/job-rows.ts';
import { entry, MODULES, runManifest } from './runs/run-entries.ts';
import { HOUR_MS, largeAdapter, type StorageBench, withBench } from './sweeps/storage-bench.ts';

const later = (hours: number): number => Date.now() + hours * HOUR_MS;

onEachDialect('a tenant that is deleted', (database, folder) => {
  const onBench = (work: (bench: StorageBench) => Promise<void>) => withBench(database(), folder(), work);

  /** A record of every kind. */
  async function fill(bench: StorageBench, space: Workspace, seed: number): Promise<void> {
    const { tenant } = space;
    const shared = await bench.register(largeAdapter(1), { space });
    await bench.register(largeAdapter(seed), { space, keeping: { labels: { team: 'x' } } });
    await bench.register(tinyAdapter(seed), { space });
    const squeeze = (rank: number) => ({
      ...{ kind: 'squeeze' as const, adapter_id: shared.id, targets: [{ rank }], labels: { a: 'b' } },
    });
    const done = await space.jobs.submit(squeeze(1));
    await bench.worker.succeed(done.id, { results: [{}], files: [reportFile({ of: tenant })] });
    await space.jobs.submit(squeeze(2));
    const running = await space.jobs.submit(squeeze(3));
    await bench.worker.begin(running.id);
    await space.batchIntake.submit({ jobs: [squeeze(4), squeeze(5)], labels: { c: 'd' } });
    await space.batches.settled();
    const run = { ...runManifest(), id: newRunId(Date.now()) };
    await space.runStore.create(run);
    const checkpoint = {
      ...entry(1, 64, { decision: 'keep', target: null, job_id: null, source_adapter_id: null }),
      run_id: run.id,
    };
    assert.ok(await space.runStore.append(run, checkpoint, null, MODULES));
    await database().write(async (writer) => {
      const row = { tenant, created_at: 1, updated_at: 1 };
      await writer
        .insertInto('connection')
        .values({ ...row, id: `conn_${tenant}`, name: 'x', kind: 's3', settings: '{}' })
        .execute();
      await writer
        .insertInto('webhook')
        .values({ id: `wh_${tenant}`, tenant, of_request: 0, settings: '{}', secret: 's', created_at: 1 })
        .execute();
      const delivery = {
        ...{ webhook: `wh_${tenant}`, tenant, type: 'job.succeeded', state: 'failed', attempts: '[]' },
        ...{ attempts_made: 0, attempts_before: 0, created_at: Date.now(), payload: '{}' },
      };
      const ids = Array.from({ length: 250 }, (_, index) => ({ ...delivery, id: `msg_${index}` }));
      await writer.insertInto('delivery').values(ids).execute();
      const upload = {
        ...{ id: 'u', file: 'f', filename: 'a', reserved_bytes: 0, received_bytes: 0, metadata: '{}' },
        ...{ created_at: Date.now(), touched_at: Date.now() },
      };
      await writer
        .insertInto('upload')
        .values({ ...upload, tenant })
        .execute();
      const lock = { id: 'u', owner: `o-${tenant}`, expires_at: later(100), wanted: 0 };
      await writer
        .insertInto('upload_lock')
        .values({ ...lock, tenant })
        .execute();
      await writer
        .insertInto('event_horizon')
        .values({ tenant, removed_through: 0 })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    });
    const claimant = { tenant, key: 'a'.repeat(64), owner: tenant };
    await new ClaimStore(database()).claim(claimant, { route: 'r', payload: null }, 100 * HOUR_MS);
    await new KeyService(database()).create({ tenant, name: '', scopes: ['read'], expiresAt: null });
  }

  /** How many rows a tenant has in every table with tenants, and the tenant itself. */
  async function rowsOf(tenant: string): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    const others = ['upload', 'upload_lock'] as const;
    for (const table of [...SAVED_TABLES, ...others]) {
      const { rows: columns } = await (database().dialect === 'sqlite'
        ? sql<{ name: string }>`select name from pragma_table_info(${table})`
        : sql<{
            name: string;
          }>`select column_name as name from information_schema.columns where table_name = ${table}`
      ).execute(database().reader);
      const column = table === 'tenant' ? 'id' : 'tenant';
      if (!columns.some(({ name }) => name === column)) continue;
      const found = sql<{
        count: number;
      }>`select count(*) as count from ${sql.table(table)} where ${sql.ref(column)} = ${tenant}`;
      counts[table] = Number((await found.execute(database().reader)).rows[0]!.count);
    }
    return counts;
  }

  const leftOf = async (tenant: string): Promise<string[]> =>
    Object.entries(await rowsOf(tenant)).flatMap(([table, count]) => (count > 0 ? [table] : []));

  it('leaves nothing behind, without affecting another tenant that shares its content', () =>
    onBench(async (bench) => {
      const gone = await bench.other('gone');
      const kept = await bench.other('kept');
      for (const [index, space] of [gone, kept].entries()) await fill(bench, space, 10 + index);
      const before = await rowsOf('kept');
      const empty = Object.entries(await rowsOf('gone')).filter(([, count]) => count === 0);
      assert.deepEqual(empty, [], 'the test has something of every kind');
      const objects = (await bench.objects()).length;
      assert.equal(objects, 3, 'one is shared');

      const { tenants } = bench.workspaces;
      assert.equal((await tenants.delete('gone')).state, 'deleting');
      await tenants.delete('gone');
      await assert.rejects(tenants.put('gone', {}), { code: 'TENANT_DELETING' });
      await assert.rejects(tenants.suspend('gone'), { code: 'TENANT_DELETING' });
      await assert.rejects(
        new KeyService(database()).create({ tenant: 'gone', name: '', scopes: ['read'], expiresAt: null }),
        { code: 'TENANT_DELETING' },
      );
      await bench.sweeper().sweep();
      assert.equal((await tenants.get('gone')).state, 'deleting', 'others may not have heard of it yet');
      const { swept } = await bench.sweeper().sweep(later(0.1));
      assert.equal(swept.of('tenant').objects, 1);
      assert.deepEqual(await leftOf('gone'), []);
      await assert.rejects(tenants.get('gone'), { code: 'TENANT_NOT_FOUND' });
      assert.deepEqual(await rowsOf('kept'), before);

      await bench.sweeper().sweep(later(2.1));
      assert.equal((await bench.objects()).length, objects - 1, 'its bytes have left the storage');
      await bench.assertWhole();
      assert.equal((await tenants.put('gone', {})).state, 'active', 'its id can be used again');
      assert.deepEqual(await leftOf('gone'), ['tenant']);
    }));

  it('is removed completely, wherever the process that removes it dies', () =>
    onBench(async (bench) => {
      const kept = await bench.other('kept');
      await fill(bench, kept, 11);
      const before = await rowsOf('kept');
      let deaths = 0;
      for (let life = 1; ; life += 5) {
        await fill(bench, await bench.other('gone'), 10);
        await bench.workspaces.tenants.delete('gone');
        const dying = crashAfterWrites(bench, life);
        const parts = { store: dying.store, database: dying.database, dispatcher: NO_DISPATCHER };
        const workspaces = new Workspaces({ ...parts, queue: new MemoryQueue() });
        const sweeper = new Sweeper({
          ...{ workspaces, graceMs: HOUR_MS, eventRetention: { keptMs: 100 * HOUR_MS, maxEvents: 10_000 } },
        });
        const outcome = await sweeper.sweep(later(0.1)).catch((error: unknown) => error);
        if (!(outcome instanceof Error)) break;
        assert.ok(outcome instanceof SimulatedCrash, String(outcome));
        deaths++;
        await bench.sweeper().sweep(later(0.1));
        assert.deepEqual(await leftOf('gone'), [], `after ${life} writes`);
        assert.deepEqual(await rowsOf('kept'), before, `after ${life} writes`);
      }
      assert.ok(deaths > 5, `${deaths}`);
      await bench.assertWhole();
    }));

  it('is never the default tenant', () =>
    onBench(async ({ workspaces: { tenants } }) => {
      await assert.rejects(tenants.delete('default'), { code: 'TENANT_NOT_DELETABLE' });
      await assert.rejects(tenants.delete('none'), { code: 'TENANT_NOT_FOUND' });
    }));
});
