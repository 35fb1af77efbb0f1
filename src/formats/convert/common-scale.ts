import type { LoraModule } from '../../adapter/adapter.ts';
import { mostFrequent } from '../pairs/most-frequent.ts';

/** The largest rank, and the alpha (scale·rank) of most modules; of equally frequent ones the first. */
export const commonScale = (
  modules: readonly Pick<LoraModule, 'rank' | 'scale'>[],
): { rank: number; alpha: number } => ({
  rank: modules.reduce((largest, { rank }) => Math.max(largest, rank), 1),
  alpha: mostFrequent(modules.map(({ scale, rank }) => scale * rank)),
});
