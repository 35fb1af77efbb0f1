import type { ModulePlan, ScaleMode } from '../../adapter/adapter.ts';
import { remainingScale } from '../../adapter/remaining-scale.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';

/**
 * The one alpha that gives every module its scale: llama.cpp takes alpha/rank, and 1 where alpha is 0
 * (llama-adapter.h, `get_scale`), which serves any ranks once the scales are folded into the factors.
 * @throws AppError FORMAT_NEEDS_FOLD naming the first module whose scale it cannot be
 */
export function alphaFor(plans: readonly ModulePlan[], mode: ScaleMode): number {
  const scales = plans.map(({ module, rank }) => remainingScale(mode, module, rank));
  const alphas = plans.map(({ rank }, index) => Math.fround(scales[index]! * rank));
  const alpha = alphas[0] ?? 0;
  const other = alphas.findIndex((one) => one !== alpha || one === 0);
  if (other === -1) return alpha;
  if (scales.every((scale) => scale === 1)) return 0;
  const { module, rank } = plans[other]!;
  throw new AppError(
    'FORMAT_NEEDS_FOLD',
    `module ${quote(module.name)}: a scale of ${scales[other]} would be left at rank ${rank}, and GGUF has one alpha ` +
      'for all modules: ask for scale "fold"',
    { module: module.name, scale: scales[other]!, format: 'gguf' },
  );
}
