import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Adapter, ModulePlan, OutputPlan, ScaleMode } from '../adapter/adapter.ts';
import { dtypeNamed } from '../adapter/dtype-names.ts';
import { WEIGHTS_FILE } from '../adapter/file-names.ts';
import { remainingScale } from '../adapter/remaining-scale.ts';
import type { Target } from '../contract/target.ts';
import { planPeftOutput } from '../formats/peft/write-peft.ts';
import type { ProjectionOrder } from './compute/tasks.ts';
import { copyRanges } from './copy-ranges.ts';
import { hashFile } from './hash-file.ts';
import type { OutputFile } from './job-context.ts';
import { LaidOutFile } from './laid-out-file.ts';

export const scaleModeOf = (target: Target): ScaleMode => target.scale ?? 'fold';

/** What leaves for each module under a target. */
export function planModules(adapter: Adapter, target: Target, ranks: readonly number[]): ModulePlan[] {
  const asked = dtypeNamed(target.dtype ?? 'match');
  return adapter.modules.map((module, index) => ({
    module,
    rank: ranks[index]!,
    dtypeA: asked ?? module.a.dtype,
    dtypeB: asked ?? module.b.dtype,
  }));
}

/** Whether the source is already what the plans ask for. */
export const changesNothing = (plans: readonly ModulePlan[]): boolean =>
  plans.every(
    ({ module, rank, dtypeA, dtypeB }) =>
      rank === module.rank && dtypeA === module.a.dtype && dtypeB === module.b.dtype,
  );

/** Share of σ that goes into B. Balanced, √σ in both, is the best start for going on training. */
const SPLITS: Readonly<Record<NonNullable<Target['split']>, number>> = { balanced: 0.5, b: 1, a: 0 };

export const splitOf = (target: Target): number => SPLITS[target.split ?? 'balanced'];

/** How the factors of one result are written. */
export interface Encoding {
  readonly scale: ScaleMode;
  /** Share of σ, and of a folded scale, that goes into B. */
  readonly split: number;
  /** Seed of new rows of A for directions of length zero; null leaves them zero. */
  readonly reviveSeed: number | null;
}

/** The files of one result: laid out first, then filled from several threads, then closed with their digests. */
export class Output {
  /** What to compute, by module; null where both factors are copied. */
  readonly orders: readonly (ProjectionOrder | null)[];
  readonly #dir: string;
  readonly #plan: OutputPlan;
  readonly #weights: LaidOutFile;

  /**
   * @param dir folder of this result's files; need not exist
   * @throws AppError LORA_BIAS_NEEDS_KEEP
   */
  constructor(
    adapter: Adapter,
    plans: readonly ModulePlan[],
    { scale, split, reviveSeed }: Encoding,
    provenance: ReadonlyMap<string, string>,
    dir: string,
  ) {
    this.#dir = dir;
    this.#plan = planPeftOutput(adapter, plans, { scale, provenance });
    this.#weights = new LaidOutFile(join(dir, WEIGHTS_FILE), this.#plan.tensors, this.#plan.metadata);
    const offsets = plans.map(() => ({}) as { a?: number; b?: number });
    for (const [index, { source }] of this.#plan.tensors.entries()) {
      if (source.kind === 'factor')
        offsets[source.moduleIndex]![source.factor] = this.#weights.offsets[index]!;
    }
    this.orders = plans.map(({ module, rank, dtypeA, dtypeB }, index) => {
      const { a, b } = offsets[index]!;
      if (a === undefined || b === undefined) return null;
      const taken = module.scale / remainingScale(scale, module, rank);
      const factors = factorsOf(taken, rank < module.rank ? split : 1);
      return {
        path: this.#weights.path,
        offsetA: a,
        offsetB: b,
        dtypeA,
        dtypeB,
        rank,
        split,
        reviveSeed,
        ...factors,
      };
    });
  }

  /** Makes the weights file at its full size with everything that is only copied. */
  async create(sourcePath: string): Promise<void> {
    await mkdir(this.#dir, { recursive: true });
    const ranges = this.#plan.tensors.flatMap(({ source }, index) =>
      source.kind === 'copy' ? [{ ...source.entry, to: this.#weights.offsets[index]! }] : [],
    );
    await this.#weights.create((file) => copyRanges(sourcePath, file, ranges));
  }

  /** Writes the other files and takes the digests. The weights come first. */
  async finish(): Promise<OutputFile[]> {
    const files = [{ name: WEIGHTS_FILE, path: this.#weights.path, ...(await this.#weights.digest()) }];
    for (const [name, bytes] of this.#plan.files) {
      const path = join(this.#dir, name);
      await writeFile(path, bytes);
      files.push({ name, path, ...(await hashFile(path)) });
    }
    return files;
  }
}

/**
 * The scale as it goes into the factors, shared like σ. A module that is only rescaled takes it into B, so that A stays
 * as it is.
 */
function factorsOf(scale: number, split: number): { factorA: number; factorB: number } {
  const size = Math.abs(scale);
  // `**` need not round a root correctly, and differs between engines where it does not.
  const share = (part: number): number => (part === 0.5 ? Math.sqrt(size) : size ** part);
  return { factorA: share(1 - split), factorB: Math.sign(scale) * share(split) };
}
