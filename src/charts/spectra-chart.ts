import type { EChartsOption } from 'echarts';
import type { ModuleSpectrum } from '../contract/report.ts';
import { type ChartStyle, chartBase, legend, xAxis, yAxis } from './chart-base.ts';
import { shortened } from './words.ts';

/** More thin lines than this are a blot, and slow. */
const MAX_LINES = 48;
/** A logarithm has no zero: what is below this share of the largest value is not drawn (see RESOLUTION of the core). */
const FLOOR = 1e-7;

export interface SpectraInput extends ChartStyle {
  readonly modules: readonly Pick<ModuleSpectrum, 'name' | 'singular_values'>[];
  /** The module that stands out. */
  readonly selected?: string;
  /** A rank to mark. */
  readonly rank?: number;
}

/**
 * Singular values of the modules over their number, on a logarithmic scale: each module a thin line (some of them, where
 * there are many), their median thick.
 */
export function spectraChart(input: SpectraInput): EChartsOption {
  const { modules, selected, rank, palette } = input;
  const length = modules.reduce((most, { singular_values: sigma }) => Math.max(most, sigma.length), 0);
  const largest = modules.reduce((most, { singular_values: sigma }) => Math.max(most, sigma[0] ?? 0), 0);
  const least = largest * FLOOR;
  const every = Math.max(1, Math.ceil(modules.length / MAX_LINES));
  const chosen = modules.find(({ name }) => name === selected);
  const base = chartBase(input);
  const points = (sigma: readonly number[]) =>
    sigma.flatMap((value, index) => (value > least ? [[index + 1, value]] : []));
  const median = Array.from({ length }, (_, index) => medianOf(modules, index));
  const line = { type: 'line' as const, showSymbol: false, symbolSize: 6 };
  const names = ['median of the modules', ...(chosen ? [shortened(chosen.name)] : [])];
  return {
    ...base,
    legend: legend(input, names),
    tooltip: { ...base.tooltip, trigger: 'axis', valueFormatter: (value) => Number(value).toPrecision(3) },
    grid: { ...base.grid, bottom: 4 },
    xAxis: xAxis(input, {
      type: 'value',
      min: 1,
      max: Math.max(2, length),
      minInterval: 1,
      name: 'number of the singular value',
    }),
    yAxis: yAxis(input, { type: 'log', axisLabel: { color: palette.muted, formatter: powerOfTen } }),
    series: [
      ...modules
        .filter((_, index) => index % every === 0)
        .map(({ name, singular_values: sigma }) => ({
          ...line,
          name,
          data: points(sigma),
          silent: true,
          animation: false,
          tooltip: { show: false },
          lineStyle: { width: 1, color: palette.faint },
          itemStyle: { color: palette.faint },
        })),
      {
        ...line,
        name: names[0]!,
        data: points(median),
        lineStyle: { width: 3, color: palette.main },
        itemStyle: { color: palette.main },
        ...(rank !== undefined && { markLine: markedRank(rank, input) }),
      },
      ...(chosen
        ? [
            {
              ...line,
              name: names[1]!,
              data: points(chosen.singular_values),
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

function medianOf(modules: SpectraInput['modules'], index: number): number {
  const values = modules.flatMap(({ singular_values: sigma }) => sigma[index] ?? []).sort((x, y) => x - y);
  return values[values.length >> 1] ?? 0;
}

const powerOfTen = (value: number): string =>
  value >= 0.01 && value < 1000 ? String(value) : value.toExponential(0);
