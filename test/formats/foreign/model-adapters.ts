import assert from 'node:assert/strict';
import { gaussianMatrix } from '../../oracle/known-matrices.ts';
import { type Matrix, matrix, multiply, optimalTruncation, scaled } from '../../oracle/linear-algebra.ts';
import { buildSafetensors, decodeTensor, float32Tensor, type Tensor } from '../../oracle/safetensors.ts';

/** The layers of a model: its path, and the shape of its weight. */
export type Layers = Readonly<Record<string, readonly number[]>>;

/** What a file calls a module, and the layers of the model that the rows of its update belong to, in this order. */
export interface Place {
  readonly name: string;
  readonly layers: readonly string[];
}

/** How a format names the two factors and the alpha of a module; no alpha: every scale is 1. */
export interface Style {
  readonly a: string;
  readonly b: string;
  readonly alpha?: string;
  /** One alpha for all modules; otherwise they differ. */
  readonly equalAlphas?: true;
}
export const PEFT_STYLE: Style = { a: '.lora_A.weight', b: '.lora_B.weight' };
/** The names of diffusers before PEFT: of any layer, and of the projections of attention. */
export const OLD_STYLE: Style = { a: '.lora.down.weight', b: '.lora.up.weight' };
export const OLDEST_STYLE: Style = { a: '_lora.down.weight', b: '_lora.up.weight' };
export const XLABS_STYLE: Style = { a: '.down.weight', b: '.up.weight' };
export const KOHYA_STYLE: Style = { a: '.lora_down.weight', b: '.lora_up.weight', alpha: '.alpha' };
export const EQUAL_ALPHAS: Style = { ...KOHYA_STYLE, equalAlphas: true };

/** A module of a made adapter with its factors in float64, and where they belong. */
export interface Module extends Place {
  readonly a: Matrix;
  readonly b: Matrix;
  readonly scale: number;
}

export interface MadeAdapter {
  readonly weights: Buffer;
  readonly modules: readonly Module[];
}

export const RANK = 4;

const rounded = ({ rows, columns, data }: Matrix): Matrix => matrix(rows, columns, data.map(Math.fround));

/** An adapter of random factors for all places, with directions that get smaller and scales that differ. */
export function madeAdapter(layers: Layers, places: readonly Place[], style: Style): MadeAdapter {
  const tensors: Record<string, Tensor> = {};
  const modules = places.map((place, index): Module => {
    const shapes = place.layers.map((path) => {
      assert.ok(layers[path], `the model has no layer ${path}`);
      return layers[path]!;
    });
    const [, inputs, ...kernel] = shapes[0]!;
    const rows = shapes.reduce((sum, [outputs]) => sum + outputs!, 0);
    const columns = kernel.reduce((product, side) => product * side, inputs!);
    const a = rounded(gaussianMatrix(RANK, columns, 2 * index));
    const b = gaussianMatrix(rows, RANK, 2 * index + 1);
    for (const at of b.data.keys()) b.data[at] = Math.fround(b.data[at]! / 2 ** (at % RANK));
    tensors[place.name + style.a] = float32Tensor([RANK, inputs!, ...kernel], a.data);
    tensors[place.name + style.b] = float32Tensor([rows, RANK, ...kernel.map(() => 1)], b.data);
    const alpha = style.alpha === undefined ? RANK : style.equalAlphas ? 1 : 1 + (index % 5);
    if (style.alpha !== undefined) tensors[place.name + style.alpha] = float32Tensor([], [alpha]);
    return { ...place, a, b, scale: alpha / RANK };
  });
  return { weights: buildSafetensors(tensors), modules };
}

/** The least share of an update that any factors of this rank lose. */
export const leastLoss = ({ b, a, scale }: Module, rank: number): number =>
  optimalTruncation(b, a, scale, rank);

export const updateOf = ({ b, a, scale }: Module): Matrix => scaled(multiply(b, a), scale);

/** A layer may be fused from several: "qkv 2/3" is the second of three equal parts of its rows. */
const COUNTS = [2, 3, 7];
const PART = / (\d)\/(\d)$/;

/** The path of the layer that a part belongs to. */
export const withoutPart = (path: string): string => path.replace(PART, '');
export const part = (path: string, index: number, count: number): string => `${path} ${index}/${count}`;

const eachPart = <T>([path]: readonly [string, T], rows: number, cut: (count: number, index: number) => T) =>
  COUNTS.filter((count) => rows % count === 0).flatMap((count) =>
    Array.from({ length: count }, (_, at) => [part(path, at + 1, count), cut(count, at)] as const),
  );

/** The layers, and their parts. */
export const withParts = (layers: Layers): Layers =>
  Object.fromEntries(
    Object.entries(layers).flatMap((layer) => {
      const [rows, ...rest] = layer[1];
      return [layer, ...eachPart(layer, rows!, (count) => [rows! / count, ...rest])];
    }),
  );

/** The same for updates in float32. */
export const withPartsOf = (found: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> =>
  new Map(
    [...found].flatMap((layer) => {
      const { dtype, shape, bytes } = layer[1];
      const [rows, ...rest] = shape;
      const cut = (count: number, at: number): Tensor => {
        const size = bytes.length / count;
        return { dtype, shape: [rows! / count, ...rest], bytes: bytes.subarray(at * size, (at + 1) * size) };
      };
      return [layer, ...eachPart(layer, rows!, cut)];
    }),
  );

/** The update of a module as a program computed it, layer by layer. */
export function foundUpdate({ layers, a, b }: Module, found: ReadonlyMap<string, Tensor>): Matrix {
  const parts = layers.map((path) => {
    assert.ok(found.has(path), `nothing was loaded into ${path}`);
    return decodeTensor(found.get(path)!);
  });
  const numbers = parts.flatMap((part) => [...part]);
  return matrix(b.rows, a.columns, numbers);
}
