import type { LoraModule } from './adapter.ts';

/** Shapes of a module's tensors at another rank, with their number of dimensions. */
export const shapeOfA = ({ a }: Pick<LoraModule, 'a'>, rank: number): number[] => [rank, ...a.shape.slice(1)];
export const shapeOfB = ({ b }: Pick<LoraModule, 'b'>, rank: number): number[] => [
  b.shape[0]!,
  rank,
  ...b.shape.slice(2),
];
