import assert from 'node:assert/strict';
import { it } from 'node:test';
import { succeededResults } from '../../../src/charts/succeeded-targets.ts';
import { newAdapterId } from '../../../src/database/ids.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { AdapterStore } from '../../../src/resources/adapters/store.ts';
import { NO_TENANT_LIMITS } from '../../../src/resources/tenants/limits.ts';
import { checkStoredBytes, readTotalUsage, readUsage } from '../../../src/resources/tenants/usage.ts';
import type { Workspace } from '../../../src/resources/workspaces.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { tinyAdapter } from '../../http/tiny-adapter.ts';
import { insertSampleAdapter, SAMPLE_FACTS, SAMPLE_FILES } from '../adapters/sample-adapter.ts';
import { SAMPLE_OUTCOME } from '../jobs/fake-worker.ts';
import { entry, MODULES, runManifest } from '../runs/run-entries.ts';
import { HOUR_MS, type StorageBench, withBench } from '../sweeps/storage-bench.ts';
import { storedBytesOf } from './stored-by.ts';

onEachDialect('usage', (database, folder) => {
  const onBench = (work: (bench: StorageBench) => Promise<void>) => withBench(database(), folder(), work);
  const totals = async (space: Workspace) => ({ ...(await storedBytesOf(space)) });

  /** The sum over the existing adapters. */
  async function counted({ tenant }: Workspace) {
    const rows = await database()
      .reader.selectFrom('adapter')
      .select('bytes')
      .where('tenant', '=', tenant)
      .execute();
    return { adapters: rows.length, bytes: rows.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  const result = (space: Workspace) => ({
    ...{ id: newAdapterId(Date.now()), description: SAMPLE_FACTS, files: SAMPLE_FILES, name: 'result' },
    ...{ labels: {}, ttlSeconds: undefined, parentId: null, jobId: null },
    tenant: space.tenant,
  });

  it('counts every adapter in full, including those with the same content', () =>
    onBench(async (bench) => {
      assert.deepEqual(await totals(bench.own), { adapters: 0, bytes: 0 });
      const one = await bench.register(tinyAdapter(1));
      const two = await bench.register(tinyAdapter(2));
      const same = await bench.register(tinyAdapter(2));
      const bytes = one.bytes + two.bytes + same.bytes;
      assert.deepEqual(await totals(bench.own), { adapters: 3, bytes });
      await bench.own.adapters.remove(two.id);
      await assert.rejects(bench.own.adapters.remove(two.id));
      assert.deepEqual(await totals(bench.own), { adapters: 2, bytes: bytes - two.bytes });
      await bench.own.adapters.remove(one.id);
      await bench.own.adapters.remove(same.id);
      assert.deepEqual(await totals(bench.own), { adapters: 0, bytes: 0 });
    }));

  it('counts results, checkpoints that are squeezed, and what was swept', () =>
    onBench(async (bench) => {
      const { own } = bench;
      const made = { results: [{}, {}], adapters: [SAMPLE_OUTCOME, SAMPLE_OUTCOME] };
      const request = { kind: 'analyze', adapter_id: await insertSampleAdapter(database()) } as const;
      const job = await bench.job({ kind: 'analyze', request }, { made });
      assert.deepEqual(await totals(own), { adapters: 3, bytes: 3 * SAMPLE_FACTS.bytes });
      const run = runManifest();
      await own.runStore.create(run);
      const adapter = result(own);
      const squeeze = {
        ...{ kind: 'checkpoint', run_id: run.id, step: 1, adapter_id: adapter.id },
        ...{ targets: [{ rank: 1 }], optimizer: null },
      };
      const accepted = bench.accepted({ kind: 'checkpoint', request: squeeze as never });
      const checkpoint = entry(1, 64, { source_adapter_id: adapter.id, job_id: accepted.id });
      const written = { writeId: null, files: [...SAMPLE_FILES, ...MODULES.files] };
      assert.ok(await own.runStore.append(run, checkpoint, { adapter, job: accepted }, written));
      assert.deepEqual(await totals(own), { adapters: 4, bytes: 4 * SAMPLE_FACTS.bytes });
      const again = await own.runStore.append(run, checkpoint, { adapter, job: accepted }, written);
      assert.deepEqual([again, await totals(own)], [false, await counted(own)]);
      await own.adapters.change(succeededResults(job)[0]!.adapter_id, { ttlSeconds: 60 });
      await bench.sweeper().sweep(Date.now() + HOUR_MS);
      assert.deepEqual(await totals(own), { adapters: 3, bytes: 3 * SAMPLE_FACTS.bytes });
      assert.deepEqual(await totals(own), await counted(own));
    }));

  it('does not count what was not recorded', () =>
    onBench(async (bench) => {
      const store = new AdapterStore(database(), bench.own.tenant);
      const adapter = result(bench.own);
      await store.insert(adapter, { writeId: null, files: SAMPLE_FILES });
      const twice = store.insert(adapter, { writeId: null, files: SAMPLE_FILES });
      await assert.rejects(twice, 'its id is taken');
      const lost = store.insert(result(bench.own), { writeId: 'gone', files: SAMPLE_FILES });
      await assert.rejects(lost, { code: 'STORAGE_FAILED' });
      assert.deepEqual(await totals(bench.own), { adapters: 1, bytes: SAMPLE_FACTS.bytes });
    }));

  it('counts each of many simultaneous uploads, removals and sweeps once', () =>
    onBench(async (bench) => {
      const spaces = [bench.own, await bench.other()];
      await Promise.all(
        Array.from({ length: 24 }, async (_, i) => {
          const space = spaces[i % 2]!;
          const keeping = i % 3 === 0 ? { ttlSeconds: 60 } : {};
          const { id } = await bench.register(tinyAdapter(i % 4), { space, keeping });
          if (i % 3 === 0) await bench.sweeper().sweep(Date.now() + HOUR_MS);
          if (i % 3 === 1) await Promise.allSettled([space.adapters.remove(id), space.adapters.remove(id)]);
        }),
      );
      await bench.sweeper().sweep(Date.now() + HOUR_MS);
      for (const space of spaces) {
        assert.deepEqual(await totals(space), await counted(space));
        assert.equal((await totals(space)).adapters, 4);
      }
      const both = [await totals(spaces[0]!), await totals(spaces[1]!)] as const;
      assert.deepEqual(await readTotalUsage(database()), {
        adapters: 8,
        bytes: both[0].bytes + both[1].bytes,
      });
    }));

  it('is counted for each tenant, with its jobs', () =>
    onBench(async (bench) => {
      const other = await bench.other();
      await bench.register(tinyAdapter(1));
      await bench.job({}, { space: other });
      assert.deepEqual(await readUsage(other), { stored_bytes: 0, adapters: 0, jobs: 1 });
      const own = await readUsage(bench.own);
      assert.deepEqual([own.adapters, own.jobs], [1, 0]);
    }));

  const spaceWith = ({ own }: StorageBench, limit: number | null) => ({
    database: database(),
    tenant: own.tenant,
    limits: async () => ({ ...NO_TENANT_LIMITS, stored_bytes: limit }),
  });

  it('is limited by the quota: what fits is accepted, to the byte, and no more', () =>
    onBench(async (bench) => {
      const { bytes } = await bench.register(tinyAdapter(1));
      const space = spaceWith(bench, bytes + 100);
      await checkStoredBytes(space, 100);
      await assert.rejects(checkStoredBytes(space, 101), (error) => {
        assert.ok(error instanceof AppError && error.code === 'QUOTA_STORED_BYTES');
        assert.deepEqual(error.context, { used: bytes, limit: bytes + 100, wanted: 101 });
        return true;
      });
      await assert.rejects(checkStoredBytes(spaceWith(bench, bytes - 1), 0), {
        code: 'QUOTA_STORED_BYTES',
      });
      await assert.rejects(checkStoredBytes(space, bytes + 101), {
        code: 'QUOTA_TOO_SMALL',
        context: { wanted: bytes + 101, limit: bytes + 100 },
      });
      await assert.rejects(checkStoredBytes(spaceWith(bench, 0), 0), { code: 'QUOTA_TOO_SMALL' });
    }));

  it('is unlimited if no quota is set', () =>
    onBench(async (bench) => {
      await checkStoredBytes(spaceWith(bench, null), Number.MAX_SAFE_INTEGER);
    }));
});
