import { withUnit } from '../../../src/charts/format.ts';

const format = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

export const formatMoment = (iso: string): string => format.format(new Date(iso));

export function formatDuration(seconds: number): string {
  if (seconds < 1) return withUnit(Math.round(1000 * seconds), 'ms');
  if (seconds < 60) return withUnit(seconds.toFixed(1), 's');
  return `${withUnit(Math.floor(seconds / 60), 'min')} ${withUnit(Math.round(seconds % 60), 's')}`;
}

/** An approximate duration: 20 s, 3 min, 2 h. */
export function formatRoughly(seconds: number): string {
  if (seconds < 10) return withUnit(Math.max(1, Math.round(seconds)), 's');
  if (seconds < 90) return withUnit(10 * Math.round(seconds / 10), 's');
  if (seconds < 5400) return withUnit(Math.round(seconds / 60), 'min');
  return withUnit(Math.round(seconds / 3600), 'h');
}
