import type {
  Adapter,
  LoraModule,
  ModulePlan,
  OutputPlan,
  OutputTensor,
  ScaleMode,
} from '../../adapter/adapter.ts';
import { remainingScale } from '../../adapter/remaining-scale.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';
import { type PlainJson, type PlainObject, parsePlainJson } from '../../json/strict-json.ts';
import { layOut } from '../../safetensors/layout.ts';
import type { WriteOptions } from '../format.ts';
import { checkPlans, copyTensor, planPair } from '../pairs/plan-pairs.ts';
import { headerWithHashes, inReferenceOrder, LEGACY_HASH, MODEL_HASH, PLACEHOLDER_HASHES } from './hashes.ts';
import { alphaOfScale, encodeScalar } from './scalar.ts';
import { alphaNameOf } from './tensor-keys.ts';

export const KOHYA_WEIGHTS_FILE = 'lora.safetensors';

/** The value that sd-scripts writes if modules differ (networks/resize_lora.py). */
const DYNAMIC = 'Dynamic';

/** Digests of the source's tensors, which are wrong for a result. */
const STALE: ReadonlySet<string> = new Set([MODEL_HASH, LEGACY_HASH, 'modelspec.hash_sha256']);

/** Algorithms of LyCORIS whose files have plain pairs; updates of all others were converted to pairs. */
const PLAIN_ALGORITHMS: ReadonlySet<unknown> = new Set(['lora', 'locon', 'lierla', 'dora']);

/** Deepest nesting; trainers have strings. */
const MAX_ARGS_DEPTH = 32;

/**
 * Plans the file of a squeezed adapter: tensors under their names with their number of dimensions, an alpha for every
 * module that needs one, the metadata with digests of the data.
 *
 * A module whose rank, dtypes and scale stay is copied, both factors; of every other both are computed.
 * @param plans one for each of `adapter.modules`, in the same order
 * @throws AppError UNSUPPORTED_LORA_VARIANT if parts of one projection would need different alphas
 * @throws RangeError if the plans do not belong to the adapter, or its modules have experts or reordered rows, which this
 *   format does not have (our own mistake)
 */
export function planKohyaOutput(
  adapter: Adapter,
  plans: readonly ModulePlan[],
  { scale, provenance }: WriteOptions,
): OutputPlan {
  checkPlans(adapter, plans);
  refuseUnwritable(adapter);
  const tensors = inReferenceOrder([
    ...plans.flatMap((plan, moduleIndex) => planPair(plan, moduleIndex, scale)),
    ...planAlphas(plans, scale),
    ...adapter.passthrough.map(copyTensor),
  ]);
  const metadata = new Map([
    ...writeMetadata(adapter.metadata, plans, scale),
    ...provenance,
    ...PLACEHOLDER_HASHES,
  ]);
  return {
    weightsName: KOHYA_WEIGHTS_FILE,
    tensors,
    metadata,
    layout: layOut(tensors, metadata),
    files: new Map(),
    headerWithHashes: (path) => headerWithHashes(path, tensors, metadata),
  };
}

/**
 * The same alpha in every module, even if their ranks differ: for attention layers, diffusers uses the most frequent
 * alpha of the model instead of the alpha of the layer (loaders/lora_conversion_utils.py, `_get_alpha_name`). This alpha
 * is the smallest rank, so that no factor gets smaller than with a scale of 1.
 */
export const withOneAlpha = (plans: readonly ModulePlan[]): ScaleMode => ({
  alpha: plans.reduce((minimum, { rank }) => Math.min(minimum, rank), Number.POSITIVE_INFINITY),
});

/** @throws RangeError */
function refuseUnwritable({ modules }: Adapter): void {
  const odd = modules.find(({ expert, rowOrder }) => expert ?? rowOrder);
  if (odd)
    throw new RangeError(
      `module ${odd.name} has experts or reordered rows, which kohya's files cannot store`,
    );
}

/**
 * The alphas of a result, for modules that had one, and for those that need one because their scale is not 1. Their dtype
 * is kept unless it cannot represent the number.
 * @throws AppError UNSUPPORTED_LORA_VARIANT if modules that share an alpha would need different ones
 */
