const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Bytes in decimal units, three digits: 1.63 MB. */
export function bytesInWords(bytes: number): string {
  let value = Math.abs(bytes);
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${bytes < 0 ? '−' : ''}${threeDigits(value, unit)} ${UNITS[unit]}`;
}

const threeDigits = (value: number, unit: number): string => {
  if (unit === 0) return String(Math.round(value));
  return value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
};

/** A share from 0 to 1 as percent: 11.3 %; small ones with their digits, 100 % only where nothing is missing. */
export function percent(share: number): string {
  const value = share * 100;
  if (value === 0 || value === 100) return `${value} %`;
  if (Math.abs(value) < 0.01) return `${value.toExponential(1)} %`;
  if (value > 99.9 && value < 100) return `${Math.min(99.9999, value).toFixed(value > 99.99 ? 4 : 2)} %`;
  return `${value.toFixed(Math.abs(value) < 1 ? 2 : 1)} %`;
}

/** The end of a long path, which tells modules apart: …h.11.attn.c_attn */
export const shortened = (name: string, most = 34): string =>
  name.length <= most ? name : `…${name.slice(1 - most)}`;
