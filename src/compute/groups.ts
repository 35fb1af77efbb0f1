/** Numbers of the factors in a group: some ten milliseconds of work. */
const GROUP_NUMBERS = 2 * 1024 * 1024;
const MAX_GROUP = 64;

/** Indices of neighbouring modules, up to so many or so much that a thread is busy for a while. */
export function groups(
  modules: readonly { readonly m: number; readonly n: number; readonly rank: number }[],
): number[][] {
  const result: number[][] = [];
  let numbers = Number.POSITIVE_INFINITY;
  for (const [index, { m, n, rank }] of modules.entries()) {
    const size = (m + n) * rank;
    if (numbers + size > GROUP_NUMBERS || result.at(-1)!.length >= MAX_GROUP) {
      result.push([]);
      numbers = 0;
    }
    result.at(-1)!.push(index);
    numbers += size;
  }
  return result;
}
