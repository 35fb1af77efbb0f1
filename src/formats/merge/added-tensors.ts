import type { TensorEntry } from '../../adapter/adapter.ts';
import { isEncodedDtype } from '../../core/encodings.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';
import { isFactorDtype } from '../../safetensors/dtype.ts';
import { sameLayerName } from '../layers/same-layer.ts';
import type { MergeTerm, StackedModule } from './merge-modules.ts';

/** A tensor beside the factors that is summed like the updates: Σ factor·tensor. */
export interface AddedTensor {
  /** In the sum. */
  readonly name: string;
  readonly shape: readonly number[];
  /** In the order of the terms, at least one. */
  readonly parts: readonly AddedPart[];
}

/** What one adapter contributes to a tensor. */
export interface AddedPart {
  /** The adapter's id. */
  readonly id: string;
  readonly entry: TensorEntry;
  /** The adapter's weight; for a bias of LoRA times the scale of its module. */
  readonly factor: number;
}

/**
 * Differences that kohya, LyCORIS and ComfyUI write beside the factors, and that loaders add to the base model times the weight
 * of the adapter: of weights and biases, and of norms (lycoris/modules/norms.py; ComfyUI, comfy/lora.py `load_lora`).
 */
const DIFFERENCE = /^(.+)\.(diff|diff_b|w_norm|b_norm)$/;

/** Differences of the weight itself. Loaders take these or factors for one layer, not both. */
const OF_WEIGHT: readonly string[] = ['diff', 'w_norm'];

/** A tensor of a term that is to be summed, and what it is called in the sum. */
interface Addend extends AddedPart {
  readonly name: string;
}

/**
 * The tensors that a sum adds up: biases of LoRA, which count times the scale of their module, and differences that are added
 * to the base model. An adapter that lacks one adds nothing to it.
 * @param modules of the sum, whose names the tensors take
 * @returns in name order (code units)
 * @throws AppError MERGE_SHAPE_MISMATCH, MERGE_UNSUPPORTED, each naming the tensor and the adapters
 */
export function addedTensors(
  terms: readonly MergeTerm[],
  modules: readonly StackedModule[],
): readonly AddedTensor[] {
  const sums = new Map(modules.map((module) => [sameLayerName(module.like.name), module]));
  const found = new Map<string, Addend[]>();
  for (const addend of terms.flatMap((term) => [...biasesOf(term, sums), ...differencesOf(term, sums)])) {
    checkDtype(addend);
    const others = found.get(addend.name);
    if (others) others.push(addend);
    else found.set(addend.name, [addend]);
  }
  return [...found.keys()].sort().map((name) => added(name, found.get(name)!));
}

/** PEFT's lora_bias: y += scale·(B·A·x + b), so that b counts as much as the product. */
function* biasesOf(
  { id, adapter, weight }: MergeTerm,
  sums: ReadonlyMap<string, StackedModule>,
): Generator<Addend> {
  if (!adapter.hasLoraBias) return;
  const byBias = new Map(adapter.modules.map((module) => [biasName(module.b.name), module]));
  for (const entry of adapter.passthrough) {
    const module = byBias.get(entry.name);
    if (!module) continue;
    const { like } = sums.get(sameLayerName(module.name))!;
    yield { id, entry, factor: weight * module.scale, name: biasName(like.b.name) };
  }
}

const biasName = (nameOfB: string): string => nameOfB.replace(/\.weight$/, '.bias');

function* differencesOf(
  { id, adapter, weight }: MergeTerm,
  sums: ReadonlyMap<string, StackedModule>,
): Generator<Addend> {
  for (const entry of adapter.passthrough) {
    const [, module, kind] = DIFFERENCE.exec(entry.name) ?? [];
    if (module === undefined) continue;
    const sum = sums.get(sameLayerName(module));
    if (sum && OF_WEIGHT.includes(kind!)) throw twoUpdates(id, entry, sum);
    // Files of kohya name a layer in one of two ways; those of diffusers name modules otherwise than tensors.
    const owner = sum && adapter.format === 'kohya' ? sum.like.name : module;
    yield { id, entry, factor: weight, name: `${owner}.${kind}` };
  }
}

function added(name: string, addends: readonly Addend[]): AddedTensor {
  const [first] = addends;
  const { shape } = first!.entry;
  const other = addends.find(({ entry }) => `${entry.shape}` !== `${shape}`);
  if (other) {
    const shapes = [shape, other.entry.shape].map((one) => `[${one.join(', ')}]`);
    throw new AppError(
      'MERGE_SHAPE_MISMATCH',
      `The adapters cannot be merged: tensor ${quote(name)} has the shape ${shapes[0]} in adapter ${first!.id} but ${shapes[1]} in adapter ${other.id}.`,
      { tensor: name, adapters: [first!.id, other.id], shapes },
    );
  }
  return { name, shape, parts: addends.map(({ id, entry, factor }) => ({ id, entry, factor })) };
}

/** @throws AppError MERGE_UNSUPPORTED for a dtype that has no numbers to add */
function checkDtype({ id, entry }: Addend): void {
  const { name, dtype } = entry;
  if (isFactorDtype(dtype) || isEncodedDtype(dtype)) return;
  throw new AppError(
    'MERGE_UNSUPPORTED',
    `The adapters cannot be merged: adapter ${id} has ${quote(name)} of the dtype ${dtype}, whose numbers cannot be added: store it as float32.`,
    { adapter: id, tensor: name, dtype },
  );
}

function twoUpdates(id: string, { name }: TensorEntry, { like, parts }: StackedModule): AppError {
  const other = parts[0]!.term.id;
  return new AppError(
    'MERGE_UNSUPPORTED',
    `The adapters cannot be merged: adapter ${id} stores the full difference of a weight, ${quote(name)}, and adapter ${other} has factors of the same ` +
      `layer, ${quote(like.name)}; loaders apply only one of the two, so the sum of these adapters cannot be written as one file.`,
    { tensor: name, module: like.name, adapters: [id, other] },
  );
}
