import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { RunRequest } from '../../src/contract/run.ts';
import { factorsWithSpectrum } from '../oracle/known-matrices.ts';
import { frobenius, type Matrix, matrix, multiply } from '../oracle/linear-algebra.ts';
import { parsePeftAdapter } from '../oracle/peft-adapter.ts';
import { parseSafetensors, tensorMatrix } from '../oracle/safetensors.ts';
import { allowedError, scoreAdapter } from '../oracle/score.ts';
import { makeAdapter, someModules } from '../squeeze/make-adapter.ts';
import { Client, problemOf, readAdapterFiles } from './client.ts';
import { type Service, startService } from './service.ts';
import { adamMoments, Trainer, type TrainingState, train } from './trainer.ts';

/** Ranks 8, 4, 2; squeezes at 334 and 667. */
const SCHEDULE = {
  source_rank: 8,
  target_rank: 2,
  total_steps: 1000,
  recipe: 'equal' as const,
  min_stage_steps: 100,
};
const MODULES = 3;

const oracle = ({ weights, config }: TrainingState) => parsePeftAdapter(weights, config.toString());

const ranksOf = (state: TrainingState): number[] => [
  ...new Set([...oracle(state).modules.values()].map(({ rank }) => rank)),
];

/** An adapter whose modules have these spectra, with moments. */
function stateOf(spectra: readonly (readonly number[])[]): TrainingState {
  const made = makeAdapter(
    spectra.map((sigma, index) => ({
      name: `layers.${index}.q_proj`,
      ...factorsWithSpectrum(40 + index, 30 + index, sigma, index),
    })),
  );
  const { weights, config } = readAdapterFiles(made.dir);
  made.remove();
  return { weights, config: config.toString(), optimizer: adamMoments(weights) };
}

