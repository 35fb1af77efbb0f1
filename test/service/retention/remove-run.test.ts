import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobRecord } from '../../../src/contract/job.ts';
import type { CheckpointJobRequest } from '../../../src/contract/job-request.ts';
import { acceptedJob } from '../../../src/service/accepted-job.ts';
import { newJobId, newRunId } from '../../../src/service/layout.ts';
import { AdapterUses } from '../../../src/service/retention/adapter-uses.ts';
import { removeRun } from '../../../src/service/retention/remove-run.ts';
import { entry, madeRun } from '../runs/made-run.ts';
import { onDisk, type StorageBench } from './storage-bench.ts';

const ADAPTER = `ad_${'1'.repeat(32)}`;

const squeezeOf = (runId: string): CheckpointJobRequest => ({
  kind: 'checkpoint',
  run_id: runId,
  step: 100,
  adapter_id: ADAPTER,
  targets: [{ rank: 1 }],
  optimizer: null,
});

/** A run whose log has these squeezes. */
async function runWith(
  { own: { runStore } }: StorageBench,
  ...checkpoints: { step: number; jobId: string | null }[]
): Promise<string> {
  const run = { ...madeRun(), id: newRunId(Date.now()) };
  await runStore.create(run);
  for (const [index, { step, jobId }] of checkpoints.entries()) {
    const change = { run_id: run.id, sequence: index + 1, job_id: jobId };
    assert.ok(await runStore.append(run, entry(step, 4, change), null));
  }
  return run.id;
}

const job = (bench: StorageBench, change: Partial<JobRecord>, isFinal = true) =>
  bench.job({ kind: 'checkpoint', request: squeezeOf('run_x'), ...change }, { isFinal });

describe('removing a run', () => {
  it('removes its checkpoints and their jobs, and nothing of others', async () => {
    await onDisk(async (bench) => {
      const [mine, other] = [await job(bench, {}), await job(bench, {})];
      const id = await runWith(bench, { step: 1, jobId: null }, { step: 2, jobId: mine.id });
      const neighbour = await runWith(bench, { step: 2, jobId: other.id });
      await removeRun(bench.own, id);
      assert.equal(await bench.own.jobStore.get(mine.id), undefined);
      const { runStore } = bench.own;
      assert.equal(await runStore.get(id), undefined);
      assert.deepEqual(await runStore.log({ id }), []);
      const left = await bench.own.store.list('');
      assert.ok(!left.some((key) => key.includes(mine.id.slice(4))));
      assert.ok(await bench.own.jobStore.get(other.id));
      assert.equal((await runStore.log({ id: neighbour })).length, 1);
    });
  });

  it('is refused while a checkpoint is being squeezed', async () => {
    await onDisk(async (bench) => {
      const pending = await job(bench, {}, false);
      const busy = await runWith(bench, { step: 1, jobId: pending.id });
      await assert.rejects(removeRun(bench.own, busy), { code: 'RUN_IN_USE' });
      assert.equal((await bench.own.runStore.log({ id: busy })).length, 1, 'and nothing of it is gone');
    });
  });

  it('does not wait for a job that a rewind has left behind', async () => {
    await onDisk(async (bench) => {
      const left = await job(bench, {}, false);
      const done = await job(bench, {});
      const rewound = await runWith(bench, { step: 5, jobId: left.id }, { step: 4, jobId: done.id });
      await removeRun(bench.own, rewound);
      assert.ok(await bench.own.jobStore.get(left.id), 'it ends by itself');
      await bench.own.jobStore.finish({ ...left, state: 'failed', finished_at: new Date().toISOString() });
      await bench.sweeper().sweep();
      assert.equal(await bench.own.jobStore.get(left.id), undefined, 'and the sweeper has it then');
    });
  });

  it('knows no other ids', async () => {
    await onDisk(async (bench) => {
      for (const id of ['', 'x', '../runs', newRunId(Date.now())])
        await assert.rejects(removeRun(bench.own, id), { code: 'RUN_NOT_FOUND' });
    });
  });
});

describe('what reads an adapter', () => {
  it('is an unfinished job', async () => {
    await onDisk(async (bench) => {
      const uses = new AdapterUses(bench.own.jobStore);
      assert.equal(await uses.of(ADAPTER), undefined);
      await job(bench, {});
      assert.equal(await uses.of(ADAPTER), undefined, 'one that has ended reads nothing');
      const sources = [{ adapter_id: 'ad_other' }, { adapter_id: ADAPTER }];
      const request = { kind: 'merge' as const, sources, targets: [{ rank: 1 }] };
      const merge = acceptedJob(newJobId(Date.now()), request);
      await bench.own.jobStore.accept([merge]);
      assert.equal(await uses.of(ADAPTER), merge.id);
      assert.equal(await uses.of('ad_none'), undefined);
    });
  });
});
