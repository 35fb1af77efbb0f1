import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { onnx } from 'onnx-proto';
import { coreGraph } from '../../../src/core/onnx/core-graph.ts';
import { gramGraph } from '../../../src/core/onnx/gram-graph.ts';
import { orthonormalColumnsGraph } from '../../../src/core/onnx/orthonormal-columns.ts';
import { pairGraph, roundedGraph, updateRowsGraph } from '../../../src/core/onnx/pair-graph.ts';
import { measureGraph, projectGraph } from '../../../src/core/onnx/project-graph.ts';
import { scaleGraph } from '../../../src/core/onnx/scale-graph.ts';
import {
  distanceGraph,
  rowsTimesGraph,
  transposedTimesGraph,
  truncateGraph,
} from '../../../src/core/onnx/sketch-graphs.ts';
import { decodeModel } from './decode-model.ts';

const FLOAT = 1;
const FLOAT16 = 10;
const BFLOAT16 = 16;
const SMALL = [FLOAT, FLOAT16, BFLOAT16];
const PRODUCTS = ['MatMul', 'Gemm'];
/** Operators whose output has the type of their first input. */
const SAME_TYPE = ['Split', 'Slice', 'Concat', 'Transpose', 'Identity'];

/** The products in a graph and its loops, and those of them that read a type smaller than float64. */
function productsOf(graph: onnx.IGraphProto, small = new Set<string>()): { all: number; small: string[] } {
  const found = { all: 0, small: [] as string[] };
  for (const input of graph.input ?? []) {
    if (SMALL.includes(input.type?.tensorType?.elemType ?? 0)) small.add(input.name!);
  }
  for (const node of graph.node ?? []) {
    const attribute = (name: string) => node.attribute?.find((each) => each.name === name);
    const isCastDown = node.opType === 'Cast' && SMALL.includes(Number(attribute('to')?.i));
    const staysSmall = SAME_TYPE.includes(node.opType!) && small.has(node.input![0]!);
    if (isCastDown || staysSmall) for (const output of node.output!) small.add(output);
    if (PRODUCTS.includes(node.opType!)) {
      found.all++;
      if (node.input!.some((input) => small.has(input))) found.small.push(node.output![0]!);
    }
    const body = attribute('body')?.g;
    if (body) {
      const inner = productsOf(body, small);
      found.all += inner.all;
      found.small.push(...inner.small);
    }
  }
  return found;
}

describe('products in the graphs', () => {
  const graphs: [string, Uint8Array][] = [
    ['gram', gramGraph(1)],
    ['gram in parts', gramGraph(4)],
    ['core, randomised', coreGraph('randomised', 32)],
    ['core, exact', coreGraph('exact', 64)],
    ['project', projectGraph('float', 'float')],
    ['project to bfloat16', projectGraph('bfloat16', 'float16')],
    ['pairs', pairGraph('kronecker', 'product', 'core')],
    ['a collapsed core', roundedGraph('core')],
    ['rows of an update', updateRowsGraph('hadamard', 'side', 'product')],
    ['orthonormal columns', orthonormalColumnsGraph(32)],
    ['rows times', rowsTimesGraph('float')],
    ['transposed times', transposedTimesGraph('float')],
    ['truncate', truncateGraph(32)],
    ['distance', distanceGraph('float')],
  ];
  for (const [name, bytes] of graphs) {
    it(`${name}: multiply float64 matrices, where TensorFloat-32 cannot round`, () => {
      const products = productsOf(decodeModel(bytes).graph!);
      assert.ok(products.all > 0);
      assert.deepEqual(products.small, []);
    });
  }

  it('measure, scale: contain no products', () => {
    for (const bytes of [measureGraph(), scaleGraph()])
      assert.equal(productsOf(decodeModel(bytes).graph!).all, 0);
  });
});
