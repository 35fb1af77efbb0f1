import type {
  Adapter,
  FactorEntry,
  LoraModule,
  ModulePlan,
  OutputPlan,
  OutputTensor,
  ScaleMode,
  TensorEntry,
} from '../../adapter/adapter.ts';
import { shapeOfA, shapeOfB } from '../../adapter/factor-shapes.ts';
import { CONFIG_FILE } from '../../adapter/file-names.ts';
import { remainingScale } from '../../adapter/remaining-scale.ts';
import { AppError } from '../../errors.ts';
import { writeConfig } from './write-config.ts';

export interface PeftOutputOptions {
  readonly scale: ScaleMode;
  /** Metadata to add to the source's: how the result was made. */
  readonly provenance: ReadonlyMap<string, string>;
}

/**
 * Plans the files of a squeezed PEFT adapter: tensors under their old names with their old number of dimensions,
 * the configuration, the metadata.
 *
 * A module whose rank, dtypes and scale stay is copied, both factors; of every other module both factors are to be
 * computed, and with "fold" they have to contain the scale (also at an unchanged rank).
 * @param plans one for each of `adapter.modules`, in the same order
 * @throws AppError LORA_BIAS_NEEDS_KEEP: PEFT scales lora_B.bias together with B·A, so folding would change it
 * @throws AppError CONFIG_TOO_LARGE when thousands of modules have ranks or scales of their own
 * @throws RangeError when the plans do not belong to the adapter (our own mistake)
 */
export function planPeftOutput(
  adapter: Adapter,
  plans: readonly ModulePlan[],
  { scale, provenance }: PeftOutputOptions,
): OutputPlan {
  checkPlans(adapter, plans);
  if (adapter.hasLoraBias && scale === 'fold') {
    throw new AppError(
      'LORA_BIAS_NEEDS_KEEP',
      'the adapter has lora_bias, which PEFT scales together with B·A: ask for scale "keep"',
    );
  }
  const factors = plans.flatMap((plan, moduleIndex) => planModule(plan, moduleIndex, scale));
  const copies = adapter.passthrough.map(copy);
  return {
    tensors: [...factors, ...copies],
    // transformers refuses files whose metadata lacks "format"
    metadata: new Map([['format', 'pt'], ...adapter.metadata, ...provenance]),
    files: new Map([[CONFIG_FILE, writeConfig(adapter, plans, scale)]]),
  };
}

/** Whether the module's factors go into the result as they are. */
export function isUnchanged({ module, rank, dtypeA, dtypeB }: ModulePlan, scale: ScaleMode): boolean {
  const sameScale = remainingScale(scale, module, rank) === module.scale;
  return rank === module.rank && dtypeA === module.a.dtype && dtypeB === module.b.dtype && sameScale;
}

function planModule(plan: ModulePlan, moduleIndex: number, scale: ScaleMode): OutputTensor[] {
  const { module, rank, dtypeA, dtypeB } = plan;
  if (isUnchanged(plan, scale)) return [copy(module.a), copy(module.b)];
  return [
    computed(module.a, dtypeA, shapeOfA(module, rank), { factor: 'a', moduleIndex }),
    computed(module.b, dtypeB, shapeOfB(module, rank), {
      factor: 'b',
      moduleIndex,
    }),
  ];
}

function computed(
  { name }: FactorEntry,
  dtype: string,
  shape: readonly number[],
  source: { factor: 'a' | 'b'; moduleIndex: number },
): OutputTensor {
  return { name, dtype, shape, source: { kind: 'factor', ...source } };
}

function copy(entry: TensorEntry): OutputTensor {
  return { name: entry.name, dtype: entry.dtype, shape: entry.shape, source: { kind: 'copy', entry } };
}

function checkPlans({ modules }: Adapter, plans: readonly ModulePlan[]): void {
  const belongs = (module: LoraModule, plan: ModulePlan | undefined): boolean =>
    plan !== undefined && plan.module.name === module.name && plan.rank >= 1 && plan.rank <= module.rank;
  if (plans.length !== modules.length || !modules.every((module, index) => belongs(module, plans[index]))) {
    throw new RangeError('the plans do not belong to the modules of the adapter');
  }
}
