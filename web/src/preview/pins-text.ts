import type { PinnedRanks } from '../../../src/core/policy/allocate-ranks.ts';

/**
 * Pinned ranks as a short text for an address, without characters that an address would escape: for each rank the modules
 * that have it, `8*0-217x7.300` for rank 8 in every seventh module up to the 217th, and in the 300th. Ranks are separated
 * by `_`. Indices are those of the analysis, which are the same for the same weights.
 */
export function textOfPins(pins: PinnedRanks): string {
  const byRank = new Map<number, number[]>();
  for (const [index, rank] of pins) {
    const others = byRank.get(rank);
    if (others) others.push(index);
    else byRank.set(rank, [index]);
  }
  return [...byRank]
    .sort(([x], [y]) => x - y)
    .map(([rank, indices]) => `${rank}*${runsOf(indices.sort((x, y) => x - y))}`)
    .join('_');
}

/** What can be read of a text, whoever wrote it; what cannot is left out. */
export function pinsOfText(text: string, modules: number): PinnedRanks {
  const pins = new Map<number, number>();
  for (const group of text.split('_')) {
    const [rank, runs = ''] = group.split('*', 2);
    if (!/^[1-9]\d{0,4}$/.test(rank!)) continue;
    for (const run of runs.split('.'))
      for (const index of indicesIn(run, modules)) pins.set(index, Number(rank));
  }
  return pins;
}

/** Ascending indices as runs of equal distance. */
function runsOf(indices: readonly number[]): string {
  const runs: string[] = [];
  for (let from = 0; from < indices.length; ) {
    const distance = (indices[from + 1] ?? 0) - indices[from]!;
    let to = from + 1;
    while (to < indices.length && indices[to]! - indices[to - 1]! === distance) to++;
    // Two alone are shorter as two.
    if (to - from < 3) runs.push(String(indices[from++]));
    else {
      runs.push(`${indices[from]}-${indices[to - 1]}${distance === 1 ? '' : `x${distance}`}`);
      from = to;
    }
  }
  return runs.join('.');
}

function indicesIn(run: string, modules: number): number[] {
  const found = /^(\d{1,6})(?:-(\d{1,6})(?:x([1-9]\d{0,5}))?)?$/.exec(run);
  if (!found) return [];
  const [from, to, distance] = [Number(found[1]), Number(found[2] ?? found[1]), Number(found[3] ?? 1)];
  const indices: number[] = [];
  for (let index = from; index <= Math.min(to, modules - 1); index += distance) indices.push(index);
  return indices;
}
