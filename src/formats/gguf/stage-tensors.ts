import type { FactorEntry, TensorEntry } from '../../adapter/adapter.ts';
import {
  STAGED_DTYPE,
  type StagedSource,
  type StagedTensor,
  type StagingPlan,
} from '../../adapter/staging-plan.ts';
import { bitsOf, isFactorDtype } from '../../safetensors/dtype.ts';
import { stagedEntries } from '../staged-entries.ts';
import { type FoundPair, isTokenEmbedding, type PairShape, refuse } from './read-factors.ts';

const QUANTISED = 'Q8_0';

/** A pair with its shapes, and its factors as A [.., r, n] and B [.., m, r] where they lie. */
export interface PlainPair extends PairShape {
  readonly name: string;
  readonly a: FactorEntry;
  readonly b: FactorEntry;
}

/**
 * Makes plain factors of the pairs. The file itself has them where none is quantised and none is of the token embedding,
 * whose A is transposed; else a plan makes another file.
 * @throws AppError UNSUPPORTED_DTYPE for quantisations other than Q8_0, and for a quantised A of the token embedding
 */
export function stageTensors(
  pairs: readonly (FoundPair & { readonly shape: PairShape })[],
  passthrough: readonly TensorEntry[],
): { pairs: PlainPair[]; passthrough: readonly TensorEntry[]; staging: StagingPlan | null } {
  const staged = pairs.flatMap(({ name, shape, a, b }) => {
    const lead = shape.experts === undefined ? [] : [shape.experts];
    return [
      stagedFactor(a, [...lead, shape.rank, shape.n], isTokenEmbedding(name)),
      stagedFactor(b, [...lead, shape.m, shape.rank], false),
    ];
  });
  const isNeeded = staged.some(({ source }) => source.kind !== 'copy');
  const tensors = [...staged, ...passthrough.map((entry) => copied(entry, isNeeded))];
  const entries = isNeeded ? stagedEntries(tensors) : undefined;
  const place = (one: StagedTensor): TensorEntry =>
    entries?.get(one.name) ?? { ...(one.source as { entry: TensorEntry }).entry, shape: one.shape };
  return {
    pairs: pairs.map(({ name, shape }, index) => ({
      ...shape,
      name,
      a: factorAt(place, staged[2 * index]!),
      b: factorAt(place, staged[2 * index + 1]!),
    })),
    passthrough: passthrough.map((entry) => entries?.get(entry.name) ?? entry),
    staging: isNeeded ? { tensors, derivations: [] } : null,
  };
}

function stagedFactor(entry: TensorEntry, shape: readonly number[], transposed: boolean): StagedTensor {
  const { name, dtype } = entry;
  if (dtype === QUANTISED && !transposed)
    return { name, dtype: STAGED_DTYPE, shape, source: { kind: 'dequantise', entry, encoding: 'q8_0' } };
  if (!isFactorDtype(dtype)) {
    const where = transposed
      ? 'for the token embedding F32, F16 and BF16 can'
      : 'F32, F16, BF16 and Q8_0 can';
    throw refuse('UNSUPPORTED_DTYPE', entry, `has the type ${dtype}, which cannot be squeezed; ${where}`);
  }
  const source: StagedSource = transposed
    ? { kind: 'permute', entry, shape: [...shape].reverse(), axes: [1, 0] }
    : { kind: 'copy', entry };
  return { name, dtype, shape, source };
}

function copied(entry: TensorEntry, isStaged: boolean): StagedTensor {
  const { name, dtype, shape } = entry;
  if (isStaged && bitsOf(dtype) === undefined)
    throw refuse('UNSUPPORTED_DTYPE', entry, `has the type ${dtype} beside factors that have to be decoded`);
  return { name, dtype, shape, source: { kind: 'copy', entry } };
}

function factorAt(place: (one: StagedTensor) => TensorEntry, one: StagedTensor): FactorEntry {
  const entry = place(one) as FactorEntry;
  // Half the size of what was decoded, and eight times as exact as what it was decoded from.
  return one.source.kind === 'dequantise' ? { ...entry, matchDtype: 'F16' } : entry;
}
