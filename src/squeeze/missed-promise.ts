import { POLICIES, type Target } from '../contract/target.ts';

/**
 * Whether limits on the ranks keep modules from what the target's policy promises, in a sentence.
 * @param wanted the ranks that the policy needs
 * @param ranks the ranks that the limits leave, in the same order
 * @param limits what sets the limits, in words
 * @returns null if every module has the rank that it needs, or the target promises nothing but ranks
 */
export function missedPromise(
  target: Target,
  wanted: readonly number[],
  ranks: readonly number[],
  limits: string,
): string | null {
  const missing = wanted.flatMap((needed, index) =>
    ranks[index]! < needed ? [{ needed, rank: ranks[index]! }] : [],
  );
  const policy = POLICIES.find((name) => name in target);
  if (missing.length === 0 || policy === undefined || policy === 'rank') return null;
  const largest = (values: number[]): number => values.reduce((x, y) => Math.max(x, y));
  return (
    `The target's ${policy} is missed by ${missing.length} of ${wanted.length} ` +
    `modules, which would need ranks of up to ${largest(missing.map(({ needed }) => needed))} and get at most ` +
    `${largest(missing.map(({ rank }) => rank))} (${limits}).`
  );
}
