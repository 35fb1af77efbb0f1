import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { groupByShape, moduleStacks, stackNumbers } from '../../src/compute/task-sizes.ts';

const modulesOf = (...ranks: number[]) => ranks.map((rank) => ({ rank }));

describe('stacks of modules', () => {
  it('hold modules of one rank, each module once, in order', () => {
    assert.deepEqual(moduleStacks(modulesOf(8, 4, 8, 8, 4), 128), [[0, 2], [3], [1, 4]]);
  });

  it('contain one module if that alone is larger than a stack', () => {
    assert.deepEqual(moduleStacks(modulesOf(512, 512), 1000), [[0], [1]]);
  });

  it('are absent without modules', () => {
    assert.deepEqual(moduleStacks([], 1000), []);
  });

  it('are small enough for progress and cancelling', () => {
    const sizes = moduleStacks(modulesOf(...new Array<number>(1000).fill(1)), 2 ** 30).map(
      ({ length }) => length,
    );
    assert.deepEqual(sizes, [256, 256, 256, 232]);
  });
});

describe('the size of a stack', () => {
  it('follows the GPU memory that each thread may use', () => {
    const one = stackNumbers('cuda', 1, 2 ** 30);
    assert.equal(stackNumbers('cuda', 1, 2 ** 31), 2 * one);
    assert.equal(stackNumbers('cuda', 4, 2 ** 30), one / 4);
    // A stack of that many float64 numbers, with everything that a graph creates from them, fits.
    assert.ok(one * 8 < 2 ** 30 / 16);
  });

  it('permits a whole 7B adapter of rank 64 at once on a GPU by default, and as much as the cache holds on the CPU', () => {
    const modules = modulesOf(...new Array<number>(224).fill(64));
    assert.equal(moduleStacks(modules, stackNumbers('cuda', 1, 2 * 2 ** 30)).length, 1);
    assert.equal(moduleStacks(modules, stackNumbers('cpu', 2, 2 * 2 ** 30)).length, 14);
  });
});

describe('modules that go through a graph at once', () => {
  const shapeOf = (m: number, n: number, rank: number) => ({ m, n, rank });
  const [wide, narrow] = [shapeOf(96, 32, 8), shapeOf(32, 32, 8)];

  it('have one shape, and the same options', () => {
    const modules = [wide, narrow, wide, wide, narrow, shapeOf(96, 32, 4)];
    assert.deepEqual(groupByShape(modules), [[0, 2, 3], [1, 4], [5]]);
    const kinds = ['x', 'x', 'y', 'x', 'x', 'x'];
    assert.deepEqual(
      groupByShape(modules, (index) => kinds[index]!),
      [[0, 3], [1, 4], [2], [5]],
    );
  });

  it('have half a million numbers together, or more if a single one has', () => {
    const large = shapeOf(4096, 4096, 32);
    assert.deepEqual(groupByShape([large, large, large, large]), [
      [0, 1],
      [2, 3],
    ]);
    const larger = shapeOf(4096, 4096, 65);
    assert.deepEqual(groupByShape([larger, larger]), [[0], [1]]);
  });
});
