import type { Adapter, LoraModule, TensorEntry } from '../../adapter/adapter.ts';
import type { FormatName } from '../../adapter/format-name.ts';
import { byName } from '../../adapter/tensor-name.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';
import { nameReader, nameWriter } from './names.ts';
import { notConvertible, type Route } from './not-convertible.ts';
import type {
  ConvertOptions,
  Extra,
  ModuleNames,
  NameReader,
  NameWriter,
  PlacedAdapter,
  PlacedModule,
} from './placed-adapter.ts';
import { commonScale } from './placed-adapter.ts';

/** Fields of a configuration that change what an adapter does, and that no two formats share. */
const VARIANTS: readonly (readonly [field: string, what: string])[] = [
  ['alora_invocation_tokens', 'the adapter acts only after its invocation tokens (aLoRA)'],
  ['adapter.alora.invocation_tokens', 'the adapter acts only after its invocation tokens (aLoRA)'],
  ['layer_replication', 'the adapter belongs to a base model with repeated layers'],
];

/** Layers of attention in the UNets of diffusers. */
const ATTENTION = /\.to_(?:q|k|v|out\.0)$/;

/**
 * An adapter under the names of another format: modules in the same order, a.name, b.name, alpha and the names of
 * passthrough tensors as the other format has them; `config` and `metadata` are what its writer goes by. ΔW stays: the
 * factors are those of the source, though a format may have the rows of B in another order (`rowOrder`).
 *
 * A tensor that the other format cannot represent is refused, never dropped: half an adapter would load and be wrong.
 * @throws AppError FORMAT_NOT_CONVERTIBLE naming the tensor, or the option that is missing
 */
export function convertAdapter(adapter: Adapter, to: FormatName, options: ConvertOptions): Adapter {
  const route = { from: adapter.format, to };
  const [reading, writing] = [nameReader(adapter.format), nameWriter(to)];
  if (!reading || !writing) throw noConversion(route);
  refuseVariants(adapter, route);
  refuseExperts(adapter, route);
  const placed = reading.placed(adapter, options, route);
  refuseTwins(placed, route);
  const source: PlacedAdapter = {
    placed,
    extras: readExtras(adapter, reading, route),
    isConv1d: reading.isConv1d(adapter, options),
    baseModel: adapter.baseModel,
  };
  const named = writing.named(source, options, route);
  const { rank, alpha } = commonScale(adapter.modules);
  return {
    format: to,
    baseModel: options.base_model ?? adapter.baseModel,
    alpha,
    configRank: rank,
    // The modules have their own scales; how these were computed does not matter to the other format.
    useRslora: false,
    modules: placed.map((one, index) => renamed(one, named[index]!, route)),
    passthrough: writeExtras(source.extras, named, adapter.modules, writing, route).sort(byName),
    hasLoraBias: source.extras.some(({ kind }) => kind === 'bias'),
    ...writing.frame(source, named, options),
    warnings: warningsOf(source, to),
  };
}

/**
 * The tensors beside the factors that have a meaning in more than one format.
 * @throws AppError FORMAT_NOT_CONVERTIBLE for any other: a head, a bias of the base model, an embedding
 */
function readExtras({ passthrough, modules }: Adapter, names: NameReader, route: Route): Extra[] {
  const indexes = new Map(modules.map((module, index) => [names.prefixOf(module), index]));
  const extras = passthrough.map((entry): Extra => {
    const found = names.extra(entry.name);
    const moduleIndex = found ? indexes.get(found.prefix) : undefined;
    if (!found || moduleIndex === undefined) {
      throw notConvertible(
        route,
        entry.name,
        'is not a LoRA factor, and the other format cannot represent it. Leave it out with "strip" if the adapter can do without it',
      );
    }
    if (found.kind === 'magnitude') checkMagnitude(entry, modules[moduleIndex]!, route);
    return { kind: found.kind, entry, moduleIndex };
  });
  const magnitudes = extras.filter(({ kind }) => kind === 'magnitude');
  if (magnitudes.length > 0 && magnitudes.length < modules.length) {
    const adapted = new Set(magnitudes.map(({ moduleIndex }) => moduleIndex));
    const plain = modules.find((_module, index) => !adapted.has(index))!;
    throw notConvertible(
      route,
      plain.name,
      'has no magnitude vector although other modules have one; the other format has DoRA for all modules or for none',
    );
  }
  return extras;
}

/** Magnitudes are one number for each row of ΔW, along the first axis; PEFT's may have an axis of length 1 before it. */
function checkMagnitude({ name, shape }: TensorEntry, { m, kind, a }: LoraModule, route: Route): void {
  if (kind === 'embedding')
    throw notConvertible(route, name, 'is a DoRA embedding, which the formats define differently');
  const isPeftConv = kind === 'conv' && shape.length === a.shape.length && shape[0] === 1 && shape[1] === m;
  const isFirst = shape[0] === m && shape.slice(1).every((size) => size === 1);
  if (isFirst || isPeftConv) return;
  throw notConvertible(
    route,
    name,
    `has the shape [${shape.join(', ')}] for ${m} outputs: it scales inputs (LyCORIS without wd_on_out), which the other format cannot express`,
  );
}

