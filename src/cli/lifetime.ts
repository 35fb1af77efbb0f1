import { UsageError } from './command-error.ts';

const SECONDS: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400, w: 604_800, y: 31_536_000 };
/** A hundred years, as the API has it. */
const MOST_SECONDS = 3_153_600_000;

/** When something that begins now ends. @param text as of secondsOf @throws UsageError */
export const endOf = (text: string, nowMs: number): Date => new Date(nowMs + 1000 * secondsOf(text));

/**
 * A time of --expires-in in seconds.
 * @param text a whole number of minutes, hours, days, weeks or years of 365 days: "90d"
 * @throws UsageError
 */
export function secondsOf(text: string): number {
  const [, count, unit] = /^(\d+)([mhdwy])$/.exec(text) ?? [];
  const seconds = Number(count) * (SECONDS[unit ?? ''] ?? Number.NaN);
  if (seconds > 0 && seconds <= MOST_SECONDS) return seconds;
  throw new UsageError(
    `--expires-in is ${JSON.stringify(text)} but must be a number of m, h, d, w or y up to 100y, such as 90d`,
  );
}
