import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { expectedLoss, NO_LOSS_ENERGY, SOME_LOSS_ENERGY } from '../../src/squeeze/expected-loss.ts';
import { computeFixture } from './compute-fixture.ts';
import { someModules, squeezing } from './make-adapter.ts';

interface Made {
  readonly sigma: readonly number[];
  readonly scale?: number;
  /** Singular values that a sketch did not find. */
  readonly hidden?: readonly number[];
}

const square = (values: readonly number[]): number => values.reduce((sum, value) => sum + value ** 2, 0);

const ahead = (energy: number, made: readonly Made[]) =>
  expectedLoss(
    energy,
    made.map(({ sigma, hidden = [], scale = 1 }) => ({ rank: sigma.length + hidden.length, scale })),
    made.map(({ sigma, hidden = [] }) => ({
      sigma: Float64Array.from(sigma),
      energy: square(sigma) + square(hidden),
    })),
  );

/** Shares of 0.5, 0.3, 0.15 and 0.05. */
const STEEP = [0.5, 0.3, 0.15, 0.05].map(Math.sqrt);
const FLAT = [1, 1, 1, 1];

describe('the loss that the kept energy predicts', () => {
  it('is none from 0.86 up, some from 0.70 up, and expected below', () => {
    assert.deepEqual([NO_LOSS_ENERGY, SOME_LOSS_ENERGY], [0.86, 0.7]);
    assert.equal(ahead(1, [{ sigma: STEEP }]), null);
    assert.equal(ahead(0.86, [{ sigma: STEEP }]), null);
    assert.equal(ahead(0.8599, [{ sigma: STEEP }])?.loss.code, 'SOME_LOSS_LIKELY');
    assert.match(ahead(0.8599, [{ sigma: STEEP }])!.warning, /keep 85\.99\u00a0% of their energy/);
    assert.equal(ahead(0.7, [{ sigma: STEEP }])?.loss.code, 'SOME_LOSS_LIKELY');
    assert.equal(ahead(0.6999, [{ sigma: STEEP }])?.loss.code, 'LOSS_EXPECTED');
    assert.equal(ahead(0, [{ sigma: STEEP }])?.loss.code, 'LOSS_EXPECTED');
  });

  it('comes with advice: the cont plan, or the smallest rank that keeps 0.86 of each module on average', () => {
    const steep = ahead(0.5, [{ sigma: STEEP }])!;
    assert.equal(steep.loss.keeping_rank, 3);
    assert.match(
      steep.warning,
      /keep 50\u00a0% of their energy on average: below 70\u00a0% a loss of accuracy is to be/,
    );
    assert.match(steep.warning, /Continue training at this rank, or take rank 3, which keeps 86\u00a0%\.$/);
    // 0.75 and 0.95 at rank 3, whatever the sizes of the two.
    assert.equal(ahead(0.5, [{ sigma: STEEP, scale: 100 }, { sigma: FLAT }])!.loss.keeping_rank, null);
    assert.equal(ahead(0.5, [{ sigma: STEEP }, { sigma: STEEP, scale: -100 }])!.loss.keeping_rank, 3);
    const dead = { sigma: FLAT, scale: 1e-4 };
    assert.equal(ahead(0.5, [{ sigma: STEEP }, dead])!.loss.keeping_rank, 3);
  });

  it("names no rank if none below the adapter's own is known to keep it", () => {
    const flat = ahead(0.75, [{ sigma: FLAT }])!;
    assert.equal(flat.loss.keeping_rank, null);
    assert.match(flat.warning, /between 70\u00a0% and 86\u00a0% some loss of accuracy is likely/);
    assert.match(flat.warning, /a job of kind "analyze" shows what larger ranks keep\.$/);
    const sketch = (known: number) =>
      ahead(0.5, [{ sigma: STEEP.slice(0, known), hidden: STEEP.slice(known) }])!.loss.keeping_rank;
    assert.deepEqual([2, 3].map(sketch), [null, 3]);
  });
});

describe('a squeeze without further training', () => {
  const compute = computeFixture();

  it('states the expected loss and the rank that avoids it, which keeps the stated energy', async () => {
    const dir = compute.adapter(someModules(16, 1));
    const rankOneOf = (kind: 'squeeze' | 'checkpoint', rank = 1) =>
      squeezing(compute.pool, dir, { kind, targets: [{ rank }], options: { method: 'exact' } }, (done) => ({
        ...done.targets[0]!.result,
        report: done.report.targets[0]!,
      }));
    const lost = await rankOneOf('squeeze');
    // Σ 1/i up to 16 is 3.38, of which rank 1 keeps 1.
    assert.equal(lost.expected_loss?.code, 'LOSS_EXPECTED');
    assert.deepEqual(lost.report.expected_loss, lost.expected_loss);
    assert.match(lost.warnings.join('\n'), /The modules keep 29\.6\u00a0% of their energy on average/);
    const keeping = lost.expected_loss.keeping_rank!;
    const [kept, below] = [await rankOneOf('squeeze', keeping), await rankOneOf('squeeze', keeping - 1)];
    assert.ok(kept.module_energy_retained! >= NO_LOSS_ENERGY);
    assert.deepEqual([kept.expected_loss, kept.warnings], [null, []]);
    assert.ok(below.module_energy_retained! < NO_LOSS_ENERGY);
    assert.equal(below.expected_loss?.code, 'SOME_LOSS_LIKELY');
    const checkpoint = await rankOneOf('checkpoint');
    assert.deepEqual([checkpoint.expected_loss, checkpoint.warnings], [null, []]);
  });
});