function renamed({ module }: PlacedModule, named: ModuleNames, route: Route): LoraModule {
  const { alpha: _alpha, rowOrder: order, ...rest } = module;
  if (order && named.rowOrder) {
    throw notConvertible(
      route,
      module.name,
      'would need its rows to be reordered twice, which is not supported',
    );
  }
  const rowOrder = named.rowOrder ?? order;
  return {
    ...rest,
    name: module.expert ? `${named.name}#${module.expert.index}` : named.name,
    a: { ...module.a, name: named.a },
    b: { ...module.b, name: named.b },
    ...(named.alpha ? { alpha: named.alpha } : {}),
    ...(rowOrder ? { rowOrder } : {}),
  };
}

/** @throws AppError FORMAT_NOT_CONVERTIBLE where the other format has none of the kind */
function writeExtras(
  extras: readonly Extra[],
  named: readonly ModuleNames[],
  modules: readonly LoraModule[],
  names: NameWriter,
  route: Route,
): TensorEntry[] {
  return extras.map(({ kind, entry, moduleIndex }) => {
    const found = names.extra(kind, named[moduleIndex]!, modules[moduleIndex]!);
    if (found) return { ...entry, ...found };
    const what = kind === 'magnitude' ? 'a DoRA magnitude' : 'a LoRA bias';
    throw notConvertible(route, entry.name, `is ${what}, which the other format does not have`);
  });
}

/**
 * Refuses adapters that would mean something else without their configuration.
 * @throws AppError FORMAT_NOT_CONVERTIBLE naming the field
 */
function refuseVariants({ config }: Adapter, route: Route): void {
  for (const [field, what] of VARIANTS) {
    const value = config[field] ?? null;
    if (value === null || (Array.isArray(value) && value.length === 0)) continue;
    throw notConvertible(route, field, `is set: ${what}, which the other format cannot express`);
  }
}

/**
 * Refuses experts that share a tensor, except between formats that stack them alike: MLX and GGUF have A [E, r, in] and
 * B [E, out, r], with the experts along a first axis.
 * @throws AppError FORMAT_NOT_CONVERTIBLE naming the module
 */
function refuseExperts({ modules }: Adapter, route: Route): void {
  const { from, to } = route;
  if ((from === 'mlx' && to === 'gguf') || (from === 'gguf' && to === 'mlx')) return;
  const expert = modules.find((module) => module.expert !== undefined);
  if (!expert) return;
  throw notConvertible(
    route,
    expert.name,
    'belongs to an expert, and the two formats stack the experts of a mixture in different ways',
  );
}

/** Refuses two modules that mean the same layer: one of them would be lost, or both would be wrong. */
function refuseTwins(placed: readonly PlacedModule[], route: Route): void {
  const seen = new Map<string, string>();
  for (const { module, place } of placed) {
    const key = `${place.component} ${place.path} ${module.expert?.index}`;
    const other = seen.get(key);
    if (other !== undefined)
      throw notConvertible(route, module.name, `is the same module as ${quote(other)}`);
    seen.set(key, module.name);
  }
}

function noConversion({ from, to }: Route): AppError {
  const why =
    from === 'cloneofsimo' || to === 'cloneofsimo'
      ? 'its tensors are numbered, and only the program that wrote them knows which module a number stands for'
      : 'there is no conversion between these formats';
  return new AppError(
    'FORMAT_NOT_CONVERTIBLE',
    `An adapter in the format ${from} cannot be written as ${to}: ${why}.`,
    { from, to },
  );
}

function warningsOf({ placed }: PlacedAdapter, to: FormatName): string[] {
  const warnings: string[] = [];
  if (placed.some(({ place }) => place.component === 'diffusion_model')) {
    warnings.push(
      'The names of the modules are those of an original implementation (diffusion_model.…), so the result fits that ' +
        'implementation and not the model of diffusers.',
    );
  }
  const hasUnetAttention = placed.some(
    ({ place: { component, path } }) => component === 'unet' && ATTENTION.test(path),
  );
  if (to === 'diffusers' && hasUnetAttention) {
    warnings.push(
      'The names of the result are those of diffusers. ComfyUI and Forge do not load the attention of a UNet by these names: ' +
        'for those programs, write the format kohya.',
    );
  }
  if (to === 'xlabs') {
    warnings.push('ComfyUI and Forge do not load this format: for those programs, write the format kohya.');
  }
  if (to === 'gguf' && placed.some(({ module }) => module.kind === 'embedding')) {
    warnings.push(
      'The adapter contains a LoRA for the embedding. llama.cpp aborts when it applies this adapter to a model whose embedding is also the ' +
        'head (tie_word_embeddings in config.json). For such a model, train without the embedding.',
    );
  }
  return warnings;
}
