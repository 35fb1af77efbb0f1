import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { JobRecord } from '../../../src/contract/job.ts';
import type { CheckpointJobRequest } from '../../../src/contract/job-request.ts';
import { newRunId } from '../../../src/database/ids.ts';
import { removeRun } from '../../../src/resources/runs/remove-run.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { insertSampleAdapter, SAMPLE_ADAPTER } from '../adapters/sample-adapter.ts';
import { type StorageBench, withBench } from '../sweeps/storage-bench.ts';
import { entry, MODULES, runManifest } from './run-entries.ts';

const squeezeOf = (runId: string): CheckpointJobRequest => ({
  kind: 'checkpoint',
  run_id: runId,
  step: 100,
  adapter_id: SAMPLE_ADAPTER,
  targets: [{ rank: 1 }],
  optimizer: null,
});

/** A run whose log has these squeezes. */
async function runWith(
  { own: { runStore } }: StorageBench,
  ...checkpoints: { step: number; jobId: string | null }[]
): Promise<string> {
  const run = { ...runManifest(), id: newRunId(Date.now()) };
  await runStore.create(run);
  for (const [index, { step, jobId }] of checkpoints.entries()) {
    const change = { run_id: run.id, sequence: index + 1, job_id: jobId };
    assert.ok(await runStore.append(run, entry(step, 4, change), null, MODULES));
  }
  return run.id;
}

const job = (bench: StorageBench, change: Partial<JobRecord>, isFinal = true) =>
  bench.job({ kind: 'checkpoint', request: squeezeOf('run_x'), ...change }, { isFinal });

onEachDialect('removing a run', (database, folder) => {
  const onBench = (work: (bench: StorageBench) => Promise<void>) =>
    withBench(database(), folder(), async (bench) => {
      await insertSampleAdapter(database());
      await work(bench);
    });

  it('removes its checkpoints and their jobs, and none of others', async () => {
    await onBench(async (bench) => {
      const [mine, other] = [await job(bench, {}), await job(bench, {})];
      const id = await runWith(bench, { step: 1, jobId: null }, { step: 2, jobId: mine.id });
      const neighbour = await runWith(bench, { step: 2, jobId: other.id });
      await removeRun(bench.own, id);
      assert.equal(await bench.own.jobStore.get(mine.id), undefined);
      const { runStore } = bench.own;
      assert.equal(await runStore.get(id), undefined);
      assert.deepEqual(await runStore.log({ id }), []);
      assert.ok(await bench.own.jobStore.get(other.id));
      assert.equal((await runStore.log({ id: neighbour })).length, 1);
    });
  });

  it('is refused while a checkpoint is being squeezed', async () => {
    await onBench(async (bench) => {
      const pending = await job(bench, {}, false);
      const busy = await runWith(bench, { step: 1, jobId: pending.id });
      await assert.rejects(removeRun(bench.own, busy), { code: 'RUN_IN_USE' });
      assert.equal((await bench.own.runStore.log({ id: busy })).length, 1, 'and nothing of it is gone');
    });
  });

  it('does not wait for a job that a rewind has superseded', async () => {
    await onBench(async (bench) => {
      const left = await job(bench, {}, false);
      const done = await job(bench, {});
      const rewound = await runWith(bench, { step: 5, jobId: left.id }, { step: 4, jobId: done.id });
      await removeRun(bench.own, rewound);
      assert.ok(await bench.own.jobStore.get(left.id), 'it ends by itself');
      await bench.sweeper().sweep();
      assert.ok(await bench.own.jobStore.get(left.id), 'also with a sweep');
      await bench.worker.fail(left.id);
      await bench.sweeper().sweep();
      assert.equal(await bench.own.jobStore.get(left.id), undefined, 'and the sweeper has it then');
    });
  });

  it('does not find other ids', async () => {
    await onBench(async (bench) => {
      for (const id of ['', 'x', '../runs', newRunId(Date.now())])
        await assert.rejects(removeRun(bench.own, id), { code: 'RUN_NOT_FOUND' });
    });
  });
});
