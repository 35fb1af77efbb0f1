import type { TensorEntry } from '../../adapter/adapter.ts';
import { byName } from '../../adapter/tensor-name.ts';
import type { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';
import { type Algorithm, type Part, refuseModule, refuseTensor, type Site } from '../derived/site.ts';
import { mixedFormats, refuseUnusable } from '../pairs/foreign-tensors.ts';
import { alphaNameOf, hasKohyaPrefix, type KohyaKey, readKohyaKey } from './tensor-keys.ts';

/** A module with the number by which its update is multiplied besides alpha/r; null: none in the file. */
export interface KohyaSite extends Site {
  readonly scalar: TensorEntry | null;
}

export interface SortedTensors {
  /** By name of the module, in code unit order. */
  readonly sites: readonly KohyaSite[];
  readonly passthrough: readonly TensorEntry[];
  readonly hasMagnitudes: boolean;
}

/** A tensor that is neither a factor nor an alpha. */
interface Carried {
  readonly module: string;
  readonly tensor: TensorEntry;
  readonly role: KohyaKey['role'];
}

interface OpenSite {
  readonly algorithm: Algorithm;
  readonly parts: Map<Part, TensorEntry>;
}

/**
 * Groups the tensors of a file by module.
 * @throws AppError FORMAT_MIXED, LORA_UNPAIRED, LORA_DUPLICATE_MODULE, UNSUPPORTED_DTYPE, UNSUPPORTED_LORA_VARIANT
 *   naming the tensor
 */
export function sortTensors(tensors: readonly TensorEntry[]): SortedTensors {
  tensors.forEach(refuseUnusable);
  const keyed = tensors.map((tensor) => ({ tensor, key: readKohyaKey(tensor.name) }));
  refuseOthers(keyed);
  const open = new Map<string, OpenSite>();
  const alphas = new Map<string, TensorEntry>();
  const scalars = new Map<string, TensorEntry>();
  const magnitudes = new Map<string, TensorEntry>();
  const rest: Carried[] = [];
  for (const { tensor, key } of keyed) {
    if (key.role === 'part' && !(key.part === 'diff' && tensor.shape.length < 2)) {
      addPart(open, key, tensor);
    } else if (key.role === 'alpha') {
      alphas.set(tensor.name, tensor);
    } else if (key.role === 'scalar') {
      scalars.set(tensor.name, tensor);
    } else if ('module' in key) {
      if (key.role === 'magnitude') magnitudes.set(key.module, tensor);
      rest.push({ module: key.module, tensor, role: key.role });
    }
  }
  const sites = [...open.keys()].sort().map((module) => {
    const site = open.get(module)!;
    const [first] = site.parts.values();
    const alphaName = site.algorithm === 'lora' ? alphaNameOf(first!.name) : `${module}.alpha`;
    const alpha = alphas.get(alphaName) ?? null;
    const scalar = scalars.get(alphaName.replace(/alpha$/, 'scalar')) ?? null;
    if (scalar && site.algorithm === 'full') throw unknownVariant(scalar);
    return { module, ...site, alpha, scalar, magnitude: magnitudes.get(module) ?? null };
  });
  const used = new Set(sites.flatMap(({ alpha, scalar }) => [alpha, scalar]));
  const modules = new Set(
    sites.flatMap(({ module, alpha }) => [module, alpha?.name.slice(0, -'.alpha'.length)]),
  );
  const loose = [...alphas.values(), ...scalars.values()].filter((one) => !used.has(one));
  for (const tensor of [...loose.filter(({ name }) => hasKohyaPrefix(name)), ...magnitudes.values()]) {
    const owner = tensor.name.slice(0, tensor.name.lastIndexOf('.'));
    if (!modules.has(owner))
      throw refuseTensor('LORA_UNPAIRED', tensor, 'belongs to a module without factors');
  }
  for (const one of rest) refuseUnknown(one, open);
  return {
    sites,
    passthrough: [...rest.map(({ tensor }) => tensor), ...loose].sort(byName),
    hasMagnitudes: magnitudes.size > 0,
  };
}

/** Other algorithms are refused first, because they explain a file better than anything else that is odd in it. */
function refuseOthers(keys: readonly { readonly tensor: TensorEntry; readonly key: KohyaKey }[]): void {
  for (const { tensor, key } of keys) {
    if (key.role === 'unsupported') {
      throw refuseTensor(
        'UNSUPPORTED_LORA_VARIANT',
        tensor,
        `belongs to ${key.algorithm}, which is not a low-rank update`,
      );
    }
  }
  for (const { tensor, key } of keys) {
    if (key.role === 'foreign') {
      throw mixedFormats('kohya', tensor, key.what);
    }
    if (key.role === 'unknown-lora') {
      throw unknownVariant(tensor);
    }
  }
}

const unknownVariant = (tensor: TensorEntry): AppError =>
  refuseTensor('UNSUPPORTED_LORA_VARIANT', tensor, 'belongs to an unknown variant of LoRA');

function addPart(
  open: Map<string, OpenSite>,
  { module, algorithm, part }: { module: string; algorithm: Algorithm; part: Part },
  tensor: TensorEntry,
): void {
  const site = open.get(module) ?? { algorithm, parts: new Map<Part, TensorEntry>() };
  const other =
    site.parts.get(part) ?? (site.algorithm === algorithm ? undefined : [...site.parts.values()][0]);
  if (other) {
    throw refuseModule(
      'LORA_DUPLICATE_MODULE',
      module,
      `appears twice: ${quote(other.name)} and ${quote(tensor.name)}`,
    );
  }
  site.parts.set(part, tensor);
  open.set(module, site);
}

/** Refuses an unknown tensor of a module that has factors, because it may change what they mean. */
function refuseUnknown({ module, tensor, role }: Carried, open: ReadonlyMap<string, OpenSite>): void {
  if (role !== 'other' || !open.has(module)) return;
  throw unknownVariant(tensor);
}
