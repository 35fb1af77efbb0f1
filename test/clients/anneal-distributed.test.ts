import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { runPython, skipWithoutPython } from './python.ts';
import { serviceFixture } from './service-fixture.ts';

/** The training in one of two processes. */
interface Trained {
  /** Step, decision, rank, and whether DDP's hooks of the old parameters are gone. */
  readonly squeezes: readonly (readonly [number, string, number, boolean])[];
  readonly local: boolean;
  readonly run: string | null;
  readonly scalings: readonly number[];
}

interface Process {
  readonly service: Trained;
  readonly local: Trained;
  readonly falls_back: Trained;
  readonly hooked: number;
  readonly failures: {
    /** The error, and whether the training is unchanged. */
    readonly not_finite: readonly [string, boolean];
    readonly not_finite_local: readonly [string, boolean];
    readonly pending: readonly [string, boolean];
    readonly other_step: readonly [string, boolean];
    readonly away: string;
    readonly unknown_run: string;
    readonly wrong_rank: string;
    readonly no_wrapper: string;
    readonly no_pickle: string;
    readonly second: string;
    readonly sent: readonly [readonly number[], readonly number[], number];
  };
}

type Case = 'service' | 'local' | 'falls_back';
type Distances = Readonly<Record<'parameters' | 'exp_avg' | 'exp_avg_sq' | 'steps' | 'rates', number>>;

interface Both {
  readonly first: Process;
  readonly second: Process;
  /** Compared bit by bit: parameters, moments, step counts, learning rates. */
  readonly equal: Readonly<Record<Case, boolean>>;
  /** Relative differences from a training in one process with the same batches. */
  readonly to_one: Readonly<Record<'service' | 'local', Distances>>;
}

const STEPS = 60;

describe('annealing with two processes and DDP', {
  skip: skipWithoutPython('torch', 'safetensors', 'numpy'),
}, () => {
  const fixture = serviceFixture('anneal-distributed');
  let both: Both;
  before(async () => {
    both = await runPython<Both>('anneal_distributed.py', fixture.service.url);
  });

  const processes = () => [both.first, both.second];

  it('squeezes at the steps of the plan, and releases the buffers of the old shapes', () => {
    for (const process of processes())
      for (const name of ['service', 'local', 'falls_back'] as const)
        assert.deepEqual(process[name].squeezes, [
          [20, 'squeeze', 4, true],
          [40, 'squeeze', 2, true],
        ]);
  });

  it('has one run, in the service or in the first process', () => {
    const [first, second] = [both.first, both.second];
    assert.match(first.service.run!, /^run_/);
    assert.equal(second.service.run, first.service.run);
    for (const process of processes()) {
      assert.deepEqual(
        [process.service.local, process.local.local, process.falls_back.local],
        [false, true, true],
      );
      assert.deepEqual(process.service.scalings, [2, 2]);
      for (const scaling of process.local.scalings) assert.ok(Math.abs(scaling - 4) < 1e-9, `${scaling}`);
    }
  });

  it('keeps parameters, moments and learning rates equal, bit by bit', () => {
    assert.deepEqual(both.equal, { service: true, local: true, falls_back: true });
  });

  it('gives the same training as one process with the whole batches', () => {
    for (const [name, distances] of Object.entries(both.to_one)) {
      assert.ok(distances.parameters <= 1e-6, `${name}: parameters differ by ${distances.parameters}`);
      // Near the optimum gradients are small differences of large numbers.
      for (const moment of ['exp_avg', 'exp_avg_sq'] as const)
        assert.ok(distances[moment] <= 1e-5, `${name}: ${moment} differs by ${distances[moment]}`);
      assert.deepEqual([distances.steps, distances.rates], [0, 0], name);
    }
  });

  it('keeps the hooks that average gradients', () => {
    for (const { hooked } of processes()) assert.ok(hooked >= STEPS, `${hooked} calls`);
  });

  it('raises in both processes what fails in the first, and changes nothing then', () => {
    for (const { failures } of processes()) {
      assert.deepEqual(failures.not_finite, ['JobFailedError NON_FINITE_WEIGHTS', true]);
      assert.deepEqual(failures.not_finite_local, ['SqueezeError NON_FINITE_WEIGHTS', true]);
      assert.equal(failures.away, 'UnreachableError SERVICE_UNREACHABLE');
      assert.equal(failures.unknown_run, 'RefusedError RUN_NOT_FOUND');
      assert.equal(failures.no_pickle, 'RuntimeError');
    }
  });

  it('raises in both processes what fails in the second', () => {
    for (const { failures } of processes()) {
      assert.deepEqual(failures.pending, ['CallError GRADIENTS_PENDING', true]);
      assert.equal(failures.second, 'IndexError');
    }
  });

  it('refuses processes that do not belong together', () => {
    for (const { failures } of processes()) {
      assert.deepEqual(failures.other_step, ['MismatchError PROCESSES_DIFFER', true]);
      assert.equal(failures.wrong_rank, 'MismatchError SOURCE_RANK');
      assert.equal(failures.no_wrapper, 'MismatchError WRAPPER_MISSING');
    }
  });

  it('sends tensors of any dtype and shape', () => {
    for (const { failures } of processes()) assert.deepEqual(failures.sent, [[0, 1, 2], [0, 2], 7]);
  });
});
