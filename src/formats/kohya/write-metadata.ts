import type { LoraModule, ModulePlan, ScaleMode } from '../../adapter/adapter.ts';
import { type PlainJson, type PlainObject, parsePlainJson } from '../../json/strict-json.ts';
import { LEGACY_HASH, MODEL_HASH } from './hashes.ts';
import { alphaOfPlan } from './write-alphas.ts';

/** What sd-scripts says where modules differ (networks/resize_lora.py). */
const DYNAMIC = 'Dynamic';

/** Digests of the source's tensors, which a result does not have. */
const STALE: ReadonlySet<string> = new Set([MODEL_HASH, LEGACY_HASH, 'modelspec.hash_sha256']);

/** Algorithms of LyCORIS whose files have plain pairs; any other was made into these. */
const PLAIN_ALGORITHMS: ReadonlySet<unknown> = new Set(['lora', 'locon', 'lierla', 'dora']);

/**
 * The metadata of a result, all strings: the source's in its order, with the ranks and alphas as they are now.
 * Convolutions have their own in ss_network_args where the trainer gave them some (conv_dim, conv_alpha); sd-scripts
 * counts 1×1 ones as linear.
 */
export function writeMetadata(
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

/** null where they differ. */
function common(values: readonly number[]): number | null {
  const [first] = values;
  return values.every((value) => value === first) ? first! : null;
}

/** A number that stays is left as it was written ("16.0"). */
function setNumber(metadata: Map<string, string>, key: string, value: number | null): void {
  const before = metadata.get(key);
  if (value !== null && before !== undefined && before.trim() !== '' && Number(before) === value) return;
  metadata.set(key, value === null ? DYNAMIC : decimal(value));
}

/** Arguments come from a command line, mostly as strings. */
function like(before: PlainJson | undefined, value: number | null): PlainJson {
  if (value === null) return DYNAMIC;
  if (typeof before === 'number') return value;
  return typeof before === 'string' && before.trim() !== '' && Number(before) === value
    ? before
    : decimal(value);
}

/** A float32 in as few digits as tell it from its neighbours: 0.1, not 0.10000000149011612. */
function decimal(value: number): string {
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
  return String(value);
}

/** Deepest nesting; trainers have strings. */
const MAX_ARGS_DEPTH = 32;

/**
 * null for what is not a JSON object, is nested deeper, or has a key twice or an integer that a double would round; it
 * is left alone.
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
