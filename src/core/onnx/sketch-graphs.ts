import { symmetricEigen } from './eigen.ts';
import { GraphBuilder, type Value } from './graph-builder.ts';

/** Keeps divisions finite where a singular value is zero. */
const TINY = 1e-300;

/** The element type of W: that of a file, or that of a computed matrix. */
export type RowsType = 'float' | 'double';

const rowsOf = (graph: GraphBuilder, type: RowsType): Value => {
  const w = graph.input('w', type, ['h', 'n']);
  return type === 'double' ? w : graph.cast(w, 'double');
};

/** Some rows of W times a matrix. Inputs: w [h, n], x [n, l] float64. Output: y [h, l] = w·x. */
export function rowsTimesGraph(type: RowsType): Uint8Array {
  const graph = new GraphBuilder(`rows_times_${type}`);
  const w = rowsOf(graph, type);
  graph.output('y', graph.matmul(w, graph.input('x', 'double', ['n', 'l'])), 'double', ['h', 'l']);
  return graph.build();
}

/**
 * Wᵀ·Q, summed over blocks of rows. Inputs: w [h, n], q [h, l] float64, before [n, l] float64.
 * Output: z [n, l] = before + wᵀ·q.
 */
export function transposedTimesGraph(type: RowsType): Uint8Array {
  const graph = new GraphBuilder(`transposed_times_${type}`);
  const w = rowsOf(graph, type);
  const product = graph.op('Gemm', [w, graph.input('q', 'double', ['h', 'l'])], { transA: { int: 1 } });
  const before = graph.input('before', 'double', ['n', 'l']);
  graph.output('z', graph.add(before, product), 'double', ['n', 'l']);
  return graph.build();
}

/** Squared Frobenius norm. Input: w [h, n]. Output: energy, float64; not finite where a number is not. */
export function energyGraph(type: RowsType): Uint8Array {
  const graph = new GraphBuilder(`energy_${type}`);
  const w = rowsOf(graph, type);
  graph.output('energy', graph.sum(graph.mul(w, w), [0, 1], false), 'double', []);
  return graph.build();
}

/** Squared distance of some rows of W from those of B·A. Inputs: w [h, n], b [h, r], a [r, n] float32. */
export function distanceGraph(type: RowsType): Uint8Array {
  const graph = new GraphBuilder(`distance_${type}`);
  const w = rowsOf(graph, type);
  const b = graph.cast(graph.input('b', 'float', ['h', 'r']), 'double');
  const a = graph.cast(graph.input('a', 'float', ['r', 'n']), 'double');
  const rest = graph.sub(w, graph.matmul(b, a));
  graph.output('energy', graph.sum(graph.mul(rest, rest), [0, 1], false), 'double', []);
  return graph.build();
}

/**
 * The best factors of rank k of Q·Zᵀ, Q with orthonormal columns: ZᵀZ = V·Σ²·Vᵀ, B = Q·Vₖ·√Σₖ, A = Vₖᵀ·Zᵀ / √Σₖ.
 *
 * Inputs: q [m, l], z [n, l] float64, k (int64), at most l. Outputs: b [m, k], a [k, n] float32, rounded once;
 * converged (1 or 0).
 * @param columns l, a multiple of BLOCK
 */
export function truncateGraph(columns: number): Uint8Array {
  const graph = new GraphBuilder(`truncate_${columns}`);
  const q = graph.input('q', 'double', ['m', columns]);
  const z = graph.input('z', 'double', ['n', columns]);
  const k = graph.unsqueeze(graph.input('k', 'int64', []), 0);
  const gram = graph.unsqueeze(graph.op('Gemm', [z, z], { transA: { int: 1 } }), 0);
  const { values, rows, converged } = symmetricEigen(graph, gram, columns);
  const first = (x: Value): Value =>
    graph.op('Slice', [graph.squeeze(x, 0), graph.ints([0]), k, graph.ints([0])]);
  const vectors = first(rows);
  const root = graph.sqrt(graph.sqrt(first(values)));
  const isSome = graph.greater(root, graph.double(0));
  const reciprocal = graph.where(
    isSome,
    graph.div(graph.double(1), graph.max(root, graph.double(TINY))),
    graph.double(0),
  );
  const b = graph.mul(graph.op('Gemm', [q, vectors], { transB: { int: 1 } }), root);
  const a = graph.mul(graph.op('Gemm', [vectors, z], { transB: { int: 1 } }), graph.unsqueeze(reciprocal, 1));
  graph.output('b', graph.cast(b, 'float'), 'float', ['m', 'k']);
  graph.output('a', graph.cast(a, 'float'), 'float', ['k', 'n']);
  graph.output('converged', graph.cast(converged, 'double'), 'double', ['N']);
  return graph.build();
}
