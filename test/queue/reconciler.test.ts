import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Reconciler } from '../../src/queue/reconciler.ts';
import { Workspaces } from '../../src/resources/workspaces.ts';
import { batchesOf } from '../resources/batches/insert-batch.ts';
import { SILENT, withBench } from './harness.ts';

describe('a batch that was being cancelled by a process which died', () => {
  it('is cancelled completely', () =>
    withBench(async (bench) => {
      const batch = await bench.submitBatch(30);
      await batchesOf(bench.database).cancel(batch.id);
      const workspaces = new Workspaces({ ...bench, store: bench.blobs });
      const reconciler = new Reconciler({ workspaces, logger: SILENT, intervalMs: 200 });
      reconciler.start();
      try {
        const { state, counts } = await bench.batchOutcome(batch.id);
        assert.deepEqual([state, counts.cancelled], ['cancelled', 30]);
        assert.equal((await bench.execution(batch.ids[0]!)).state, 'cancelled');
      } finally {
        await reconciler.close();
      }
    }));
});
