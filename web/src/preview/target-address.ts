import type { Target } from '../../../src/contract/target.ts';
import { DEFAULT_CRITERION } from '../../../src/contract/target.ts';
import { optionTexts } from './format-options.ts';

/** The policies whose values the page shows in percent. */
const SHARES = ['energy', 'tolerance', 'cumulative'] as const;

/**
 * The query of an adapter's address that opens the form with the choices of a target (see formOf). What the
 * form does not offer, such as a pattern of ranks or a size in bytes, is left out.
 */
export function queryOfTarget(target: Target): Record<string, string> {
  const { profile, max_rank: maxRank, format, format_options: options = {}, dtype, scale } = target;
  return {
    ...policyQuery(target),
    ...(profile !== undefined && { profile }),
    ...(profile !== undefined && maxRank !== undefined && { max_rank: String(maxRank) }),
    ...(format !== undefined && { format, ...optionTexts(options) }),
    ...(dtype !== undefined && dtype !== 'match' && { dtype }),
    ...(scale === 'keep' && { scale }),
  };
}

function policyQuery(target: Target): Record<string, string> {
  if ('rank' in target) return { rank: String(target.rank) };
  if ('budget_parameters' in target)
    return {
      parameters: String(target.budget_parameters),
      ...('criterion' in target &&
        target.criterion !== DEFAULT_CRITERION && { criterion: target.criterion! }),
    };
  const isKohya = 'compat' in target && target.compat === 'kohya';
  const further: Record<string, string> = {
    ...(isKohya && { compat: 'kohya' }),
    ...(!(target.uniform ?? !isKohya) && { each: '1' }),
  };
  for (const policy of SHARES)
    if (policy in target)
      return { [policy]: String(100 * (target as Record<typeof policy, number>)[policy]), ...further };
  if ('ratio' in target) return { ratio: String(target.ratio), ...further };
  return 'knee' in target ? { knee: '1', ...further } : {};
}
