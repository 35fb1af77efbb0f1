/**
 * Reorders the axes of an array of elements of any size, as numpy's transpose does.
 * @param bytes the array, row-major
 * @param elementBytes size of one element
 * @param shape of the array; its product times elementBytes is bytes.length
 * @param axes axis i of the result is axis axes[i] of the array
 * @throws RangeError if they do not fit together (a fault of the program)
 */
export function permute(
  bytes: Uint8Array,
  elementBytes: number,
  shape: readonly number[],
  axes: readonly number[],
): Uint8Array {
  const count = shape.reduce((product, dimension) => product * dimension, 1);
  const isPermutation =
    axes.length === shape.length && new Set(axes).size === axes.length && axes.every((axis) => axis in shape);
  if (count * elementBytes !== bytes.length || !isPermutation) {
    throw new RangeError(
      `${bytes.length} bytes do not fill an array [${shape}] of ${elementBytes} bytes by axes [${axes}]`,
    );
  }
  const strides = stridesOf(shape);
  const extents = axes.map((axis) => shape[axis]!);
  const steps = axes.map((axis) => strides[axis]! * elementBytes);
  // Elements that are consecutive in both arrays are moved as one piece.
  let runBytes = elementBytes;
  while (extents.length > 0 && steps.at(-1) === runBytes) {
    runBytes *= extents.pop()!;
    steps.pop();
  }
  const result = new Uint8Array(bytes.length);
  if (bytes.length === 0) return result;
  const at = new Array<number>(extents.length).fill(0);
  let from = 0;
  for (let to = 0; to < result.length; to += runBytes) {
    for (let i = 0; i < runBytes; i++) result[to + i] = bytes[from + i]!;
    for (let axis = extents.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++at[axis]! < extents[axis]!) break;
      from -= steps[axis]! * extents[axis]!;
      at[axis] = 0;
    }
  }
  return result;
}

/** Elements between neighbours along each axis of a row-major array. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}
