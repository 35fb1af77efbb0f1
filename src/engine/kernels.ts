import { coreGraph } from '../core/onnx/core-graph.ts';
import { PROBES } from '../core/onnx/excess.ts';
import { gramGraph } from '../core/onnx/gram-graph.ts';
import { momentsGraph } from '../core/onnx/moments-graph.ts';
import { measureGraph, projectGraph } from '../core/onnx/project-graph.ts';
import { scaleGraph } from '../core/onnx/scale-graph.ts';
import { sumGraph } from '../core/onnx/sum-graph.ts';
import { transferGraph } from '../core/onnx/transfer.ts';
import { DeriveKernels } from './derive-kernels.ts';
import type {
  DecomposedModule,
  DecomposeInput,
  Grams,
  Matrix32,
  Measurement,
  Moments,
  MomentsInput,
  ProjectInput,
  Projection,
  ProjectionSums,
  ScaledFactor,
  Stack32,
  TensorSum,
  TransferInput,
  TransferMatrices,
} from './kernel-types.ts';
import { float32, float64, float64Scalar, int64, type ProviderName, Session } from './ort.ts';

/** Number of sessions that are kept. A job uses three to five; sessions for unusual widths must not accumulate. */
const MAX_SESSIONS = 16;

/**
 * From this rank on, the Gram products are split into SYMMETRIC_PARTS² blocks, and the symmetric half of them is not
 * computed. Determined by measurement.
 */
const SYMMETRIC_FROM_RANK = 128;
const SYMMETRIC_PARTS = 4;

/** The numeric graphs of the method, run on one execution provider with one thread. All numeric work happens here. */
export class Kernels {
  readonly #provider: ProviderName;
  readonly #sessions = new Map<string, Promise<Session>>();

  /** For updates that the file does not store as a product of two matrices. */
  readonly derive: DeriveKernels;

