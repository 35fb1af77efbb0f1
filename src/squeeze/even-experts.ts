import type { LoraModule } from '../adapter/adapter.ts';

type Ranked = Pick<LoraModule, 'rank'> & Partial<Pick<LoraModule, 'a' | 'expert'>>;

/**
 * One rank for experts that share a tensor, which has no room for several: the largest that any of them got, so that
 * what a policy promises holds for each; the smallest where a budget has to be kept.
 * @param ranks one for each of the modules
 */
export function evenExperts(
  ranks: readonly number[],
  modules: readonly Ranked[],
  which: 'largest' | 'smallest',
): number[] {
  const tensorOf = ({ a, expert }: Ranked): string | undefined => (expert ? a?.name : undefined);
  const common = new Map<string, number>();
  for (const [index, module] of modules.entries()) {
    const tensor = tensorOf(module);
    if (tensor === undefined) continue;
    const [own, known] = [ranks[index]!, common.get(tensor) ?? ranks[index]!];
    common.set(tensor, which === 'largest' ? Math.max(own, known) : Math.min(own, known));
  }
  return ranks.map((rank, index) => common.get(tensorOf(modules[index]!) ?? '') ?? rank);
}
