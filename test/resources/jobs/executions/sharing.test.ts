import assert from 'node:assert/strict';
import { it } from 'node:test';
import { succeededResults } from '../../../../src/charts/succeeded-targets.ts';
import type { JobPriority } from '../../../../src/contract/job-request.ts';
import { newJobId } from '../../../../src/database/ids.ts';
import { acceptedJob, DEFAULT_JOB_OPTIONS } from '../../../../src/resources/jobs/accepted-job.ts';
import { readTotalUsage } from '../../../../src/resources/tenants/usage.ts';
import { onEachDialect } from '../../../database/dialects.ts';
import { SAMPLE_FACTS } from '../../adapters/sample-adapter.ts';
import { storedBytesOf } from '../../tenants/stored-by.ts';
import { FAILED_RESULT } from '../fake-worker.ts';
import { type JobBench, squeezeOf, withJobBench } from '../job-bench.ts';
import { executionOf, executionsIn, WORK } from './sample-work.ts';

onEachDialect('equal requests', (database) => {
  const onBench = (work: (bench: JobBench) => Promise<void>) => withJobBench(work, database());
  const contents = async () =>
    (await database().reader.selectFrom('content').select('sha256').orderBy('sha256').execute()).map(
      ({ sha256 }) => sha256,
    );
  const priority = async (jobId: string) => (await executionOf(database(), jobId)).priority;

  /** Two adapters with the same bytes and different names. */
  async function twins({ upload, adapters }: JobBench): Promise<[string, string]> {
    const [one, other] = [await upload(), await upload()];
    await adapters.change(one, { name: 'one' });
    await adapters.change(other, { name: 'other' });
    return [one, other];
  }

  it('sent to several processes at once are executed once, and each has its own records', () =>
    onBench(async (bench) => {
      const sources = await twins(bench);
      const processes = [bench, bench.another(), bench.another()];
      const jobs = await Promise.all(
        Array.from({ length: 60 }, (_, i) => {
          const settings = { labels: { n: String(i) }, ttl_seconds: 60 + i };
          return processes[i % 3]!.jobs.submit(squeezeOf(sources[i % 2]!, 2, settings));
        }),
      );
      assert.equal(new Set(jobs.map(({ id }) => id)).size, 60);
      assert.equal(jobs.filter(({ reused }) => !reused).length, 1);
      assert.equal((await executionsIn(database())).length, 1);
      await bench.worker.begin(jobs[7]!.id);
      assert.ok(
        (await Promise.all(jobs.map(({ id }) => bench.jobs.get(id)))).every((job) => job.state === 'active'),
      );
      await bench.end(jobs[7]!.id, WORK);
      const ids = new Set<string>();
      for (const [i, { id }] of jobs.entries()) {
        const job = await bench.jobs.get(id);
        const { adapter_id } = succeededResults(job)[0]!;
        ids.add(adapter_id);
        const { name, parent_id, job_id } = await bench.adapters.get(adapter_id);
        assert.deepEqual([name, parent_id, job_id], [`${i % 2 ? 'other' : 'one'}-r2`, sources[i % 2], id]);
        assert.deepEqual([job.state, job.labels, job.attempts], ['succeeded', { n: String(i) }, 1]);
        assert.equal(Date.parse(job.expires_at!) - Date.parse(job.finished_at!), 1000 * (60 + i));
      }
      assert.equal(ids.size, 60);
      assert.equal(bench.ended.length, 60);
    }));

  it('whose work was done before end at once, share its content, and are counted in full', () =>
    onBench(async (bench) => {
      const [one, other] = await twins(bench);
      const first = await bench.jobs.submit(squeezeOf(one, 2, { options: { seed: 0 } }));
      await bench.end(first.id, WORK);
      const [known, before] = [await contents(), await storedBytesOf(bench)];
      const second = await bench.another().jobs.submit(squeezeOf(other, 2, { labels: { a: 'b' } }));
      assert.deepEqual([second.state, second.reused, second.labels], ['succeeded', true, { a: 'b' }]);
      assert.deepEqual(second, await bench.jobs.get(second.id));
      const resultOf = async (jobId: string) => succeededResults(await bench.jobs.get(jobId))[0]!.adapter_id;
      assert.notEqual(await resultOf(second.id), await resultOf(first.id));
      assert.deepEqual(await contents(), known);
      assert.deepEqual(
        { ...(await storedBytesOf(bench)) },
        { adapters: before.adapters + 1, bytes: before.bytes + SAMPLE_FACTS.bytes },
      );
      assert.deepEqual((await bench.jobs.report(second.id)).notes, ['x']);
      assert.equal((await executionsIn(database())).length, 1);
      // Results that one of them deletes are still there for the other.
      await bench.adapters.remove(await resultOf(second.id));
      await bench.jobControl.remove(second.id);
      const left = await resultOf(first.id);
      assert.equal((await bench.adapters.get(left)).name, 'one-r2');
      assert.ok(await bench.jobs.report(first.id));
      assert.equal((await readTotalUsage(database())).adapters, before.adapters);
    }));

  it('have their own work if that of others failed, was cancelled, is gone, or must not be shared', () =>
    onBench(async (bench) => {
      const request = squeezeOf(await bench.upload());
      const submitted = async (more = {}) => {
        const { id, state, reused } = await bench.jobs.submit({ ...request, ...more } as typeof request);
        assert.deepEqual([state, reused], ['queued', false]);
        return id;
      };
      await bench.worker.fail(await submitted());
      await bench.jobControl.cancel(await submitted());
      const done = await submitted();
      await bench.end(done, WORK);
      const again = await submitted({ reuse: false });
      assert.equal((await bench.jobs.submit(request)).reused, true, 'later ones find the newest');
      await bench.end(again, WORK);
      for (const id of [done, again])
        await bench.adapters.remove(succeededResults(await bench.jobs.get(id))[0]!.adapter_id);
      const { id, state } = await bench.jobs.submit(request);
      assert.equal(state, 'succeeded', 'the bytes are still here');
      await bench.adapters.remove(succeededResults(await bench.jobs.get(id))[0]!.adapter_id);
      await database().write((writer) =>
        writer
          .updateTable('content')
          .set({ state: 'deleting' })
          .where('sha256', '=', SAMPLE_FACTS.sha256)
          .execute(),
      );
      await bench.end(await submitted(), WORK);
      assert.equal((await bench.jobs.submit(request)).state, 'succeeded');
    }));

  it('repeat work that failed for a reason that may pass, and share other failures', () =>
    onBench(async (bench) => {
      const request = squeezeOf(await bench.upload());
      const passing = { ...FAILED_RESULT, error: { ...FAILED_RESULT.error, retryable: true } };
      for (const [failed, isShared] of [
        [passing, false],
        [FAILED_RESULT, true],
      ] as const) {
        await bench.end((await bench.jobs.submit(request)).id, { results: [failed] });
        const { id, reused } = await bench.jobs.submit(request);
        assert.equal(reused, isShared);
        if (!isShared) await bench.jobControl.cancel(id);
      }
    }));

  it('must have the same tenant, contents and work', () =>
    onBench(async (bench) => {
      const [one, different] = [await bench.upload(), await bench.upload(2)];
      await bench.jobs.submit(squeezeOf(one));
      for (const request of [
        squeezeOf(different),
        squeezeOf(one, 3),
        { kind: 'analyze', adapter_id: one } as const,
      ])
        assert.equal((await bench.jobs.submit(request)).reused, false);
      assert.equal((await executionsIn(database())).length, 4);
    }));

  it('of runs are executed for each run', () =>
    onBench(async (bench) => {
      const adapter_id = await bench.upload();
      const rest = { step: 1, adapter_id, targets: [{ rank: 2 }], optimizer: null };
      for (const run_id of ['run_1', 'run_1', 'run_2']) {
        const job = acceptedJob(newJobId(Date.now()), { kind: 'checkpoint', run_id, ...rest });
        const [accepted] = await bench.jobStore.accept([{ job, reuse: true }]);
        assert.equal(accepted!.reused, false);
      }
      assert.equal((await executionsIn(database())).length, 3);
    }));

  it('are as urgent as the most urgent waiting job', () =>
    onBench(async (bench) => {
      const id = await bench.upload();
      const of = (priority: JobPriority) => bench.jobs.submit(squeezeOf(id, 2, { priority }));
      const [low, high, normal] = [await of('low'), await of('high'), await of('normal')];
      assert.equal(await priority(low.id), 0);
      await bench.jobControl.cancel(high.id);
      assert.equal(await priority(low.id), 1);
      await bench.worker.begin(low.id);
      await bench.jobControl.cancel(normal.id);
      assert.equal(await priority(low.id), 2, 'also while it runs, for it may be tried again');
      // In one transaction, the last one does not decide.
      const request = { kind: 'analyze', adapter_id: id } as const;
      const jobs = (['low', 'high', 'normal'] as const).map((priority) => ({
        job: acceptedJob(newJobId(Date.now()), request, { ...DEFAULT_JOB_OPTIONS, priority }),
        reuse: true,
      }));
      await bench.jobStore.accept(jobs);
      assert.equal(await priority(jobs[0]!.job.id), 0);
    }));

  it('continue while some job waits, and stop when none does', () =>
    onBench(async (bench) => {
      const id = await bench.upload();
      const [one, other] = [await bench.jobs.submit(squeezeOf(id)), await bench.jobs.submit(squeezeOf(id))];
      const task = await bench.worker.begin(one.id);
      const joiner = await bench.jobs.submit(squeezeOf(id));
      assert.deepEqual([joiner.state, joiner.attempts], ['active', 1]);
      await bench.jobControl.cancel(one.id);
      assert.deepEqual(await bench.worker.executions.obsoleteDispatches([task]), []);
      await bench.end(other.id, WORK);
      const states = [one, other, joiner].map(async (job) => (await bench.jobs.get(job.id)).state);
      assert.deepEqual(await Promise.all(states), ['cancelled', 'succeeded', 'succeeded']);
      const both = [await bench.jobs.submit(squeezeOf(id, 3)), await bench.jobs.submit(squeezeOf(id, 3))];
      const running = await bench.worker.begin(both[0]!.id);
      for (const job of both) await bench.jobControl.cancel(job.id);
      assert.deepEqual(await bench.worker.executions.obsoleteDispatches([running]), [running]);
      assert.equal((await executionOf(database(), both[0]!.id)).state, 'cancelled');
    }));

  it('that are submitted, cancelled and completed at once have one outcome each', () =>
    onBench(async (bench) => {
      const id = await bench.upload();
      const processes = [bench, bench.another()];
      for (let rank = 1; rank <= 12; rank++) {
        const request = squeezeOf(id, rank);
        const first = await bench.jobs.submit(request);
        const second = await bench.jobs.submit(request);
        await bench.worker.begin(first.id);
        const [, , , ...joined] = await Promise.all([
          bench.end(first.id, WORK).catch(() => undefined),
          processes[1]!.jobControl.cancel(first.id).catch(() => undefined),
          processes[rank % 2]!.jobControl.cancel(second.id).catch(() => undefined),
          ...processes.map((one) => one.jobs.submit(request)),
        ]);
        for (const job of joined) {
          const now = await bench.jobs.get(job!.id);
          if (now.state !== 'succeeded') await bench.end(now.id, WORK);
          assert.equal((await bench.jobs.get(now.id)).results.length, 1);
        }
        for (const job of [first, second])
          assert.match((await bench.jobs.get(job.id)).state, /^(cancelled|succeeded)$/);
      }
      const unfinished = (await executionsIn(database())).filter(({ finished_at }) => finished_at === null);
      assert.deepEqual(unfinished, []);
    }));

  it('leave their work behind with the last of them', () =>
    onBench(async (bench) => {
      const id = await bench.upload();
      const first = await bench.jobs.submit(squeezeOf(id));
      await bench.end(first.id, WORK);
      const second = await bench.jobs.submit(squeezeOf(id));
      await bench.jobControl.remove(first.id);
      assert.equal((await bench.jobs.submit(squeezeOf(id))).state, 'succeeded');
      assert.equal((await executionsIn(database())).length, 1);
      await bench.jobStore.remove(
        second.id,
        ...(await bench.jobs.page({}, { limit: 9 })).items.map((job) => job.id),
      );
      assert.deepEqual(await executionsIn(database()), []);
      assert.equal((await bench.jobs.submit(squeezeOf(id))).reused, false);
    }));
});
