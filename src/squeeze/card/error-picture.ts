import { formatPercent } from '../../charts/format.ts';
import { moduleGrid } from '../../charts/module-grid.ts';
import { distinctLabels } from '../../charts/module-names.ts';
import type { ModuleResult } from '../../contract/report.ts';
import { plainText } from './escape.ts';

/** An eighth of the largest error each. */
const BARS = '▁▂▃▄▅▆▇█';
/** More bars are wider than a page: neighbours then share one, which shows the largest of them. */
const MAX_BARS = 96;
/** More rows would be longer than the table below them is of use. */
const MAX_ROWS = 32;
const MAX_LABEL = 36;

/** The errors of all modules as a picture of letters, and what it shows, in a sentence. */
export interface ErrorPicture {
  readonly caption: string;
  readonly lines: readonly string[];
}

/**
 * The relative error of every module: a row for each projection, a bar for each layer. Letters are shown by everything that
 * shows Markdown, offline and on the Hub, and the card stays one file.
 * @returns null where there is nothing to see: no layers, too many projections, or no error
 */
export function errorPicture(
  modules: readonly Pick<ModuleResult, 'name' | 'relative_error'>[],
): ErrorPicture | null {
  const { rows, columns, columnName, columnLabels, places } = moduleGrid(modules.map(({ name }) => name));
  const most = modules.reduce((largest, module) => Math.max(largest, module.relative_error), 0);
  if (columns.length < 2 || rows.length > MAX_ROWS || most === 0) return null;
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
    const bars = row.map((error) => (error === undefined ? ' ' : barOf(error / most))).join('');
    return `${labels[index]!.padEnd(width)}  ${bars}  ${largest.padStart(6)}`;
  });
  const [first, last] = [columnLabels[0]!, columnLabels.at(-1)!].map(plainText);
  const shared = perBar > 1 ? ` (${perBar} of them share a bar, which shows the largest)` : '';
  return {
    caption:
      `Relative error of the modules: a row for each projection, a bar for each ${columnName}, from ${first} to ` +
      `${last}${shared}. A full bar is ${formatPercent(most)}; at the end of each row stands its largest error.`,
    lines,
  };
}

const barOf = (share: number): string => BARS[Math.max(0, Math.ceil(share * BARS.length) - 1)]!;
