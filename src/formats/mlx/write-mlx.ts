import type { Adapter, ModulePlan, OutputPlan, ScaleMode } from '../../adapter/adapter.ts';
import { CONFIG_FILE } from '../../adapter/file-names.ts';
import { remainingScale } from '../../adapter/remaining-scale.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';
import { layOut } from '../../safetensors/layout.ts';
import type { WriteOptions } from '../format.ts';
import { checkPlans, copyTensor } from '../pairs/plan-pairs.ts';
import { encodeConfig } from '../peft/write-config.ts';
import { groupIntoStacks, type Stack, stackTensor } from '../stacks.ts';

export const MLX_FILE = 'adapters.safetensors';

/**
 * Plans the files of an adapter as mlx-lm loads them: factors transposed, those of experts stacked, and the
 * configuration with the new rank and scale. All factors are computed again.
 *
 * Modules may have different ranks; the rank in the configuration is the largest.
 * @throws AppError FORMAT_NEEDS_FOLD if modules keep different scales; FORMAT_NOT_WRITABLE
 */
export function planMlx(adapter: Adapter, plans: readonly ModulePlan[], options: WriteOptions): OutputPlan {
  checkPlans(adapter, plans);
  const tensors = [
    ...groupIntoStacks(plans).flatMap((stack) => [tensorOf(stack, 'a'), tensorOf(stack, 'b')]),
    ...adapter.passthrough.map(copyTensor),
  ];
  const metadata = new Map([...adapter.metadata, ...options.provenance]);
  return {
    weightsName: MLX_FILE,
    tensors,
    metadata,
    layout: layOut(tensors, metadata),
    files: new Map([[CONFIG_FILE, configOf(adapter, plans, options.scale)]]),
  };
}

/**
 * mlx-lm makes all layers with the rank of the configuration. Up to v0.31.3 it replaced their arrays by those of the file
 * without checking shapes; since then `load_adapters` (mlx_lm/tuner/utils.py) refuses a file with others.
 */
export function unequalRanks(plans: readonly ModulePlan[]): string[] {
  const ranks = plans.map(({ rank }) => rank);
  const [least, most] = [Math.min(...ranks), Math.max(...ranks)];
  if (least === most) return [];
  return [
    `The modules have ranks from ${least} to ${most}. Versions of mlx-lm after v0.31.3 load only adapters whose modules all ` +
      'have one rank: choose one rank for all modules.',
  ];
}

function tensorOf(stack: Stack, factor: 'a' | 'b'): OutputPlan['tensors'][number] {
  const { name, kind, expert } = stack.plan.module;
  if (kind === 'conv')
    throw new AppError(
      'FORMAT_NOT_WRITABLE',
      `Module ${quote(name)} is a convolution, for which MLX has no LoRA.`,
      {
        module: name,
      },
    );
  return stackTensor(stack, factor, expert === undefined);
}

function configOf({ config }: Adapter, plans: readonly ModulePlan[], mode: ScaleMode): Uint8Array {
  const rank = plans.reduce((largest, plan) => Math.max(largest, plan.rank), 1);
  const before = (config.lora_parameters ?? {}) as Readonly<Record<string, unknown>>;
  const parameters = new Map<string, unknown>(Object.entries(before));
  parameters.set('rank', rank);
  parameters.set('scale', commonScale(plans, mode));
  // Only the first versions of mlx-lm used it: as alpha/rank.
  if (parameters.has('alpha')) parameters.set('alpha', rank);
  // mlx-lm does not load a configuration without one.
  if (!parameters.has('dropout')) parameters.set('dropout', 0);
  return encodeConfig(new Map<string, unknown>(Object.entries(config)).set('lora_parameters', parameters));
}

/** The scale of all modules. MLX computes in float32, so scales that are equal in float32 count as equal. */
function commonScale(plans: readonly ModulePlan[], mode: ScaleMode): number {
  const scales = plans.map(({ module, rank }) => remainingScale(mode, module, rank));
  const [first = 1] = scales;
  const other = scales.findIndex((scale) => Math.fround(scale) !== Math.fround(first));
  if (other === -1) return first;
  const { module } = plans[other]!;
  throw new AppError(
    'FORMAT_NEEDS_FOLD',
    `Module ${quote(module.name)}: the result would need a scaling of ${scales[other]}, and other modules one of ${first}, but MLX has one ` +
      'scaling for all modules. Request "scale": "fold".',
    { module: module.name, scale: scales[other]!, format: 'mlx' },
  );
}
