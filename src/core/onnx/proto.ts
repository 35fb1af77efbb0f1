/**
 * The ONNX messages that are written, with the field numbers of onnx.proto
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
 */
import { MessageWriter } from './wire.ts';

/** TensorProto.DataType values. */
export const ELEMENT_TYPE = {
  float: 1,
  uint16: 4,
  int64: 7,
  bool: 9,
  float16: 10,
  double: 11,
  bfloat16: 16,
} as const;
export type ElementType = keyof typeof ELEMENT_TYPE;

/** A dimension: a number, or a name for one that is only known when the graph runs. */
export type Dim = number | string;

export type AttributeValue =
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly float: number }
  | { readonly graph: MessageWriter };

const ATTRIBUTE_TYPE = { float: 1, int: 2, graph: 5, ints: 7 } as const;

function attribute(name: string, value: AttributeValue): MessageWriter {
  const message = new MessageWriter().string(1, name);
  if ('float' in value) return message.float(2, value.float).int(20, ATTRIBUTE_TYPE.float);
  if ('int' in value) return message.int(3, value.int).int(20, ATTRIBUTE_TYPE.int);
  if ('graph' in value) return message.message(6, value.graph).int(20, ATTRIBUTE_TYPE.graph);
  for (const element of value.ints) message.int(8, element);
  return message.int(20, ATTRIBUTE_TYPE.ints);
}

/** NodeProto. */
export function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>>,
): MessageWriter {
  const message = new MessageWriter();
  for (const input of inputs) message.string(1, input);
  for (const output of outputs) message.string(2, output);
  message.string(4, op);
  for (const [name, value] of Object.entries(attributes)) message.message(5, attribute(name, value));
  return message;
}

/** TensorProto with raw little-endian data. */
export function tensor(
  name: string,
  type: ElementType,
  dims: readonly number[],
  raw: Uint8Array,
): MessageWriter {
  const message = new MessageWriter();
  for (const dim of dims) message.int(1, dim);
  return message.int(2, ELEMENT_TYPE[type]).string(8, name).bytes(9, raw);
}

/** ValueInfoProto of a tensor. */
export function valueInfo(name: string, type: ElementType, dims: readonly Dim[]): MessageWriter {
  const shape = new MessageWriter();
  for (const dim of dims) {
    const message = new MessageWriter();
    shape.message(1, typeof dim === 'number' ? message.int(1, dim) : message.string(2, dim));
  }
  const tensorType = new MessageWriter().int(1, ELEMENT_TYPE[type]).message(2, shape);
  return new MessageWriter().string(1, name).message(2, new MessageWriter().message(1, tensorType));
}

export interface GraphParts {
  readonly name: string;
  readonly nodes: readonly MessageWriter[];
  readonly initializers: readonly MessageWriter[];
  readonly inputs: readonly MessageWriter[];
  readonly outputs: readonly MessageWriter[];
}

/** GraphProto. */
export function graph(parts: GraphParts): MessageWriter {
  const message = new MessageWriter();
  for (const part of parts.nodes) message.message(1, part);
  message.string(2, parts.name);
  for (const part of parts.initializers) message.message(5, part);
  for (const part of parts.inputs) message.message(11, part);
  for (const part of parts.outputs) message.message(12, part);
  return message;
}

/** The opset of every graph: the newest in which CPU and CUDA support all operators in use. */
const OPSET = 21;
/** IR version that belongs to opset 21 (ONNX 1.16). */
const IR_VERSION = 10;

/** ModelProto, serialised. */
export function model(graphMessage: MessageWriter, producer: string): Uint8Array {
  const opset = new MessageWriter().string(1, '').int(2, OPSET);
  return new MessageWriter()
    .int(1, IR_VERSION)
    .string(2, producer)
    .message(7, graphMessage)
    .message(8, opset)
    .finish();
}
