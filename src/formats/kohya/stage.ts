import type { FactorEntry, LoraModule, TensorEntry } from '../../adapter/adapter.ts';
import { shapesWithKernel } from '../../adapter/factor-shapes.ts';
import {
  type Derivation,
  STAGED_DTYPE,
  type StagedTensor,
  type StagingPlan,
} from '../../adapter/staging-plan.ts';
import { stagedEntries } from '../staged-entries.ts';
import type { Derived } from './derived.ts';
import { alphaOf } from './read-pair.ts';
import type { Site } from './sort-tensors.ts';

/** An update whose layer is known: [] is the kernel of a linear one. */
type Kerneled = Derived & { readonly kernel: readonly number[] };

/** A module as the file has it: a pair, or what becomes one. */
export type Found<T extends Derived = Derived> =
  | { readonly module: LoraModule; readonly derived?: never }
  | { readonly site: Site; readonly derived: T };

interface Staged {
  readonly modules: readonly LoraModule[];
  readonly passthrough: readonly TensorEntry[];
  readonly staging: StagingPlan | null;
}

/**
 * Plans the file of plain factors, and says where everything lies in it: pairs and other tensors as they are, derived
 * factors under kohya's names for a pair. Where nothing is derived, the source itself is that file.
 */
export function stage(found: readonly Found<Kerneled>[], passthrough: readonly TensorEntry[]): Staged {
  if (!found.some(({ derived }) => derived)) {
    return {
      modules: found.map((one) => (one as { module: LoraModule }).module),
      passthrough,
      staging: null,
    };
  }
  const tensors: StagedTensor[] = [];
  const derivations: Derivation[] = [];
  for (const one of found) {
    if (one.derived) {
      tensors.push(...derivedPair(one.derived, derivations.length));
      derivations.push(one.derived.derivation);
    } else tensors.push(copied(one.module.a), copied(one.module.b));
  }
  tensors.push(...passthrough.map(copied));
  const entries = [...stagedEntries(tensors).values()];
  const modules = found.map((one, index) => {
    const [a, b] = [entries[2 * index] as FactorEntry, entries[2 * index + 1] as FactorEntry];
    return one.derived ? derivedModule(one.site, one.derived, a, b) : { ...one.module, a, b };
  });
  return { modules, passthrough: entries.slice(2 * found.length), staging: { tensors, derivations } };
}

function derivedPair({ derivation, kernel }: Kerneled, index: number): StagedTensor[] {
  const { module } = derivation;
  const shapes = shapesWithKernel(derivation, kernel);
  const made = (suffix: string, shape: readonly number[], factor: 'a' | 'b'): StagedTensor => ({
    name: `${module}.${suffix}.weight`,
    dtype: STAGED_DTYPE,
    shape,
    source: { kind: 'derived', derivation: index, factor },
  });
  return [made('lora_down', shapes.a, 'a'), made('lora_up', shapes.b, 'b')];
}

function derivedModule(
  site: Site,
  { derivation, kernel, scale }: Kerneled,
  a: FactorEntry,
  b: FactorEntry,
): LoraModule {
  const { module: name, m, n, rank } = derivation;
  return { name, kind: kernel.length > 0 ? 'conv' : 'linear', a, b, rank, m, n, scale, ...alphaOf(site) };
}

const copied = (entry: TensorEntry): StagedTensor => ({
  name: entry.name,
  dtype: entry.dtype,
  shape: entry.shape,
  source: { kind: 'copy', entry },
});
