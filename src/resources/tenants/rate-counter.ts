/** Counts what happens in windows of time, for all processes together. */
export interface RateCounter {
  /**
   * Counts one more. A window begins with the first that is counted and ends `windowMs` later.
   * @returns how many there were in this window, this one among them, and milliseconds until it ends
   * @throws AppError QUEUE_UNAVAILABLE
   */
  count(key: string, windowMs: number): Promise<{ readonly current: number; readonly resetMs: number }>;
}
