import type { ModulePlan, OutputTensor, ScaleMode } from '../../adapter/adapter.ts';
import { remainingScale } from '../../adapter/remaining-scale.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';
import { alphaFor } from './alpha-for.ts';
import { encodeScalar } from './scalar.ts';
import { alphaNameOf } from './tensor-keys.ts';

/** The alpha a module leaves with: its rank times the scale that is left, as the number that its tensor holds. */
export function alphaOfPlan({ module, rank }: ModulePlan, scale: ScaleMode): number {
  const value = alphaFor(remainingScale(scale, module, rank), rank);
  return encodeScalar(value, module.alpha?.dtype ?? 'F32').value;
}

/**
 * The alphas of a result: where the source had one, and where a module without would be taken for scale 1. Their dtype
 * stays, unless it cannot hold the number.
 * @throws AppError UNSUPPORTED_LORA_VARIANT where modules that share an alpha would need different ones
 */
export function planAlphas(plans: readonly ModulePlan[], scale: ScaleMode): OutputTensor[] {
  const planned = new Map<string, { readonly value: number; readonly tensor: OutputTensor }>();
  for (const plan of plans) {
    const { module, rank } = plan;
    const value = alphaOfPlan(plan, scale);
    if (!module.alpha && value === rank) continue;
    const { name, dtype, shape } = module.alpha ?? {
      name: alphaNameOf(module.a.name),
      dtype: 'F32',
      shape: [],
    };
    const other = planned.get(name);
    if (other && other.value !== value) throw differs(name, other.value, value);
    const held = encodeScalar(value, dtype);
    planned.set(name, {
      value,
      tensor: { name, dtype: held.dtype, shape, source: { kind: 'bytes', bytes: held.bytes } },
    });
  }
  return [...planned.values()].map(({ tensor }) => tensor);
}

function differs(name: string, one: number, other: number): AppError {
  return new AppError(
    'UNSUPPORTED_LORA_VARIANT',
    `tensor ${quote(name)} is the alpha of several parts, which would need ${one} and ${other}; ask for one rank for all ` +
      '(uniform)',
    { tensor: name, values: [one, other] },
  );
}
