import { open, rm } from 'node:fs/promises';
import type { FactorRef, ModulePlan, OutputPlan, TensorSource } from '../adapter/adapter.ts';
import { BYTES_PER_ELEMENT, type FloatDtype } from '../core/half.ts';
import { permute } from '../core/permute.ts';
import type { LaidOutFile } from './laid-out-file.ts';

/** Where a factor is written, row by row. */
export interface FactorPlace {
  readonly path: string;
  readonly offsetBytes: number;
}

interface Arranged {
  /** Of the tensor in the output. */
  readonly index: number;
  readonly elementBytes: number;
  readonly source: Extract<TensorSource, { kind: 'arranged' }>;
  readonly beginByte: number;
  readonly bytes: number;
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
    for (const [index, { dtype, source }] of tensors.entries()) {
      if (source.kind !== 'arranged') continue;
      const beginByte = end;
      const elementBytes = BYTES_PER_ELEMENT[dtype as FloatDtype];
      for (const { factor, moduleIndex } of source.parts) {
        const { module, rank } = plans[moduleIndex]!;
        places.push({ factor, moduleIndex, place: { path, offsetBytes: end } });
        end += rank * (factor === 'a' ? module.n : module.m) * elementBytes;
      }
      arranged.push({ index, elementBytes, source, beginByte, bytes: end - beginByte });
    }
    this.places = places;
    this.#tensors = arranged;
  }

  async create(): Promise<void> {
    const last = this.#tensors.at(-1);
    if (!last) return;
    const file = await open(this.#path, 'wx');
    try {
      await file.truncate(last.beginByte + last.bytes);
    } finally {
      await file.close();
    }
  }

  /** Puts every tensor into the output, and removes the file in between. */
  async finish(output: LaidOutFile): Promise<void> {
    if (this.#tensors.length === 0) return;
    const [from, to] = [await open(this.#path, 'r'), await open(output.path, 'r+')];
    try {
      for (const { index, elementBytes, source, beginByte, bytes } of this.#tensors) {
        const parts = new Uint8Array(bytes);
        for (let done = 0; done < bytes; ) {
          const { bytesRead } = await from.read(parts, done, bytes - done, beginByte + done);
          if (bytesRead === 0) throw new RangeError(`${this.#path} ends inside a tensor`);
          done += bytesRead;
        }
        const result = permute(parts, elementBytes, source.shape, source.axes);
        for (let done = 0; done < bytes; ) {
          const at = output.offsets[index]! + done;
          done += (await to.write(result, done, bytes - done, at)).bytesWritten;
        }
      }
    } finally {
      await Promise.all([from.close(), to.close()]);
    }
    await rm(this.#path);
  }
}
