import type { EChartsOption } from 'echarts';
import {
  type Compared,
  comparedModules,
  describeDifferences,
  differenceMap,
  differences,
  largestDifference,
  pairOf,
} from '../charts/difference-map.ts';
import { formatPercent } from '../charts/format.ts';
import { layerHeatMap, type ModuleShare } from '../charts/layer-heat-map.ts';
import { moduleGrid } from '../charts/module-grid.ts';
import { type ModulePlace, modulePlaces } from '../charts/module-names.ts';
import { succeededTargets } from '../charts/succeeded-targets.ts';
import type { Report } from '../contract/report.ts';
import { describeTarget } from './describe-target.ts';
import { displayText } from './display-text.ts';
import type { Figure } from './draw.ts';
import type { ReportInput } from './report-input.ts';

/** Cells beyond this many are plain rectangles without a border: rounded ones take three times as many characters. */
const MAX_ROUNDED = 600;

/** More rows than this are lower than their labels. */
const MAX_ROWS = 40;
/** Number of shades that a reader can distinguish; each is one colour of the drawing. */
const SHADES = 32;
/** Longer names are cut before they are split into parts. */
const MAX_NAME = 240;

/** The relative error of every module by layer and projection, of one of the results. */
export function heatFigure({ report }: ReportInput, target = 0): Figure {
  const { what, modules } = sharesOf(report, target);
  const maximum = largestError(report);
  const cells = heatCells(modules);
  const worst = modules.reduce<ModuleShare | undefined>(
    (maximum, module) => (maximum && maximum.value >= module.value ? maximum : module),
    undefined,
  );
  return {
    title: `Relative error by layer and projection: ${what}`,
    caption: [
      ...(worst ? [`The largest is ${formatPercent(worst.value)}, of ${displayText(worst.name, 80)}.`] : []),
      ...(cells.note ? [cells.note] : []),
    ].join(' '),
    ...sizeOf(cells),
    option: (style) =>
      adapted(
        layerHeatMap({
          ...style,
          modules: cells.modules,
          what: 'relative error',
          isWide: true,
          ...(maximum > 0 && { maximum }),
        }),
        cells.modules.length,
      ),
  };
}

/** In which of two results, the first and another, each module has the lower error, or rank, and by how much. */
export function differenceFigure({ report }: ReportInput, second = 1, of: Compared = 'error'): Figure {
  const [one, other] = [0, second].map((index) => succeededTargets(report)[index]!);
  const labels = pairOf(describeTarget(one!.target), describeTarget(other!.target));
  const modules = comparedModules(one!.modules, other!.modules).map((module) => ({
    ...module,
    name: displayText(module.name, MAX_NAME),
  }));
  const cells = heatCells(differences(modules, of));
  const others = succeededTargets(report).slice(1);
  // One scale for all results that are compared with the first one, as for their errors.
  const maximum = others.reduce(
    (largest, { modules: results }) =>
      Math.max(largest, largestDifference(differences(comparedModules(one!.modules, results), of))),
    0,
  );
  return {
    title: `Difference of the ${of === 'error' ? 'relative errors' : 'ranks'}: ${labels[0]} and ${labels[1]}`,
    caption: [
      describeDifferences(modules, labels, of),
      'The weaker its colour, the closer the two results are in a module.',
      ...(cells.note ? [cells.note] : []),
    ].join(' '),
    ...sizeOf(cells),
    option: (style) =>
      adapted(
        differenceMap({ ...style, modules, values: cells.modules, maximum, labels, of, isWide: true }),
        cells.modules.length,
      ),
  };
}

/** Whether the ranks of two results differ by another number from module to module, so that a map shows more than a sentence. */
export function isRankMapUseful({ report }: ReportInput, second: number): boolean {
  const [one, other] = [0, second].map((index) => succeededTargets(report)[index]!.modules);
  return new Set(differences(comparedModules(one!, other!), 'rank').map(({ value }) => value)).size > 1;
}

const sizeOf = ({ rows }: HeatCells) => ({
  width: 1100,
  height: Math.min(760, Math.max(200, 24 * rows + 90)),
});