function planAlphas(plans: readonly ModulePlan[], scale: ScaleMode): OutputTensor[] {
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

/**
 * The alpha of a module in the result: its rank times the remaining scale, as its tensor represents it.
 * @throws AppError FORMAT_NEEDS_FOLD for a scale of 0
 */
function alphaOfPlan({ module, rank }: ModulePlan, scale: ScaleMode): number {
  const value = alphaOfScale(remainingScale(scale, module, rank), rank);
  if (value === 0) {
    throw new AppError(
      'FORMAT_NEEDS_FOLD',
      `Module ${quote(module.name)} has the scaling 0, but programs that read kohya files replace an alpha of 0 by the rank. Request "scale": "fold".`,
      { module: module.name, scale: 0, format: 'kohya' },
    );
  }
  return encodeScalar(value, module.alpha?.dtype ?? 'F32').value;
}

function differs(name: string, one: number, other: number): AppError {
  return new AppError(
    'UNSUPPORTED_LORA_VARIANT',
    `Tensor ${quote(name)} stores one alpha for several parts, which would need the alphas ${one} and ${other}. ` +
      'Request "scale": "fold", or one rank for all modules ("uniform": true).',
    { tensor: name, values: [one, other] },
  );
}

/**
 * The metadata of a result, all strings: that of the source in its order, with the new ranks and alphas.
 * Convolutions have their own in ss_network_args if the trainer wrote them (conv_dim, conv_alpha); sd-scripts
 * counts 1×1 convolutions as linear.
 */
function writeMetadata(
  source: ReadonlyMap<string, string>,
  plans: readonly ModulePlan[],
  scale: ScaleMode,
): Map<string, string> {
  const metadata = new Map([...source].filter(([key]) => !STALE.has(key)));
  const args = parseArgs(source.get('ss_network_args'));
  const isApart = (plan: ModulePlan): boolean =>
    args !== null && 'conv_dim' in args && hasKernel(plan.module);
  const convolutions = plans.filter(isApart);
  const others = plans.filter((plan) => !isApart(plan));
  const group = others.length > 0 ? others : plans;
  setNumber(metadata, 'ss_network_dim', ranksOf(group));
  setNumber(metadata, 'ss_network_alpha', alphasOf(group, scale));
  if (!args) return metadata;
  const changed = { ...args };
  if (convolutions.length > 0) {
    changed.conv_dim = like(args.conv_dim, ranksOf(convolutions));
    if ('conv_alpha' in args) changed.conv_alpha = like(args.conv_alpha, alphasOf(convolutions, scale));
  }
  if (typeof args.algo === 'string' && !PLAIN_ALGORITHMS.has(args.algo.toLowerCase())) changed.algo = 'lora';
  const isSame = Object.keys(changed).every((key) => changed[key] === args[key]);
  if (!isSame) metadata.set('ss_network_args', JSON.stringify(changed));
  return metadata;
}

const hasKernel = ({ a }: LoraModule): boolean => a.shape.slice(2).some((size) => size !== 1);

const ranksOf = (plans: readonly ModulePlan[]): number | null => common(plans.map(({ rank }) => rank));
const alphasOf = (plans: readonly ModulePlan[], scale: ScaleMode): number | null =>
  common(plans.map((plan) => alphaOfPlan(plan, scale)));

/** null if they differ. */
function common(values: readonly number[]): number | null {
  const [first] = values;
  return values.every((value) => value === first) ? first! : null;
}

/** A number that does not change stays as it was written ("16.0"). */
function setNumber(metadata: Map<string, string>, key: string, value: number | null): void {
  const before = metadata.get(key);
  if (value !== null && before !== undefined && before.trim() !== '' && Number(before) === value) return;
  metadata.set(key, value === null ? DYNAMIC : decimal(value));
}

/** A value of the same type as before: arguments of a command line are mostly strings. */
function like(before: PlainJson | undefined, value: number | null): PlainJson {
  if (value === null) return DYNAMIC;
  if (typeof before === 'number') return value;
  return typeof before === 'string' && before.trim() !== '' && Number(before) === value
    ? before
    : decimal(value);
}

/** A float32 in as few digits as distinguish it from its neighbours: 0.1, not 0.10000000149011612. */
function decimal(value: number): string {
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
  return String(value);
}

/**
 * null for text that is not a JSON object, is nested deeper, has a key twice or an integer that a double would round; such
 * text stays as it is.
 */
function parseArgs(text: string | undefined): PlainObject | null {
  if (text === undefined) return null;
  try {
    const value = parsePlainJson(Buffer.from(text, 'utf8'), { maxDepth: MAX_ARGS_DEPTH });
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
