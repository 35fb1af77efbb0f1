import { Buffer } from 'node:buffer';
import type { Adapter, ModulePlan, OutputPlan, OutputTensor, ScaleMode } from '../../adapter/adapter.ts';
import { remainingScale } from '../../adapter/remaining-scale.ts';
import type { JsonObject, JsonValue } from '../../json/strict-json.ts';
import { layOut } from '../../safetensors/layout.ts';
import type { WriteOptions } from '../format.ts';
import { checkPlans, planCarried, planPair } from '../pairs/plan-pairs.ts';
import { scalarTensor } from '../pairs/scalar.ts';
import { parseConfigJson, toPlain } from '../peft/config-json.ts';
import { encodeConfig, writeConfig } from '../peft/write-config.ts';
import {
  ADAPTER_METADATA,
  componentConfig,
  fieldsOf,
  inMetadata,
  parseAdapterMetadata,
} from './adapter-metadata.ts';
import { type FactorName, moduleNameOf, readDiffusersKey, readFactorName } from './tensor-keys.ts';

export const DIFFUSERS_WEIGHTS = 'pytorch_lora_weights.safetensors';

/** A module's plan with the parts of its name. */
interface PlacedPlan {
  readonly plan: ModulePlan;
  readonly place: FactorName;
}

/**
 * Plans a file of diffusers: tensors under their old names, with alphas and metadata if necessary (`scalePlaces`).
 * @param plans one for each of `adapter.modules`, in the same order
 * @throws AppError CONFIG_TOO_LARGE when thousands of modules have ranks or scales of their own
 * @throws RangeError for names of factors that are not of the format, or plans of other modules (our own mistake)
 */
export function planDiffusersOutput(
  adapter: Adapter,
  plans: readonly ModulePlan[],
  { scale, provenance }: WriteOptions,
): OutputPlan {
  checkPlans(adapter, plans);
  const placed = plans.map(place);
  const { alphas, metadata: hasMetadata } = scalePlaces(adapter, placed, scale);
  const tensors = [
    ...placed.flatMap((one, index) => [
      ...planPair(one.plan, index, scale),
      ...(alphas ? [alphaOf(one, scale)] : []),
    ]),
    ...planCarried(adapter, plans, scale),
  ];
  const metadata = new Map([['format', 'pt'], ...adapter.metadata]);
  if (hasMetadata) metadata.set(ADAPTER_METADATA, writeAdapterMetadata(adapter, placed, scale));
  for (const [key, value] of provenance) metadata.set(key, value);
  return {
    weightsName: DIFFUSERS_WEIGHTS,
    tensors,
    metadata,
    layout: layOut(tensors, metadata),
    files: new Map(),
  };
}

/**
 * Where the scales are written: where the source had them, in alphas (then of all modules, so that no reader has
 * to guess), in metadata or in both. If it had neither, alphas are added only if a scale other than 1 is left, and metadata
 * only if ranks differ, because without alphas diffusers divides the first rank by each (see `scaleWarnings`). Files of
 * `diffusion_model` get no metadata: diffusers renames their modules before it looks for the metadata of `transformer`, and fails.
 */
function scalePlaces(
  adapter: Adapter,
  placed: readonly PlacedPlan[],
  scale: ScaleMode,
): { readonly alphas: boolean; readonly metadata: boolean } {
  const hadMetadata = adapter.metadata.has(ADAPTER_METADATA);
  const isScaled = placed.some(({ plan }) => remainingScale(scale, plan.module, plan.rank) !== 1);
  const alphas = adapter.modules.some(({ alpha }) => alpha) || (isScaled && !hadMetadata);
  const ranks = new Map<string, number>();
  const isUneven = placed.some(({ plan, place: { component } }) => {
    const first = ranks.get(component) ?? plan.rank;
    ranks.set(component, first);
    return first !== plan.rank;
  });
  const isRenamed = placed.some(({ place: { component } }) => component === 'diffusion_model');
  return { alphas, metadata: hadMetadata || (!alphas && isUneven && !isRenamed) };
}

function place(plan: ModulePlan): PlacedPlan {
  const found = readFactorName(plan.module.a.name);
  if (!found)
    throw new RangeError(`"${plan.module.a.name}" is not the name of a factor in files of diffusers`);
  return { plan, place: found };
}

function alphaOf(
  { plan: { module, rank }, place: { alphaName } }: PlacedPlan,
  scale: ScaleMode,
): OutputTensor {
  const left = remainingScale(scale, module, rank);
  const whole = Math.round(left * rank);
  const { dtype, bytes } = scalarTensor(
    whole / rank === left ? whole : left * rank,
    module.alpha?.dtype ?? 'F32',
  );
  return {
    name: module.alpha?.name ?? alphaName,
    dtype,
    shape: module.alpha?.shape ?? [],
    source: { kind: 'bytes', bytes },
  };
}

/**
 * The value of `lora_adapter_metadata`: everything in that of the source, with the ranks and scales of every component as they
 * are written. If the key is present, diffusers makes its LoraConfig from nothing else, so each component gets all
 * that loading needs.
 * @param scale what is left of the modules' scales
 * @throws AppError CONFIG_TOO_LARGE when thousands of modules have ranks or scales of their own
 */
function writeAdapterMetadata(adapter: Adapter, placed: readonly PlacedPlan[], scale: ScaleMode): string {
  const json: JsonObject = parseAdapterMetadata(adapter.metadata) ?? new Map<string, JsonValue>();
  const fields = new Map<string, JsonValue>(json);
  for (const component of new Set(placed.map(({ place }) => place.component))) {
    const prefix = component === '' ? '' : `${component}.`;
    const own = placed.filter(({ place }) => place.component === component);
    for (const [field, value] of componentFields(adapter, component, own, scale, json)) {
      fields.set(`${prefix}${field}`, value);
    }
  }
  return Buffer.from(encodeConfig(fields)).toString('utf8').trimEnd();
}

function componentFields(
  adapter: Adapter,
  component: string,
  placed: readonly PlacedPlan[],
  scale: ScaleMode,
  json: JsonObject,
): JsonObject {
  const source = componentConfig(json, component);
  // A component without a scale in the source keeps its other fields.
  const before = new Map([...missingFields(adapter, placed), ...fieldsOf(json, component)]);
  const like: Adapter = {
    ...adapter,
    useRslora: source?.useRslora ?? false,
    config: Object.fromEntries([...before].map(([field, value]) => [field, toPlain(value, field)])),
  };
  const plans = placed.map(({ plan, place }) => ({ ...plan, module: { ...plan.module, name: place.path } }));
  return inMetadata(component, () => parseConfigJson(writeConfig(like, plans, scale)));
}

/** What diffusers infers if there is no metadata (utils/peft_utils.py, `get_peft_kwargs`). */
function missingFields(adapter: Adapter, placed: readonly PlacedPlan[]): JsonObject {
  const modules = new Set(placed.map(({ place }) => moduleNameOf(place)));
  const has = (role: 'magnitude' | 'bias'): boolean =>
    adapter.passthrough.some(({ name }) => {
      const key = readDiffusersKey(name);
      return key.role === role && modules.has(key.module);
    });
  return new Map<string, JsonValue>([
    ['target_modules', placed.map(({ place }) => place.path)],
    ['use_dora', has('magnitude')],
    ['lora_bias', has('bias')],
  ]);
}
