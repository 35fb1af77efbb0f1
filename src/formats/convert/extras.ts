import type { Adapter, LoraModule, TensorEntry } from '../../adapter/adapter.ts';
import { notConvertible, type Route } from './not-convertible.ts';
import type { Extra, Named, NamesIn, NamesOut } from './source.ts';

/**
 * The tensors beside the factors that have a meaning in more than one format.
 * @throws AppError FORMAT_NOT_CONVERTIBLE for any other: a head, a bias of the base model, an embedding
 */
export function readExtras({ passthrough, modules }: Adapter, names: NamesIn, route: Route): Extra[] {
  const indexes = new Map(modules.map((module, index) => [names.prefixOf(module), index]));
  const extras = passthrough.map((entry): Extra => {
    const found = names.extra(entry.name);
    const moduleIndex = found ? indexes.get(found.prefix) : undefined;
    if (!found || moduleIndex === undefined) {
      throw notConvertible(route, entry.name, 'is no factor of LoRA, and has no place in the other format');
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
      'has no magnitude but others have: the other format takes DoRA for all or none',
    );
  }
  return extras;
}

/** One number for each output, along the first axis (or PEFT's second, after one of 1): rows of ΔW. */
function checkMagnitude({ name, shape }: TensorEntry, { m, kind, a }: LoraModule, route: Route): void {
  if (kind === 'embedding')
    throw notConvertible(route, name, 'is DoRA of an embedding, which formats define differently');
  const isPeftConv = kind === 'conv' && shape.length === a.shape.length && shape[0] === 1 && shape[1] === m;
  const isFirst = shape[0] === m && shape.slice(1).every((size) => size === 1);
  if (isFirst || isPeftConv) return;
  throw notConvertible(
    route,
    name,
    `has the shape [${shape.join(', ')}] for ${m} outputs: it scales inputs (LyCORIS without wd_on_out), which other formats lack`,
  );
}

/** @throws AppError FORMAT_NOT_CONVERTIBLE where the other format has none of the kind */
export function writeExtras(
  extras: readonly Extra[],
  named: readonly Named[],
  modules: readonly LoraModule[],
  names: NamesOut,
  route: Route,
): TensorEntry[] {
  return extras.map(({ kind, entry, moduleIndex }) => {
    const found = names.extra(kind, named[moduleIndex]!, modules[moduleIndex]!);
    if (found) return { ...entry, ...found };
    const what = kind === 'magnitude' ? 'the magnitude of DoRA' : 'a bias of LoRA';
    throw notConvertible(route, entry.name, `is ${what}, which the other format has not`);
  });
}
