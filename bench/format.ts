/** Numbers as the tables show them. */

/** Milliseconds matter only below a tenth of a second, hundredths only below a hundred. */
export const seconds = (value: number): string => value.toFixed(value < 0.1 ? 3 : value < 100 ? 2 : 0);
/** MB are millions of bytes. */
export const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(bytes < 10e6 ? 1 : 0);
export const ratio = (value: number): string => (value < 10 ? value.toFixed(2) : value.toFixed(0));
export const excess = (value: number): string => value.toExponential(1);
export const range = (values: readonly number[]): string =>
  `${seconds(Math.min(...values))}–${seconds(Math.max(...values))}`;

/** "4.2 MB", "1.1 GB". */
export function fileSize(bytes: number): string {
  const [value, unit] = bytes < 1e9 ? [bytes / 1e6, 'MB'] : [bytes / 1e9, 'GB'];
  return `${value.toFixed(value < 10 ? 1 : 0)} ${unit}`;
}
