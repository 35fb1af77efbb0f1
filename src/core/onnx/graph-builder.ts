import type { AttributeValue, Dim, ElementType } from './proto.ts';
import * as proto from './proto.ts';
import type { MessageWriter } from './wire.ts';

/** A value in a graph under construction. Only the builder creates values. */
export interface Value {
  readonly name: string;
}

type Attributes = Readonly<Record<string, AttributeValue>>;

/**
 * Builds an ONNX graph node by node. Small methods name the operators in use, so that the mathematics in the graph
 * files is readable as such. Subgraphs of `loop` can use the values of the surrounding graph.
 */
export class GraphBuilder {
  readonly #name: string;
  readonly #isRoot: boolean;
  readonly #scope: { next: number };
  readonly #constants: Map<string, Value>;
  readonly #initializers: MessageWriter[];
  readonly #nodes: MessageWriter[] = [];
  readonly #inputs: MessageWriter[] = [];
  readonly #outputs: MessageWriter[] = [];

  constructor(name: string, parent?: GraphBuilder) {
    this.#name = name;
    // Names are unique over all subgraphs, and constants live in the outermost graph, once each.
    this.#scope = parent ? parent.#scope : { next: 0 };
    this.#constants = parent ? parent.#constants : new Map();
    this.#initializers = parent ? parent.#initializers : [];
    this.#isRoot = !parent;
  }

  input(name: string, type: ElementType, dims: readonly Dim[]): Value {
    this.#inputs.push(proto.valueInfo(name, type, dims));
    return { name };
  }

  /** Declares `value` an output called `name`. */
  output(name: string, value: Value, type: ElementType, dims: readonly Dim[]): void {
    this.#nodes.push(proto.node('Identity', [value.name], [name], {}));
    this.#outputs.push(proto.valueInfo(name, type, dims));
  }

  /** Any op with one output. */
  op(name: string, inputs: readonly Value[], attributes: Attributes = {}): Value {
    return this.ops(name, inputs, 1, attributes)[0]!;
  }

