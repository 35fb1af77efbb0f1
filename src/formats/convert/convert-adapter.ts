import type { Adapter, LoraModule } from '../../adapter/adapter.ts';
import type { FormatName } from '../../adapter/format-name.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';
import { byName } from '../pairs/by-name.ts';
import { commonScale } from './common-scale.ts';
import type { ConvertOptions } from './convert-options.ts';
import { readExtras, writeExtras } from './extras.ts';
import { namesIn, namesOut } from './names.ts';
import { notConvertible, type Route } from './not-convertible.ts';
import { refuseExperts, refuseVariants } from './refuse-variants.ts';
import type { Named, PlacedModule, Source } from './source.ts';

/**
 * An adapter under the names of another format: modules in the same order, a.name, b.name, alpha and the names of
 * passthrough tensors as the other format has them; `config` and `metadata` are what its writer goes by. ΔW stays: the
 * factors are those of the source, though a format may have the rows of B in another order (`rowOrder`).
 *
 * A tensor without a place in the other format is refused, never dropped: half an adapter would load and be wrong.
 * @throws AppError FORMAT_NOT_CONVERTIBLE naming the tensor, or the option that is missing
 */
export function convertAdapter(adapter: Adapter, to: FormatName, options: ConvertOptions): Adapter {
  const route = { from: adapter.format, to };
  const [reading, writing] = [namesIn(adapter.format), namesOut(to)];
  if (!reading || !writing) throw noWay(route);
  refuseVariants(adapter, route);
  refuseExperts(adapter, route);
  const placed = reading.placed(adapter, options, route);
  refuseTwins(placed, route);
  const source: Source = {
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
    // Scales are those of the modules; how they came about is no matter of the other format.
    useRslora: false,
    modules: placed.map((one, index) => renamed(one, named[index]!, route)),
    passthrough: writeExtras(source.extras, named, adapter.modules, writing, route).sort(byName),
    hasLoraBias: source.extras.some(({ kind }) => kind === 'bias'),
    ...writing.frame(source, named, options),
    warnings: warningsOf(source),
  };
}

function renamed({ module }: PlacedModule, named: Named, route: Route): LoraModule {
  const { alpha: _alpha, rowOrder: order, ...rest } = module;
  if (order && named.rowOrder) {
    throw notConvertible(route, module.name, 'would have its rows reordered twice');
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

/** Two modules of one place: one of them would be lost, or both be wrong. */
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

function noWay({ from, to }: Route): AppError {
  const why =
    from === 'cloneofsimo' || to === 'cloneofsimo'
      ? 'its tensors are numbered, and which module a number is only the program knows that wrote it'
      : 'there is no conversion between them';
  return new AppError(
    'FORMAT_NOT_CONVERTIBLE',
    `An adapter in the format ${from} cannot be written as ${to}: ${why}.`,
    { from, to },
  );
}

function warningsOf({ placed }: Source): string[] {
  const original = placed.some(({ place }) => place.component === 'diffusion_model');
  if (!original) return [];
  return [
    'The names of the modules are those of an original implementation (diffusion_model.…): the result fits that, not ' +
      'the model of diffusers.',
  ];
}
