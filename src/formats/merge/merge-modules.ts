import type { Adapter, LoraModule, TensorEntry } from '../../adapter/adapter.ts';
import { classOf, SavedModules } from '../../adapter/tensor-class.ts';
import { byName } from '../../adapter/tensor-name.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { quote } from '../../json/quote.ts';
import { dtypeBits } from '../../safetensors/dtype.ts';
import { sameLayerName } from '../layers/same-layer.ts';

/**
 * Largest rank of a stacked module. Decomposing it takes a few float64 matrices of rank × rank, 32 MB each here; 32
 * adapters of rank 64 fit.
 */
export const MAX_STACKED_RANK = 2048;

/** One term of a weighted sum of adapters; each adapter is one term. */
export interface MergeTerm {
  /** The adapter's id, for messages. */
  readonly id: string;
  readonly adapter: Adapter;
  readonly weight: number;
}

/** One module of the sum: ΔW = Σ weight·scale·B·A = [w₁s₁B₁ | w₂s₂B₂ …]·[A₁; A₂; …]. */
export interface StackedModule {
  /** The module of the first term that has it, from which the stack gets its names and shapes. */
  readonly like: LoraModule;
  /** Σ of the ranks. */
  readonly rank: number;
  /** In the order of the terms, without those that lack the module. */
  readonly parts: readonly { readonly term: MergeTerm; readonly module: LoraModule }[];
}

/** A tensor that is carried over, not added, in every adapter of a sum that has it. */
export interface SharedTensor {
  readonly name: string;
  /** In the order of the terms, at least one. */
  readonly holders: readonly { readonly id: string; readonly entry: TensorEntry }[];
}

/**
 * Finds the modules of a sum of adapters. The adapters may have different modules, and different names for the same layer
 * if a format has several.
 * @returns the modules in name order (code units), and warnings
 * @throws AppError MERGE_UNSUPPORTED, MERGE_BASE_MISMATCH, MERGE_SHAPE_MISMATCH, MERGE_RANK_TOO_LARGE
 */
export function stackModules(terms: readonly MergeTerm[]): { modules: StackedModule[]; warnings: string[] } {
  for (const term of terms) refuseNonlinear(term);
  const warnings = checkBases(terms);
  const stacks = new Map<string, StackedModule['parts'][number][]>();
  for (const term of terms) {
    for (const module of term.adapter.modules) {
      const layer = sameLayerName(module.name);
      const parts = stacks.get(layer);
      if (parts) parts.push({ term, module });
      else stacks.set(layer, [{ term, module }]);
    }
  }
  const modules = [...stacks.values()].map(stacked);
  return { modules: modules.sort((x, y) => byName(x.like, y.like)), warnings };
}

/**
 * The tensors that a sum carries over: those of all its adapters. The caller compares their bytes.
 * @param added tensors that are summed instead
 * @returns in name order
 * @throws AppError MERGE_TENSOR_CONFLICT if two tensors of one name have different dtypes or shapes
 */
export function sharedTensors(
  terms: readonly MergeTerm[],
  added: ReadonlySet<TensorEntry> = new Set(),
): SharedTensor[] {
  const found = new Map<string, SharedTensor['holders'][number][]>();
  for (const { id, adapter } of terms) {
    for (const entry of adapter.passthrough) {
      if (added.has(entry)) continue;
      const holders = found.get(entry.name);
      if (holders) holders.push({ id, entry });
      else found.set(entry.name, [{ id, entry }]);
    }
  }
  return [...found.keys()].sort().map((name) => {
    const holders = found.get(name)!;
    const [first] = holders;
    const differs = holders.find(
      ({ entry }) => entry.dtype !== first!.entry.dtype || `${entry.shape}` !== `${first!.entry.shape}`,
    );
    if (differs) throw tensorConflict(name, first!.id, differs.id);
    return { name, holders };
  });
}

