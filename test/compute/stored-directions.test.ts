import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { loadDirections, slotsFor, storeDirections } from '../../src/compute/stored-directions.ts';
import type { Directions } from '../../src/engine/kernel-types.ts';
import { gaussianMatrix } from '../oracle/known-matrices.ts';

const folder = mkdtempSync(join(tmpdir(), 'directions-'));
after(() => rmSync(folder, { recursive: true }));

const some = (rank: number, count: number, seed: number): Directions => ({
  count,
  p: gaussianMatrix(rank, count, seed).data as Float64Array<ArrayBuffer>,
  r: gaussianMatrix(count, rank, seed + 1).data as Float64Array<ArrayBuffer>,
  sigma: gaussianMatrix(1, count, seed + 2).data as Float64Array<ArrayBuffer>,
});

describe('kept directions', () => {
  const few = [
    { rank: 8, count: 3 },
    { rank: 1, count: 1 },
    { rank: 64, count: 64 },
    { rank: 5, count: 2 },
  ];
  /** More than fit into memory. */
  const many = [...few, { rank: 1024, count: 600 }];

  for (const [where, shapes] of [
    ['in memory', few],
    ['in a file', many],
  ] as const)
    it(`${where}: every module gets its own directions back, in whatever order they were kept`, () => {
      const path = join(folder, where);
      const slots = slotsFor(path, shapes);
      const given = shapes.map(({ rank, count }, index) => some(rank, count, 10 * index));
      const kept = [4, 2, 0, 3, 1]
        .slice(-shapes.length)
        .map((index) => [index, storeDirections(slots[index]!, given[index]!)] as const);
      for (const [index, one] of kept) assert.deepEqual(loadDirections(one), given[index]!);
      const bytes = shapes.reduce((sum, { rank, count }) => sum + 8 * (2 * rank * count + count), 0);
      if (shapes === many) assert.equal(statSync(path).size, bytes);
      else assert.ok(!existsSync(path));
    });

  it('report that the file does not contain what it should', () => {
    const slots = slotsFor(join(folder, 'c'), many);
    storeDirections(slots[0]!, some(8, 3, 1));
    assert.throws(() => loadDirections({ ...slots[4]!, numbers: null }), { code: 'STORAGE_FAILED' });
  });
});
