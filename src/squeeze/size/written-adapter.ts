import type { Adapter, FactorDtype, TensorEntry } from '../../adapter/adapter.ts';
import { DTYPE_NAMES, dtypeNamed } from '../../adapter/dtype-names.ts';
import { type CarriedClass, classOf, LORA_BIAS, SavedModules } from '../../adapter/tensor-class.ts';
import type { Target } from '../../contract/target.ts';
import { counted } from '../../errors/counted.ts';
import { convertAdapter } from '../../formats/convert/convert-adapter.ts';

const TRAINED_TOKENS = /\.trainable_tokens_\w+$/;
/** The most names in a warning. */
const SHOWN = 3;

/** Element types that are cast; integers and quantised numbers stay. */
const FLOATS: readonly string[] = ['F64', 'F32', 'F16', 'BF16'];

/** An adapter in the form in which a target is written. */
interface WrittenAdapter {
  /** The adapter of the source itself if the target changes nothing about it. Its modules are in the same order. */
  readonly adapter: Adapter;
  /** Warnings about what was dropped, cast or converted. */
  readonly warnings: readonly string[];
}

/**
 * Classes of tensors that can be dropped. Without its magnitudes, a DoRA adapter would be another one, so they
 * cannot.
 */
type Strippable = Exclude<CarriedClass, 'magnitudes'>;

/**
 * Drops and casts carried tensors, and converts the rest to the target's format.
 * @throws AppError FORMAT_NOT_CONVERTIBLE naming the tensor
 */
export function adapterToWrite(source: Adapter, target: Target): WrittenAdapter {
  const stripped = strip(source, target.strip ?? []);
  const dtype = dtypeNamed(target.cast ?? '');
  const cast = dtype ? castCarried(stripped.adapter, dtype) : { adapter: stripped.adapter, warnings: [] };
  const adapter = inFormat(cast.adapter, target);
  return {
    adapter,
    warnings: [...stripped.warnings, ...cast.warnings, ...(adapter === cast.adapter ? [] : adapter.warnings)],
  };
}

/**
 * Drops carried tensors of some kinds. Their names are removed from the configuration, or PEFT would look for them.
 * @returns the adapter itself if there is nothing to drop, and a warning for each kind that is dropped
 */
function strip(
  adapter: Adapter,
  what: readonly Strippable[],
): { readonly adapter: Adapter; readonly warnings: readonly string[] } {
  const saved = new SavedModules(adapter.config);
  const dropped = new Map<Strippable, TensorEntry[]>();
  const passthrough: TensorEntry[] = [];
  for (const entry of adapter.passthrough) {
    const own = classOf(entry, saved);
    const kind = what.find((one) => one === own);
    if (kind === undefined) passthrough.push(entry);
    else if (!dropped.get(kind)?.push(entry)) dropped.set(kind, [entry]);
  }
  if (dropped.size === 0) return { adapter, warnings: [] };
  const droppedTensors = [...dropped.values()].flat();
  const config = withoutTensors(adapter.config, saved, droppedTensors, passthrough);
  const keepsLoraBias = passthrough.some(({ name }) => LORA_BIAS.test(name)) || config.lora_bias === true;
  return {
    adapter: { ...adapter, passthrough, config, hasLoraBias: adapter.hasLoraBias && keepsLoraBias },
    warnings: [...dropped].map(([kind, entries]) => warningOf(kind, entries)),
  };
}

/** The configuration without references to the dropped tensors (fields of PEFT's LoraConfig). */
function withoutTensors(
  config: Adapter['config'],
  saved: SavedModules,
  dropped: readonly TensorEntry[],
  left: readonly TensorEntry[],
): Adapter['config'] {
  const changes: Record<string, unknown> = {};
  const modulesOf = (entries: readonly TensorEntry[]): Set<string> =>
    new Set(entries.flatMap(({ name }) => saved.of(name)));
  const [ofGone, ofLeft] = [modulesOf(dropped), modulesOf(left)];
  const lost = (module: string): boolean => ofGone.has(module) && !ofLeft.has(module);
  if (saved.names.some(lost)) {
    const kept = saved.names.filter((module) => !lost(module));
    changes.modules_to_save = kept.length > 0 ? kept : null;
  }
  if (dropped.some(({ name }) => TRAINED_TOKENS.test(name)) && 'trainable_token_indices' in config)
    changes.trainable_token_indices = null;
  if (dropped.some(({ name }) => LORA_BIAS.test(name)) && 'lora_bias' in config) changes.lora_bias = false;
  const isTrained = (entry: TensorEntry): boolean =>
    classOf(entry, saved) === 'biases' && !LORA_BIAS.test(entry.name);
  if (dropped.some(isTrained) && !left.some(isTrained) && 'bias' in config) changes.bias = 'none';
  return { ...config, ...changes };
}

function warningOf(kind: Strippable, entries: readonly TensorEntry[]): string {
  const bytes = entries.reduce((sum, { beginByte, endByte }) => sum + endByte - beginByte, 0);
  const names = entries.slice(0, SHOWN).map(({ name }) => JSON.stringify(name));
  const more = entries.length > SHOWN ? `, and ${entries.length - SHOWN} more` : '';
  return (
    `"strip" left out ${kind}: ${counted(entries.length, 'tensor')} with ${counted(bytes, 'byte')} (${names.join(', ')}${more}). ` +
    'Without them the result behaves as before only if the base model has the same values.'
  );
}

/**
 * Marks carried floating-point tensors to be written in another dtype.
 * @returns the adapter itself if all of them already have it, and a warning that names what is cast
 */
function castCarried(
  adapter: Adapter,
  dtype: FactorDtype,
): { readonly adapter: Adapter; readonly warnings: readonly string[] } {
  const isCast = (entry: TensorEntry): boolean => FLOATS.includes(entry.dtype) && entry.dtype !== dtype;
  const cast = adapter.passthrough.filter(isCast);
  if (cast.length === 0) return { adapter, warnings: [] };
  const saved = new SavedModules(adapter.config);
  const kinds = [...new Set(cast.map((entry) => classOf(entry, saved)))].join(', ');
  const from = [...new Set(cast.map((entry) => entry.dtype))].sort().join(', ');
  return {
    adapter: {
      ...adapter,
      passthrough: adapter.passthrough.map((entry) =>
        isCast(entry) ? { ...entry, dtype, castFrom: entry.dtype } : entry,
      ),
    },
    warnings: [
      `"cast" converted ${counted(cast.length, 'carried tensor')} (${kinds}) from ${from} to ${DTYPE_NAMES[dtype]}; each number ` +
        'was rounded to the nearest.',
    ],
  };
}

/**
 * The adapter in the format of the target; the adapter itself if that is its own format.
 * @returns its modules in the same order, under the names of the other format
 * @throws AppError FORMAT_NOT_CONVERTIBLE naming the tensor
 */
const inFormat = (adapter: Adapter, { format, format_options: options }: Target): Adapter =>
  format === undefined || format === adapter.format
    ? adapter
    : convertAdapter(adapter, format, options ?? {});
