import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Adapter, FactorDtype, ModulePlan, OutputPlan, ScaleMode } from '../adapter/adapter.ts';
import type { Target } from '../contract/target.ts';
import { planPeftOutput } from '../formats/peft/write-peft.ts';
import { layOut } from '../safetensors/layout.ts';
import type { ProjectionOrder } from './compute/tasks.ts';
import { copyRanges } from './copy-ranges.ts';
import { hashFile } from './hash-file.ts';
import type { OutputFile } from './squeeze.ts';

export const WEIGHTS_NAME = 'adapter_model.safetensors';

const DTYPES: Readonly<Record<string, FactorDtype>> = { float32: 'F32', float16: 'F16', bfloat16: 'BF16' };

export const scaleModeOf = (target: Target): ScaleMode => target.scale ?? 'fold';

/** What leaves for each module under a target. */
export function planModules(adapter: Adapter, target: Target, ranks: readonly number[]): ModulePlan[] {
  const asked = DTYPES[target.dtype ?? 'match'];
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

/** Both factors carry √σ: the best start for going on training, and the least rounding. */
const BALANCED = 0.5;

/** The files of one result: laid out first, then filled from several threads, then closed with their digests. */
export class Output {
  /** What to compute, by module; null where both factors are copied. */
  readonly orders: readonly (ProjectionOrder | null)[];
  readonly #dir: string;
  readonly #plan: OutputPlan;
  readonly #layout: ReturnType<typeof layOut>;

  /**
   * @param dir folder of this result's files; need not exist
   * @throws AppError LORA_BIAS_NEEDS_KEEP
   */
  constructor(
    adapter: Adapter,
    plans: readonly ModulePlan[],
    scale: ScaleMode,
    provenance: ReadonlyMap<string, string>,
    dir: string,
  ) {
    this.#dir = dir;
    this.#plan = planPeftOutput(adapter, plans, { scale, provenance });
    this.#layout = layOut(this.#plan.tensors, this.#plan.metadata);
    const offsets = plans.map(() => ({}) as { a?: number; b?: number });
    for (const [index, { source }] of this.#plan.tensors.entries()) {
      if (source.kind === 'factor')
        offsets[source.moduleIndex]![source.factor] = this.#layout.offsets[index]!;
    }
    this.orders = plans.map(({ module, rank, dtypeA, dtypeB }, index) => {
      const { a, b } = offsets[index]!;
      if (a === undefined || b === undefined) return null;
      const factors = factorsOf(scale === 'fold' ? module.scale : 1, rank < module.rank);
      return {
        path: this.#weightsPath,
        offsetA: a,
        offsetB: b,
        dtypeA,
        dtypeB,
        rank,
        split: BALANCED,
        ...factors,
      };
    });
  }

  get #weightsPath(): string {
    return join(this.#dir, WEIGHTS_NAME);
  }

  /** Makes the weights file at its full size with everything that is only copied. */
  async create(sourcePath: string): Promise<void> {
    await mkdir(this.#dir, { recursive: true });
    const file = await open(this.#weightsPath, 'wx');
    try {
      await file.truncate(this.#layout.totalBytes);
      await file.write(this.#layout.headerBytes, 0, this.#layout.headerBytes.length, 0);
      const ranges = this.#plan.tensors.flatMap(({ source }, index) =>
        source.kind === 'copy'
          ? [
              {
                beginByte: source.entry.beginByte,
                endByte: source.entry.endByte,
                to: this.#layout.offsets[index]!,
              },
            ]
          : [],
      );
      await copyRanges(sourcePath, file, ranges);
    } finally {
      await file.close();
    }
  }

  /** Writes the other files and takes the digests. The weights come first. */
  async finish(): Promise<OutputFile[]> {
    const weights = await hashFile(this.#weightsPath);
    const files = [{ name: WEIGHTS_NAME, path: this.#weightsPath, ...weights }];
    for (const [name, bytes] of this.#plan.files) {
      const path = join(this.#dir, name);
      await writeFile(path, bytes);
      files.push({ name, path, ...(await hashFile(path)) });
    }
    return files;
  }
}

/** A squeezed module shares its scale between both factors; one that is only rescaled takes it into B. */
function factorsOf(scale: number, isSqueezed: boolean): { factorA: number; factorB: number } {
  if (!isSqueezed) return { factorA: 1, factorB: scale };
  const root = Math.sqrt(Math.abs(scale));
  return { factorA: root, factorB: Math.sign(scale) * root };
}
