import { coreGraph } from '../core/onnx/core-graph.ts';
import { gramGraph } from '../core/onnx/gram-graph.ts';
import { BLOCK } from '../core/onnx/orthonormalise.ts';
import { type OutputGrid, projectGraph } from '../core/onnx/project-graph.ts';
import { double, float32, float64, int64, type ProviderName, Session } from './ort.ts';

/** Sessions kept ready. A job uses three to five; widths of unusual jobs should not pile up for ever. */
const MAX_SESSIONS = 16;

/** A dense row-major matrix. */
export interface Matrix32 {
  readonly data: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

/** Gram matrices of one module, float64 [rank, rank]. */
export interface Grams {
  readonly gramB: Float64Array;
  readonly gramA: Float64Array;
}

/** What to do with a stack of modules of equal rank. */
export interface DecomposeInput {
  readonly variant: 'randomised' | 'exact';
  readonly rank: number;
  /** Width l of the sketch, a multiple of COLUMN_STEP; at least `rank` for exact. */
  readonly columns: number;
  readonly grams: readonly Grams[];
  /** [rank, columns] for each module. Ignored for exact. */
  readonly sketches: readonly Float64Array[];
  readonly maxIterations: number;
  readonly tolerance: number;
}

/** One module taken apart: ΔW ≈ (B·p)·(r·A), best directions first. */
export interface Decomposition {
  readonly columns: number;
  /** [rank, columns] */
  readonly p: Float64Array;
  /** [columns, rank] */
  readonly r: Float64Array;
  /** [columns], descending. */
  readonly sigma: Float64Array;
  /** ‖B·A‖² */
  readonly energy: number;
  readonly iterations: number;
  readonly converged: boolean;
}

export interface ProjectInput {
  readonly b: Matrix32;
  readonly a: Matrix32;
  readonly decomposition: Pick<Decomposition, 'columns' | 'p' | 'r' | 'sigma'>;
  readonly rank: number;
  /** Share of σ that goes into B. */
  readonly split: number;
  readonly factorB: number;
  readonly factorA: number;
  readonly gridB: OutputGrid;
  readonly gridA: OutputGrid;
}

export interface Projection {
  readonly b: Float32Array;
  readonly a: Float32Array;
  /** ⟨B·A, B′·A′⟩ and ‖B′·A′‖² of the rounded factors; not finite when the output dtype overflowed. */
  readonly inner: number;
  readonly energy: number;
}

/** Sketch widths are multiples of this. */
export const COLUMN_STEP = BLOCK;

/** The three graphs of the method on one execution provider, one thread. Everything numeric happens in here. */
export class Kernels {
  readonly #provider: ProviderName;
  readonly #sessions = new Map<string, Promise<Session>>();

  constructor(provider: ProviderName) {
    this.#provider = provider;
  }

  /** @param b [m, rank] @param a [rank, n] */
  async gram(b: Matrix32, a: Matrix32): Promise<Grams> {
    const session = await this.#session('gram', gramGraph);
    const outputs = await session.run({ b: matrix(b), a: matrix(a) });
    return { gramB: outputs.float64('gram_b'), gramA: outputs.float64('gram_a') };
  }

  async decompose(input: DecomposeInput): Promise<Decomposition[]> {
    const { variant, rank, columns, grams } = input;
    const count = grams.length;
    const session = await this.#session(`core ${variant} ${columns}`, () => coreGraph(variant, columns));
    const sketches = variant === 'exact' ? grams.map(() => paddedIdentity(rank, columns)) : input.sketches;
    const stacked = {
      gram_b: float64(stack(grams.map(({ gramB }) => gramB)), [count, rank, rank]),
      gram_a: float64(stack(grams.map(({ gramA }) => gramA)), [count, rank, rank]),
      sketch: float64(stack(sketches), [count, rank, columns]),
    };
    const outputs = await session.run(
      variant === 'exact'
        ? stacked
        : { ...stacked, max_iterations: int64(input.maxIterations), tolerance: double(input.tolerance) },
    );
    const part = (name: string, index: number): Float64Array => {
      const all = outputs.float64(name);
      const length = all.length / count;
      return all.slice(index * length, (index + 1) * length);
    };
    return grams.map((_, index) => ({
      columns,
      p: part('p', index),
      r: part('r', index),
      sigma: part('sigma', index),
      energy: part('energy', index)[0]!,
      iterations: part('iterations', index)[0]!,
      converged: part('converged', index)[0] === 1,
    }));
  }

  async project(input: ProjectInput): Promise<Projection> {
    const { b, a, decomposition, gridB, gridA } = input;
    const session = await this.#session(`project ${gridB} ${gridA}`, () => projectGraph(gridB, gridA));
    const { columns } = decomposition;
    const outputs = await session.run({
      b: matrix(b),
      a: matrix(a),
      p: float64(decomposition.p, [b.columns, columns]),
      r: float64(decomposition.r, [columns, a.rows]),
      sigma: float64(decomposition.sigma, [columns]),
      k: int64(input.rank),
      split: double(input.split),
      factor_b: double(input.factorB),
      factor_a: double(input.factorA),
    });
    return {
      b: outputs.float32('b_out'),
      a: outputs.float32('a_out'),
      inner: outputs.double('inner'),
      energy: outputs.double('energy_out'),
    };
  }

  async close(): Promise<void> {
    for (const session of this.#sessions.values()) await (await session).release();
    this.#sessions.clear();
  }

  /** The session of a graph; the one used longest ago makes room. */
  async #session(key: string, build: () => Uint8Array): Promise<Session> {
    const known = this.#sessions.get(key);
    const session = known ?? Session.create(build(), this.#provider);
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    if (this.#sessions.size > MAX_SESSIONS) {
      const [oldestKey, oldest] = this.#sessions.entries().next().value!;
      this.#sessions.delete(oldestKey);
      await (await oldest).release();
    }
    return session;
  }
}

const matrix = ({ data, rows, columns }: Matrix32) => float32(data, [rows, columns]);

function stack(parts: readonly Float64Array[]): Float64Array {
  const length = parts[0]?.length ?? 0;
  const result = new Float64Array(length * parts.length);
  for (const [index, part] of parts.entries()) result.set(part, index * length);
  return result;
}

/** The exact method's sketch: every coordinate direction, then zero columns up to the width. */
function paddedIdentity(rank: number, columns: number): Float64Array {
  const result = new Float64Array(rank * columns);
  for (let i = 0; i < rank; i++) result[i * columns + i] = 1;
  return result;
}
