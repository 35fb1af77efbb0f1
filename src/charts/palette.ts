/**
 * Colours of a chart for light or dark mode. Text has a contrast of at least 4.5:1 against the surface (WCAG 2.2,
 * 1.4.3).
 */
export interface Palette {
  readonly surface: string;
  readonly ink: string;
  readonly muted: string;
  readonly grid: string;
  /** The main data of the chart. */
  readonly main: string;
  /** The second line, and whatever the main data are compared with. */
  readonly second: string;
  /** Marks the chosen rank. */
  readonly mark: string;
  /** Marks a recommended rank. */
  readonly good: string;
  readonly bad: string;
  /** Many thin lines in the background. */
  readonly faint: string;
  /** From small to large values. */
  readonly scale: readonly string[];
  /** From negative to positive values, with zero in the middle; blue and orange differ for colour-blind readers. */
  readonly differences: readonly string[];
  /** Parts of a whole, in their order. */
  readonly parts: readonly string[];
}

export type Scheme = 'light' | 'dark';

const LIGHT: Palette = {
  surface: '#ffffff',
  ink: '#18202c',
  muted: '#566174',
  grid: '#e4e8ef',
  main: '#3056d3',
  second: '#0e7c86',
  mark: '#b4460f',
  good: '#157347',
  bad: '#b4232f',
  faint: 'rgba(86, 97, 116, 0.22)',
  scale: ['#f1f5fd', '#c9d8fa', '#8fb0f2', '#4a78e0', '#2246ae', '#13266b'],
  differences: ['#1c3a94', '#4a78e0', '#b9cdf7', '#f3f4f6', '#f7c9a4', '#d9722b', '#8a3608'],
  parts: ['#3056d3', '#0e7c86', '#b4460f', '#7a4fbf', '#667085', '#a3690b', '#94a3b8'],
};

const DARK: Palette = {
  surface: '#161c27',
  ink: '#e8ecf4',
  muted: '#a0abbe',
  grid: '#2b3444',
  main: '#7da2ff',
  second: '#4cc9c0',
  mark: '#ffa05c',
  good: '#5fd39a',
  bad: '#ff8a8f',
  faint: 'rgba(160, 171, 190, 0.25)',
  scale: ['#1d2635', '#263a66', '#3458a8', '#5a86e8', '#97b6ff', '#dbe6ff'],
  differences: ['#c4d5ff', '#6f97f0', '#2f4678', '#222a37', '#69401f', '#dd8440', '#ffd9b8'],
  parts: ['#7da2ff', '#4cc9c0', '#ffa05c', '#b99af5', '#a0abbe', '#e3b457', '#64748b'],
};

export const paletteOf = (scheme: Scheme): Palette => (scheme === 'dark' ? DARK : LIGHT);
