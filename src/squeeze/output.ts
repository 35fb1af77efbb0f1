import { mkdir, open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Adapter, FactorRef, ModulePlan, OutputPlan, ScaleMode } from '../adapter/adapter.ts';
import { dtypeNamed } from '../adapter/dtype-names.ts';
import type { FormatName } from '../adapter/format-name.ts';
import { remainingScale } from '../adapter/remaining-scale.ts';
import { auditSize, type ClassSize } from '../adapter/size-audit.ts';
import { copyRanges, writeFully } from '../bytes/file-ranges.ts';
import { hashFile } from '../bytes/hash-file.ts';
import type { ProjectionSpec } from '../compute/project-task.ts';
import type { Target } from '../contract/target.ts';
import { BYTES_PER_ELEMENT, type FloatDtype } from '../core/half.ts';
import { formatOf } from '../formats/formats.ts';
import { dtypeBits } from '../safetensors/dtype.ts';
import type { OutputFile } from './job-context.ts';
import { PreallocatedFile } from './preallocated-file.ts';
import { castTensors, isCast } from './size/cast-tensor.ts';
import { type Permutation, permuteEntry } from './stage/permute-entry.ts';

/** The exponent of σ in B. Balanced, with √σ in both factors, is best for further training. */
const SPLITS: Readonly<Record<NonNullable<Target['split']>, number>> = { balanced: 0.5, b: 1, a: 0 };

/** What becomes of the scales under a target. @param format of the result */
export function chooseScaleMode(
  { scale = 'fold' }: Target,
  format: FormatName,
  plans: readonly ModulePlan[],
): ScaleMode {
  return scale === 'fold' ? (formatOf(format).folded?.(plans) ?? scale) : scale;
}

export const splitExponent = (target: Target): number => SPLITS[target.split ?? 'balanced'];

/** The plan for each module under a target. */
export function planModules(adapter: Adapter, target: Target, ranks: readonly number[]): ModulePlan[] {
  const dtype = dtypeNamed(target.dtype ?? 'match');
  return adapter.modules.map((module, index) => ({
    module,
    rank: ranks[index]!,
    dtypeA: dtype ?? module.a.matchDtype ?? module.a.dtype,
    dtypeB: dtype ?? module.b.matchDtype ?? module.b.dtype,
  }));
}

/** Whether the source already is what the plans request. */
export const changesNothing = (plans: readonly ModulePlan[]): boolean =>
  plans.every(
    ({ module, rank, dtypeA, dtypeB }) =>
      rank === module.rank && dtypeA === module.a.dtype && dtypeB === module.b.dtype,
  );

/** How the factors of one result are written. */
export interface Encoding {
  readonly scale: ScaleMode;
  /** Share of σ, and of a folded scale, that goes into B. */
  readonly split: number;
  /** Seed of new rows of A for directions of length zero; null leaves them zero. */
  readonly reviveSeed: number | null;
}

/**
 * The files of one result: they are laid out first, then filled by several threads, and then completed with their
 * digests.
 */
export class AdapterOutput {
  /** What to compute, by module; null if both factors are copied. */
  readonly orders: readonly (ProjectionSpec | null)[];
  readonly #adapter: Adapter;
  readonly #dir: string;
  readonly #plan: OutputPlan;
  readonly #weights: PreallocatedFile;
  readonly #arranged: RearrangedTensors;

