import { formatPercent } from '../../charts/format.ts';
import { moduleGrid } from '../../charts/module-grid.ts';
import { distinctLabels } from '../../charts/module-names.ts';
import type { ModuleResult } from '../../contract/report.ts';
import { plainText } from './escape.ts';

/** Bars of increasing height, each an eighth of the largest error higher. */
const BARS = '▁▂▃▄▅▆▇█';
/** More bars would be wider than a page, so neighbours share one, which shows the larger error. */
const MAX_BARS = 96;
/** With more rows the picture would be too long; the table below it has all modules. */
const MAX_ROWS = 32;
const MAX_LABEL = 36;

/** The errors of all modules as a picture made of letters, and a sentence that describes it. */
export interface ErrorPicture {
  readonly caption: string;
  readonly lines: readonly string[];
}

/**
 * Draws the relative error of every module: a row for each projection, a bar for each layer. Every viewer of
 * Markdown shows letters, offline and on the Hub, and the card stays a single file.
 * @returns null if there is nothing to show: no layers, too many projections, or no error
 */
export function errorPicture(
  modules: readonly Pick<ModuleResult, 'name' | 'relative_error'>[],
): ErrorPicture | null {
  const { rows, columns, columnName, columnLabels, places } = moduleGrid(modules.map(({ name }) => name));
  const maximum = modules.reduce((largest, module) => Math.max(largest, module.relative_error), 0);
  if (columns.length < 2 || rows.length > MAX_ROWS || maximum === 0) return null;
  const perBar = Math.ceil(columns.length / MAX_BARS);
  const errors = rows.map(() =>
    new Array<number | undefined>(Math.ceil(columns.length / perBar)).fill(undefined),
  );
  for (const [index, { relative_error: error }] of modules.entries()) {
    const { row, column } = places[index]!;
    const bar = Math.floor(column / perBar);
    errors[row]![bar] = Math.max(errors[row]![bar] ?? 0, error);
  }
  const labels = distinctLabels(rows, MAX_LABEL).map(plainText);
  const width = labels.reduce((longest, { length }) => Math.max(longest, length), 0);
  const lines = errors.map((row, index) => {
    const largest = formatPercent(row.reduce<number>((worst, error = 0) => Math.max(worst, error), 0));
    const bars = row.map((error) => (error === undefined ? ' ' : barOf(error / maximum))).join('');
    return `${labels[index]!.padEnd(width)}  ${bars}  ${largest.padStart(6)}`;
  });
  const [first, last] = [columnLabels[0]!, columnLabels.at(-1)!].map(plainText);
  const shared = perBar > 1 ? ` (${perBar} of them share a bar, which shows the largest)` : '';
  return {
    caption:
      `Relative error of the modules: a row for each projection, a bar for each ${columnName}, from ${first} to ` +
      `${last}${shared}. A full bar is ${formatPercent(maximum)}; the largest error of each row is at its end.`,
    lines,
  };
}

const barOf = (share: number): string => BARS[Math.max(0, Math.ceil(share * BARS.length) - 1)]!;