  constructor(provider: ProviderName) {
    this.#provider = provider;
    this.derive = new DeriveKernels((key, build) => this.#session(key, build));
  }

  /**
   * @param b [N, m, rank], all rows of each B or some of them
   * @param a [N, rank, n], all columns of each A or some of them
   * @param before the Gram matrices of the preceding chunks; null for the first chunk
   */
  async gram(b: Stack32, a: Stack32, before: Grams | null): Promise<Grams> {
    const rank = b.columns;
    const parts = rank >= SYMMETRIC_FROM_RANK ? SYMMETRIC_PARTS : 1;
    const session = await this.#session(`gram ${parts}`, () => gramGraph(parts));
    const squares = [b.count, rank, rank];
    const sum = (gram: Float64Array | undefined) =>
      float64(gram ?? new Float64Array(b.count * rank * rank), squares);
    const outputs = await session.run({
      b: matrices(b),
      a: matrices(a),
      gram_b_before: sum(before?.gramB),
      gram_a_before: sum(before?.gramA),
    });
    return { gramB: outputs.float64('gram_b'), gramA: outputs.float64('gram_a') };
  }

  async decompose(input: DecomposeInput): Promise<DecomposedModule[]> {
    const { variant, rank, columns, keep, grams } = input;
    const gramsB = concatenated(grams.map(({ gramB }) => gramB));
    const count = gramsB.length / rank ** 2;
    const session = await this.#session(`core ${variant} ${columns}`, () => coreGraph(variant, columns));
    const identity = paddedIdentity(rank, columns);
    const sketches = variant === 'exact' ? Array.from({ length: count }, () => identity) : input.sketches;
    const stacked = {
      gram_b: float64(gramsB, [count, rank, rank]),
      gram_a: float64(concatenated(grams.map(({ gramA }) => gramA)), [count, rank, rank]),
      sketch: float64(concatenated(sketches), [count, rank, columns]),
      keep: int64(keep),
    };
    const outputs = await session.run(
      variant === 'exact'
        ? stacked
        : {
            ...stacked,
            probe: float64(concatenated(input.probes), [count, rank, PROBES]),
            max_iterations: float64Scalar(input.maxIterations),
            tolerance: float64Scalar(input.tolerance),
          },
    );
    const part = (name: string, index: number): Float64Array => {
      const all = outputs.float64(name);
      const length = all.length / count;
      return all.slice(index * length, (index + 1) * length);
    };
    return Array.from({ length: count }, (_, index) => {
      const sigma = part('sigma', index);
      return {
        directions: { count: keep, p: part('p', index), r: part('r', index), sigma: sigma.subarray(0, keep) },
        sigma,
        energy: part('energy', index)[0]!,
        energyB: part('energy_b', index)[0]!,
        energyA: part('energy_a', index)[0]!,
        iterations: part('iterations', index)[0]!,
        converged: part('converged', index)[0] === 1,
        ...(variant === 'exact'
          ? {}
          : { sketched: { missed: part('missed', index)[0]!, residual: part('residual', index)[0]! } }),
      };
    });
  }

  async project(input: ProjectInput): Promise<Projection> {
    const { b, a, rank, gridB, gridA, before } = input;
    const session = await this.#session(`project ${gridB} ${gridA}`, () => projectGraph(gridB, gridA));
    const sum = (name: keyof ProjectionSums, rows: number) =>
      float64(before?.[name] ?? new Float64Array(b.count * rows * rank), [b.count, rows, rank]);
    const outputs = await session.run({
      b: matrices(b),
      a: matrices(a),
      ...transferFeeds(input, b.columns),
      cross_b_before: sum('cross_b', b.columns),
      cross_a_before: sum('cross_a', b.columns),
      own_b_before: sum('own_b', rank),
      own_a_before: sum('own_a', rank),
    });
    return {
      b: outputs.float32('b_out'),
      a: outputs.float32('a_out'),
      sums: {
        cross_b: outputs.float64('cross_b'),
        cross_a: outputs.float64('cross_a'),
        own_b: outputs.float64('own_b'),
        own_a: outputs.float64('own_a'),
      },
    };
  }

  /**
   * @param sums over all chunks of some modules of this rank, projected to rank k
   * @returns one result for each module
   */
  async measure(sums: ProjectionSums, rank: number, k: number): Promise<Measurement[]> {
    const session = await this.#session('measure', measureGraph);
    const count = sums.own_b.length / k ** 2;
    const outputs = await session.run({
      cross_b: float64(sums.cross_b, [count, rank, k]),
      cross_a: float64(sums.cross_a, [count, rank, k]),
      own_b: float64(sums.own_b, [count, k, k]),
      own_a: float64(sums.own_a, [count, k, k]),
    });
    const [inner, energy, energyB, energyA] = ['inner', 'energy', 'energy_b', 'energy_a'].map((name) =>
      outputs.float64(name),
    ) as [Float64Array, Float64Array, Float64Array, Float64Array];
    return Array.from({ length: count }, (_, at) => ({
      inner: inner[at]!,
      energy: energy[at]!,
      energyB: energyB[at]!,
      energyA: energyA[at]!,
    }));
  }

  /** @param moduleRank the rank of the modules before the squeeze */
  async transfer(input: TransferInput, moduleRank: number): Promise<TransferMatrices> {
    const session = await this.#session('transfer', transferGraph);
    const outputs = await session.run(transferFeeds(input, moduleRank));
    return { p: outputs.float64('p_out'), r: outputs.float64('r_out') };
  }

  /** Carries one moment of a module's factors, or a chunk of it, to the squeezed factors. */
  async carry({ power, b, a, p, r, k, ratio, gridB, gridA }: MomentsInput): Promise<Moments> {
    const key = `moments ${power} ${gridB} ${gridA}`;
    const session = await this.#session(key, () => momentsGraph(power, gridB, gridA));
    const outputs = await session.run({
      b: matrix(b),
      a: matrix(a),
      p: float64(p, [b.columns, k]),
      r: float64(r, [k, a.rows]),
      ratio: float64Scalar(ratio),
    });
    return {
      b: outputs.float32('b_out'),
      a: outputs.float32('a_out'),
      energyB: outputs.double('energy_b'),
      energyA: outputs.double('energy_a'),
      leastB: outputs.double('least_b'),
      leastA: outputs.double('least_a'),
    };
  }

  /**
   * x·factor, rounded to float32, with ‖x‖² and ‖x·factor‖²; the norms are not finite if x contains a number that is
   * not finite.
   */
  async scale(x: Matrix32, factor: number): Promise<ScaledFactor> {
    const session = await this.#session('scale', scaleGraph);
    const outputs = await session.run({ x: matrix(x), factor: float64Scalar(factor) });
    return {
      data: outputs.float32('y'),
      energyBefore: outputs.double('energy_x'),
      energyAfter: outputs.double('energy_y'),
    };
  }

  /** Σ factorᵢ·xᵢ of the rows of x, added in float64 and rounded to float32, with ‖xᵢ‖² and the squared norm of the sum. */
  async sum(x: Matrix32, factors: readonly number[]): Promise<TensorSum> {
    const session = await this.#session('sum', sumGraph);
    const outputs = await session.run({
      x: matrix(x),
      factors: float64(Float64Array.from(factors), [1, x.rows]),
    });
    return {
      data: outputs.float32('y'),
      energiesBefore: outputs.float64('energies_x'),
      energyAfter: outputs.double('energy_y'),
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map(release));
    this.#sessions.clear();
  }

  /** The session of a graph. When the cache is full, the least recently used session is closed. */
  async #session(key: string, build: () => Uint8Array): Promise<Session> {
    const known = this.#sessions.get(key);
    const session = known ?? Session.create(build(), this.#provider);
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    if (this.#sessions.size > MAX_SESSIONS) {
      const [oldestKey, oldest] = this.#sessions.entries().next().value!;
      this.#sessions.delete(oldestKey);
      await release(oldest);
    }
    try {
      return await session;
    } catch (error) {
      // The next task tries again, because there may be memory by then.
      if (this.#sessions.get(key) === session) this.#sessions.delete(key);
      throw error;
    }
  }
}

/** Closes a session, unless it could not be created. */
const release = (session: Promise<Session>): Promise<void> =>
  session.then(
    (created) => created.release(),
    () => undefined,
  );

function transferFeeds({ directions, rank, split, factorB, factorA }: TransferInput, moduleRank: number) {
  const { count, p, r, sigma } = directions;
  const modules = factorB.length;
  return {
    p: float64(p, [modules, moduleRank, count]),
    r: float64(r, [modules, count, moduleRank]),
    sigma: float64(sigma, [modules, count]),
    k: int64(rank),
    split: float64Scalar(split),
    factor_b: float64(Float64Array.from(factorB), [modules]),
    factor_a: float64(Float64Array.from(factorA), [modules]),
  };
}

const matrix = ({ data, rows, columns }: Matrix32) => float32(data, [rows, columns]);

const matrices = ({ data, count, rows, columns }: Stack32) => float32(data, [count, rows, columns]);

function concatenated(parts: readonly Float64Array[]): Float64Array {
  if (parts.length === 1) return parts[0]!;
  const result = new Float64Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}

/** The sketch of the exact method: every coordinate direction, followed by zero columns up to the width. */
function paddedIdentity(rank: number, columns: number): Float64Array {
  const result = new Float64Array(rank * columns);
  for (let i = 0; i < rank; i++) result[i * columns + i] = 1;
  return result;
}