  /**
   * @param dir folder for the files of this result; it need not exist
   * @throws AppError the errors of the format's writer: FORMAT_NEEDS_FOLD, FORMAT_NOT_WRITABLE, …
   */
  constructor(
    adapter: Adapter,
    plans: readonly ModulePlan[],
    { scale, split, reviveSeed }: Encoding,
    provenance: ReadonlyMap<string, string>,
    dir: string,
  ) {
    this.#adapter = adapter;
    this.#dir = dir;
    this.#plan = formatOf(adapter.format).plan(adapter, plans, { scale, provenance });
    this.#weights = new PreallocatedFile(join(dir, this.#plan.weightsName), this.#plan.layout);
    this.#arranged = new RearrangedTensors(join(dir, '.arranged'), this.#plan, plans);
    const places = plans.map(() => ({}) as { a?: FactorPlace; b?: FactorPlace });
    for (const [index, { source }] of this.#plan.tensors.entries()) {
      if (source.kind === 'factor') {
        const place = { path: this.#weights.path, offsetBytes: this.#weights.offsets[index]! };
        places[source.moduleIndex]![source.factor] = place;
      }
    }
    for (const { factor, moduleIndex, place } of this.#arranged.places) places[moduleIndex]![factor] = place;
    this.orders = plans.map(({ module, rank, dtypeA, dtypeB }, index) => {
      const { a, b } = places[index]!;
      if (a === undefined || b === undefined) return null;
      const taken = module.scale / remainingScale(scale, module, rank);
      const factors = factorsOf(taken, rank < module.rank ? split : 1);
      return {
        pathA: a.path,
        offsetA: a.offsetBytes,
        pathB: b.path,
        offsetB: b.offsetBytes,
        dtypeA,
        dtypeB,
        rank,
        split,
        reviveSeed,
        ...factors,
      };
    });
  }

  /**
   * Creates the weights file at its full size, with everything that is only copied or cast. @throws AppError
   * NON_FINITE_RESULT
   */
  async create(sourcePath: string): Promise<void> {
    await mkdir(this.#dir, { recursive: true });
    const copies = this.#plan.tensors.flatMap(({ source }, index) =>
      source.kind === 'copy' ? [{ entry: source.entry, to: this.#weights.offsets[index]! }] : [],
    );
    const ranges = copies.flatMap(({ entry, to }) => (isCast(entry) ? [] : [{ ...entry, to }]));
    const casts = copies.flatMap(({ entry, to }) => (isCast(entry) ? [{ entry, to }] : []));
    await this.#weights.create(async (file) => {
      await copyRanges(sourcePath, file, ranges);
      await castTensors(sourcePath, file, casts);
      for (const [index, { source }] of this.#plan.tensors.entries()) {
        if (source.kind === 'bytes') await writeFully(file, source.bytes, this.#weights.offsets[index]!);
      }
    });
    await this.#arranged.create();
  }

  /** The size of the weights file, including its header; filling it does not change the size. */
  get bytes(): number {
    return this.#plan.layout.totalBytes;
  }

  /** The sizes of the weights by class of tensor. */
  get size(): ClassSize[] {
    const sized = this.#plan.tensors.map(({ name, dtype, shape }) => ({
      name,
      bytes: (shape.reduce((product, dimension) => product * dimension, 1) * (dtypeBits(dtype) ?? 0)) / 8,
    }));
    return auditSize(sized, this.#adapter);
  }

  /** Writes the other files and computes the digests. The weights come first. */
  async finish(): Promise<OutputFile[]> {
    await this.#arranged.finish(this.#weights);
    if (this.#plan.headerWithHashes)
      await this.#weights.rewriteHeader(await this.#plan.headerWithHashes(this.#weights.path));
    const { weightsName } = this.#plan;
    const files = [{ name: weightsName, path: this.#weights.path, ...(await this.#weights.digest()) }];
    for (const [name, bytes] of this.#plan.files) {
      const path = join(this.#dir, name);
      await writeFile(path, bytes);
      files.push({ name, path, ...(await hashFile(path)) });
    }
    return files;
  }
}

/**
 * The scale factors of the two factors, shared like σ. A module that is only rescaled takes the scale into B, so that
 * A stays unchanged.
 */
function factorsOf(scale: number, split: number): { factorA: number; factorB: number } {
  const size = Math.abs(scale);
  // `**` may not round a root correctly, and differs between engines if it does not.
  const share = (part: number): number => (part === 0.5 ? Math.sqrt(size) : size ** part);
  return { factorA: share(1 - split), factorB: Math.sign(scale) * share(split) };
}

/** The place to which a factor is written, row by row. */
interface FactorPlace {
  readonly path: string;
  readonly offsetBytes: number;
}

interface RearrangedTensor {
  /** The index of the tensor in the output. */
  readonly index: number;
  /** Its parts in the intermediate file, and how they are reordered. */
  readonly source: Permutation;
}

/**
 * For factors that a format does not store row by row (transposed, or experts side by side): they are first written
 * to an intermediate file, the parts of one tensor after the other, and are reordered when all are complete.
 */
class RearrangedTensors {
  readonly places: readonly (FactorRef & { readonly place: FactorPlace })[];
  readonly #path: string;
  readonly #tensors: readonly RearrangedTensor[];

  /** @param path of the intermediate file, which is only created if it is needed */
  constructor(path: string, { tensors }: OutputPlan, plans: readonly ModulePlan[]) {
    this.#path = path;
    const places: (FactorRef & { place: FactorPlace })[] = [];
    const arranged: RearrangedTensor[] = [];
    let end = 0;
    for (const [index, { name, dtype, shape, source }] of tensors.entries()) {
      if (source.kind !== 'arranged') continue;
      const beginByte = end;
      const elementBytes = BYTES_PER_ELEMENT[dtype as FloatDtype];
      for (const { factor, moduleIndex } of source.parts) {
        const { module, rank } = plans[moduleIndex]!;
        places.push({ factor, moduleIndex, place: { path, offsetBytes: end } });
        end += rank * (factor === 'a' ? module.n : module.m) * elementBytes;
      }
      const entry = { name, dtype, shape, beginByte, endByte: end };
      arranged.push({ index, source: { entry, shape: source.shape, axes: source.axes } });
    }
    this.places = places;
    this.#tensors = arranged;
  }

  async create(): Promise<void> {
    const last = this.#tensors.at(-1);
    if (!last) return;
    const file = await open(this.#path, 'wx');
    try {
      await file.truncate(last.source.entry.endByte);
    } finally {
      await file.close();
    }
  }

  /** Writes every tensor to the output, and removes the intermediate file. */
  async finish(output: PreallocatedFile): Promise<void> {
    if (this.#tensors.length === 0) return;
    const from = await open(this.#path, 'r');
    try {
      const to = await open(output.path, 'r+');
      try {
        for (const { index, source } of this.#tensors)
          await permuteEntry(source, from, to, output.offsets[index]!);
      } finally {
        await to.close();
      }
    } finally {
      await from.close();
    }
    await rm(this.#path);
  }
}
