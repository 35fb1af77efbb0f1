import type { EChartsOption } from 'echarts';
import type { ModuleSpectrum } from '../contract/report.ts';
import { type ChartStyle, chartBase, legend, xAxis, yAxis } from './chart-base.ts';
import { truncateStart } from './format.ts';

/** More thin lines would be unreadable and slow to draw. */
const MAX_LINES = 48;
/**
 * A logarithmic axis has no zero: values below this share of the largest are not drawn (see RESOLUTION of the core).
 */
const FLOOR = 1e-7;

const BACKGROUND = ', in the background';

type Spectrum = Pick<ModuleSpectrum, 'name' | 'singular_values'>;
type Point = [number: number, value: number];

/** The data of a chart that do not depend on the selected module and the marked rank. */
export interface SpectraLines {
  readonly modules: readonly Spectrum[];
  /** Length of the longest spectrum. */
  readonly length: number;
  /** Smaller values are not drawn. */
  readonly minimum: number;
  /** The smallest value that is drawn. */
  readonly smallest: number;
  readonly thin: readonly { readonly name: string; readonly data: Point[] }[];
  readonly median: Point[];
}

export interface SpectraInput extends ChartStyle {
  readonly lines: SpectraLines;
  /** The module to highlight. */
  readonly selected?: string;
  /** A rank to mark. */
  readonly rank?: number;
}

/** Computed once for many charts, because medians of thousands of modules take longer than a frame. */
export function spectraLines(modules: readonly Spectrum[]): SpectraLines {
  const length = modules.reduce((maximum, { singular_values: sigma }) => Math.max(maximum, sigma.length), 0);
  const largest = modules.reduce(
    (maximum, { singular_values: sigma }) => Math.max(maximum, sigma[0] ?? 0),
    0,
  );
  const minimum = largest * FLOOR;
  const every = Math.max(1, Math.ceil(modules.length / MAX_LINES));
  return {
    modules,
    length,
    minimum,
    smallest: modules.reduce(
      (lowest, { singular_values: sigma }) =>
        Math.min(lowest, sigma.findLast((value) => value > minimum) ?? lowest),
      largest,
    ),
    thin: modules
      .filter((_, index) => index % every === 0)
      .map(({ name, singular_values: sigma }) => ({ name, data: pointsOf(sigma, minimum) })),
    median: pointsOf(
      Array.from({ length }, (_, index) => medianOf(modules, index)),
      minimum,
    ),
  };
}

/**
 * Singular values of the modules over their number, on a logarithmic scale: a thin line for each module (for some of
 * them if there are many), and a thick one for their median.
 */
export function spectraChart(input: SpectraInput): EChartsOption {
  const { lines, selected, rank, palette } = input;
  const { modules, length, minimum, smallest, thin, median } = lines;
  const chosen = modules.find(({ name }) => name === selected);
  const base = chartBase(input);
  const line = { type: 'line' as const, showSymbol: false, symbolSize: 6 };
  const names = ['median of the modules', ...(chosen ? [truncateStart(chosen.name)] : [])];
  return {
    ...base,
    legend: {
      ...legend(input, names),
      // The name of a module may be wider than a narrow chart; the heading of the chart has it.
      ...(input.title === undefined && {
        formatter: (name: string) => (name === names[1] ? 'picked module' : name),
      }),
    },
    tooltip: { ...base.tooltip, trigger: 'axis', formatter: tipOfValue },
    grid: { ...base.grid, bottom: 4 },
    xAxis: xAxis(input, {
      type: 'value',
      min: 1,
      max: Math.max(2, length),
      minInterval: 1,
      name: 'singular values, from the largest',
    }),
    yAxis: yAxis(input, {
      type: 'log',
      axisLabel: { color: palette.muted, formatter: powersOfTen(smallest) },
    }),
    series: [
      ...thin.map(({ name, data }) => ({
        ...line,
        // The line of the selected module has its name, and its marker is in the legend.
        name: `${name}${BACKGROUND}`,
        data,
        silent: true,
        animation: false,
        tooltip: { show: false },
        lineStyle: { width: 1, color: palette.faint },
        itemStyle: { color: palette.faint },
      })),
      {
        ...line,
        name: names[0]!,
        data: median,
        lineStyle: { width: 3, color: palette.main },
        itemStyle: { color: palette.main },
        ...(rank !== undefined && { markLine: markedRank(rank, input) }),
      },
      ...(chosen
        ? [
            {
              ...line,
              name: names[1]!,
              data: pointsOf(chosen.singular_values, minimum),
              showSymbol: length <= 32,
              lineStyle: { width: 2.5, color: palette.mark },
              itemStyle: { color: palette.mark },
            },
          ]
        : []),
    ],
  };
}

/** A vertical line at the rank that was chosen. */
export const markedRank = (rank: number, { palette }: ChartStyle) => ({
  silent: true,
  symbol: 'none',
  animation: false,
  lineStyle: { color: palette.mark, type: 'solid' as const, width: 1.5 },
  label: { formatter: `rank ${rank}`, color: palette.mark, position: 'end' as const },
  data: [{ xAxis: rank }],
});

/** "singular value 4", and the value of each line there. */
function tipOfValue(found: unknown): string {
  const all = [found].flat() as { seriesName: string; value: Point }[];
  const points = all.filter(({ seriesName }) => !seriesName.endsWith(BACKGROUND));
  const lines = points.map(({ seriesName, value }) => `${seriesName}: ${value[1].toPrecision(3)}`);
  return [`singular value ${points[0]?.value[0]}`, ...lines].join('\n');
}

const pointsOf = (sigma: readonly number[], minimum: number): Point[] =>
  sigma.flatMap((value, index): Point[] => (value > minimum ? [[index + 1, value]] : []));

function medianOf(modules: readonly Spectrum[], index: number): number {
  const values = modules.flatMap(({ singular_values: sigma }) => sigma[index] ?? []).sort((x, y) => x - y);
  return values[values.length >> 1] ?? 0;
}

/** One notation on an axis: decimals, unless the smallest of them would have more than four. */
const powersOfTen =
  (smallest: number) =>
  (value: number): string =>
    smallest < 1e-4 ? value.toExponential(0) : String(value);
