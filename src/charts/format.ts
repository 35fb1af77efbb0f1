/** Keeps a number and its unit on one line. */
const SPACE = '\u00a0';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Bytes in decimal units with three digits: 1.63 MB. */
export function formatBytes(bytes: number): string {
  let value = Math.abs(bytes);
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${bytes < 0 ? '−' : ''}${threeDigits(value, unit)}${SPACE}${UNITS[unit]}`;
}

const threeDigits = (value: number, unit: number): string => {
  if (unit === 0) return String(Math.round(value));
  return value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
};

/** Smaller shares cannot be distinguished from zero: they are rounding errors, whatever the dtype. */
const MIN_SHARE = 1e-7;
export const isRoundingError = (share: number): boolean => Math.abs(share) < MIN_SHARE;

/** A share from 0 to 1 as percent with three digits: 11.3 %, 4.92 %; 100 % only if nothing is missing. */
export const formatPercent = (share: number): string => `${percentDigits(share)}${SPACE}%`;

function percentDigits(share: number): string {
  const value = share * 100;
  if (isRoundingError(share)) return '0';
  if (isRoundingError(1 - share)) return '100';
  if (Math.abs(value) < 0.01) return `${value < 0 ? `>${SPACE}−` : `<${SPACE}`}0.01`;
  if (value > 99.99 && value < 100) return `>${SPACE}99.99`;
  if (value > 99.9 && value < 100) return value.toFixed(2);
  return value.toFixed(Math.abs(value) < 9.995 ? 2 : 1);
}

/** The difference of two shares in percentage points: 6.38 points. */
export const formatPoints = (difference: number): string => `${percentDigits(difference)}${SPACE}points`;

/** A share as percent with as many digits as it has, up to some number: 90 %, 99.5 %. */
export const formatExactPercent = (share: number, digits: number): string =>
  `${Number((100 * share).toPrecision(digits))}${SPACE}%`;

/** The progress of something in whole percent; 100 % only at its end. */
export const formatProgress = (share: number): string => `${Math.floor(100 * share)}${SPACE}%`;

/** A duration in one unit: "4.2 s". */
export const withUnit = (value: number | string, unit: string): string => `${value}${SPACE}${unit}`;

/** Ranks of modules in words: "rank 4", "ranks 2–8". */
export const formatRanks = ({ min, max }: { readonly min: number; readonly max: number }): string =>
  min === max ? `rank ${min}` : `ranks ${min}–${max}`;

/** What a squeeze changed. */
export interface SqueezedSize {
  readonly rank: { readonly min: number; readonly max: number };
  /** Of the weights or the factors, after and before. */
  readonly bytes: number;
  readonly bytesBefore: number;
  /** The share of ‖ΔW‖² that stays, over all modules. */
  readonly energy: number;
}

/** The same in a sentence: "Rank 4 halves the size and keeps 98.7 % of the update." */
export function describeSqueeze({ rank, bytes, bytesBefore, energy }: SqueezedSize): string {
  const words = formatRanks(rank);
  const isOne = rank.min === rank.max;
  const verb = (one: string, several: string): string => (isOne ? one : several);
  const share = bytesBefore > 0 ? bytes / bytesBefore : 1;
  const size = (): string => {
    if (share > 0.995) return verb('saves no space', 'save no space');
    if (Math.abs(share - 0.5) < 0.01) return verb('halves the size', 'halve the size');
    return `${verb('cuts', 'cut')} the size to ${formatPercent(share)}`;
  };
  const kept = percentDigits(energy) === '100' ? 'all' : formatPercent(energy);
  return `${words[0]!.toUpperCase()}${words.slice(1)} ${size()} and ${verb('keeps', 'keep')} ${kept} of the update.`;
}

/** The end of a long path, which distinguishes modules: …h.11.attn.c_attn */
export const truncateStart = (name: string, maximum = 34): string =>
  name.length <= maximum ? name : `…${name.slice(1 - maximum)}`;
