import { quote, quoteSome } from '../../json/quote.ts';
import { layerOf } from './layer-of.ts';

/** What a file shows about one module. */
export interface ShownLayer {
  /** Path of the module, as the file names it. */
  readonly name: string;
  /** Columns of ΔW: input channels times the kernel. */
  readonly n: number;
  /** The kernel in the shapes of its tensors, [] for a matrix of a linear layer; null where a convolution would look the same. */
  readonly kernel: readonly number[] | null;
  /** Dimensions of the layer's weight where another tensor shows them (dora_scale); null where none does. */
  readonly dimensions: number | null;
}

/** How many modules a warning names. */
const MAX_NAMED = 5;

const LINEAR: readonly number[] = [];
const POINTWISE: readonly number[] = [1, 1];

/** Inputs of the keys and values of cross-attention: the width of the text encoder shows the family. */
const TEXT_WIDTHS: ReadonlyMap<number, string> = new Map([
  [768, 'Stable Diffusion 1'],
  [1024, 'Stable Diffusion 2'],
  [1280, 'the refiner of Stable Diffusion XL'],
  [2048, 'Stable Diffusion XL'],
]);
const CROSS_ATTENTION = /[._]attn2[._]to_[kv]$/;

/** Modules that only XL has: transformers of several blocks, the embedding of sizes, a second text encoder. */
const ONLY_XL =
  /[._]transformer_blocks[._][1-9]|[._]add_embedding[._]|[._]label_emb[._]|^(?:lora|lycoris)_te2_/;

/** Keys of the metadata that name the base model, in order of precedence. */
const BASE_MODEL_KEYS = ['ss_base_model_version', 'modelspec.architecture'] as const;
const FAMILIES: readonly (readonly [pattern: RegExp, isConv: boolean])[] = [
  [/^sdxl|stable-diffusion-xl/i, false],
  [/^sd_v2|stable-diffusion-v2/i, false],
  [/^sd_v1|stable-diffusion-v1/i, true],
];

/** Whether proj_in and proj_out are 1×1 convolutions, and the reason, which completes "because …". */
interface ProjectionKind {
  readonly isConv: boolean;
  readonly because: string;
}

/** The layers whose tensors do not show their kind, by how it was inferred. */
interface Inferred {
  readonly byTable: { readonly name: string; readonly kernel: readonly number[] }[];
  readonly projections: string[];
  readonly unknown: string[];
  readonly contradicted: string[];
}

/**
 * The kernel of every layer, [] for a linear one. What the tensors show counts first. A matrix of a module that is a
 * convolution in the table of layers (layer-table.ts) is a flattened one if its columns are divisible by the kernel.
 * If neither shows the kind of a layer, it is treated as linear, with a warning that names it.
 * @param metadata of the file, which may name the base model
 */
export function inferKernels(
  layers: readonly ShownLayer[],
  metadata: ReadonlyMap<string, string>,
): { readonly kernels: readonly (readonly number[])[]; readonly warnings: readonly string[] } {
  const inferred: Inferred = { byTable: [], projections: [], unknown: [], contradicted: [] };
  const projection = projectionKind(layers, metadata);
  const kernels = layers.map((layer) => kernelOf(layer, projection, inferred));
  return { kernels, warnings: warningsOf(inferred, projection) };
}

function kernelOf(shown: ShownLayer, projection: ProjectionKind | null, inferred: Inferred) {
  const { name, n, kernel, dimensions } = shown;
  if (kernel && kernel.length > 0) return kernel;
  const layer = layerOf(name);
  if (layer?.kind === 'linear') return LINEAR;
  if (layer?.kind === 'conv') {
    const size = layer.kernel.reduce((product, side) => product * side, 1);
    if (n % size === 0 && (dimensions ?? layer.kernel.length + 2) === layer.kernel.length + 2) {
      inferred.byTable.push({ name, kernel: layer.kernel });
      return layer.kernel;
    }
    inferred.contradicted.push(name);
    return LINEAR;
  }
  if (kernel) return kernel;
  if (dimensions === 2) return LINEAR;
  if (layer?.kind !== 'projection') {
    inferred.unknown.push(name);
    return LINEAR;
  }
  if (dimensions !== null) return POINTWISE;
  inferred.projections.push(name);
  return projection?.isConv ? POINTWISE : LINEAR;
}

