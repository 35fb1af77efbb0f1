import type { LoraModule } from './adapter.ts';

/** Shapes of a module's tensors at another rank, with the same number of dimensions. */
export const shapeOfA = ({ a }: Pick<LoraModule, 'a'>, rank: number): number[] => [rank, ...a.shape.slice(1)];
export const shapeOfB = ({ b }: Pick<LoraModule, 'b'>, rank: number): number[] => [
  b.shape[0]!,
  rank,
  ...b.shape.slice(2),
];

/**
 * Shapes of a layer's factors: A [rank, n] and B [m, rank]; for a convolution A [rank, in, k…] and B [m, rank, 1…],
 * where n is in·k….
 * @param kernel of the convolution; [] for a linear layer
 */
export function shapesWithKernel(
  { rank, m, n }: Pick<LoraModule, 'rank' | 'm' | 'n'>,
  kernel: readonly number[],
): { readonly a: number[]; readonly b: number[] } {
  const channels = n / kernel.reduce((product, side) => product * side, 1);
  return { a: [rank, channels, ...kernel], b: [m, rank, ...kernel.map(() => 1)] };
}

/**
 * A module whose factors are stored as matrices, with its shapes changed to those of a convolution. The bytes stay
 * the same.
 */
export function withKernel(module: LoraModule, kernel: readonly number[]): LoraModule {
  if (module.kind !== 'linear' || kernel.length === 0) return module;
  const shapes = shapesWithKernel(module, kernel);
  return {
    ...module,
    kind: 'conv',
    a: { ...module.a, shape: shapes.a },
    b: { ...module.b, shape: shapes.b },
  };
}
