import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  allocateRanks,
  type BudgetModule,
  costOf,
  leastRanks,
} from '../../../src/core/policy/allocate-ranks.ts';
import fc from '../../fast-check.ts';

const dense = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

const moduleOf = (sigma: readonly number[], costPerRank = 1, ranks = dense(sigma.length)): BudgetModule => ({
  sigma: Float64Array.from(sigma),
  costPerRank,
  ranks,
});

/** Σσ² of what is cut. */
const lost = (modules: readonly BudgetModule[], ranks: readonly number[]): number =>
  modules.reduce(
    (sum, { sigma }, index) =>
      sum +
      Array.from(sigma)
        .slice(ranks[index])
        .reduce((tail, value) => tail + value ** 2, 0),
    0,
  );

/** The least loss of all combinations that fit. */
function bruteForce(modules: readonly BudgetModule[], budget: number): number {
  const combinations = modules.reduce<number[][]>(
    (all, { ranks }) => all.flatMap((chosen) => ranks.map((rank) => [...chosen, rank])),
    [[]],
  );
  return Math.min(
    ...combinations.filter((ranks) => costOf(modules, ranks) <= budget).map((ranks) => lost(modules, ranks)),
  );
}

const sigmas = fc
  .array(fc.oneof(fc.double({ min: 0, max: 10, noNaN: true }), fc.constantFrom(0, 1, 2)), {
    minLength: 1,
    maxLength: 4,
  })
  .map((values) => values.sort((x, y) => y - x));

const withGaps = (length: number) =>
  fc.subarray(dense(length), { minLength: 1 }).map((ranks) => (ranks.length > 0 ? ranks : [1]));

const problems = (cost: fc.Arbitrary<number>) =>
  fc
    .array(
      sigmas.chain((sigma) =>
        fc.tuple(
          fc.constant(sigma),
          cost,
          fc.oneof(fc.constant(dense(sigma.length)), withGaps(sigma.length)),
        ),
      ),
      { minLength: 1, maxLength: 4 },
    )
    .map((entries) => entries.map(([sigma, costPerRank, ranks]) => moduleOf(sigma, costPerRank, ranks)))
    .chain((modules) => {
      const least = costOf(modules, leastRanks(modules));
      const most = costOf(
        modules,
        modules.map(({ ranks }) => ranks.at(-1)!),
      );
      return fc.tuple(fc.constant(modules), fc.integer({ min: least, max: most + 3 }));
    });

