import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  allocateRanks,
  type BudgetModule,
  type Criterion,
  minRanks,
  parametersPerRank,
  ranksWithin,
  type Step,
  stepsInOrder,
} from '../../../src/core/policy/allocate-ranks.ts';
import fc from '../../fast-check.ts';

const dense = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

const moduleOf = (sigma: readonly number[], costPerRank = 1, ranks = dense(sigma.length)): BudgetModule => ({
  sigma: Float64Array.from(sigma),
  costPerRank,
  ranks,
});

/**
 * The more valuable step; among equals that of the earlier module, and within a module that to the smaller
 * rank.
 */
const isBefore = (one: Step, other: Step): boolean =>
  one.density > other.density ||
  (one.density === other.density &&
    (one.module < other.module || (one.module === other.module && one.rank < other.rank)));

const CRITERIA: readonly Criterion[] = ['relative', 'energy'];

const energyOf = (sigma: readonly number[]): number => sigma.reduce((sum, value) => sum + value ** 2, 0);
/** ‖ΔW‖² of every module. */
const energiesOf = (modules: readonly BudgetModule[]): number[] =>
  modules.map(({ sigma, restNorm = 0 }) => energyOf(Array.from(sigma)) + restNorm ** 2);

/**
 * The factor of Σσ² of each module: with the relative criterion 0 for modules with a millionth of the mean
 * energy or less.
 */
function weights(modules: readonly BudgetModule[], criterion: Criterion): number[] {
  const energies = energiesOf(modules);
  const mean = energies.reduce((x, y) => x + y, 0) / modules.length;
  if (criterion === 'energy') return energies.map(() => 1);
  return energies.map((energy) => (energy <= 1e-6 * mean ? 0 : 1 / energy));
}

/** Σσ² of what is cut off in each module, weighted by the criterion. */
function lost(modules: readonly BudgetModule[], ranks: readonly number[], criterion: Criterion): number {
  return lossOf(modules, criterion)(ranks);
}

function lossOf(
  modules: readonly BudgetModule[],
  criterion: Criterion,
): (ranks: readonly number[]) => number {
  const weight = weights(modules, criterion);
  const tails = modules.map(({ sigma }, index) =>
    Array.from(
      { length: sigma.length + 1 },
      (_, rank) => weight[index]! * energyOf(Array.from(sigma).slice(rank)),
    ),
  );
  return (ranks) => tails.reduce((sum, tail, index) => sum + tail[ranks[index]!]!, 0);
}

/** The smallest loss of all combinations that fit. */
function bruteForce(modules: readonly BudgetModule[], budget: number, criterion: Criterion): number {
  const combinations = modules.reduce<number[][]>(
    (all, { ranks }) => all.flatMap((chosen) => ranks.map((rank) => [...chosen, rank])),
    [[]],
  );
  const loss = lossOf(modules, criterion);
  return Math.min(...combinations.filter((ranks) => parametersPerRank(modules, ranks) <= budget).map(loss));
}

const sigmas = fc
  .array(fc.oneof(fc.double({ min: 0, max: 10, noNaN: true }), fc.constantFrom(0, 1, 2)), {
    minLength: 1,
    maxLength: 4,
  })
  // Squares of smaller numbers underflow, here in the oracle.
  .map((values) => values.map((value) => (value < 1e-100 ? 0 : value)).sort((x, y) => y - x));

const withGaps = (length: number) =>
  fc.subarray(dense(length), { minLength: 1 }).map((ranks) => (ranks.length > 0 ? ranks : [1]));

const criteria = fc.constantFrom(...CRITERIA);

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
      const least = parametersPerRank(modules, minRanks(modules));
      const most = parametersPerRank(
        modules,
        modules.map(({ ranks }) => ranks.at(-1)!),
      );
      return fc.tuple(fc.constant(modules), fc.integer({ min: least, max: most + 3 }));
    });

