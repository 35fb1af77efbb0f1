import type { EChartsOption } from 'echarts';
import { type ChartStyle, chartBase, FONT, headPx, xAxis, yAxis } from './chart-base.ts';
import { formatBytes, formatPercent } from './format.ts';

/** The size and the error that an adapter would have. */
export interface SizePoint {
  readonly bytes: number;
  /** From 0 to 1. */
  readonly error: number;
  /** Its ranks: "rank 4", "ranks 2–8". */
  readonly words: string;
  /** Why the server refuses it; undefined: the server accepts it. */
  readonly refusal?: string;
}

export interface SizeCurveInput extends ChartStyle {
  /** Ascending in size, at least one each. */
  readonly uniform: readonly SizePoint[];
  readonly byModule: readonly SizePoint[];
  /** Which error it is, such as "mean module error". */
  readonly what: string;
  /** Place in `uniform` of what the analysis recommends. */
  readonly recommended?: number;
}

/** If the largest size is more than this many times the smallest, the axis is logarithmic. */
const MAX_LINEAR = 16;
/** More markers on a line would overlap. */
const MAX_MARKS = 40;
/** Position of a name on its line: where the lines are furthest apart, on different sides of them. */
const NAME_AT = { uniform: 0.2, byModule: 0.5 };
/** The least share of the largest error at which there is room for a name between the line and the axis. */
const MIN_NAMED_SHARE = 0.25;

export const NAMES = { uniform: 'one rank for all', byModule: 'ranks by module' } as const;

/** The smallest error at every size: with one rank for all modules, and with ranks by module. */
export function sizeCurveChart(input: SizeCurveInput): EChartsOption {
  const { uniform, byModule, what, recommended, palette } = input;
  const base = chartBase(input);
  const [minimum, maximum] = [uniform[0]!.bytes, uniform.at(-1)!.bytes];
  const isLog = maximum > MAX_LINEAR * minimum;
  const point = recommended === undefined ? undefined : uniform[recommended];
  const isRefused = byModule.every(({ refusal }) => refusal !== undefined);
  const mainColor = isRefused ? palette.faint : palette.main;
  return {
    ...base,
    tooltip: {
      ...base.tooltip,
      trigger: 'axis',
      formatter: (found) =>
        ([found].flat() as unknown as { seriesName: string; data: { point?: SizePoint } }[])
          .flatMap(({ seriesName, data }) => (data.point ? [inWords(seriesName, data.point)] : []))
          .join('\n'),
    },
    grid: { ...base.grid, top: 30 + headPx(input), right: 20, bottom: 4 },
    xAxis: xAxis(input, {
      ...(isLog
        ? { type: 'log', logBase: 2, min: minimum, max: maximum }
        : { type: 'value', min: 0, max: maximum }),
      name: isLog ? 'size of the factors, on a logarithmic scale' : 'size of the factors',
      axisLabel: {
        color: palette.muted,
        hideOverlap: true,
        formatter: (value: number) => formatBytes(value),
      },
    }),
    yAxis: yAxis(input, {
      type: 'value',
      min: 0,
      name: what,
      nameTextStyle: { color: palette.muted, align: 'left' },
      axisLabel: { color: palette.muted, formatter: (value: number) => formatPercent(value) },
    }),
    series: [
      {
        name: NAMES.uniform,
        type: 'line',
        showSymbol: uniform.length <= MAX_MARKS,
        symbol: 'circle',
        symbolSize: 7,
        lineStyle: { width: 2, color: palette.second },
        itemStyle: { color: palette.second },
        data: uniform.map((one) => ({
          value: [one.bytes, one.error],
          point: one,
          ...(one.refusal !== undefined && {
            symbol: 'emptyCircle',
            itemStyle: { color: palette.muted, opacity: 0.5 },
          }),
        })),
      },
      {
        name: NAMES.byModule,
        type: 'line',
        showSymbol: false,
        symbol: 'diamond',
        symbolSize: 9,
        lineStyle: { width: 3, color: mainColor, type: isRefused ? 'dashed' : 'solid' },
        itemStyle: { color: mainColor },
        data: byModule.map((one) => ({ value: [one.bytes, one.error], point: one })),
      },
      named(NAMES.uniform, at(uniform, NAME_AT.uniform), palette.second, 'right'),
      named(
        `${NAMES.byModule.replace(' module', '\nmodule')}${isRefused ? '\n(refused)' : ''}`,
        placeOfName(byModule),
        isRefused ? palette.muted : palette.main,
        'left',
      ),
      ...(point
        ? [
            {
              name: 'recommended',
              type: 'scatter' as const,
              symbol: 'diamond',
              symbolSize: 14,
              silent: true,
              itemStyle: { color: palette.good },
              data: [[point.bytes, point.error]],
              z: 5,
            },
          ]
        : []),
    ],
  };
}

const at = (points: readonly SizePoint[], share: number): SizePoint =>
  points[Math.round(share * (points.length - 1))]!;

/** Where the name below the line of ranks by module has room: before the line comes close to the axis. */
function placeOfName(byModule: readonly SizePoint[]): SizePoint {
  const usual = at(byModule, NAME_AT.byModule);
  const least = MIN_NAMED_SHARE * byModule[0]!.error;
  return usual.error >= least ? usual : (byModule.findLast(({ error }) => error >= least) ?? usual);
}

/** The name of a line, beside it. */
const named = (name: string, { bytes, error }: SizePoint, color: string, side: 'left' | 'right') => ({
  type: 'scatter' as const,
  silent: true,
  symbolSize: 1,
  itemStyle: { color: 'transparent' },
  tooltip: { show: false },
  label: {
    show: true,
    formatter: name,
    color,
    fontFamily: FONT,
    fontSize: 12,
    fontWeight: 600 as const,
    position: side,
    distance: 10,
    lineHeight: 14,
    // Below its line on the left, above it on the right; narrow, for there is little room beside the axis on a phone.
    verticalAlign: (side === 'left' ? 'top' : 'bottom') as 'top' | 'bottom',
  },
  data: [[bytes, error]],
});

const inWords = (line: string, { words, bytes, error, refusal }: SizePoint): string =>
  [
    `${line}: ${words}, ${formatBytes(bytes)}, error ${formatPercent(error)}`,
    ...(refusal ? [refusal] : []),
  ].join('\n');
