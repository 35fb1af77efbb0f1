import { open, rm } from 'node:fs/promises';
import type { FactorRef, ModulePlan, OutputPlan } from '../adapter/adapter.ts';
import { BYTES_PER_ELEMENT, type FloatDtype } from '../core/half.ts';
import type { LaidOutFile } from './laid-out-file.ts';
import { type Permutation, permuteEntry } from './stage/permute-entry.ts';

/** Where a factor is written, row by row. */
export interface FactorPlace {
  readonly path: string;
  readonly offsetBytes: number;
}

interface Arranged {
  /** Of the tensor in the output. */
  readonly index: number;
  /** Its parts in the file in between, and how they are reordered. */
  readonly source: Permutation;
}

/**
 * Factors that a format does not have row by row (transposed, experts side by side): they are computed into a file of
 * their own first, one tensor's parts after the other, and reordered when all of them are there.
 */
export class ArrangedTensors {
  readonly places: readonly (FactorRef & { readonly place: FactorPlace })[];
  readonly #path: string;
  readonly #tensors: readonly Arranged[];

  /** @param path of the file in between; it is made only where it is needed */
  constructor(path: string, { tensors }: OutputPlan, plans: readonly ModulePlan[]) {
    this.#path = path;
    const places: (FactorRef & { place: FactorPlace })[] = [];
    const arranged: Arranged[] = [];
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

  /** Puts every tensor into the output, and removes the file in between. */
  async finish(output: LaidOutFile): Promise<void> {
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
