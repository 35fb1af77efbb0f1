import { quoteSome } from '../quote-some.ts';
import { layerOf } from './layer-of.ts';
import { type ProjectionKind, projectionKind, type ShownLayer } from './projection-kind.ts';

/** How many modules a warning names. */
const MAX_NAMED = 5;

const LINEAR: readonly number[] = [];
const POINTWISE: readonly number[] = [1, 1];

/** What became of the layers whose tensors do not show what they are. */
interface Inferred {
  readonly byTable: { readonly name: string; readonly kernel: readonly number[] }[];
  readonly projections: string[];
  readonly unknown: string[];
  readonly contradicted: string[];
}

/**
 * The kernel of every layer, [] of a linear one. What the tensors show is taken as it is. A matrix on a module that the
 * table of layers (layer-table.ts) has as a convolution is a flattened one, if its columns are divisible by the kernel.
 * A layer about which neither says anything is taken for linear, with a warning that names it.
 * @param metadata of the file, which may name the base model
 */
export function kernelsOf(
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

function warningsOf(
  { byTable, projections, unknown, contradicted }: Inferred,
  projection: ProjectionKind | null,
): string[] {
  const warnings: string[] = [];
  if (byTable.length > 0) {
    const sizes = [...new Set(byTable.map(({ kernel }) => kernel.join(' × ')))].sort();
    const kinds = sizes.map((size) => {
      const names = byTable.filter(({ kernel }) => kernel.join(' × ') === size).map(({ name }) => name);
      return `${names.length} of ${size} (${quoteSome(names, MAX_NAMED)})`;
    });
    warnings.push(
      `${count(byTable, 'convolution is', 'convolutions are')} flattened to matrices in this file. The kernels are those ` +
        `that Stable Diffusion's UNet has at these names: ${kinds.join(', ')}.`,
    );
  }
  const consequence =
    'taken for linear layers, and their factors are written as matrices. Programs that do not reshape them cannot load ' +
    'those that are convolutions.';
  if (projections.length > 0) {
    const what =
      `${count(projections, 'proj_in or proj_out layer', 'proj_in and proj_out layers')} can be 1 × 1 convolutions (Stable ` +
      'Diffusion 1) or linear layers (2 and XL), which their tensors do not show';
    const kind = projection?.isConv ? '1 × 1 convolutions' : 'linear layers';
    warnings.push(
      projection
        ? `${what}. They are taken for ${kind}, because ${projection.because}.`
        : `${what}, and nothing else in this file does (${quoteSome(projections, MAX_NAMED)}). The layers are ${consequence}`,
    );
  }
  if (contradicted.length > 0) {
    warnings.push(
      `${count(contradicted, 'module has the name', 'modules have the names')} of convolutions in Stable Diffusion's UNet, ` +
        `but sizes that do not fit such a kernel (${quoteSome(contradicted, MAX_NAMED)}). The layers are ${consequence}`,
    );
  }
  if (unknown.length > 0) {
    warnings.push(
      `The tensors of ${count(unknown, 'module', 'modules')} do not show whether the layers are linear or convolutions, ` +
        `and their names are of no model that is known here (${quoteSome(unknown, MAX_NAMED)}). The layers are ${consequence}`,
    );
  }
  return warnings;
}

const count = ({ length }: readonly unknown[], one: string, many: string): string =>
  `${length} ${length === 1 ? one : many}`;
