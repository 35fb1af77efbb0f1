import type { InputForm } from '../core/onnx/inputs.ts';
import { orthonormalColumnsGraph } from '../core/onnx/orthonormal-columns.ts';
import { type PairKind, pairGraph, roundedGraph, updateRowsGraph } from '../core/onnx/pair-graph.ts';
import {
  distanceGraph,
  energyGraph,
  type RowsType,
  rowsTimesGraph,
  transposedTimesGraph,
  truncateGraph,
} from '../core/onnx/sketch-graphs.ts';
import type {
  ComputedMatrix,
  Matrix32,
  Matrix64,
  MatrixForm,
  Rows,
  TruncatedFactors,
} from './kernel-types.ts';
import { float32, float64, int64, type Outputs, type Session, type TensorData } from './ort.ts';

type SessionOf = (key: string, build: () => Uint8Array) => Promise<Session>;

/**
 * The graphs that compute plain factors for other kinds of updates. They compute in float64, whatever the types of
 * their inputs and outputs.
 */
export class DeriveKernels {
  readonly #session: SessionOf;

  constructor(session: SessionOf) {
    this.#session = session;
  }

  /** ‖x‖²; not finite if x contains a number that is not finite. */
  async energy(x: Rows): Promise<number> {
    const type = typeOf(x);
    const session = await this.#session(`energy ${type}`, () => energyGraph(type));
    return (await session.run({ w: tensor(x) })).double('energy');
  }

  /** The products of pairs of rows or columns of x and y; see PairKind. */
  async pairs(kind: PairKind, x: MatrixForm, y: MatrixForm): Promise<ComputedMatrix> {
    const forms = [formOf(x), formOf(y)] as const;
    const session = await this.#session(`pairs ${kind} ${forms}`, () => pairGraph(kind, ...forms));
    return computed(await session.run({ ...feedsOf('x', x), ...feedsOf('y', y) }));
  }

  /** Computes the values of a matrix that is stored in another form, rounded to float32. */
  async rounded(x: MatrixForm): Promise<ComputedMatrix> {
    const form = formOf(x);
    const session = await this.#session(`rounded ${form}`, () => roundedGraph(form));
    return computed(await session.run(feedsOf('x', x)));
  }

  /** Some rows of an update: x ⊗ y or x ⊙ y. */
  async updateRows(kind: 'kronecker' | 'hadamard', x: MatrixForm, y: MatrixForm): Promise<Float64Array> {
    const forms = [formOf(x), formOf(y)] as const;
    const session = await this.#session(`update ${kind} ${forms}`, () => updateRowsGraph(kind, ...forms));
    return (await session.run({ ...feedsOf('x', x), ...feedsOf('y', y) })).float64('out');
  }

  /** w·x, [h, l]. */
  async times(w: Rows, x: Matrix64): Promise<Float64Array> {
    const type = typeOf(w);
    const session = await this.#session(`rows times ${type}`, () => rowsTimesGraph(type));
    return (await session.run({ w: tensor(w), x: tensor(x) })).float64('y');
  }

  /** before + wᵀ·q, [n, l]. */
  async transposedTimes(w: Rows, q: Matrix64, before: Matrix64): Promise<Float64Array> {
    const type = typeOf(w);
    const session = await this.#session(`transposed times ${type}`, () => transposedTimesGraph(type));
    return (await session.run({ w: tensor(w), q: tensor(q), before: tensor(before) })).float64('z');
  }

  /**
   * An orthonormal basis of the columns; a column that depends on others becomes zero. The number of columns must be
   * a multiple of COLUMN_STEP.
   */
  async orthonormal({ data, rows, columns }: Matrix64): Promise<Float64Array> {
    const session = await this.#session(`orthonormal ${columns}`, () => orthonormalColumnsGraph(columns));
    return (await session.run({ x: float64(data, [1, rows, columns]) })).float64('q');
  }

  /** The best factors of rank `rank` for q·zᵀ; see truncateGraph. */
  async truncate(q: Matrix64, z: Matrix64, rank: number): Promise<TruncatedFactors> {
    const session = await this.#session(`truncate ${q.columns}`, () => truncateGraph(q.columns));
    const outputs = await session.run({ q: tensor(q), z: tensor(z), k: int64(rank) });
    return {
      b: outputs.float32('b'),
      a: outputs.float32('a'),
      converged: outputs.float64('converged')[0] === 1,
    };
  }

  /** ‖w − b·a‖² of some rows. */
  async distance(w: Rows, b: Matrix32, a: Matrix32): Promise<number> {
    const type = typeOf(w);
    const session = await this.#session(`distance ${type}`, () => distanceGraph(type));
    return (await session.run({ w: tensor(w), b: tensor(b), a: tensor(a) })).double('energy');
  }
}

const typeOf = ({ data }: Rows): RowsType => (data instanceof Float32Array ? 'float' : 'double');

const tensor = ({ data, rows, columns }: Rows): TensorData =>
  data instanceof Float32Array ? float32(data, [rows, columns]) : float64(data, [rows, columns]);

const computed = (outputs: Outputs): ComputedMatrix => ({
  data: outputs.float32('out'),
  energy: outputs.double('energy'),
});

function formOf(x: MatrixForm): InputForm {
  if ('left' in x) return 'product';
  if ('side' in x) return 'side';
  return 'core' in x ? 'core' : 'plain';
}

function feedsOf(name: string, x: MatrixForm): Record<string, TensorData> {
  if ('left' in x) return { [`${name}_left`]: tensor(x.left), [`${name}_right`]: tensor(x.right) };
  if (!('core' in x)) return { [name]: tensor(x) };
  const { core, factor, kernel } = x;
  return {
    [`${name}_core`]: float32(core.data, [core.rows, core.columns / kernel, kernel]),
    [`${name}_factor`]: tensor(factor),
    ...('side' in x ? { [`${name}_side`]: tensor(x.side) } : {}),
  };
}
