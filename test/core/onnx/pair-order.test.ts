import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sweepStages } from '../../../src/core/onnx/pair-order.ts';

/**
 * Simulates a sweep on the numbers 0 … size − 1 and returns the pairs of each round, and the order of the
 * rows at the end.
 */
function play(size: number): { rounds: string[][]; end: number[] } {
  const half = size / 2;
  const rounds: string[][] = [];
  let rows = Array.from({ length: size }, (_, row) => row);
  const { stages, restore } = sweepStages(size);
  for (const { enter, rounds: count, advance } of stages) {
    rows = enter.map((place) => rows[place]!);
    for (let round = 0; round < count; round++) {
      rounds.push(
        Array.from({ length: half }, (_, i) => {
          const [low, high] = [rows[i]!, rows[i + half]!].sort((x, y) => x - y);
          return `${low}-${high}`;
        }),
      );
      const lower = rows.slice(half);
      rows =
        advance.length === half
          ? [...rows.slice(0, half), ...advance.map((place) => lower[place]!)]
          : advance.map((place) => rows[place]!);
    }
  }
  return { rounds, end: restore.map((place) => rows[place]!) };
}

describe('the order of pairs in a Jacobi sweep', () => {
  for (const size of [2, 4, 6, 10, 16, 32, 48, 64, 80, 96, 112, 128, 256, 272, 512]) {
    it(`meets every pair of ${size} rows once, in ${size - 1} rounds, and ends in the original order`, () => {
      const { rounds, end } = play(size);
      assert.equal(rounds.length, size - 1);
      const pairs = rounds.flat();
      assert.equal(new Set(pairs).size, (size * (size - 1)) / 2);
      assert.equal(pairs.length, (size * (size - 1)) / 2);
      assert.deepEqual(
        end,
        Array.from({ length: size }, (_, row) => row),
      );
    });
  }

  it('moves only lower rows while groups can be halved, and all rows only in the remaining rounds', () => {
    const whole = (size: number) =>
      sweepStages(size).stages.map(({ advance, rounds }) => [advance.length, rounds]);
    assert.deepEqual(whole(16), [
      [8, 8],
      [8, 4],
      [8, 2],
      [8, 1],
    ]);
    assert.deepEqual(whole(48), [
      [24, 24],
      [24, 12],
      [24, 6],
      [48, 5],
    ]);
  });
});
