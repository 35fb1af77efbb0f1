import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { coreGraph } from '../../../src/core/onnx/core-graph.ts';
import { gramGraph } from '../../../src/core/onnx/gram-graph.ts';
import { GraphBuilder } from '../../../src/core/onnx/graph-builder.ts';
import { projectGraph } from '../../../src/core/onnx/project-graph.ts';
import { decodeModel } from './decode-model.ts';

/** A small graph with every kind of node and attribute that the writer supports. */
function sample(): Uint8Array {
  const graph = new GraphBuilder('sample');
  const x = graph.input('x', 'double', ['N', 3]);
  const weights = graph.doubles([0.5, -1, 1e300], [3]);
  const again = graph.doubles([0.5, -1, 1e300], [3]);
  const [state] = graph.loop(
    7,
    [graph.mul(x, weights)],
    [{ type: 'double', dims: ['N', 3] }],
    (body, [s], round) => ({
      state: [body.add(s!, again)],
      go: body.greater(body.ints([-3], []), round),
    }),
  );
  graph.output('y', graph.sum(state!, [-1], false), 'double', ['N']);
  graph.output('z', graph.cast(x, 'bfloat16'), 'bfloat16', ['N', 3]);
  graph.output('leaky', graph.op('LeakyRelu', [x], { alpha: { float: 0.25 } }), 'double', ['N', 3]);
  return graph.build();
}

describe('the ONNX writer', () => {
  const model = decodeModel(sample());
  const nodes = model.graph!.node!;

  it('states version, opset and producer', () => {
    assert.equal(model.irVersion, 10);
    assert.deepEqual(
      model.opsetImport!.map(({ domain, version }) => [domain, version]),
      [['', 21]],
    );
    assert.equal(model.producerName, 'lora-squeeze');
  });

  it('declares inputs and outputs with types and both kinds of dimensions', () => {
    const described = [...model.graph!.input!, ...model.graph!.output!].map((value) => {
      const { elemType, shape } = value.type!.tensorType!;
      return [value.name, elemType, shape!.dim!.map((dim) => dim.dimParam || dim.dimValue)];
    });
    assert.deepEqual(described, [
      ['x', 11, ['N', 3]],
      ['y', 11, ['N']],
      ['z', 16, ['N', 3]],
      ['leaky', 11, ['N', 3]],
    ]);
  });

  it('keeps constants as raw little-endian data, once each', () => {
    const doubles = model.graph!.initializer!.filter(({ dims }) => String(dims) === '3');
    assert.equal(doubles.length, 1);
    const raw = Uint8Array.from(doubles[0]!.rawData!);
    assert.deepEqual([...new Float64Array(raw.buffer)], [0.5, -1, 1e300]);
    const negative = model.graph!.initializer!.map(({ dataType, rawData }) =>
      dataType === 7 ? new BigInt64Array(Uint8Array.from(rawData!).buffer)[0] : undefined,
    );
    assert.ok(negative.includes(-3n));
  });

  it('writes attributes of every kind with the type that the schema requires', () => {
    const attributes = new Map(
      nodes.flatMap(({ opType, attribute }) => attribute!.map((a) => [`${opType}.${a.name}`, a])),
    );
    assert.equal(attributes.get('Cast.to')!.i, 16);
    assert.equal(attributes.get('Cast.to')!.type, 2);
    assert.equal(attributes.get('LeakyRelu.alpha')!.f, 0.25);
    assert.equal(attributes.get('LeakyRelu.alpha')!.type, 1);
    assert.equal(attributes.get('ReduceSum.keepdims')!.i, 0);
    assert.equal(attributes.get('Loop.body')!.type, 5);
  });

  it('gives every value one name across graph and subgraph, and uses none before it is defined', () => {
    for (const bytes of [
      sample(),
      gramGraph(4),
      coreGraph('randomised', 16),
      projectGraph('float', 'float16'),
    ]) {
      const graph = decodeModel(bytes).graph!;
      const known = new Set(graph.initializer!.map(({ name }) => name!));
      checkNames(graph, known);
    }
  });

  it('is deterministic', () => {
    assert.deepEqual(sample(), sample());
    assert.deepEqual(coreGraph('exact', 32), coreGraph('exact', 32));
  });
});

type Graph = NonNullable<ReturnType<typeof decodeModel>['graph']>;

function checkNames(graph: Graph, known: Set<string>): void {
  const define = (name: string): void => {
    assert.ok(!known.has(name), `${name} twice`);
    known.add(name);
  };
  for (const input of graph.input!) define(input.name!);
  for (const node of graph.node!) {
    for (const name of node.input!)
      assert.ok(known.has(name), `${node.opType} uses ${name} before it is there`);
    for (const { g } of node.attribute!) if (g) checkNames(g as Graph, known);
    for (const name of node.output!) define(name);
  }
  for (const output of graph.output!) assert.ok(known.has(output.name!));
}