describe('annealing through the whole service', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'squeeze-annealing-'));
  const made = makeAdapter(someModules(8, MODULES), { base_model_name_or_path: 'some/model' });
  const { weights, config } = readAdapterFiles(made.dir);
  const start: TrainingState = { weights, config: config.toString(), optimizer: adamMoments(weights) };
  const withoutMoments: TrainingState = { weights, config: config.toString() };
  let service: Service;
  let client: Client;
  before(async () => {
    service = await startAgain();
  });
  after(async () => {
    await service.stop();
    made.remove();
    rmSync(scratch, { recursive: true, force: true });
  });

  async function startAgain(): Promise<Service> {
    const started = await startService({ dataDir: scratch, env: { EXECUTION_PROVIDER: 'cpu' } });
    client = new Client(started.url);
    return started;
  }

  const begin = (request: RunRequest = { schedule: SCHEDULE }) => Trainer.begin(client, request);

  it('takes a training from its source rank to its target, step by step', async () => {
    const trainer = await begin({ schedule: SCHEDULE, base_model: 'some/model' });
    let state = start;
    let next = trainer.run.next_checkpoint_step;
    const seen: number[] = [];
    while (next !== null) {
      state = train(state, next);
      const record = await trainer.send(next, state, { waitSeconds: 50 });
      assert.equal(record.state, 'succeeded', JSON.stringify(record.error));
      assert.equal(record.decision, 'squeeze');
      const sent = oracle(state);
      const sentDigest = createHash('sha256').update(state.weights).digest('hex');
      state = await trainer.load(record);
      assert.deepEqual(ranksOf(state), [record.rank_after?.max]);
      assert.equal(oracle(state).metadata['lora_squeeze.source_sha256'], sentDigest);
      for (const [name, score] of scoreAdapter(sent, oracle(state))) {
        assert.ok(score.actualError <= allowedError(score, 1e-6), `${name}: ${JSON.stringify(score)}`);
      }
      seen.push(next, record.rank_after!.max);
      next = record.next_checkpoint_step;
    }
    assert.deepEqual(seen, [334, 4, 667, 2]);
    const run = await trainer.now();
    assert.deepEqual([run.at_target, run.rank, run.next_checkpoint_step], [true, { min: 2, max: 2 }, null]);
    const last = await trainer.send(1000, train(state, 1000));
    assert.equal(last.decision, 'keep');
  });

  it('shares ranks out by module, with at most as many parameters as uniform ranks have', async () => {
    const trainer = await begin({ schedule: SCHEDULE, rank_allocation: 'by_module' });
    const parametersOf = (of: TrainingState, rankOf = ({ rank }: { rank: number }): number => rank): number =>
      [...oracle(of).modules.values()].reduce(
        (sum, module) => sum + rankOf(module) * (module.b.rows + module.a.columns),
        0,
      );
    // By every criterion the flat spectrum needs more directions.
    const spectra = [Array(8).fill(1), [1, ...Array(7).fill(0.01)], [1, ...Array(7).fill(0.02)]];
    let state = stateOf(spectra);
    for (const [step, uniformRank] of [
      [334, 4],
      [667, 2],
    ] as const) {
      const record = await trainer.send(step, train(state, step));
      assert.equal(record.state, 'succeeded', JSON.stringify(record.error));
      state = await trainer.load(record);
      const ranks = [...oracle(state).modules.values()].map(({ rank }) => rank);
      assert.ok(new Set(ranks).size > 1, `ranks of their own: ${ranks}`);
      assert.deepEqual(record.rank_after, { min: Math.min(...ranks), max: Math.max(...ranks) });
      const parameters = parametersOf(state);
      assert.ok(parameters <= parametersOf(state, () => uniformRank), `${parameters}`);
      const largest = Math.max(...[...oracle(state).modules.values()].map(({ a, b }) => b.rows + a.columns));
      assert.ok(parameters > parametersOf(state, () => uniformRank) - largest, `${parameters}`);
      const mean = parameters / parametersOf(state, () => 1);
      assert.equal(record.learning_rate?.factor, Math.cbrt(8 / mean));
      const moments = parseSafetensors(state.optimizer!).tensors;
      for (const [name, { shape }] of parseSafetensors(state.weights).tensors)
        assert.deepEqual(moments.get(`${name}.exp_avg`)?.shape, shape, name);
    }
    const run = await trainer.now();
    assert.deepEqual(
      [run.at_target, run.next_checkpoint_step, run.learning_rate.decay_steps],
      [true, null, 333],
    );
    const last = await trainer.send(1000, train(state, 1000));
    assert.deepEqual([last.decision, last.rank_after], ['keep', run.rank]);
    // As PEFT reads it: the oracle refuses factors whose rank the configuration does not state.
    assert.ok(Object.keys(oracle(state).config.rank_pattern as object).length > 0);
  });

  it('keeps the rank of its stage, even if the modules need fewer parameters', async () => {
    const trainer = await begin({ schedule: SCHEDULE, rank_allocation: 'by_module' });
    const one = [1, ...Array(7).fill(0)];
    const first = await trainer.send(334, stateOf([one, one]));
    assert.deepEqual(first.rank_after, { min: 1, max: 1 }, JSON.stringify(first));
    assert.deepEqual([(await trainer.now()).at_target, first.next_checkpoint_step], [false, 667]);
    const second = await trainer.send(667, await trainer.load(first));
    assert.match(
      second.reason,
      /^Stage 3 of 3 .* The modules already have no more parameters than that, so there was nothing to squeeze\.$/,
    );
    assert.deepEqual(
      [second.decision, second.next_checkpoint_step, second.learning_rate?.decay_steps],
      ['keep', null, 333],
    );
    assert.equal((await trainer.now()).at_target, true);
  });

  it('returns the projections that made the result, and the moments in its basis', async () => {
    const trainer = await begin();
    const record = await trainer.send(334, start);
    assert.equal(record.state, 'succeeded', JSON.stringify(record.error));
    assert.deepEqual(record.files.map(({ name }) => name).sort(), [
      'adapter_config.json',
      'adapter_model.safetensors',
      'optimizer.safetensors',
      'projections.safetensors',
    ]);
    assert.ok(record.training && record.training.optimizer === 'carried');
    assert.ok(record.training.learning_rate_factor > 0);
    const files = await trainer.files(record);
    const [before, now] = [oracle(start), oracle(await trainer.load(record))];
    const projections = parseSafetensors(files.get('projections.safetensors')!).tensors;
    for (const [name, { a, b }] of now.modules) {
      const source = before.modules.get(name)!;
      const [p, r] = [
        tensorMatrix(projections.get(`${name}.P`)!),
        tensorMatrix(projections.get(`${name}.R`)!),
      ];
      close(b, multiply(source.b, p), `${name}: B′ = B·P`);
      close(a, multiply(r, source.a), `${name}: A′ = R·A`);
    }
    const moments = parseSafetensors(files.get('optimizer.safetensors')!).tensors;
    const factors = parseSafetensors(files.get('adapter_model.safetensors')!).tensors;
    assert.equal(moments.size, 2 * factors.size);
    for (const [name, { shape }] of factors) {
      for (const moment of ['exp_avg', 'exp_avg_sq']) {
        assert.deepEqual(moments.get(`${name}.${moment}`)?.shape, shape, `${name}.${moment}`);
      }
    }
  });

  it('resets moments if the run requires it, and then needs none', async () => {
    const trainer = await begin({ schedule: SCHEDULE, optimizer: 'reset' });
    const record = await trainer.send(334, start);
    assert.equal(record.training?.optimizer, 'reset');
    const { optimizer } = await trainer.load(record);
    for (const [name, tensor] of parseSafetensors(optimizer!).tensors) {
      assert.ok(
        tensor.bytes.every((byte) => byte === 0),
        name,
      );
    }
    const without = await begin();
    const plain = await without.send(334, withoutMoments);
    assert.equal(plain.training?.optimizer, 'none');
    assert.equal((await without.load(plain)).optimizer, undefined);
  });

  it('gives the same adapter for the same checkpoint, whichever client sends it and how often', async () => {
    const trainer = await begin();
    const responses = await Promise.all([1, 2, 3].map(() => trainer.post(334, withoutMoments)));
    const ids = await Promise.all(
      responses.map(async (response) => ((await response.json()) as { job_id: string }).job_id),
    );
    assert.equal(new Set(ids).size, 1);
    const first = await trainer.finished(334);
    const other = await (await begin()).send(334, withoutMoments);
    const [a, b] = await Promise.all([first, other].map((one) => client.content(one.adapter_id!)));
    assert.deepEqual(a, b);
    assert.notEqual(other.job_id, first.job_id);
  });

  it('follows the spectrum in an adaptive run, and reaches the target in the end', async () => {
    const trainer = await begin({
      adaptive: { ...SCHEDULE, energy: 0.95, check_every_steps: 100, warm_up_steps: 100 },
    });
    const first = await trainer.send(100, withoutMoments);
    assert.equal(first.state, 'succeeded', JSON.stringify(first.error));
    assert.ok(first.rank_after!.max < 8 && first.rank_after!.max >= 2, JSON.stringify(first.rank_after));
    assert.ok(first.energy_retained! >= 0.95);
    assert.equal(first.decision, 'squeeze');
    const last = await trainer.send(900, await trainer.load(first));
    assert.deepEqual((await trainer.now()).rank, { min: 2, max: 2 });
    assert.equal(last.next_checkpoint_step, null);
  });

  it('keeps ranks that the spectrum requires, as the job finds', async () => {
    const trainer = await begin({
      adaptive: { ...SCHEDULE, tolerance: 1e-6, check_every_steps: 50, warm_up_steps: 100 },
    });
    const record = await trainer.send(100, withoutMoments);
    assert.deepEqual(
      [record.state, record.decision, record.adapter_id, record.files, record.next_checkpoint_step],
      ['succeeded', 'keep', record.source_adapter_id, [], 150],
    );
    assert.match(record.reason, /nothing to squeeze/);
  });

  it('reports what is wrong with bad weights, and accepts the corrected checkpoint', async () => {
    const trainer = await begin();
    const broken = Buffer.from(weights);
    // The last value of the file becomes NaN.
    broken.writeUInt32LE(0x7fc00000, broken.length - 4);
    const failed = await trainer.send(334, { weights: broken, config: config.toString() });
    assert.deepEqual([failed.state, failed.error?.code], ['failed', 'NON_FINITE_WEIGHTS']);
    const corrected = await trainer.send(334, withoutMoments);
    assert.equal(corrected.state, 'succeeded');
    assert.deepEqual(
      (await trainer.now()).checkpoints.map(({ state, superseded }) => [state, superseded]),
      [
        ['failed', true],
        ['succeeded', false],
      ],
    );
  });

  it('lets a trainer that crashed resume from an older state', async () => {
    const trainer = await begin();
    const first = await trainer.load(await trainer.send(334, withoutMoments));
    await trainer.send(667, train(first, 1));
    const resumed = train(first, 2);
    const refused = await trainer.post(667, resumed);
    assert.equal((await problemOf(refused)).code, 'CHECKPOINT_CONFLICT');
    const again = await trainer.send(667, resumed, { rewind: true });
    assert.equal(again.state, 'succeeded');
    const run = await trainer.now();
    assert.deepEqual(
      run.checkpoints.map(({ step, superseded }) => [step, superseded]),
      [
        [334, false],
        [667, true],
        [667, false],
      ],
    );
    assert.equal(run.rank.max, 2);
  });

  it('is unchanged after a restart, and unfinished checkpoints continue', async () => {
    const trainer = await begin();
    const record = await trainer.send(334, start);
    const pending = await trainer.post(667, train(await trainer.load(record), 3));
    assert.equal(pending.status, 202, await pending.clone().text());
    await service.stop();
    service = await startAgain();
    const later = new Trainer(client, trainer.run);
    const done = await later.finished(667);
    assert.equal(done.state, 'succeeded', JSON.stringify(done.error));
    const run = await later.now();
    assert.deepEqual([run.at_target, run.checkpoints[0]], [true, record]);
  });
});

function close(actual: Matrix, expected: Matrix, what: string): void {
  assert.deepEqual([actual.rows, actual.columns], [expected.rows, expected.columns], what);
  const difference = matrix(
    actual.rows,
    actual.columns,
    actual.data.map((x, index) => x - expected.data[index]!),
  );
  assert.ok(frobenius(difference) <= 1e-5 * frobenius(expected), `${what}: off by ${frobenius(difference)}`);
}
