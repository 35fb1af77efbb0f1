import type { Adapter, ModulePlan } from '../../adapter/adapter.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';
import { expertParameters } from './expert-parameters.ts';
import { readPeftKey } from './tensor-keys.ts';

/**
 * Ranks or alphas under the names that PEFT looks for in rank_pattern and alpha_pattern: the path of a module, but the
 * full name of a parameter. Experts that share a tensor have one value. Where the files do not tell which parameter a
 * module stands for, all that it may be get the value.
 * @throws AppError FORMAT_NOT_WRITABLE where one of these then had two values
 */
export function namedValues(
  adapter: Pick<Adapter, 'config'>,
  plans: readonly ModulePlan[],
  take: (plan: ModulePlan) => number,
): { readonly name: string; readonly value: number }[] {
  const paths = plans.map(({ module }) => pathOf(module.a.name));
  const parameters = expertParameters(new Set(paths), targetsOf(adapter));
  const values = new Map<string, number>();
  for (const [index, plan] of plans.entries()) {
    const { module } = plan;
    const found = parameters.get(paths[index]!) ?? [];
    for (const name of module.expert ? found : [module.name, ...found]) {
      const value = take(plan);
      if ((values.get(name) ?? value) !== value) throw twoValues(name);
      values.set(name, value);
    }
  }
  return [...values].map(([name, value]) => ({ name, value }));
}

const targetsOf = ({ config: { target_parameters: targets } }: Pick<Adapter, 'config'>): string[] =>
  Array.isArray(targets) ? (targets as string[]) : [];

/** The path in the name of a factor. Names of other formats' factors have none, and need none. */
function pathOf(tensor: string): string {
  const key = readPeftKey(tensor);
  return key.role === 'factor' ? key.module : tensor;
}

function twoValues(name: string): AppError {
  return new AppError(
    'FORMAT_NOT_WRITABLE',
    `PEFT has one rank and one alpha for ${quote(name)}, and its factors would have two: ask for one rank for all (uniform)`,
    { name },
  );
}
