import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FactorEntry } from '../../../src/adapter/adapter.ts';
import type {
  Derivation,
  MatrixEntry,
  StagedTensor,
  StagingPlan,
} from '../../../src/adapter/staging-plan.ts';
import type { ComputePool } from '../../../src/compute/pool.ts';
import { ProgressTracker } from '../../../src/squeeze/progress-tracker.ts';
import { writeStaged } from '../../../src/squeeze/stage/write-staged.ts';
import { type Matrix, matrix } from '../../oracle/linear-algebra.ts';
import { parseSafetensors, tensorMatrix } from '../../oracle/safetensors.ts';

/** A file of float32 matrices, one after the other, and their places. */
export class Source {
  readonly dir: string = mkdtempSync(join(tmpdir(), 'staging-'));
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;

  get path(): string {
    return join(this.dir, 'source');
  }

  /** Adds a matrix; its numbers are rounded to float32, also in the returned one. */
  add(name: string, given: Matrix): { entry: MatrixEntry; matrix: Matrix } {
    const numbers = Float32Array.from(given.data);
    const entry = this.addBytes(name, new Uint8Array(numbers.buffer), [given.rows, given.columns]);
    return {
      entry: { entry, rows: given.rows, columns: given.columns },
      matrix: matrix(given.rows, given.columns, numbers),
    };
  }

  addBytes(
    name: string,
    bytes: Uint8Array,
    shape: readonly number[],
    dtype: FactorEntry['dtype'] = 'F32',
  ): FactorEntry {
    const beginByte = this.#bytes;
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
    return { name, dtype, shape, beginByte, endByte: this.#bytes };
  }

  write(): void {
    writeFileSync(this.path, Buffer.concat(this.#parts));
  }

  remove(): void {
    rmSync(this.dir, { recursive: true });
  }
}

/** The plan of modules whose factors are both derived; tensors are named <module>.a and <module>.b. */
export const planOf = (derivations: readonly Derivation[]): StagingPlan => ({
  derivations,
  tensors: derivations.flatMap(({ module, m, n, rank }, derivation): StagedTensor[] => [
    {
      name: `${module}.a`,
      dtype: 'F32',
      shape: [rank, n],
      source: { kind: 'derived', derivation, factor: 'a' },
    },
    {
      name: `${module}.b`,
      dtype: 'F32',
      shape: [m, rank],
      source: { kind: 'derived', derivation, factor: 'b' },
    },
  ]),
});

export const watching = (
  signal = new AbortController().signal,
  onProgress: ConstructorParameters<typeof ProgressTracker>[0] = () => {},
): ProgressTracker => new ProgressTracker(onProgress, signal);

/** Writes the staged file of a source, and reads it with the oracle. */
export async function staging(
  pool: ComputePool,
  source: Source,
  plan: StagingPlan,
  tracker: ProgressTracker = watching(),
): Promise<{
  bytes: Uint8Array;
  tensors: ReadonlyMap<string, Matrix>;
  residuals: ReadonlyMap<string, number>;
}> {
  source.write();
  const path = join(source.dir, 'staged.safetensors');
  rmSync(path, { force: true });
  const residuals = await writeStaged(plan, source.path, path, pool, tracker);
  const bytes = new Uint8Array(readFileSync(path));
  const tensors = new Map<string, Matrix>();
  for (const [name, tensor] of parseSafetensors(bytes).tensors) {
    if (tensor.dtype !== 'U8') tensors.set(name, tensorMatrix(tensor));
  }
  return { bytes, tensors, residuals };
}