/** Two adapters of a sum have a tensor of one name that would be carried over, and it differs. */
export function tensorConflict(name: string, first: string, second: string): AppError {
  return new AppError(
    'MERGE_TENSOR_CONFLICT',
    `The adapters cannot be merged: tensor ${quote(name)} is not a LoRA factor and differs between adapters ${first} and ${second}; such tensors ` +
      'are carried over, not added, so they must be the same in all adapters that have them. Squeeze one of the adapters with ' +
      '"strip" first to leave its tensor out.',
    { tensor: name, adapters: [first, second] },
  );
}

const NONE_SAVED = new SavedModules({});

/** Refuses what cannot be added: DoRA, and carried tensors of types that the scratch file cannot hold. */
function refuseNonlinear({ id, adapter }: MergeTerm): void {
  const { config, passthrough } = adapter;
  const unsupported = (what: string): AppError =>
    refuse('MERGE_UNSUPPORTED', `adapter ${id} ${what}`, { adapter: id });
  const isDora = config.use_dora === true || config.fine_tune_type === 'dora';
  if (isDora || passthrough.some((tensor) => classOf(tensor, NONE_SAVED) === 'magnitudes')) {
    throw unsupported(
      'is DoRA, which normalises the weights, so it cannot be added to others: merge it into the base model first',
    );
  }
  const odd = passthrough.find(({ dtype }) => dtypeBits(dtype) === undefined);
  if (odd)
    throw unsupported(
      `has ${quote(odd.name)} of the type ${odd.dtype}, which cannot be carried over into a sum`,
    );
}

function checkBases(terms: readonly MergeTerm[]): string[] {
  const known = terms.find(({ adapter }) => adapter.baseModel !== null);
  const unknown: string[] = [];
  for (const { id, adapter } of terms) {
    if (adapter.baseModel === null) unknown.push(id);
    else if (adapter.baseModel !== known!.adapter.baseModel) {
      const [first, other] = [known!.adapter.baseModel!, adapter.baseModel];
      throw refuse(
        'MERGE_BASE_MISMATCH',
        `adapter ${known!.id} belongs to base model ${quote(first)}, but adapter ${id} belongs to ${quote(other)}`,
        { adapters: [known!.id, id], base_models: [first, other] },
      );
    }
  }
  return (terms.length === 1 ? [] : unknown).map((id) =>
    known
      ? `Adapter ${id} does not name its base model, which is assumed to be ${quote(known.adapter.baseModel!)}.`
      : `Adapter ${id} does not name its base model, which is assumed to be that of the others.`,
  );
}

function stacked(parts: StackedModule['parts']): StackedModule {
  const [first] = parts;
  const { name } = first!.module;
  for (const part of parts) {
    const [mine, theirs] = [shapeOf(first!.module), shapeOf(part.module)];
    if (mine === theirs) continue;
    throw refuse(
      'MERGE_SHAPE_MISMATCH',
      `module ${quote(name)} is ${mine} in adapter ${first!.term.id} but ${theirs} in adapter ${part.term.id}`,
      { module: name, adapters: [first!.term.id, part.term.id], shapes: [mine, theirs] },
    );
  }
  const rank = parts.reduce((sum, { module }) => sum + module.rank, 0);
  if (rank > MAX_STACKED_RANK) {
    throw refuse(
      'MERGE_RANK_TOO_LARGE',
      `module ${quote(name)}: the ranks of the adapters add up to ${rank}, but may be at most ${MAX_STACKED_RANK} together; squeeze some first`,
      { module: name, rank, limit: MAX_STACKED_RANK },
    );
  }
  return { like: first!.module, rank, parts };
}

/** Kind and shape of ΔW, with the kernel of a convolution: the factors must agree in everything but the rank. */
function shapeOf({ kind, m, a }: LoraModule): string {
  return `${kind} [${[m, ...a.shape.slice(1)].join(', ')}]`;
}

function refuse(code: ErrorCode, what: string, context: AppError['context']): AppError {
  return new AppError(code, `The adapters cannot be merged: ${what}.`, context);
}