  /** Any op with several outputs. */
  ops(name: string, inputs: readonly Value[], outputCount: number, attributes: Attributes = {}): Value[] {
    const outputs = Array.from({ length: outputCount }, () => this.#fresh(name));
    const names = (values: readonly Value[]) => values.map((value) => value.name);
    this.#nodes.push(proto.node(name, names(inputs), names(outputs), attributes));
    return outputs;
  }

  // Constants

  doubles(values: ArrayLike<number>, dims: readonly number[]): Value {
    return this.#constant('double', Float64Array.from(values), dims);
  }

  double(value: number): Value {
    return this.doubles([value], []);
  }

  ints(values: readonly number[], dims: readonly number[] = [values.length]): Value {
    return this.#constant('int64', BigInt64Array.from(values, BigInt), dims);
  }

  bool(value: boolean): Value {
    return this.#constant('bool', Uint8Array.of(value ? 1 : 0), []);
  }

  /** The identity matrix, float64 [size, size]. */
  identity(size: number): Value {
    const values = new Float64Array(size * size);
    for (let i = 0; i < size; i++) values[i * size + i] = 1;
    return this.doubles(values, [size, size]);
  }

  // Arithmetic

  matmul = (x: Value, y: Value): Value => this.op('MatMul', [x, y]);
  add = (x: Value, y: Value): Value => this.op('Add', [x, y]);
  sub = (x: Value, y: Value): Value => this.op('Sub', [x, y]);
  mul = (x: Value, y: Value): Value => this.op('Mul', [x, y]);
  div = (x: Value, y: Value): Value => this.op('Div', [x, y]);
  neg = (x: Value): Value => this.op('Neg', [x]);
  abs = (x: Value): Value => this.op('Abs', [x]);
  sqrt = (x: Value): Value => this.op('Sqrt', [x]);
  max = (x: Value, y: Value): Value => this.op('Max', [x, y]);
  greater = (x: Value, y: Value): Value => this.op('Greater', [x, y]);
  where = (condition: Value, x: Value, y: Value): Value => this.op('Where', [condition, x, y]);
  and = (x: Value, y: Value): Value => this.op('And', [x, y]);
  or = (x: Value, y: Value): Value => this.op('Or', [x, y]);
  not = (x: Value): Value => this.op('Not', [x]);
  cast = (x: Value, type: ElementType): Value =>
    this.op('Cast', [x], { to: { int: proto.ELEMENT_TYPE[type] } });

  // Shapes

  /** Swaps the last two axes of a [N, rows, columns] stack. */
  transposeStack = (x: Value): Value => this.op('Transpose', [x], { perm: { ints: [0, 2, 1] } });
  transpose = (x: Value): Value => this.op('Transpose', [x], { perm: { ints: [1, 0] } });
  concat = (values: readonly Value[], axis: number): Value =>
    this.op('Concat', values, { axis: { int: axis } });
  split = (x: Value, axis: number, sizes: readonly number[]): Value[] =>
    this.ops('Split', [x, this.ints(sizes)], sizes.length, { axis: { int: axis } });
  /** Elements [begin, end) along an axis. */
  slice = (x: Value, axis: number, begin: number, end: number): Value =>
    this.op('Slice', [x, this.ints([begin]), this.ints([end]), this.ints([axis])]);
  unsqueeze = (x: Value, axis: number): Value => this.op('Unsqueeze', [x, this.ints([axis])]);
  squeeze = (x: Value, axis: number): Value => this.op('Squeeze', [x, this.ints([axis])]);

  // Reductions; axes are kept by default

  sum = (x: Value, axes: readonly number[], keep = true): Value =>
    this.op('ReduceSum', [x, this.ints(axes)], { keepdims: { int: keep ? 1 : 0 } });
  reduceMax = (x: Value, axes: readonly number[], keep = true): Value =>
    this.op('ReduceMax', [x, this.ints(axes)], { keepdims: { int: keep ? 1 : 0 } });

  /**
   * An ONNX Loop of at most `maxTrips` rounds (int64 scalar) over `state`; it ends early when `body` returns `go` false.
   * @param shapes element type and dims of each state value, for the subgraph's signature
   */
  loop(
    maxTrips: number | Value,
    state: readonly Value[],
    shapes: readonly { readonly type: ElementType; readonly dims: readonly Dim[] }[],
    body: (
      graph: GraphBuilder,
      state: readonly Value[],
      round: Value,
    ) => { state: readonly Value[]; go?: Value | undefined },
  ): Value[] {
    const inner = new GraphBuilder(`${this.#name}_loop`, this);
    const round = inner.input(inner.#fresh('round').name, 'int64', []);
    const condition = inner.input(inner.#fresh('go').name, 'bool', []);
    const entering = shapes.map(({ type, dims }) => inner.input(inner.#fresh('state').name, type, dims));
    const result = body(inner, entering, round);
    inner.output(inner.#fresh('go').name, result.go ?? condition, 'bool', []);
    for (const [i, value] of result.state.entries()) {
      const { type, dims } = shapes[i]!;
      inner.output(inner.#fresh('state').name, value, type, dims);
    }
    const trips = typeof maxTrips === 'number' ? this.ints([maxTrips], []) : maxTrips;
    return this.ops('Loop', [trips, this.bool(true), ...state], state.length, {
      body: { graph: inner.#message() },
    });
  }

  /** The finished model, serialised. Deterministic: the same calls give the same bytes. */
  build(): Uint8Array {
    return proto.model(this.#message(), 'lora-squeeze');
  }

  #message(): MessageWriter {
    return proto.graph({
      name: this.#name,
      nodes: this.#nodes,
      initializers: this.#isRoot ? this.#initializers : [],
      inputs: this.#inputs,
      outputs: this.#outputs,
    });
  }

  #fresh(stem: string): Value {
    return { name: `${stem}_${this.#scope.next++}` };
  }

  #constant(
    type: ElementType,
    data: Float64Array | BigInt64Array | Uint8Array,
    dims: readonly number[],
  ): Value {
    const key = `${type}|${dims.join()}|${Array.from(data as ArrayLike<number | bigint>).join()}`;
    let value = this.#constants.get(key);
    if (!value) {
      value = this.#fresh('constant');
      const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      this.#initializers.push(proto.tensor(value.name, type, dims, raw));
      this.#constants.set(key, value);
    }
    return value;
  }
}
