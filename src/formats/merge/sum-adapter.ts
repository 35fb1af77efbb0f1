import type { Adapter, FactorEntry, LoraModule } from '../../adapter/adapter.ts';
import { shapeOfA, shapeOfB } from '../../adapter/factor-shapes.ts';
import { STAGED_DTYPE } from '../../adapter/staging-plan.ts';
import type { TensorSpec } from '../../safetensors/layout.ts';
import { mostFrequent } from '../pairs/most-frequent.ts';
import { laidOutEntries } from '../staged-entries.ts';
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
  /** In the order of the adapter's other tensors. */
  readonly shared: readonly SharedTensor[];
  /** What the file has, in the order in which it is laid out: A and B of each module, then what is shared. */
  readonly tensors: readonly TensorSpec[];
}

/**
 * Plans Σ weight·ΔW in the format of the terms, from what is known without their weights.
 * @param terms at least one
 * @throws AppError MERGE_* where the adapters do not fit together
 */
export function sumOf(terms: readonly MergeTerm[]): Sum {
  const format = commonFormat(terms);
  const { modules, warnings } = stackModules(terms);
  const shared = sharedTensors(terms);
  const tensors: TensorSpec[] = [
    ...modules.flatMap(({ like, rank }): TensorSpec[] => [
      { name: like.a.name, dtype: STAGED_DTYPE, shape: shapeOfA(like, rank) },
      { name: like.b.name, dtype: STAGED_DTYPE, shape: shapeOfB(like, rank) },
    ]),
    ...shared.map(({ holders }) => holders[0]!.entry),
  ];
  const entries = laidOutEntries(tensors);
  const ranks = modules.map(({ rank }) => rank);
  return {
    modules,
    shared,
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
      hasLoraBias: false,
      ...sumSettings(terms, modules),
      warnings,
    },
  };
}
