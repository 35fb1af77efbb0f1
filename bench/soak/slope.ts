/** A value at a point in time. */
export interface Sample {
  /** Since the beginning. */
  readonly minutes: number;
  readonly value: number;
}

/**
 * How fast values grow: the slope of the least-squares line, per minute.
 * @returns 0 for fewer than two points in time
 */
export function slope(samples: readonly Sample[]): number {
  const n = samples.length;
  const meanX = samples.reduce((sum, { minutes }) => sum + minutes, 0) / n;
  const meanY = samples.reduce((sum, { value }) => sum + value, 0) / n;
  let covariance = 0;
  let variance = 0;
  for (const { minutes, value } of samples) {
    covariance += (minutes - meanX) * (value - meanY);
    variance += (minutes - meanX) ** 2;
  }
  return variance > 0 ? covariance / variance : 0;
}
