import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TrainingClock } from '../../src/schedule/clock.ts';
import { type LengthRule, minSteps, stageLengths } from '../../src/schedule/stage-lengths.ts';
import fc from '../fast-check.ts';

const clock = (change: Partial<TrainingClock> = {}): TrainingClock => ({
  totalSteps: 2000,
  warmUpSteps: 0,
  finalSteps: 0,
  minStageSteps: 200,
  finalShare: 0,
  ...change,
});
const sum = (values: readonly number[]): number => values.reduce((x, y) => x + y, 0);

describe('the least number of steps of the stages', () => {
  it('are min_stage_steps, or what warm-up and end require if that is more', () => {
    assert.deepEqual(minSteps(3, clock()), [200, 200, 200]);
    assert.deepEqual(minSteps(3, clock({ warmUpSteps: 500, finalSteps: 300 })), [500, 200, 300]);
    assert.deepEqual(minSteps(3, clock({ warmUpSteps: 100, finalSteps: 199 })), [200, 200, 200]);
  });

  it('of a single stage are the largest of the three', () => {
    assert.deepEqual(minSteps(1, clock({ warmUpSteps: 500, finalSteps: 300 })), [500]);
    assert.deepEqual(minSteps(1, clock({ warmUpSteps: 500, finalSteps: 800 })), [800]);
    assert.deepEqual(minSteps(1, clock()), [200]);
  });
});

describe('the lengths of the stages', () => {
  const lengths = (ranks: number[], rule: LengthRule, change: Partial<TrainingClock> = {}) => {
    const floors = minSteps(ranks.length, clock(change));
    return stageLengths(ranks, rule, floors, clock(change).totalSteps);
  };

  it('are equal, and the earlier stages get the steps that do not divide', () => {
    const { steps, atFloor } = lengths([64, 32, 16, 8, 4, 2, 1], 'equal');
    assert.deepEqual(steps, [286, 286, 286, 286, 286, 285, 285]);
    assert.deepEqual(atFloor, []);
  });

  it('are in proportion to the ranks, and the largest remainders get the rest', () => {
    // 1000·4/7 = 571.43, 1000·2/7 = 285.71, 1000/7 = 142.86.
    const { steps } = lengths([4, 2, 1], 'rank_proportional', { totalSteps: 1000, minStageSteps: 1 });
    assert.deepEqual(steps, [571, 286, 143]);
  });

  it('are never below the floors; the other stages share the rest', () => {
    // Rank 1 would last 142.86 and lasts 200; of the remaining 800 rank 2 gets a third.
    const { steps, atFloor } = lengths([4, 2, 1], 'rank_proportional', { totalSteps: 1000 });
    assert.deepEqual(steps, [533, 267, 200]);
    assert.deepEqual(atFloor, [2]);
  });

  it('find floors that follow from others', () => {
    // Rank 3's share of 1200 is 360, which is enough; but with 300 for rank 1 and 700 for rank 6, only 200
    // remain for it.
    const change = { totalSteps: 1200, warmUpSteps: 700, minStageSteps: 200, finalSteps: 300 };
    assert.deepEqual(lengths([6, 3, 1], 'rank_proportional', change), {
      steps: [700, 200, 300],
      atFloor: [0, 2],
    });
  });

  it('count the warm-up as part of the first stage', () => {
    assert.deepEqual(lengths([4, 2, 1], 'equal', { warmUpSteps: 600 }).steps, [667, 667, 666], 'long enough');
    assert.deepEqual(lengths([4, 2, 1], 'equal', { warmUpSteps: 1000 }).steps, [1000, 500, 500]);
    assert.deepEqual(lengths([4, 2, 1], 'equal', { finalSteps: 1001 }).steps, [500, 499, 1001]);
  });

  it('fit the steps exactly, keep the floors, and are fair above them', () => {
    const stages = fc.array(
      fc.record({
        rank: fc.integer({ min: 1, max: 65536 }),
        floor: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 1e7 })),
      }),
      { minLength: 1, maxLength: 64 },
    );
    const rules = fc.constantFrom('equal' as const, 'rank_proportional' as const);
    const spare = fc.oneof(fc.nat(100), fc.nat(100_000), fc.nat(3e8));
    fc.assert(
      fc.property(stages, rules, spare, (made, rule, extra) => {
        const ranks = made.map(({ rank }) => rank);
        const floors = made.map(({ floor }) => floor);
        const total = sum(floors) + extra;
        const { steps, atFloor } = stageLengths(ranks, rule, floors, total);
        assert.equal(sum(steps), total);
        const weights = ranks.map((rank) => (rule === 'equal' ? 1 : rank));
        for (const [index, own] of steps.entries()) {
          assert.ok(Number.isInteger(own) && own >= floors[index]!);
          if (atFloor.includes(index)) assert.equal(own, floors[index]);
          if (own === floors[index]) continue;
          // If a stage has more than its floor, no other has less for its weight, except for rounding to
          // whole steps.
          for (const [other, theirs] of steps.entries()) {
            assert.ok((own - 1) * weights[other]! <= (theirs + 1) * weights[index]!, `${index}, ${other}`);
          }
        }
      }),
    );
  });

  it('are exact for the largest numbers', () => {
    const ranks = Array.from({ length: 64 }, (_, index) => 65536 - index);
    const { steps } = lengths(ranks, 'rank_proportional', { totalSteps: 1e9, minStageSteps: 1 });
    assert.equal(sum(steps), 1e9);
    const weight = BigInt(sum(ranks));
    for (const [index, rank] of ranks.entries()) {
      const share = (1_000_000_000n * BigInt(rank)) / weight;
      assert.ok(BigInt(steps[index]!) === share || BigInt(steps[index]!) === share + 1n);
    }
  });
});
