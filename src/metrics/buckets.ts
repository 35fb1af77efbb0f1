/**
 * Phases take milliseconds for a small adapter and minutes for one of 10 GB; a job may wait in the queue for an hour.
 */
export const JOB_SECONDS_BUCKETS = [
  0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300, 900, 3600,
];

/**
 * A free worker starts a job within a tenth of a second; a job may wait in the queue for hours. Few buckets, because
 * every tenant has its own series.
 */
export const WAIT_SECONDS_BUCKETS = [0.1, 0.5, 2, 10, 30, 120, 600, 3600];

/** API calls answer in milliseconds; uploads and downloads take as long as the network needs. */
export const HTTP_SECONDS_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 300, 1800,
];

/** The interesting values are just under 1: 0.99 and 0.999 are common promises. */
export const ENERGY_BUCKETS = [0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999, 0.99999, 1];

/**
 * From float32 rounding (1e-7) over bfloat16 rounding (2e-3) to "nothing is left" (1), two buckets for each power of
 * ten.
 */
export const ERROR_BUCKETS = [
  1e-7, 3e-7, 1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 1,
];

/** Most ranks are powers of two. */
export const RANK_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
