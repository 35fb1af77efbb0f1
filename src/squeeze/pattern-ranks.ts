import type { LoraModule } from '../adapter/adapter.ts';
import { AppError } from '../errors/app-error.ts';
import { PatternTable } from '../formats/peft/patterns.ts';

/** A list of patterns in a warning must stay readable. */
const MAX_NAMED = 5;

/**
 * The rank of every module under a rank_pattern, matched as PEFT matches it: the first pattern that applies decides.
 * Modules without one keep their rank.
 * @throws AppError VALIDATION_FAILED for a pattern that cannot be read, or too many of them to match
 */
export function patternRanks(
  pattern: Readonly<Record<string, number>>,
  modules: readonly Pick<LoraModule, 'name' | 'rank'>[],
): { readonly ranks: number[]; readonly warnings: string[] } {
  const unused = new Set(Object.keys(pattern));
  const ranks = asValidation(() => {
    const table = new PatternTable(
      'rank_pattern',
      Object.keys(pattern).map((key) => [key, key]),
    );
    return modules.map(({ name, rank }) => {
      const key = table.find(name);
      if (key === undefined) return rank;
      unused.delete(key);
      return pattern[key]!;
    });
  });
  return { ranks, warnings: unused.size > 0 ? [unusedWarning([...unused])] : [] };
}

/** PatternTable speaks of adapter_config.json; this pattern came with the request. */
function asValidation<T>(match: () => T): T {
  try {
    return match();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const message = error.message.replace(/^adapter_config\.json: /, 'The target: ');
    throw new AppError('VALIDATION_FAILED', message, error.context, { cause: error });
  }
}

function unusedWarning(keys: readonly string[]): string {
  const named = keys.slice(0, MAX_NAMED).map((key) => JSON.stringify(key));
  const more = keys.length > MAX_NAMED ? ` and ${keys.length - MAX_NAMED} more` : '';
  return `rank_pattern: ${named.join(', ')}${more} decided for no module; check the names against the adapter's modules.`;
}
