import type { LoraModule } from '../../adapter/adapter.ts';

/** The largest rank, and the alpha (scale·rank) of most modules; of equally frequent ones the first. */
export function commonScale(modules: readonly Pick<LoraModule, 'rank' | 'scale'>[]): {
  rank: number;
  alpha: number;
} {
  const counts = new Map<number, number>();
  for (const { scale, rank } of modules) {
    const alpha = scale * rank;
    counts.set(alpha, (counts.get(alpha) ?? 0) + 1);
  }
  let [alpha, most] = [1, 0];
  for (const [value, count] of counts) if (count > most) [alpha, most] = [value, count];
  return { rank: modules.reduce((largest, { rank }) => Math.max(largest, rank), 1), alpha };
}
