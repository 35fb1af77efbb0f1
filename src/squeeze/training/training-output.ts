import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModulePlan, ScaleMode } from '../../adapter/adapter.ts';
import { shapeOfA, shapeOfB } from '../../adapter/factor-shapes.ts';
import { remainingScale } from '../../adapter/remaining-scale.ts';
import type { CarryItem, CarryTask, MomentMove } from '../../compute/carry-task.ts';
import { factorsOf } from '../../compute/module-factors.ts';
import type { ProjectionSpec } from '../../compute/project-task.ts';
import type { StoredDirections } from '../../compute/stored-directions.ts';
import { MOMENTS, type OptimizerState } from '../../formats/peft/optimizer-state.ts';
import { layOut, type TensorSpec } from '../../safetensors/layout.ts';
import type { OutputFile } from '../job-context.ts';
import { PreallocatedFile } from '../preallocated-file.ts';

/** Moments that were sent with a checkpoint, and what to do with them. */
export interface OptimizerInput {
  readonly path: string;
  readonly state: OptimizerState;
  /** reset: all moments of the result are zero. */
  readonly mode: 'carry' | 'reset';
}

/** Names of the files, in one folder. */
export interface TrainingNames {
  readonly projections: string;
  readonly optimizer: string;
}

/** The inputs for the files of one target. */
export interface TrainingInput {
  readonly plans: readonly ModulePlan[];
  /** By module; null if its factors are copied. */
  readonly orders: readonly (ProjectionSpec | null)[];
  /** By module. */
  readonly directions: readonly StoredDirections[];
  readonly scale: ScaleMode;
  readonly optimizer: OptimizerInput | null;
  readonly dir: string;
  readonly names: TrainingNames;
}

/**
 * The files that a trainer needs besides the adapter: projections (P [r, k] and R [k, r] of every module, float64)
 * and, if moments were sent, the optimizer state in the new coordinates, with the same names and dtypes.
 */
export class TrainingOutput {
  /** What to compute, by module. */
  readonly items: readonly CarryItem[];
  readonly #dir: string;
  readonly #names: TrainingNames;
  readonly #projections: PreallocatedFile;
  readonly #optimizer: PreallocatedFile | null;
  readonly #input: OptimizerInput | null;

  constructor({ plans, orders, directions, scale, optimizer: input, dir, names }: TrainingInput) {
    this.#dir = dir;
    this.#names = names;
    this.#input = input;
    const matrices = plans.flatMap(({ module, rank }): TensorSpec[] => [
      { name: `${module.name}.P`, dtype: 'F64', shape: [module.rank, rank] },
      { name: `${module.name}.R`, dtype: 'F64', shape: [rank, module.rank] },
    ]);
    this.#projections = new PreallocatedFile(join(dir, names.projections), layOut(matrices, METADATA));
    const moments = plans.flatMap((_, index) => momentTensors(plans, input, index));
    this.#optimizer = input && new PreallocatedFile(join(dir, names.optimizer), layOut(moments, METADATA));
    const perModule = 2 * (input?.state.names.length ?? 0);
    this.items = plans.map(({ module, rank }, index): CarryItem => {
      const order = orders[index];
      const left = remainingScale(scale, module, rank);
      return {
        module: factorsOf(module),
        directions: directions[index]!,
        rank,
        split: order?.split ?? 1,
        factorA: order?.factorA ?? 1,
        factorB: order?.factorB ?? 1,
        // With a scale of zero, nothing is learnt.
        ratio: module.scale === 0 ? 1 : left / module.scale,
        offsetP: this.#projections.offsets[2 * index]!,
        offsetR: this.#projections.offsets[2 * index + 1]!,
        moments:
          input?.mode === 'carry'
            ? moves(input.state, index, this.#optimizer!.offsets.slice(perModule * index))
            : [],
      };
    });
  }

  /** What all tasks of this output share. */
  get task(): Omit<CarryTask, 'items'> {
    const state =
      this.#input?.mode === 'carry' ? { path: this.#input.path, outputPath: this.#optimizer!.path } : null;
    return { kind: 'carry', projectionsPath: this.#projections.path, state };
  }

  async create(): Promise<void> {
    await mkdir(this.#dir, { recursive: true });
    await this.#projections.create();
    await this.#optimizer?.create();
  }

  /** Computes the digests. */
  async finish(): Promise<OutputFile[]> {
    const parts: [string, PreallocatedFile | null][] = [
      [this.#names.projections, this.#projections],
      [this.#names.optimizer, this.#optimizer],
    ];
    const files: OutputFile[] = [];
    for (const [name, file] of parts) {
      if (file) files.push({ name, path: file.path, ...(await file.digest()) });
    }
    return files;
  }
}

const METADATA = new Map([['format', 'pt']]);

/** The tensors of every moment of one module, for both factors. */
function momentTensors(
  plans: readonly ModulePlan[],
  input: OptimizerInput | null,
  index: number,
): TensorSpec[] {
  if (!input) return [];
  const { module, rank } = plans[index]!;
  return input.state.names.flatMap((name) => {
    const { a, b } = input.state.moments.get(name)![index]!;
    return [
      { name: a.name, dtype: a.dtype, shape: shapeOfA(module, rank) },
      { name: b.name, dtype: b.dtype, shape: shapeOfB(module, rank) },
    ];
  });
}

/** @param offsets of the module's tensors, in the order of momentTensors */
function moves(state: OptimizerState, index: number, offsets: readonly number[]): MomentMove[] {
  return state.names.map((name, nth) => {
    const { a, b } = state.moments.get(name)![index]!;
    return { power: MOMENTS[name], a, b, offsetA: offsets[2 * nth]!, offsetB: offsets[2 * nth + 1]! };
  });
}
