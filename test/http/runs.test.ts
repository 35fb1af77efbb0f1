import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Value } from 'typebox/value';
import type { RunSummary } from '../../src/contract/list.ts';
import { CheckpointRecord, RunRecord, type RunRequest } from '../../src/contract/run.ts';
import { readContent } from '../../src/resources/contents/content-files.ts';
import { Workspaces } from '../../src/resources/workspaces.ts';
import { NO_DISPATCHER } from '../resources/jobs/fake-worker.ts';
import { jobFile } from '../resources/jobs/job-rows.ts';
import { type CheckpointParts, checkpointForm, momentsOf, OPTIMIZER } from './checkpoint-form.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { type TinyAdapter, tinyAdapter } from './tiny-adapter.ts';
import { writtenOf } from './written-adapter.ts';

/** Ranks 8, 4, 2; squeezes at 334 and 667. */
const SCHEDULE = {
  source_rank: 8,
  target_rank: 2,
  total_steps: 1000,
  recipe: 'equal' as const,
  min_stage_steps: 100,
};

/** The fields that named steps replace. */
const NAMED = { source_rank: 8, target_rank: 2, total_steps: 1000 };

describe('annealing runs over HTTP', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.close());

  const postRun = (body: unknown) =>
    server.fetch('/v1/runs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  const rename = (id: string, body: unknown) =>
    server.fetch(`/v1/runs/${id}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  async function newRun(request: RunRequest = { schedule: SCHEDULE }): Promise<RunRecord> {
    const response = await postRun(request);
    assert.equal(response.status, 201, await response.clone().text());
    return (await response.json()) as RunRecord;
  }

  async function getRun(id: string): Promise<RunRecord> {
    const response = await server.fetch(`/v1/runs/${id}`);
    assert.equal(response.status, 200, await response.clone().text());
    const run = (await response.json()) as RunRecord;
    assert.ok(Value.Check(RunRecord, run), 'fits the contract');
    return run;
  }

  const send = (
    id: string,
    adapter: TinyAdapter,
    parts: CheckpointParts,
    headers: Record<string, string> = {},
  ) =>
    server.fetch(`/v1/runs/${id}/checkpoints`, {
      method: 'POST',
      headers,
      body: checkpointForm(adapter, parts),
    });

  async function recordOf(response: Response, status: number): Promise<CheckpointRecord> {
    const text = await response.text();
    assert.equal(response.status, status, text);
    const record = JSON.parse(text) as CheckpointRecord;
    assert.ok(Value.Check(CheckpointRecord, record), `fits the contract: ${text}`);
    assert.equal(response.headers.get('location'), `/v1/runs/${record.run_id}/checkpoints/${record.step}`);
    return record;
  }

  async function checkpointOf(id: string, step: number): Promise<CheckpointRecord> {
    const response = await server.fetch(`/v1/runs/${id}/checkpoints/${step}`);
    assert.equal(response.status, 200, await response.clone().text());
    return (await response.json()) as CheckpointRecord;
  }

  /** Does the work of a worker: the result of a squeeze is another tiny adapter, of the requested rank. */
  async function work(jobId: string): Promise<void> {
    const job = (await server.jobStore.get(jobId))!;
    assert.ok(job.request.kind === 'checkpoint' && 'rank' in job.request.targets[0]!);
    const { rank } = job.request.targets[0];
    const adapter = await writtenOf(server, tinyAdapter(job.request.step, { rank }));
    const content = jobFile('training', 'projections');
    const { sha256, bytes } = content;
    const projections = { name: 'projections.safetensors', sha256, bytes };
    const training = {
      learning_rate_factor: 1.1,
      revived_directions: 0,
      optimizer: 'none' as const,
      files: [projections],
    };
    const { ranks: rankMade, parameters } = adapter.description;
    const result = { target: job.request.targets[0], rank: rankMade, parameters, training };
    await server.worker.succeed(jobId, { results: [result], adapters: [adapter], files: [content] });
  }

  describe('a run', () => {
    it('begins with its schedule', async () => {
      const response = await postRun({ name: 'mine', base_model: 'some/model', schedule: SCHEDULE });
      assert.equal(response.status, 201, await response.clone().text());
      const run = (await response.json()) as RunRecord;
      assert.equal(response.headers.get('location'), `/v1/runs/${run.id}`);
      assert.deepEqual(await getRun(run.id), run);
      assert.deepEqual(
        [run.name, run.base_model, run.mode, run.rank, run.step, run.at_target, run.next_checkpoint_step],
        ['mine', 'some/model', 'scheduled', { min: 8, max: 8 }, null, false, 334],
      );
      assert.deepEqual(
        run.schedule?.squeezes.map(({ step, to_rank }) => [step, to_rank]),
        [
          [334, 4],
          [667, 2],
        ],
      );
      assert.deepEqual(run.checkpoints, []);
      const { learning_rate, begin_step, end_step } = run.schedule!.stages[0]!;
      assert.deepEqual(run.learning_rate, { ...learning_rate, begin_step, end_step });
      assert.deepEqual(run.notes, []);
    });

    it('reports that its last stage is starved, with the schedule that the trainer named', async () => {
      const learning_rate = { schedule: 'linear' as const };
      const late = { ...NAMED, squeeze_steps: [450, 900], learning_rate };
      const scheduled = await newRun({ schedule: late });
      assert.match(scheduled.notes.join(), /^Rank 2 is trained for 100 steps .* The linear schedule/);
      assert.deepEqual(scheduled.schedule?.notes, scheduled.notes);
      const adaptive = await newRun({
        adaptive: { ...SCHEDULE, energy: 0.9, final_steps: 100, learning_rate },
      });
      assert.match(adaptive.notes.join(), /^Rank 2 is trained for 100 steps .* The linear schedule/);
    });

    it('may follow what the spectrum must keep', async () => {
      const run = await newRun({ adaptive: { ...SCHEDULE, energy: 0.9, warm_up_steps: 250 } });
      assert.deepEqual(
        [run.mode, run.schedule, run.next_checkpoint_step, run.base_model],
        ['adaptive', null, 250, null],
      );
      assert.deepEqual(
        [run.learning_rate.factor, run.learning_rate.end_step, run.learning_rate.decay_steps],
        [1, 900, 0],
      );
    });

    it('defines names and times to live of the adapters that its squeezes create', async () => {
      const results = { name: '{source} at {rank}', labels: { team: 'search' }, ttl_seconds: 3600 };
      const run = await newRun({ schedule: SCHEDULE, results });
      assert.deepEqual(run.request.results, results);
      const { job_id, source_adapter_id } = await recordOf(
        await send(run.id, tinyAdapter(1, { rank: 8 }), { step: 334 }),
        202,
      );
      await work(job_id!);
      const sent = await server.adapters.get(source_adapter_id!);
      assert.deepEqual([sent.labels, sent.expires_at], [{}, null], 'that of the trainer is as it was sent');
      const made = await server.adapters.get((await checkpointOf(run.id, 334)).adapter_id!);
      assert.deepEqual([made.name, made.labels], [`${sent.name} at 4`, { team: 'search' }]);
      const seconds = (Date.parse(made.expires_at!) - Date.parse(made.created_at)) / 1000;
      assert.ok(Math.abs(seconds - 3600) < 10, String(seconds));
      const { request } = (await server.jobStore.get(job_id!))!;
      assert.deepEqual('results' in request && request.results, results);
    });

    it('is at its target if there is nothing to squeeze', async () => {
      const run = await newRun({ schedule: { ...SCHEDULE, target_rank: 8 } });
      assert.deepEqual([run.at_target, run.next_checkpoint_step], [true, null]);
    });

    it('is refused when it contradicts itself or the schema', async () => {
      for (const [body, status, code] of [
        [{ schedule: { ...SCHEDULE, target_rank: 16 } }, 422, 'SCHEDULE_INVALID'],
        [{ schedule: { ...SCHEDULE, total_steps: 100 } }, 422, 'SCHEDULE_TOO_SHORT'],
        [{ schedule: { ...SCHEDULE, total_steps: 3, stages: 4 } }, 422, 'SCHEDULE_TOO_SHORT'],
        [{ schedule: { ...NAMED, squeeze_steps: [500, 400] } }, 422, 'SCHEDULE_INVALID'],
        [{ schedule: { ...NAMED, squeeze_steps: [500, 1000] } }, 422, 'SCHEDULE_INVALID'],
        [{ schedule: { ...NAMED, squeeze_steps: [500], stages: 3 } }, 422, 'SCHEDULE_INVALID'],
        [{ schedule: { ...NAMED, squeeze_steps: [500], min_stage_steps: 100 } }, 422, 'SCHEDULE_INVALID'],
        [{ schedule: { ...NAMED, squeeze_steps: [0] } }, 400, 'VALIDATION_FAILED'],
        [{ schedule: { ...NAMED, squeeze_steps: [] } }, 400, 'VALIDATION_FAILED'],
        [{ schedule: { ...SCHEDULE, ranks: [8, 2] } }, 422, 'SCHEDULE_INVALID'],
        [{ schedule: { ...SCHEDULE, shape: 'custom', ranks: [8, 2], stages: 2 } }, 422, 'SCHEDULE_INVALID'],
        [{ adaptive: { ...SCHEDULE, energy: 0.9, target_rank: 16 } }, 422, 'SCHEDULE_INVALID'],
        [{ adaptive: { ...SCHEDULE, energy: 0.9, total_steps: 100 } }, 422, 'SCHEDULE_TOO_SHORT'],
        [{ adaptive: { ...SCHEDULE, energy: 0.9, final_share: 0.5 } }, 422, 'SCHEDULE_INVALID'],
        [{ schedule: SCHEDULE, rank_allocation: 'energy' }, 400, 'VALIDATION_FAILED'],
        [{ adaptive: { ...SCHEDULE, energy: 0.9 }, rank_allocation: 'by_module' }, 400, 'UNKNOWN_OPTION'],
        [{ adaptive: { ...SCHEDULE } }, 422, 'SCHEDULE_INVALID'],
        [{ adaptive: { ...SCHEDULE, energy: 0.9, tolerance: 0.1 } }, 422, 'SCHEDULE_INVALID'],
        [{ schedule: SCHEDULE, adaptive: { ...SCHEDULE, energy: 0.9 } }, 400, 'VALIDATION_FAILED'],
        [{}, 400, 'VALIDATION_FAILED'],
        [{ schedule: SCHEDULE, revive: 1 }, 400, 'VALIDATION_FAILED'],
        [{ schedule: SCHEDULE, results: { name: '{step}' } }, 400, 'VALIDATION_FAILED'],
        [{ schedule: SCHEDULE, results: { ttl: 60 } }, 400, 'UNKNOWN_OPTION'],
        [{ schedule: SCHEDULE, alpha: 'fold' }, 400, 'VALIDATION_FAILED'],
        [{ schedule: SCHEDULE, optimiser: 'reset' }, 400, 'UNKNOWN_OPTION'],
        [{ schedule: { ...SCHEDULE, warmup_steps: 1 } }, 400, 'UNKNOWN_OPTION'],
        [{ adaptive: { ...SCHEDULE, energy: 0.9, every: 1 } }, 400, 'UNKNOWN_OPTION'],
      ] as const) {
        await problemIn(await postRun(body), status, code);
      }
    });

    it('can be renamed at any time, while its request stays as it was sent', async () => {
      const run = await newRun({ schedule: SCHEDULE, name: 'first' });
      const renamed = await rename(run.id, { name: 'second' });
      assert.equal(renamed.status, 200);
      assert.deepEqual(await renamed.json(), { ...run, name: 'second' });
      assert.deepEqual(await getRun(run.id), { ...run, name: 'second' });
      const listed = async (name: string) => {
        const page = await (await server.fetch(`/v1/runs?name=${name}`)).json();
        return (page as { data: RunSummary[] }).data.some(({ id }) => id === run.id);
      };
      assert.deepEqual([await listed('first'), await listed('second')], [false, true]);
      await rename(run.id, { name: null });
      assert.equal((await getRun(run.id)).name, null);
    });

    it('accepts only a valid name, and no other change', async () => {
      const { id } = await newRun();
      for (const [body, code] of [
        [{ name: 'a\u0000b' }, 'VALIDATION_FAILED'],
        [{ name: 'x'.repeat(201) }, 'VALIDATION_FAILED'],
        [{}, 'VALIDATION_FAILED'],
        [{ name: 'x', step: 3 }, 'UNKNOWN_OPTION'],
      ] as const)
        await problemIn(await rename(id, body), 400, code);
      await problemIn(await postRun({ schedule: SCHEDULE, name: 'a\nb' }), 400, 'VALIDATION_FAILED');
    });

    it('is not found by other ids', async () => {
      for (const id of [`run_${'0'.repeat(32)}`, 'a:b', '%2e%2e%2fjobs', 'job_1']) {
        await problemIn(await rename(id, { name: 'x' }), 404, 'RUN_NOT_FOUND');
        await problemIn(await server.fetch(`/v1/runs/${id}`), 404, 'RUN_NOT_FOUND');
        await problemIn(await server.fetch(`/v1/runs/${id}/checkpoints/1`), 404, 'RUN_NOT_FOUND');
        await problemIn(await send(id, tinyAdapter(), { step: 1 }), 404, 'RUN_NOT_FOUND');
      }
    });
  });

  describe('a checkpoint', () => {
    let run: RunRecord;
    beforeEach(async () => {
      run = await newRun();
    });
    const first = tinyAdapter(100, { rank: 8 });

    /** Ids of the jobs of a run. */
    async function jobsOf(runId: string): Promise<string[]> {
      const { reader } = server.database;
      const jobs = reader.selectFrom('job').select('id').where('request', 'like', `%"run_id":"${runId}"%`);
      return (await jobs.orderBy('id').execute()).map(({ id }) => id);
    }

    it('that is early is recorded, and nothing else of it is stored', async () => {
      const before = await (await server.fetch('/v1/usage')).json();
      const record = await recordOf(await send(run.id, first, { step: 100 }), 200);
      assert.deepEqual(
        [record.decision, record.state, record.job_id, record.files, record.next_checkpoint_step],
        ['keep', 'succeeded', null, [], 334],
      );
      assert.deepEqual(
        [record.rank_before, record.rank_after],
        [
          { min: 8, max: 8 },
          { min: 8, max: 8 },
        ],
      );
      assert.deepEqual([record.adapter_id, record.source_adapter_id], [null, null], 'the trainer has it');
      assert.deepEqual(await (await server.fetch('/v1/usage')).json(), before);
      assert.deepEqual(await checkpointOf(run.id, 100), record);
      assert.deepEqual((await getRun(run.id)).checkpoints, [record]);
    });

    it('keeps the loss sent with it, and the first one if it is sent again', async () => {
      const record = await recordOf(await send(run.id, first, { step: 100, loss: '1.25e-1' }), 200);
      assert.equal(record.loss, 0.125);
      const again = await recordOf(await send(run.id, first, { step: 100, loss: 3 }), 200);
      assert.deepEqual(again, record);
      assert.deepEqual((await getRun(run.id)).checkpoints, [record]);
      const second = await recordOf(await send(run.id, first, { step: 150 }), 200);
      assert.equal(second.loss, null);
    });

    it('that is due becomes a job, and then the adapter to continue with', async () => {
      const record = await recordOf(await send(run.id, first, { step: 340 }), 202);
      assert.deepEqual(
        [record.decision, record.state, record.late_by_steps, record.adapter_id, record.next_checkpoint_step],
        ['squeeze', 'queued', 6, null, 667],
      );
      const job = (await server.jobStore.get(record.job_id!))!;
      assert.deepEqual(job.request, {
        kind: 'checkpoint',
        run_id: run.id,
        step: 340,
        adapter_id: record.source_adapter_id,
        targets: [{ rank: 4, scale: 'keep', split: 'balanced', revive: true, projections: true }],
        options: { method: 'exact' },
        optimizer: null,
      });
      assert.equal(record.learning_rate, null, 'not before the squeeze is done');
      await server.worker.begin(job.id);
      assert.equal((await checkpointOf(run.id, 340)).state, 'active');

      await work(job.id);
      const done = await checkpointOf(run.id, 340);
      assert.equal(done.state, 'succeeded');
      assert.deepEqual(done.rank_after, { min: 4, max: 4 });
      assert.deepEqual([done.relative_error, done.energy_retained], [0.1, 0.99]);
      assert.deepEqual(done.training, {
        learning_rate_factor: 1.1,
        revived_directions: 0,
        optimizer: 'none',
      });
      const { share, ...curve } = done.learning_rate!;
      assert.deepEqual(curve, {
        factor: Math.cbrt(2),
        begin_step: 340,
        end_step: 667,
        warm_up_steps: 30,
        decay_steps: 0,
      });
      assert.ok(share > 0.3 && share < 0.5, String(share));
      assert.deepEqual((await getRun(run.id)).learning_rate, done.learning_rate);
      assert.deepEqual(
        done.files.map(({ href }) => href),
        [
          `/v1/adapters/${done.adapter_id}/files/adapter_model.safetensors`,
          `/v1/adapters/${done.adapter_id}/files/adapter_config.json`,
          `/v1/jobs/${job.id}/artifacts/projections.safetensors`,
        ],
      );
      for (const { href, bytes } of done.files) {
        const file = await server.fetch(href);
        assert.deepEqual([file.status, Number(file.headers.get('content-length'))], [200, bytes], href);
        await file.body?.cancel();
      }
      const now = await getRun(run.id);
      assert.deepEqual(
        [now.rank, now.step, now.at_target, now.next_checkpoint_step, now.base_model],
        [{ min: 4, max: 4 }, 340, false, 667, 'some/model'],
      );
    });

    it('keeps its source while it is squeezed, and has no files once its result was removed', async () => {
      const remove = (path: string) => server.fetch(path, { method: 'DELETE' });
      const record = await recordOf(await send(run.id, first, { step: 340 }), 202);
      const source = `/v1/adapters/${record.source_adapter_id}`;
      await problemIn(await remove(source), 409, 'ADAPTER_IN_USE');
      await problemIn(await remove(`/v1/runs/${run.id}`), 409, 'RUN_IN_USE');
      await work(record.job_id!);
      const { adapter_id } = await checkpointOf(run.id, 340);
      for (const path of [source, `/v1/adapters/${adapter_id}`])
        assert.equal((await remove(path)).status, 204);
      const done = await checkpointOf(run.id, 340);
      assert.equal(done.adapter_id, adapter_id);
      assert.deepEqual(
        done.files.map(({ href }) => href),
        [`/v1/jobs/${record.job_id}/artifacts/projections.safetensors`],
      );
      assert.deepEqual((await getRun(run.id)).rank, { min: 4, max: 4 });
      assert.equal((await remove(`/v1/runs/${run.id}`)).status, 204);
      await problemIn(await server.fetch(`/v1/jobs/${record.job_id}`), 404, 'JOB_NOT_FOUND');
    });

    it('is refused if the tenant would store more than it may', async () => {
      await server.upload(tinyAdapter(77));
      await server.limit({ stored_bytes: 0 });
      await problemIn(await send(run.id, first, { step: 340 }), 422, 'QUOTA_TOO_SMALL');
      await server.limit({ stored_bytes: null });
      await recordOf(await send(run.id, first, { step: 340 }), 202);
    });

    it('goes through a whole run', async () => {
      const squeeze = async (step: number, rank: number) => {
        const { job_id } = await recordOf(await send(run.id, tinyAdapter(step, { rank }), { step }), 202);
        await work(job_id!);
      };
      await squeeze(334, 8);
      await recordOf(await send(run.id, tinyAdapter(500, { rank: 4 }), { step: 500 }), 200);
      await squeeze(667, 4);
      const last = await recordOf(await send(run.id, tinyAdapter(1000, { rank: 2 }), { step: 1000 }), 200);
      assert.equal(last.next_checkpoint_step, null);
      assert.deepEqual(
        [last.learning_rate?.begin_step, last.learning_rate?.end_step, last.learning_rate?.decay_steps],
        [667, 1000, 333],
      );
      const end = await getRun(run.id);
      assert.deepEqual([end.rank, end.at_target, end.step], [{ min: 2, max: 2 }, true, 1000]);
      assert.deepEqual(
        end.checkpoints.map(({ step, decision, rank_after }) => [step, decision, rank_after?.max]),
        [
          [334, 'squeeze', 4],
          [500, 'keep', 4],
          [667, 'squeeze', 2],
          [1000, 'keep', 2],
        ],
      );
    });

    it('follows the settings of the run for scale, moments, dead directions and options', async () => {
      const other = await newRun({
        schedule: SCHEDULE,
        alpha: 'sqrt',
        optimizer: 'reset',
        revive: false,
        options: { method: 'exact', seed: 3 },
      });
      const optimizer = momentsOf();
      const { job_id } = await recordOf(await send(other.id, first, { step: 334, optimizer }), 202);
      const { request } = (await server.jobStore.get(job_id!))!;
      assert.ok(request.kind === 'checkpoint');
      assert.deepEqual(request.options, { method: 'exact', seed: 3 });
      assert.deepEqual(request.targets, [
        { rank: 4, scale: 'sqrt', split: 'balanced', revive: false, projections: true },
      ]);
      assert.equal(request.optimizer?.mode, 'reset');
      const file = (await server.jobStore.file(job_id!, 'optimizer', request.optimizer.sha256))!;
      assert.ok(
        optimizer.equals(await readContent(server.store, file)),
        'the moments are stored with the job',
      );
    });

    it('waits for the job on request', async () => {
      const sending = send(run.id, first, { step: 334 }, { prefer: 'wait=20' });
      let jobId: string | undefined;
      // SQLite answers at once, so without a pause nothing else would run.
      for (; !jobId; await sleep(5)) [jobId] = await jobsOf(run.id);
      await work(jobId);
      const response = await sending;
      assert.equal(response.headers.get('preference-applied'), 'wait=20');
      const record = await recordOf(response, 200);
      assert.deepEqual([record.state, record.rank_after?.max], ['succeeded', 4]);
    });

    it('that is sent twice is one checkpoint and one job', async () => {
      const record = await recordOf(await send(run.id, first, { step: 334 }), 202);
      const again = await recordOf(await send(run.id, first, { step: 334 }), 202);
      assert.deepEqual(again, record);
      await work(record.job_id!);
      const done = await recordOf(await send(run.id, first, { step: 334 }), 200);
      assert.equal(done.job_id, record.job_id);
      assert.equal((await getRun(run.id)).checkpoints.length, 1);
    });

    it('also if it is sent many times at once, to several processes', async () => {
      const { wholeStore: store, database, queue } = server;
      const other = new Workspaces({ store, database, queue, dispatcher: NO_DISPATCHER });
      const second = await startServer({}, { workspaces: other, store: server.wholeStore });
      try {
        const post = (url: string) =>
          fetch(`${url}/v1/runs/${run.id}/checkpoints`, {
            method: 'POST',
            body: checkpointForm(first, { step: 334, optimizer: momentsOf() }),
          });
        const urls = [server.url, second.url, server.url, second.url, server.url, second.url];
        const responses = await Promise.all(urls.map(post));
        const records = await Promise.all(responses.map((response) => recordOf(response, 202)));
        assert.equal(new Set(records.map(({ job_id }) => job_id)).size, 1);
        const mine = await jobsOf(run.id);
        assert.deepEqual(mine, [records[0]!.job_id]);
        assert.equal((await getRun(run.id)).checkpoints.length, 1);
      } finally {
        await second.close();
      }
    });

    it('and another one for the same step at once: one is accepted, the other refused', async () => {
      const others = [1, 2, 3, 4].map((seed) => send(run.id, tinyAdapter(seed, { rank: 8 }), { step: 334 }));
      const statuses = (await Promise.all(others)).map(({ status }) => status).sort();
      assert.deepEqual(statuses, [202, 409, 409, 409]);
      assert.equal((await jobsOf(run.id)).length, 1);
    });

    it('is accepted, and shown, while the queue is away', async () => {
      server.queue.down = true;
      try {
        const record = await recordOf(await send(run.id, first, { step: 334 }), 202);
        assert.equal(record.state, 'queued');
        assert.deepEqual((await getRun(run.id)).checkpoints, [record]);
        await work(record.job_id!);
        assert.equal((await checkpointOf(run.id, 334)).state, 'succeeded');
      } finally {
        server.queue.down = false;
      }
    });

    it('whose squeeze failed reports it, and may be sent again', async () => {
      const record = await recordOf(await send(run.id, first, { step: 334 }), 202);
      await server.worker.fail(record.job_id!);
      const bad = await recordOf(await send(run.id, tinyAdapter(5, { rank: 8 }), { step: 200 }), 200);
      assert.equal(bad.decision, 'keep', 'it does not hinder an earlier one');
      assert.equal((await checkpointOf(run.id, 334)).error?.code, 'NON_FINITE_WEIGHTS');
      const failure = await checkpointOf(run.id, 334);
      assert.deepEqual(
        [failure.state, failure.adapter_id, failure.next_checkpoint_step],
        ['failed', null, 334],
      );
      const again = await recordOf(await send(run.id, first, { step: 334 }), 202);
      assert.notEqual(again.job_id, record.job_id);
      await work(again.job_id!);
      const now = await getRun(run.id);
      assert.deepEqual(
        now.checkpoints.map(({ step, state, superseded }) => [step, state, superseded]),
        [
          [334, 'failed', true],
          [200, 'succeeded', false],
          [334, 'succeeded', false],
        ],
      );
      assert.equal(now.rank.max, 4);
    });

    it('is refused out of order, with what to do', async () => {
      const { job_id } = await recordOf(await send(run.id, first, { step: 334 }), 202);
      const next = tinyAdapter(7, { rank: 4 });
      await problemIn(await send(run.id, next, { step: 400 }), 409, 'CHECKPOINT_PENDING');
      await work(job_id!);
      const done = await checkpointOf(run.id, 334);
      await problemIn(await send(run.id, next, { step: 334 }), 409, 'CHECKPOINT_CONFLICT');
      const late = await problemIn(await send(run.id, next, { step: 300 }), 409, 'CHECKPOINT_OUT_OF_ORDER');
      assert.match(late.detail, /step 334/);
      await problemIn(await send(run.id, next, { step: 1001 }), 422, 'CHECKPOINT_STEP');
      const stale = await problemIn(await send(run.id, first, { step: 400 }), 409, 'CHECKPOINT_RANK');
      assert.ok(stale.detail.includes(`load adapter ${done.adapter_id}`), stale.detail);
      assert.equal((await getRun(run.id)).checkpoints.length, 1);
    });

    it('with other modules or another base model is refused', async () => {
      await recordOf(await send(run.id, first, { step: 100 }), 200);
      const larger = tinyAdapter(1, { rank: 8, m: 32 });
      const problem = await problemIn(
        await send(run.id, larger, { step: 200 }),
        409,
        'CHECKPOINT_BASE_MISMATCH',
      );
      assert.match(problem.detail, /step 100: module "layers\.0\.self_attn\.q_proj" was .*24.*32/);
      const config = JSON.parse(first.config.toString());
      config.base_model_name_or_path = 'other/model';
      const other = { ...first, config: Buffer.from(JSON.stringify(config)) };
      await problemIn(await send(run.id, other, { step: 200 }), 409, 'CHECKPOINT_BASE_MISMATCH');
    });

    it('rewinds the run permanently', async () => {
      const { job_id } = await recordOf(await send(run.id, first, { step: 334 }), 202);
      await work(job_id!);
      const pending = await recordOf(await send(run.id, tinyAdapter(8, { rank: 4 }), { step: 667 }), 202);
      const resumed = tinyAdapter(9, { rank: 8 });
      const second = await recordOf(await send(run.id, resumed, { step: 334, rewind: true }), 202);
      const repeated = await recordOf(await send(run.id, resumed, { step: 334, rewind: true }), 202);
      assert.equal(repeated.job_id, second.job_id);
      const now = await getRun(run.id);
      assert.deepEqual(
        now.checkpoints.map(({ step, superseded }) => [step, superseded]),
        [
          [334, true],
          [667, true],
          [334, false],
        ],
      );
      assert.deepEqual([now.rank.max, now.step], [8, 334]);
      assert.equal((await checkpointOf(run.id, 334)).job_id, second.job_id);
      await work(pending.job_id!);
      assert.equal((await getRun(run.id)).rank.max, 8, 'a result that nobody waits for changes nothing');
      await work(second.job_id!);
      assert.equal((await getRun(run.id)).rank.max, 4);
    });

    it('is not found by other steps', async () => {
      await problemIn(await server.fetch(`/v1/runs/${run.id}/checkpoints/7`), 404, 'CHECKPOINT_NOT_FOUND');
      await problemIn(await server.fetch(`/v1/runs/${run.id}/checkpoints/x`), 400, 'VALIDATION_FAILED');
    });

    it('is refused if its parts are wrong, and leaves nothing', async () => {
      const before = await server.store.list('');
      const bad = async (parts: CheckpointParts, status: number, code: string, pattern: RegExp) => {
        const problem = await problemIn(await send(run.id, first, parts), status, code);
        assert.match(problem.detail, pattern);
      };
      await bad({}, 422, 'FILE_MISSING', /"step"/);
      for (const step of ['-1', '1.5', 'x', '', '1e3', '9999999999']) {
        await bad({ step }, 400, 'VALIDATION_FAILED', /step is .* from 0 to/);
      }
      await bad({ step: 334, rewind: 'yes' }, 400, 'VALIDATION_FAILED', /rewind is "yes"/);
      for (const loss of ['', 'NaN', 'Infinity', '1e999', '0x10', '1,5'])
        await bad({ step: 334, loss }, 400, 'VALIDATION_FAILED', /loss is ".*" but must be a finite number/);
      await bad(
        { step: 334, optimizer: momentsOf({ rank: 4 }) },
        422,
        'OPTIMIZER_STATE_INVALID',
        /lora_A\.weight\.exp_avg.* shape \[4,16\]/,
      );
      await bad({ step: 334, optimizer: Buffer.from('{}') }, 415, 'UNSUPPORTED_FORMAT', /^optimizer\.saf/);
      await bad({ step: 334, optimizer: momentsOf({}, ['step']) }, 422, 'OPTIMIZER_STATE_INVALID', /moments/);
      const twice = checkpointForm(first, { step: 334 });
      twice.append('step', '334');
      const path = `/v1/runs/${run.id}/checkpoints`;
      await problemIn(await server.fetch(path, { method: 'POST', body: twice }), 400, 'DUPLICATE_PART');
      for (const [name, value] of [
        ['request', '{}'],
        ['moments', new Blob(['x'])],
      ] as const) {
        const strange = checkpointForm(first, { step: 334 });
        strange.append(name, value as string);
        const response = await server.fetch(path, { method: 'POST', body: strange });
        const { detail, context } = await problemIn(response, 400, 'UNEXPECTED_PART');
        assert.match(
          detail,
          /adapter_config\.json\. Other parts may be step, rewind, loss, optimizer\.safetensors\.$/,
        );
        assert.deepEqual(context?.expected, [
          'adapter_model.safetensors',
          'adapter_config.json',
          OPTIMIZER,
          'step',
          'rewind',
          'loss',
        ]);
      }
      const alone = new FormData();
      alone.append('step', '334');
      await problemIn(await server.fetch(path, { method: 'POST', body: alone }), 422, 'FILE_MISSING');
      assert.deepEqual(await server.store.list(''), before);
      await server.assertNoLeftovers();
    });

    it('has its own path: other uploads accept neither step nor moments', async () => {
      for (const [name, value, code] of [
        ['step', '334', 'UNEXPECTED_PART'],
        // By its name it is one more weights file.
        [OPTIMIZER, new Blob([new Uint8Array(momentsOf())]), 'DUPLICATE_PART'],
      ] as const) {
        const form = checkpointForm(first, {});
        form.append(name, value as string);
        const response = await server.fetch('/v1/adapters', { method: 'POST', body: form });
        await problemIn(response, 400, code);
      }
    });

    it('may bring moments as large as weights may be', async () => {
      const small = await startServer({ maxUploadBytes: 4_000 });
      try {
        const created = await small.fetch('/v1/runs', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ schedule: SCHEDULE }),
        });
        const { id } = (await created.json()) as RunRecord;
        const post = (optimizer: Buffer) =>
          small.fetch(`/v1/runs/${id}/checkpoints`, {
            method: 'POST',
            body: checkpointForm(first, { step: 334, optimizer }),
          });
        const moments = momentsOf({}, ['exp_avg']);
        assert.ok(first.weights.length + moments.length > 4_000, 'together more than one may be');
        const problem = await problemIn(await post(momentsOf()), 413, 'UPLOAD_TOO_LARGE');
        assert.match(problem.detail, /optimizer\.safetensors/);
        assert.equal((await post(moments)).status, 202);
      } finally {
        await small.close();
      }
    });
  });

  it('counts runs and decisions, each checkpoint once', async () => {
    const own = await startServer();
    try {
      const body = JSON.stringify({ schedule: SCHEDULE });
      const headers = { 'content-type': 'application/json' };
      const created = await own.fetch('/v1/runs', { method: 'POST', headers, body });
      const { id } = (await created.json()) as RunRecord;
      for (const step of [100, 334, 334]) {
        const form = checkpointForm(tinyAdapter(step, { rank: 8 }), { step });
        await own.fetch(`/v1/runs/${id}/checkpoints`, { method: 'POST', body: form });
      }
      const text = await (await own.fetch('/metrics')).text();
      for (const line of [
        'lora_squeeze_runs_created_total{mode="scheduled"} 1',
        'lora_squeeze_checkpoints_total{decision="keep"} 1',
        'lora_squeeze_checkpoints_total{decision="squeeze"} 1',
        'lora_squeeze_uploads_total{outcome="unneeded"} 1',
        'lora_squeeze_uploads_total{outcome="created"} 1',
        'lora_squeeze_uploads_total{outcome="known"} 1',
      ]) {
        assert.ok(text.includes(`${line}\n`), line);
      }
    } finally {
      await own.close();
    }
  });
});