/**
 * What proj_in and proj_out of a UNet are (diffusers, `use_linear_projection`), by the most direct sign that the file has:
 * the shapes of another such layer in the file, the width of the text that cross-attention reads, modules that only
 * Stable Diffusion XL has, the base model in the metadata.
 * @returns null if the file shows none of these
 */
function projectionKind(
  layers: readonly ShownLayer[],
  metadata: ReadonlyMap<string, string>,
): ProjectionKind | null {
  for (const { name, kernel, dimensions } of layers) {
    const shown = kernel ?? (dimensions === null ? null : new Array<number>(dimensions - 2).fill(1));
    if (shown === null || layerOf(name)?.kind !== 'projection') continue;
    return {
      isConv: shown.length > 0,
      because: `the tensors of ${quote(name)}, a layer of the same kind, have such shapes`,
    };
  }
  for (const { name, n } of layers) {
    const family = CROSS_ATTENTION.test(name) ? TEXT_WIDTHS.get(n) : undefined;
    if (family === undefined) continue;
    return {
      isConv: n === 768,
      because: `${quote(name)} reads vectors of ${n} numbers, as in ${family}`,
    };
  }
  const xl = layers.find(({ name }) => ONLY_XL.test(name));
  if (xl) return { isConv: false, because: `only Stable Diffusion XL has ${quote(xl.name)}` };
  for (const key of BASE_MODEL_KEYS) {
    const value = metadata.get(key);
    const family = FAMILIES.find(([pattern]) => value !== undefined && pattern.test(value));
    if (family) return { isConv: family[1], because: `the metadata gives ${quote(value!)} as ${key}` };
  }
  return null;
}

function warningsOf(
  { byTable, projections, unknown, contradicted }: Inferred,
  projection: ProjectionKind | null,
): string[] {
  const warnings: string[] = [];
  if (byTable.length > 0) {
    const sizes = [...new Set(byTable.map(({ kernel }) => kernel.join(' × ')))].sort();
    const kinds = sizes.map((size) => {
      const names = byTable.filter(({ kernel }) => kernel.join(' × ') === size).map(({ name }) => name);
      return `${names.length} with the kernel ${size} (${quoteSome(names, MAX_NAMED)})`;
    });
    warnings.push(
      `${count(byTable, 'convolution is', 'convolutions are')} flattened to matrices in this file. The kernels are ` +
        `taken from known models that have layers with these names: ${kinds.join(', ')}.`,
    );
  }
  const consequence =
    'treated as linear, and their factors are written as matrices. If some of them are convolutions, programs that do not ' +
    'reshape factors cannot load them.';
  if (projections.length > 0) {
    const what =
      `${count(projections, 'proj_in or proj_out layer', 'proj_in and proj_out layers')} may be 1 × 1 convolutions (Stable ` +
      'Diffusion 1) or linear layers (2 and XL)';
    const kind = projection?.isConv ? '1 × 1 convolutions' : 'linear layers';
    warnings.push(
      projection
        ? `${what}, which the tensors do not show. They are treated as ${kind}, because ${projection.because}.`
        : `${what}. Neither the tensors nor anything else in this file shows which (${quoteSome(projections, MAX_NAMED)}). The layers are ${consequence}`,
    );
  }
  if (contradicted.length > 0) {
    warnings.push(
      `${count(contradicted, 'module is named like a convolution', 'modules are named like convolutions')} of a known model, ` +
        `but the sizes do not fit such a kernel (${quoteSome(contradicted, MAX_NAMED)}). The layers are ${consequence}`,
    );
  }
  if (unknown.length > 0) {
    warnings.push(
      `The tensors of ${count(unknown, 'module', 'modules')} do not show whether the layers are linear or convolutions, ` +
        `and their names belong to no known model (${quoteSome(unknown, MAX_NAMED)}). The layers are ${consequence}`,
    );
  }
  return warnings;
}

const count = ({ length }: readonly unknown[], one: string, many: string): string =>
  `${length} ${length === 1 ? one : many}`;
