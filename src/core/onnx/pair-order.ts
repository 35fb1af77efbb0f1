/** A stage: some of the rounds of a sweep. In a round, the rows at places i and i + size/2 are a pair. */
export interface PairStage {
  /** For each place, the row that it takes when the stage begins, given as its place before the stage. */
  readonly enter: readonly number[];
  readonly rounds: number;
  /**
   * For each place, the place from which it takes its row after a round; only for the lower half, counted from 0, if
   * only that moves.
   */
  readonly advance: readonly number[];
}

/**
 * An order in which size − 1 rounds of size/2 pairs meet every pair once and as few rows as possible move: the upper
 * half against the lower one, which shifts by one after each round; then the same inside both halves, and so on.
 * Groups that cannot be halved into even ones end with the circle method (one row stays, the others rotate).
 * @param size even
 * @returns restore: the places of rows 0, 1, 2 … at the end of a sweep
 */
export function sweepStages(size: number): { stages: PairStage[]; restore: number[] } {
  const stages: PairStage[] = [];
  /** Which of the first rows is at each place. */
  let current = numbers(size);
  let groups = [numbers(size)];
  for (;;) {
    const length = groups[0]!.length;
    const goesRound = length > 2 && length % 4 !== 0;
    const wanted = [
      ...groups.flatMap((group) => group.slice(0, length / 2)),
      ...groups.flatMap((group) => group.slice(length / 2)),
    ];
    const enter = wanted.map((row) => current.indexOf(row));
    stages.push(
      goesRound
        ? { enter, rounds: length - 1, advance: circle(size, length) }
        : { enter, rounds: length / 2, advance: shift(size / 2, length / 2) },
    );
    current = wanted;
    if (goesRound || length === 2) break;
    groups = groups.flatMap((group) => [group.slice(0, length / 2), group.slice(length / 2)]);
  }
  return { stages, restore: numbers(size).map((row) => current.indexOf(row)) };
}

/** In each run of `length` places, every place takes the row of the next one, and the last takes that of the first. */
function shift(count: number, length: number): number[] {
  return numbers(count).map((place) => {
    const first = place - (place % length);
    return first + ((place - first + 1) % length);
  });
}

/**
 * The circle method inside groups of `length` rows, whose upper halves are in the upper half of all rows, in the same
 * order as their lower halves below. After length − 1 moves, every row is back in its place.
 */
function circle(size: number, length: number): number[] {
  const half = length / 2;
  return numbers(size).map((place) => {
    const isTop = place < size / 2;
    const within = place % half;
    const top = (isTop ? place : place - size / 2) - within;
    const bottom = top + size / 2;
    if (isTop) {
      if (within === 0) return place;
      return within === 1 ? bottom : place - 1;
    }
    return within === half - 1 ? top + half - 1 : bottom + within + 1;
  });
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
