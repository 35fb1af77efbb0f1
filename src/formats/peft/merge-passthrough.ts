import type { TensorEntry } from '../../adapter/adapter.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';
import type { MergeTerm } from './merge-modules.ts';

/** A tensor that is not part of a LoRA pair, in every adapter of a sum that has it. */
export interface SharedTensor {
  readonly name: string;
  /** In the order of the terms, at least one. */
  readonly holders: readonly { readonly id: string; readonly entry: TensorEntry }[];
}

/**
 * The tensors a sum carries over: those of all its adapters. Whether their bytes agree is for the caller to see.
 * @returns in name order
 * @throws AppError MERGE_TENSOR_CONFLICT where two differ in dtype or shape already
 */
export function sharedTensors(terms: readonly MergeTerm[]): SharedTensor[] {
  const byName = new Map<string, SharedTensor['holders'][number][]>();
  for (const { id, adapter } of terms) {
    for (const entry of adapter.passthrough) {
      const holders = byName.get(entry.name);
      if (holders) holders.push({ id, entry });
      else byName.set(entry.name, [{ id, entry }]);
    }
  }
  return [...byName.keys()].sort().map((name) => {
    const holders = byName.get(name)!;
    const [first] = holders;
    const differs = holders.find(
      ({ entry }) => entry.dtype !== first!.entry.dtype || `${entry.shape}` !== `${first!.entry.shape}`,
    );
    if (differs) throw tensorConflict(name, first!.id, differs.id);
    return { name, holders };
  });
}

/** Two adapters of a sum have a tensor of one name that is not a LoRA factor, and it differs. */
export function tensorConflict(name: string, first: string, second: string): AppError {
  return new AppError(
    'MERGE_TENSOR_CONFLICT',
    `merge: tensor ${quote(name)} is not a LoRA factor and differs between adapters ${first} and ${second}; such tensors ` +
      'are carried over, not added, so they must be the same in all that have them',
    { tensor: name, adapters: [first, second] },
  );
}
