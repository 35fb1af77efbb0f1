import { GraphBuilder, type Value } from './graph-builder.ts';
import { type InputForm, matrixInput } from './inputs.ts';

/**
 * Products of every row or column of one matrix with those of another, by kind:
 * - kronecker: x [p, q], y [r, s] → [p, r, q, s], the Kronecker product [p·r, q·s].
 * - rows: x [c, p], y [c, q] → [c, p, q], the face-splitting product [c, p·q]: row i is xᵢ ⊗ yᵢ.
 * - columns: x [p, c], y [q, c] → [p, q, c], the Khatri–Rao product [p·q, c]: column j is xⱼ ⊗ yⱼ.
 * - columns-transposed: as columns, but [c, p, q].
 */
export type PairKind = 'kronecker' | 'rows' | 'columns' | 'columns-transposed';

/**
 * Inputs: x and y in their forms. Outputs: out, float32, rounded once; energy = ‖out‖² in float64, which is not
 * finite if a number exceeds float32.
 */
export function pairGraph(kind: PairKind, x: InputForm, y: InputForm): Uint8Array {
  const graph = new GraphBuilder(`pair_${kind}`);
  const [left, right] = [matrixInput(graph, 'x', x), matrixInput(graph, 'y', y)];
  rounded(graph, pairs(graph, kind, left, right), kind === 'kronecker' ? 4 : 3);
  return graph.build();
}

/** A matrix in its form, rounded. Inputs: x. Outputs as those of pairGraph. */
export function roundedGraph(form: InputForm): Uint8Array {
  const graph = new GraphBuilder(`rounded_${form}`);
  rounded(graph, matrixInput(graph, 'x', form), 2);
  return graph.build();
}

/**
 * Rows of an update that is x ⊗ y or x ⊙ y, for those that read it more than once. Inputs: x and y in their forms, of
 * x (and of y where it is ⊙) some rows only. Output: out float64, [p, r, q, s] or [h, n].
 */
export function updateRowsGraph(kind: 'kronecker' | 'hadamard', x: InputForm, y: InputForm): Uint8Array {
  const graph = new GraphBuilder(`update_rows_${kind}`);
  const [left, right] = [matrixInput(graph, 'x', x), matrixInput(graph, 'y', y)];
  if (kind === 'hadamard') graph.output('out', graph.mul(left, right), 'double', ['h', 'n']);
  else graph.output('out', pairs(graph, 'kronecker', left, right), 'double', ['p', 'r', 'q', 's']);
  return graph.build();
}

function pairs(graph: GraphBuilder, kind: PairKind, x: Value, y: Value): Value {
  const axes = (value: Value, ...at: number[]): Value => graph.op('Unsqueeze', [value, graph.ints(at)]);
  switch (kind) {
    case 'kronecker':
      return graph.mul(axes(x, 1, 3), axes(y, 0, 2));
    case 'rows':
      return graph.mul(axes(x, 2), axes(y, 1));
    case 'columns':
      return graph.mul(axes(x, 1), axes(y, 0));
    case 'columns-transposed':
      return pairs(graph, 'rows', graph.transpose(x), graph.transpose(y));
  }
}

/** Declares the outputs `out` (in float32) and `energy` for a float64 value. @param axes number of axes of the value */
function rounded(graph: GraphBuilder, value: Value, axes: number): void {
  const out = graph.cast(value, 'float');
  const again = graph.cast(out, 'double');
  const all = Array.from({ length: axes }, (_, axis) => axis);
  graph.output('out', out, 'float', ['s', 't', 'u', 'v'].slice(0, axes));
  graph.output('energy', graph.sum(graph.mul(again, again), all, false), 'double', []);
}
