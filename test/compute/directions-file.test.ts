import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { readDirections, slotsFor, writeDirections } from '../../src/compute/directions-file.ts';
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

describe('the file of directions', () => {
  it('gives every module its own back, in whatever order they are written', () => {
    const shapes = [
      { rank: 8, count: 3 },
      { rank: 1, count: 1 },
      { rank: 64, count: 64 },
      { rank: 5, count: 2 },
    ];
    const slots = slotsFor(join(folder, 'a'), shapes);
    const written = shapes.map(({ rank, count }, index) => some(rank, count, 10 * index));
    for (const index of [2, 0, 3, 1]) writeDirections(slots[index]!, written[index]!);
    for (const [index, directions] of written.entries()) {
      assert.deepEqual(readDirections(slots[index]!), directions);
    }
    const numbers = shapes.reduce((sum, { rank, count }) => sum + 2 * rank * count + count, 0);
    assert.equal(statSync(slots[0]!.path).size, 8 * numbers);
  });

  it('keeps of a longer spectrum what belongs to its directions', () => {
    const [slot] = slotsFor(join(folder, 'b'), [{ rank: 4, count: 2 }]);
    const directions = some(4, 2, 1);
    writeDirections(slot!, { ...directions, sigma: Float64Array.of(...directions.sigma, 7, 8, 9) });
    assert.deepEqual(readDirections(slot!), directions);
  });

  it('says so when what it should hold is not there', () => {
    const [first, second] = slotsFor(join(folder, 'c'), [
      { rank: 4, count: 2 },
      { rank: 4, count: 2 },
    ]);
    writeDirections(first!, some(4, 2, 1));
    assert.throws(() => readDirections(second!), { code: 'STORAGE_FAILED' });
  });
});