/** The largest value over all results, so that their maps share one scale and can be compared; 0 for an analysis. */
const largestError = (report: Report): number =>
  succeededTargets(report)
    .flatMap(({ modules }) => modules)
    .reduce((largest, { relative_error: error }) => Math.max(largest, error), 0);

/** For an analysis: the error of every module at the rank that it recommends for all. */
function sharesOf(report: Report, index: number): { what: string; modules: ModuleShare[] } {
  const { analysis, modules } = report;
  const target = succeededTargets(report)[index];
  if (target)
    return {
      what: describeTarget(target.target),
      modules: target.modules.map(({ name, relative_error: value }) => ({ name, value })),
    };
  const rank = analysis?.uniform.rank.max ?? 1;
  return {
    what: `rank ${rank}${analysis ? ', recommended' : ''}`,
    modules: modules.map(({ name, energy_curve: curve }) => ({
      name,
      value: Math.sqrt(Math.max(0, 1 - (curve[rank - 1] ?? 1))),
    })),
  };
}

/** If there are many rows, cells are shorter. */
function adapted(option: EChartsOption, cells: number): EChartsOption {
  if (cells <= MAX_ROUNDED) return option;
  const series = [option.series ?? []]
    .flat()
    .map((one) => ({ ...one, itemStyle: { borderWidth: 0, borderRadius: 0 } }));
  return { ...option, series } as EChartsOption;
}

interface HeatCells {
  readonly modules: readonly ModuleShare[];
  readonly rows: number;
  /** What a row or a cell stands for, where it is more than one module. */
  readonly note?: string;
}

/**
 * Reduces the modules to as many as a heat map has room for. If there are too many rows, rows that differ only in a number
 * (the experts of a layer) become one row, which shows the largest value. If there are still too many, the worst stay.
 */
export function heatCells(modules: readonly ModuleShare[]): HeatCells {
  const named = modules.map(({ name, value }) => ({ name: displayText(name, MAX_NAME), value }));
  const { size: rows } = rowsOf(named);
  if (rows <= MAX_ROWS) return { modules: shaded(named), rows };
  const places = modulePlaces(named.map(({ name }) => name));
  const merged = named.map(({ value }, index) => ({ name: withoutNumbers(places[index]!), value }));
  const worst = rowsOf(merged);
  if (worst.size <= MAX_ROWS)
    return {
      modules: shaded(merged),
      rows: worst.size,
      note: 'Modules that differ only in a number share a cell, which shows the largest of their errors.',
    };
  const ofModules = rowNames(merged);
  const kept = new Set(
    [...worst]
      .sort(([, x], [, y]) => y - x)
      .slice(0, MAX_ROWS)
      .map(([row]) => row),
  );
  return {
    modules: shaded(merged.filter((_, index) => kept.has(ofModules[index]!))),
    rows: MAX_ROWS,
    note: `The ${MAX_ROWS} worst of ${worst.size} rows; modules that differ only in a number share a cell, which shows the largest of their errors.`,
  };
}

/** The largest amount of each row. */
function rowsOf(modules: readonly ModuleShare[]): Map<string, number> {
  const rows = new Map<string, number>();
  const named = rowNames(modules);
  for (const [index, { value }] of modules.entries())
    rows.set(named[index]!, Math.max(Math.abs(value), rows.get(named[index]!) ?? 0));
  return rows;
}

/** The row of every module. */
function rowNames(modules: readonly ModuleShare[]): string[] {
  const { rows, places } = moduleGrid(modules.map(({ name }) => name));
  return places.map(({ row }) => rows[row]!);
}

function withoutNumbers({ layer, projection }: ModulePlace): string {
  const row = projection.replace(/\d+/g, '∗');
  return layer === '' ? row : `${layer}.${row}`;
}

/** Rounds a value to a shade; the largest value stays as it is. */
function shaded(modules: readonly ModuleShare[]): ModuleShare[] {
  const maximum = modules.reduce((largest, { value }) => Math.max(largest, Math.abs(value)), 0);
  const step = maximum / SHADES;
  return modules.map(({ name, value }) => ({
    name,
    value: step > 0 ? Math.round(value / step) * step : value,
  }));
}
