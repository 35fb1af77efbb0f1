import type { Adapter, FactorEntry, LoraModule } from '../../adapter/adapter.ts';
import { shapeOfA, shapeOfB } from '../../adapter/factor-shapes.ts';
import { STAGED_DTYPE } from '../../adapter/staging-plan.ts';
import type { TensorSpec } from '../../safetensors/layout.ts';
import { mostFrequent } from '../pairs/most-frequent.ts';
import { laidOutEntries } from '../staged-entries.ts';
import { type AddedTensor, addedTensors } from './added-tensors.ts';
import {
  type MergeTerm,
  type SharedTensor,
  type StackedModule,
  sharedTensors,
  stackModules,
} from './merge-modules.ts';
import { commonFormat, sumSettings } from './sum-settings.ts';

/** A weighted sum of adapters before it is written: an adapter like any other, whose tensors lie in one file. */
export interface Sum {
  readonly adapter: Adapter;
  /** In the order of the adapter's modules. */
  readonly modules: readonly StackedModule[];
  /** The first of the adapter's other tensors, in their order. */
  readonly shared: readonly SharedTensor[];
  /** The rest of the adapter's other tensors, in their order. */
  readonly added: readonly AddedTensor[];
  /** The tensors of the file in the order of its layout: A and B of each module, then `shared`, then `added`. */
  readonly tensors: readonly TensorSpec[];
  /** About what the terms have in common. */
  readonly warnings: readonly string[];
}

/**
 * Plans Σ weight·ΔW in the format of the terms, from their headers and configurations alone.
 * @param terms at least one
 * @throws AppError MERGE_* if the adapters cannot be added
 */
export function planSum(terms: readonly MergeTerm[]): Sum {
  const format = commonFormat(terms);
  const { modules, warnings } = stackModules(terms);
  const added = addedTensors(terms, modules);
  const shared = sharedTensors(terms, new Set(added.flatMap(({ parts }) => parts.map(({ entry }) => entry))));
  const tensors: TensorSpec[] = [
    ...modules.flatMap(({ like, rank }): TensorSpec[] => [
      { name: like.a.name, dtype: STAGED_DTYPE, shape: shapeOfA(like, rank) },
      { name: like.b.name, dtype: STAGED_DTYPE, shape: shapeOfB(like, rank) },
    ]),
    ...shared.map(({ holders }) => holders[0]!.entry),
    ...added.map(({ name, shape }) => ({ name, dtype: STAGED_DTYPE, shape })),
  ];
  const entries = laidOutEntries(tensors);
  const ranks = modules.map(({ rank }) => rank);
  return {
    modules,
    shared,
    added,
    tensors,
    adapter: {
      format,
      baseModel: terms.find(({ adapter }) => adapter.baseModel !== null)?.adapter.baseModel ?? null,
      alpha: mostFrequent(ranks),
      configRank: ranks.reduce((largest, rank) => Math.max(largest, rank), 1),
      useRslora: false,
      modules: modules.map(({ like, rank }, index): LoraModule => {
        const [a, b] = entries.slice(2 * index, 2 * index + 2) as [FactorEntry, FactorEntry];
        return { ...like, a, b, rank, scale: 1 };
      }),
      passthrough: entries.slice(2 * modules.length),
      hasLoraBias: terms.some(({ adapter }) => adapter.hasLoraBias),
      ...sumSettings(terms, modules),
      warnings: [],
    },
    warnings,
  };
}
