import type { EChartsOption } from 'echarts';
import type { RankPoint } from '../contract/analysis.ts';
import type { SucceededResult } from '../contract/job.ts';
import type { ModuleSpectrum, SucceededTargetReport } from '../contract/report.ts';
import { moduleRelativeError } from '../core/by-module.ts';
import { type ChartStyle, chartBase, headPx, legend, xAxis, yAxis } from './chart-base.ts';
import { formatPercent } from './format.ts';
import { markedRank } from './spectra-chart.ts';
import { mainError } from './succeeded-targets.ts';

/** A point of the curve without its size. */
type ErrorPoint = Required<
  Pick<RankPoint, 'rank' | 'relative_error' | 'module_relative_error' | 'worst_module_error'>
>;

export interface RankCurveInput extends ChartStyle {
  /** Every uniform rank from 1 up. */
  readonly curve: readonly ErrorPoint[];
  /** The rank that is chosen. */
  readonly rank?: number;
  /** The rank that the analysis recommends. */
  readonly recommended?: number;
  /** Results that were written, by resultPoint. */
  readonly results?: readonly ResultPoint[];
}

export interface ResultPoint {
  readonly rank: number;
  /** Whether the modules have different ranks, of which `rank` is the mean. */
  readonly isMean: boolean;
  readonly error: number;
}

/**
 * The place of a result on the curve. Ranks by module are placed at their mean, weighted by the size of the modules:
 * there, one rank for all modules has the same size.
 * @param modules those of the source
 */
export function resultPoint(
  result: Pick<SucceededResult, 'rank' | 'module_relative_error' | 'relative_error'>,
  { modules: reached }: Pick<SucceededTargetReport, 'modules'>,
  modules: readonly Pick<ModuleSpectrum, 'name' | 'rank' | 'shape'>[],
): ResultPoint {
  const { max } = result.rank;
  const ranks = new Map(reached.map(({ name, rank }) => [name, rank]));
  // A module of a smaller rank keeps that rank also if all are to have the same.
  const isMean = modules.some(({ name, rank: own }) => (ranks.get(name) ?? own) !== Math.min(max, own));
  const sizeOf = ({ shape: [m, n] }: Pick<ModuleSpectrum, 'shape'>): number => m + n;
  const mean =
    sumOf(modules.map((module) => (ranks.get(module.name) ?? module.rank) * sizeOf(module))) /
    sumOf(modules.map(sizeOf));
  return { rank: isMean ? Math.round(10 * mean) / 10 : max, isMean, error: mainError(result) };
}

/**
 * The least error of every uniform rank, as an analysis has it, from the spectra of any report: error² = 1 − Σ energy
 * kept / Σ energy (Eckart and Young 1936). For a sketch, only the ranks that it covers.
 */
export function curveOfSpectra(
  modules: readonly Pick<ModuleSpectrum, 'energy' | 'energy_curve'>[],
): ErrorPoint[] {
  const ranks = modules.reduce((maximum, { energy_curve: curve }) => Math.max(maximum, curve.length), 0);
  const energies = modules.map((module) => module.energy);
  const energy = sumOf(energies);
  return Array.from({ length: ranks }, (_, index) => {
    let worst = 0;
    const lost = modules.map(({ energy: own, energy_curve: curve }) => {
      const share = Math.max(0, 1 - (curve[Math.min(index, curve.length - 1)] ?? 1));
      worst = Math.max(worst, share);
      return own * share;
    });
    return {
      rank: index + 1,
      relative_error: energy > 0 ? Math.sqrt(sumOf(lost) / energy) : 0,
      module_relative_error: moduleRelativeError(energies, lost),
      worst_module_error: Math.sqrt(worst),
    };
  });
}

/** More markers on a line would overlap. */
const MAX_MARKS = 40;

/** The error at every rank: the mean of the modules, the whole adapter, the worst module. */
export function rankCurveChart(input: RankCurveInput): EChartsOption {
  const { curve, rank, recommended, results = [], palette } = input;
  const base = chartBase(input);
  const point = curve.find((one) => one.rank === recommended);
  // Lines differ in their markers and strokes as well as in their colours.
  const line = (
    name: string,
    [color, symbol, type]: readonly [string, string, 'solid' | 'dashed' | 'dotted'],
    of: (point: ErrorPoint) => number,
  ) => ({
    name,
    type: 'line' as const,
    showSymbol: curve.length <= MAX_MARKS,
    symbol,
    symbolSize: 7,
    lineStyle: { width: type === 'solid' ? 3 : 2, color, type },
    itemStyle: { color },
    data: curve.map((one) => [one.rank, of(one)]),
  });
  return {
    ...base,
    // All names at once: on a phone they take two lines.
    legend: { ...legend(input), type: 'plain', itemGap: 8 },
    tooltip: { ...base.tooltip, trigger: 'axis', formatter: tipOfRank },
    grid: { ...base.grid, top: 58 + headPx(input), bottom: 4 },
    xAxis: xAxis(input, {
      type: 'value',
      min: 1,
      max: Math.max(2, curve.length),
      minInterval: 1,
      name: 'rank of every module',
    }),
    yAxis: yAxis(input, {
      type: 'value',
      min: 0,
      max: 1,
      axisLabel: { color: palette.muted, formatter: (value: number) => formatPercent(value) },
    }),
    series: [
      {
        ...line('mean error', [palette.main, 'circle', 'solid'], ({ module_relative_error: error }) => error),
        ...(rank !== undefined && { markLine: markedRank(rank, input) }),
      },
      line('whole adapter', [palette.second, 'rect', 'dashed'], ({ relative_error: error }) => error),
      line('worst module', [palette.bad, 'triangle', 'dotted'], ({ worst_module_error: error }) => error),
      ...(point
        ? [dots('recommended', palette.good, [[point.rank, point.module_relative_error]], 'diamond')]
        : []),
      ...(results.length > 0
        ? [
            dots(
              results.some(({ isMean }) => isMean) ? 'results, at their mean rank' : 'results',
              palette.mark,
              results.map(({ rank: at, error }) => [at, error]),
              'circle',
            ),
          ]
        : []),
    ],
  };
}

/** "rank 4", and the value of each line there. */
function tipOfRank(found: unknown): string {
  const points = [found].flat() as { seriesName: string; value: [rank: number, error: number] }[];
  const lines = points.map(({ seriesName, value }) => `${seriesName}: ${formatPercent(value[1])}`);
  return [`rank ${points[0]?.value[0]}`, ...lines].join('\n');
}

const dots = (name: string, color: string, data: number[][], symbol: string) => ({
  name,
  type: 'scatter' as const,
  symbol,
  symbolSize: 13,
  itemStyle: { color },
  data,
  z: 5,
});

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
