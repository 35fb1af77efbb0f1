import type { PinnedRanks } from '../../../src/core/policy/allocate-ranks.ts';

/**
 * Writes pinned ranks as a short text for an address, without characters that would have to be escaped
 * there. The text lists for each rank the modules that have it: `8*0-217x7.300` is rank 8 in every seventh
 * module up to index 217, and in module 300. Ranks are separated by `_`. The indices are those of the
 * analysis, which are always the same for the same weights.
 */
export function formatPins(pins: PinnedRanks): string {
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

/** Reads pinned ranks from a text that may have been edited by hand; invalid parts are left out. */
export function parsePins(text: string, modules: number): PinnedRanks {
  const pins = new Map<number, number>();
  for (const group of text.split('_')) {
    const [rank, runs = ''] = group.split('*', 2);
    if (!/^[1-9]\d{0,4}$/.test(rank!)) continue;
    for (const run of runs.split('.'))
      for (const index of indicesIn(run, modules)) pins.set(index, Number(rank));
  }
  return pins;
}

/** Writes ascending indices as runs with equal distances. */
function runsOf(indices: readonly number[]): string {
  const runs: string[] = [];
  for (let from = 0; from < indices.length; ) {
    const distance = (indices[from + 1] ?? 0) - indices[from]!;
    let to = from + 1;
    while (to < indices.length && indices[to]! - indices[to - 1]! === distance) to++;
    // Two indices are shorter without the notation of a run.
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
