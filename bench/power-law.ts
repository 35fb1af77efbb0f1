/** y ≈ factor·x^exponent. */
export interface PowerLaw {
  readonly exponent: number;
  readonly factor: number;
}

/**
 * The line of least squares through (log x, log y).
 * @throws Error if there are fewer than two different x, or a number is not positive
 */
export function fitPowerLaw(points: readonly { readonly x: number; readonly y: number }[]): PowerLaw {
  const logs = points.map(({ x, y }) => {
    if (!(x > 0 && y > 0)) throw new Error(`a power law has no point (${x}, ${y})`);
    return { x: Math.log(x), y: Math.log(y) };
  });
  const mean = (of: (point: { x: number; y: number }) => number) =>
    logs.reduce((sum, point) => sum + of(point), 0) / logs.length;
  const middle = { x: mean(({ x }) => x), y: mean(({ y }) => y) };
  const spread = mean(({ x }) => (x - middle.x) ** 2);
  if (!(spread > 0)) throw new Error('a power law needs two different x');
  const exponent = mean(({ x, y }) => (x - middle.x) * (y - middle.y)) / spread;
  return { exponent, factor: Math.exp(middle.y - exponent * middle.x) };
}

export const valueAt = ({ exponent, factor }: PowerLaw, x: number): number => factor * x ** exponent;