describe('ranks within a budget', () => {
  it('go where they keep the most energy', () => {
    const modules = [moduleOf([10, 1, 1]), moduleOf([5, 4, 3]), moduleOf([0.1, 0.1, 0.1])];
    const cases: [budget: number, ranks: number[]][] = [
      [3, [1, 1, 1]],
      [4, [1, 2, 1]],
      [5, [1, 3, 1]],
      [6, [2, 3, 1]],
      [7, [3, 3, 1]],
      [8, [3, 3, 2]],
      [9, [3, 3, 3]],
      [1e9, [3, 3, 3]],
    ];
    for (const [budget, ranks] of cases) assert.deepEqual(allocateRanks(modules, budget), ranks, `${budget}`);
  });

  it('count the cost: a large module has to bring more', () => {
    const modules = [moduleOf([4, 2.5], 10), moduleOf([4, 2], 5)];
    assert.deepEqual(allocateRanks(modules, 20), [1, 2]);
    assert.deepEqual(allocateRanks(modules, 30), [2, 2]);
    assert.deepEqual(allocateRanks([moduleOf([4, 3], 10), moduleOf([4, 2], 5)], 25), [2, 1]);
  });

  it('fill up with what is smaller when the best does not fit', () => {
    const modules = [moduleOf([9, 8], 10), moduleOf([1, 0.5, 0.25], 1)];
    assert.deepEqual(allocateRanks(modules, 13), [1, 3]);
  });

  it('are not spent on directions without energy, unless there is enough for all', () => {
    const modules = [moduleOf([1, 0, 0]), moduleOf([0, 0, 0]), moduleOf([2, 1, 1])];
    assert.deepEqual(allocateRanks(modules, 8), [1, 1, 3]);
    assert.deepEqual(allocateRanks(modules, 9), [3, 3, 3]);
    assert.deepEqual(allocateRanks([moduleOf([0, 0]), moduleOf([0, 0])], 3), [1, 1]);
  });

  it('take whole steps where only some ranks are permitted', () => {
    const modules = [moduleOf([8, 7, 6, 5], 1, [1, 2, 4]), moduleOf([8, 1, 1, 1], 1, [1, 4])];
    const cases: [budget: number, ranks: number[]][] = [
      [2, [1, 1]],
      [3, [2, 1]],
      [4, [2, 1]],
      [5, [4, 1]],
      [7, [4, 1]],
      [8, [4, 4]],
    ];
    for (const [budget, ranks] of cases) assert.deepEqual(allocateRanks(modules, budget), ranks, `${budget}`);
  });

  it('prefer the earlier module among equals', () => {
    const modules = [moduleOf([1, 1, 1]), moduleOf([1, 1, 1]), moduleOf([1, 1, 1])];
    assert.deepEqual(allocateRanks(modules, 5), [3, 1, 1]);
    assert.deepEqual(allocateRanks(modules, 6), [3, 2, 1]);
  });

  it('are refused below the least', () => {
    assert.throws(() => allocateRanks([moduleOf([1, 1], 5), moduleOf([1], 5)], 9), RangeError);
    assert.deepEqual(allocateRanks([moduleOf([1, 1], 5), moduleOf([1], 5)], 10), [1, 1]);
  });

  it('never cost more than the budget, and are permitted ones', () => {
    fc.assert(
      fc.property(problems(fc.integer({ min: 1, max: 9 })), ([modules, budget]) => {
        const ranks = allocateRanks(modules, budget);
        assert.ok(costOf(modules, ranks) <= budget);
        for (const [index, rank] of ranks.entries()) assert.ok(modules[index]!.ranks.includes(rank));
      }),
    );
  });

  it('lose the least there is where every rank costs the same', () => {
    const equal = problems(fc.constant(3)).map(
      ([modules, budget]) =>
        [
          modules.map(({ sigma }) => moduleOf(Array.from(sigma), 3)),
          Math.max(budget, 3 * modules.length),
        ] as const,
    );
    fc.assert(
      fc.property(equal, ([modules, budget]) => {
        const found = lost(modules, allocateRanks(modules, budget));
        assert.ok(found <= bruteForce(modules, budget) + 1e-9);
      }),
      { numRuns: 500 },
    );
  });

  it('are within one step of the optimum where costs differ', () => {
    fc.assert(
      fc.property(problems(fc.integer({ min: 1, max: 9 })), ([modules, budget]) => {
        const found = lost(modules, allocateRanks(modules, budget));
        const largestStep = Math.max(
          ...modules.flatMap(({ sigma, ranks }) =>
            ranks.slice(1).map((rank, i) =>
              Array.from(sigma)
                .slice(ranks[i]!, rank)
                .reduce((sum, value) => sum + value ** 2, 0),
            ),
          ),
          0,
        );
        const optimum = bruteForce(modules, budget);
        assert.ok(found >= optimum - 1e-9 && found <= optimum + largestStep + 1e-9);
      }),
      { numRuns: 500 },
    );
  });

  it('lose no more when there is more to spend', () => {
    fc.assert(
      fc.property(problems(fc.integer({ min: 1, max: 9 })), fc.nat(10), ([modules, budget], more) => {
        const [less, full] = [budget, budget + more].map((each) =>
          lost(modules, allocateRanks(modules, each)),
        );
        assert.ok(full! <= less! + 1e-9);
      }),
      { numRuns: 500 },
    );
  });

  it('do not depend on the size of the updates', () => {
    fc.assert(
      fc.property(
        problems(fc.integer({ min: 1, max: 9 })),
        fc.constantFrom(2 ** -600, 2 ** -100, 2 ** 100, 2 ** 600),
        ([modules, budget], scale) => {
          const scaled = modules.map((entry) => ({
            ...entry,
            sigma: Float64Array.from(entry.sigma, (value) => (value < 1e-100 ? 0 : value) * scale),
          }));
          const plain = modules.map((entry) => ({
            ...entry,
            sigma: Float64Array.from(entry.sigma, (value) => (value < 1e-100 ? 0 : value)),
          }));
          assert.deepEqual(allocateRanks(scaled, budget), allocateRanks(plain, budget));
        },
      ),
    );
  });

  it('come for thousands of modules with wide spectra', () => {
    const modules = Array.from({ length: 4000 }, (_, index) =>
      moduleOf(
        Array.from({ length: 64 }, (_, i) => (1 + (index % 7)) * (i + 1) ** -(0.5 + (index % 5) / 5)),
        index % 3 ? 8192 : 15_104,
      ),
    );
    const all = costOf(
      modules,
      modules.map(() => 64),
    );
    const ranks = allocateRanks(modules, all / 4);
    const cost = costOf(modules, ranks);
    assert.ok(cost <= all / 4 && cost > all / 4 - 15_104, 'next to nothing is left over');
    const uniform = modules.map(() => 16);
    assert.ok(lost(modules, ranks) < lost(modules, uniform), 'better than one rank for all at the same cost');
  });
});
