import type { LoraModule } from '../../adapter/adapter.ts';
import type { FloatDtype } from '../../core/half.ts';
import type { Decomposition, Measured } from '../../engine/kernel-types.ts';
import type { Provider } from '../../engine/provider.ts';
import type { PlainError } from '../../errors.ts';
import type { StackTask } from '../merge/stack-task.ts';
import type { DeriveTask } from '../stage/derive-task.ts';
import type { CarryTask } from '../training/carry-task.ts';
import type { Busy } from './busy.ts';
import type { DirectionsSlot } from './directions-file.ts';

/** Where one factor lies in the source file. */
export interface FactorRange {
  readonly name: string;
  readonly dtype: FloatDtype;
  readonly beginByte: number;
  readonly endByte: number;
}

/** A module as a compute thread needs it: A is [rank, n], B is [m, rank], row-major. */
export interface ModuleFactors {
  readonly name: string;
  readonly a: FactorRange;
  readonly b: FactorRange;
  readonly rank: number;
  readonly m: number;
  readonly n: number;
}

/** How to take modules of one rank apart. */
export interface Decomposer {
  readonly variant: 'randomised' | 'exact';
  readonly columns: number;
  /** Directions that a target may ask for. */
  readonly keep: number;
  readonly maxIterations: number;
  readonly tolerance: number;
  readonly seed: number;
}

/** Pass 1: Gram matrices of some modules of equal rank, then their decomposition as one stack. */
export interface DecomposeTask {
  readonly kind: 'decompose';
  readonly weightsPath: string;
  readonly modules: readonly ModuleFactors[];
  readonly decomposer: Decomposer;
  /** Where each module's directions go; null when nobody will ask for them. */
  readonly slots: readonly DirectionsSlot[] | null;
}

/** One module as it goes into one output file. */
export interface ProjectionOrder {
  readonly pathA: string;
  readonly offsetA: number;
  readonly pathB: string;
  readonly offsetB: number;
  readonly dtypeA: FloatDtype;
  readonly dtypeB: FloatDtype;
  readonly rank: number;
  /** Share of σ that goes into B; ½ is balanced. */
  readonly split: number;
  readonly factorA: number;
  readonly factorB: number;
  /** Seed of new rows of A for directions of length zero; null leaves them zero. */
  readonly reviveSeed: number | null;
}

/** One module in pass 2, read once and written to every output that wants it. */
export interface ProjectItem {
  readonly module: ModuleFactors;
  /** null: the factors stay as they are but for their scale and dtype. */
  readonly slot: DirectionsSlot | null;
  readonly orders: readonly ProjectionOrder[];
}

/** Pass 2: some modules, so many that the way to the thread and back does not count. */
export interface ProjectTask {
  readonly kind: 'project';
  readonly weightsPath: string;
  readonly items: readonly ProjectItem[];
}

export type Task = DecomposeTask | ProjectTask | StackTask | CarryTask | DeriveTask;

/** A module as it was written. */
export interface Written extends Measured {
  /** Directions that got a new row of A. */
  readonly revived: number;
}

/** What an order of pass 2 came to. One that failed is no failure of the others. */
export type Projected = Written | { readonly failure: PlainError };

export interface TaskResults {
  decompose: { readonly decompositions: readonly Decomposition[]; readonly busy: Busy };
  /** What the written factors of each order turned out to be, by item. */
  project: { readonly measured: readonly (readonly Projected[])[]; readonly busy: Busy };
  stack: { readonly busy: Busy };
  carry: { readonly busy: Busy };
  /** What the factors leave out: ‖ΔW − B·A‖², 0 where they are exact. Without the module's scale. */
  derive: { readonly residualEnergy: number; readonly busy: Busy };
}

/** From the pool to a thread. */
export interface TaskMessage {
  readonly id: number;
  readonly task: Task;
}

/** From a thread to the pool. */
export type ThreadMessage =
  | { readonly type: 'ready'; readonly provider: Provider }
  | { readonly type: 'broken'; readonly error: PlainError }
  | { readonly type: 'gram'; readonly id: number; readonly module: string }
  | { readonly type: 'done'; readonly id: number; readonly result: TaskResults[Task['kind']] }
  | { readonly type: 'failed'; readonly id: number; readonly error: PlainError };

export const factorsOf = (module: LoraModule): ModuleFactors => ({
  name: module.name,
  a: rangeOf(module.a),
  b: rangeOf(module.b),
  rank: module.rank,
  m: module.m,
  n: module.n,
});

const rangeOf = ({ name, dtype, beginByte, endByte }: FactorRange): FactorRange => ({
  name,
  dtype,
  beginByte,
  endByte,
});