describe('ranks within a budget', () => {
  it('go where they keep the most energy, as the criterion counts it', () => {
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
    for (const [budget, ranks] of cases)
      assert.deepEqual(allocateRanks(modules, budget, 'energy'), ranks, `${budget}`);
  });

  it('take the cost into account: a large module must keep more energy', () => {
    const modules = [moduleOf([4, 2.5], 10), moduleOf([4, 2], 5)];
    assert.deepEqual(allocateRanks(modules, 20, 'energy'), [1, 2]);
    assert.deepEqual(allocateRanks(modules, 30, 'energy'), [2, 2]);
    assert.deepEqual(allocateRanks([moduleOf([4, 3], 10), moduleOf([4, 2], 5)], 25, 'energy'), [2, 1]);
  });

  it('are filled up with smaller steps when the best step does not fit', () => {
    const modules = [moduleOf([9, 8], 10), moduleOf([1, 0.5, 0.25], 1)];
    assert.deepEqual(allocateRanks(modules, 13, 'energy'), [1, 3]);
  });

  it('are not spent on directions without energy, unless there is enough for all', () => {
    const modules = [moduleOf([1, 0, 0]), moduleOf([0, 0, 0]), moduleOf([2, 1, 1])];
    assert.deepEqual(allocateRanks(modules, 8, 'energy'), [1, 1, 3]);
    assert.deepEqual(allocateRanks(modules, 9, 'energy'), [3, 3, 3]);
    assert.deepEqual(allocateRanks([moduleOf([0, 0]), moduleOf([0, 0])], 3, 'energy'), [1, 1]);
  });

  it('take whole steps if only some ranks are permitted', () => {
    const modules = [moduleOf([8, 7, 6, 5], 1, [1, 2, 4]), moduleOf([8, 1, 1, 1], 1, [1, 4])];
    const cases: [budget: number, ranks: number[]][] = [
      [2, [1, 1]],
      [3, [2, 1]],
      [4, [2, 1]],
      [5, [4, 1]],
      [7, [4, 1]],
      [8, [4, 4]],
    ];
    for (const [budget, ranks] of cases)
      assert.deepEqual(allocateRanks(modules, budget, 'energy'), ranks, `${budget}`);
  });

  it('prefer the earlier module among equals', () => {
    const modules = [moduleOf([1, 1, 1]), moduleOf([1, 1, 1]), moduleOf([1, 1, 1])];
    assert.deepEqual(allocateRanks(modules, 5, 'energy'), [3, 1, 1]);
    assert.deepEqual(allocateRanks(modules, 6, 'energy'), [3, 2, 1]);
  });

  it('go, by the relative criterion, where a module keeps most of its own energy', () => {
    // Their shares of energy: 0.98, 0.01, 0.01; 0.5, 0.32, 0.18; and a third each.
    const modules = [moduleOf([10, 1, 1]), moduleOf([5, 4, 3]), moduleOf([0.1, 0.1, 0.1])];
    const cases: [budget: number, ranks: number[]][] = [
      [3, [1, 1, 1]],
      [7, [1, 3, 3]],
      [8, [2, 3, 3]],
      [9, [3, 3, 3]],
    ];
    for (const [budget, ranks] of cases)
      assert.deepEqual(allocateRanks(modules, budget, 'relative'), ranks, `${budget}`);
  });

  it('count what the factors leave out as energy of the module', () => {
    const modules = [{ ...moduleOf([2, 1]), restNorm: 10 }, moduleOf([2, 0.5])];
    assert.deepEqual(allocateRanks(modules, 3, 'relative'), [1, 2]);
    assert.deepEqual(allocateRanks([moduleOf([2, 1]), moduleOf([2, 0.5])], 3, 'relative'), [2, 1]);
  });

  it('are not spent on dead modules by the relative criterion', () => {
    const modules = [moduleOf([1e-7, 1e-7, 1e-7]), moduleOf([8, 0.01, 0.001])];
    assert.deepEqual(allocateRanks(modules, 5, 'relative'), [1, 3]);
    assert.deepEqual(allocateRanks(modules, 6, 'relative'), [3, 3]);
    const alive = [moduleOf([0.1, 0.1, 0.1]), moduleOf([8, 0.01, 0.001])];
    assert.deepEqual(allocateRanks(alive, 4, 'relative'), [3, 1]);
  });

  it('are refused below the smallest possible cost', () => {
    assert.throws(() => allocateRanks([moduleOf([1, 1], 5), moduleOf([1], 5)], 9, 'relative'), RangeError);
    assert.deepEqual(allocateRanks([moduleOf([1, 1], 5), moduleOf([1], 5)], 10, 'relative'), [1, 1]);
  });

  it('never cost more than the budget, and are permitted ranks', () => {
    fc.assert(
      fc.property(problems(fc.integer({ min: 1, max: 9 })), criteria, ([modules, budget], criterion) => {
        const ranks = allocateRanks(modules, budget, criterion);
        assert.ok(parametersPerRank(modules, ranks) <= budget);
        for (const [index, rank] of ranks.entries()) assert.ok(modules[index]!.ranks.includes(rank));
      }),
    );
  });

  it('are optimal if every rank costs the same', () => {
    const equal = problems(fc.constant(3)).map(
      ([modules, budget]) =>
        [
          modules.map(({ sigma }) => moduleOf(Array.from(sigma), 3)),
          Math.max(budget, 3 * modules.length),
        ] as const,
    );
    fc.assert(
      fc.property(equal, criteria, ([modules, budget], criterion) => {
        const found = lost(modules, allocateRanks(modules, budget, criterion), criterion);
        assert.ok(found <= bruteForce(modules, budget, criterion) * (1 + 1e-9) + 1e-9);
      }),
      { numRuns: 600 },
    );
  });

  it('are within one step of the optimum if costs differ', () => {
    fc.assert(
      fc.property(problems(fc.integer({ min: 1, max: 9 })), criteria, ([modules, budget], criterion) => {
        const found = lost(modules, allocateRanks(modules, budget, criterion), criterion);
        const weight = weights(modules, criterion);
        const largestStep = Math.max(
          ...modules.flatMap(({ sigma, ranks }, index) =>
            ranks
              .slice(1)
              .map((rank, i) => weight[index]! * energyOf(Array.from(sigma).slice(ranks[i]!, rank))),
          ),
          0,
        );
        const optimum = bruteForce(modules, budget, criterion);
        const slack = 1e-9 * (1 + optimum);
        assert.ok(found >= optimum - slack && found <= optimum + largestStep * (1 + 1e-9) + slack);
      }),
      { numRuns: 600 },
    );
  });

  it('lose no more when the budget is larger', () => {
    fc.assert(
      fc.property(
        problems(fc.integer({ min: 1, max: 9 })),
        fc.nat(10),
        criteria,
        ([modules, budget], more, criterion) => {
          const [less, full] = [budget, budget + more].map((each) =>
            lost(modules, allocateRanks(modules, each, criterion), criterion),
          );
          assert.ok(full! <= less! * (1 + 1e-9) + 1e-9);
        },
      ),
      { numRuns: 600 },
    );
  });

  it('do not depend on the size of the updates', () => {
    fc.assert(
      fc.property(
        problems(fc.integer({ min: 1, max: 9 })),
        fc.constantFrom(2 ** -600, 2 ** -100, 2 ** 100, 2 ** 600),
        criteria,
        ([modules, budget], scale, criterion) => {
          const scaled = modules.map((entry) => ({
            ...entry,
            sigma: Float64Array.from(entry.sigma, (value) => value * scale),
          }));
          assert.deepEqual(
            allocateRanks(scaled, budget, criterion),
            allocateRanks(modules, budget, criterion),
          );
        },
      ),
    );
  });

  it('leave pinned modules unchanged, and share the rest as if these did not exist', () => {
    fc.assert(
      fc.property(
        problems(fc.integer({ min: 1, max: 9 })),
        criteria,
        fc.array(fc.option(fc.integer({ min: 1, max: 5 })), { minLength: 4, maxLength: 4 }),
        ([modules, budget], criterion, decided) => {
          const pins = new Map(
            modules.flatMap((_, index): [number, number][] =>
              decided[index] == null ? [] : [[index, decided[index]]],
            ),
          );
          const steps = stepsInOrder(modules, criterion);
          const isFree = (index: number) => !pins.has(index);
          const free = modules.filter((_, index) => isFree(index));
          const left = [...pins].reduce((sum, [at, rank]) => sum - rank * modules[at]!.costPerRank, budget);
          const find = () => ranksWithin(modules, steps, budget, pins);
          if (left < parametersPerRank(free, minRanks(free))) return assert.throws(find, RangeError);
          const ranks = find();
          for (const [at, rank] of pins) assert.equal(ranks[at], rank);
          // Dead modules are judged by the mean energy of all of them; by energy none is dead.
          if (criterion === 'energy' && free.length > 0)
            assert.deepEqual(
              ranks.filter((_, index) => isFree(index)),
              allocateRanks(free, left, criterion),
            );
          assert.ok(parametersPerRank(modules, ranks) <= budget);
        },
      ),
      { numRuns: 600 },
    );
  });

  it('are bought in one order, whatever the budget', () => {
    fc.assert(
      fc.property(problems(fc.integer({ min: 1, max: 9 })), criteria, ([modules, budget], criterion) => {
        const steps = stepsInOrder(modules, criterion);
        assert.deepEqual(ranksWithin(modules, steps, budget), allocateRanks(modules, budget, criterion));
        let cost = parametersPerRank(modules, minRanks(modules));
        for (const [index, step] of steps.entries()) {
          if (index > 0) assert.ok(isBefore(steps[index - 1]!, step), `step ${index}`);
          cost += step.cost;
          const bought = minRanks(modules);
          for (const { module, rank } of steps.slice(0, index + 1)) bought[module] = rank;
          const all = modules.map(({ ranks }) => ranks.at(-1)!);
          const expected = cost >= parametersPerRank(modules, all) ? all : bought;
          assert.deepEqual(ranksWithin(modules, steps, cost), expected, 'what a budget of just these buys');
        }
      }),
    );
  });

  it('are found for thousands of modules with wide spectra', () => {
    const modules = Array.from({ length: 4000 }, (_, index) =>
      moduleOf(
        Array.from({ length: 64 }, (_, i) => (1 + (index % 7)) * (i + 1) ** -(0.5 + (index % 5) / 5)),
        index % 3 ? 8192 : 15_104,
      ),
    );
    const all = parametersPerRank(
      modules,
      modules.map(() => 64),
    );
    const uniform = modules.map(() => 16);
    for (const criterion of CRITERIA) {
      const ranks = allocateRanks(modules, all / 4, criterion);
      const cost = parametersPerRank(modules, ranks);
      assert.ok(cost <= all / 4 && cost > all / 4 - 15_104, 'next to nothing is left over');
      const less = lost(modules, ranks, criterion);
      assert.ok(less < lost(modules, uniform, criterion), 'better than one rank for all at the same cost');
    }
  });
});
