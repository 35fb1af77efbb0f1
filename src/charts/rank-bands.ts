import type { CustomSeriesOption, EChartsOption } from 'echarts';
import { type ChartStyle, chartBase, FONT, xAxis, yAxis } from './chart-base.ts';
import { byNumbers, distinctLabels, modulePlaces } from './module-names.ts';

/** The rank of each module from a step onwards. */
export interface RanksFrom {
  readonly step: number;
  readonly ranks: ReadonlyMap<string, number>;
}

export interface RankBandsInput extends ChartStyle {
  /** In the order of their steps. */
  readonly history: readonly RanksFrom[];
  /** The step up to which the last ranks are known to hold. */
  readonly untilStep: number;
  readonly totalSteps: number;
}

/** A rectangle of one rank, which extends over a range of steps and a range of rows. */
export interface Band {
  readonly from: number;
  readonly to: number;
  readonly top: number;
  readonly bottom: number;
  readonly rank: number;
  /** The module of its first row. */
  readonly name: string;
}

/** Characters of a row's label. */
const ROOM = 22;
const [MIN_PX, MAX_PX, ROW_PX, AXES_PX] = [260, 560, 5, 110];

export const bandsHeight = (modules: number): number =>
  Math.min(MAX_PX, Math.max(MIN_PX, modules * ROW_PX + AXES_PX));

/** Modules in the order of their rows: those of one projection together, by layer. */
export function rowsOf(names: readonly string[]): { readonly name: string; readonly projection: string }[] {
  const places = modulePlaces(names);
  return names
    .map((name, index) => ({ name, ...places[index]! }))
    .sort((a, b) => byNumbers(a.projection, b.projection) || byNumbers(a.layer, b.layer));
}

/** The rectangles to draw. Neighbouring steps and rows of the same rank share one rectangle. */
export function bandsOf(
  rows: readonly { readonly name: string }[],
  history: readonly RanksFrom[],
  untilStep: number,
): Band[] {
  const bands: Band[] = [];
  for (const [index, { step, ranks }] of history.entries()) {
    const to = history[index + 1]?.step ?? untilStep;
    if (to <= step) continue;
    for (const [row, { name }] of rows.entries()) {
      const rank = ranks.get(name);
      if (rank === undefined) continue;
      const above = bands.at(-1);
      if (above && above.from === step && above.bottom === row && above.rank === rank)
        bands[bands.length - 1] = { ...above, bottom: row + 1 };
      else bands.push({ from: step, to, top: row, bottom: row + 1, rank, name });
    }
  }
  return bands;
}

/** The rank of each module over the steps of a run, as bands. */
export function rankBands(input: RankBandsInput): EChartsOption {
  const { palette, history, untilStep, totalSteps } = input;
  const base = chartBase(input);
  const rows = rowsOf([...(history[0]?.ranks.keys() ?? [])]);
  const bands = bandsOf(rows, history, untilStep);
  const maximum = bands.reduce((largest, { rank }) => Math.max(largest, rank), 1);
  const labels = groupLabels(rows.map(({ projection }) => projection));
  return {
    ...base,
    grid: { left: 12, right: 20, top: 12, bottom: 76, outerBoundsMode: 'same' },
    tooltip: {
      ...base.tooltip,
      formatter: (found) => inWords(bands[(found as { dataIndex: number }).dataIndex]!),
    },
    xAxis: xAxis(input, { type: 'value', min: 0, max: totalSteps, name: 'optimizer steps' }),
    yAxis: yAxis(input, {
      type: 'category',
      inverse: true,
      data: rows.map(({ name }) => name),
      axisTick: { show: false },
      axisLine: { show: false },
      splitLine: { show: false },
      axisLabel: {
        color: palette.muted,
        fontFamily: FONT,
        interval: (row: number) => labels.has(row),
        formatter: (_: string, row: number) => labels.get(row) ?? '',
      },
    }),
    visualMap: {
      type: 'continuous',
      dimension: 4,
      min: 0,
      max: maximum,
      orient: 'horizontal',
      left: 'center',
      bottom: 0,
      itemHeight: 140,
      itemWidth: 10,
      inRange: { color: [...palette.scale] },
      text: [`rank ${maximum}`, '0'],
      textStyle: { color: palette.muted, fontFamily: FONT },
    },
    series: [
      {
        type: 'custom',
        clip: true,
        renderItem: drawBand,
        encode: { x: [0, 1], y: [2, 3] },
        data: bands.map(({ from, to, top, bottom, rank }) => [from, to, top, bottom, rank]),
      },
    ],
  };
}

const drawBand: NonNullable<CustomSeriesOption['renderItem']> = (_params, api) => {
  const [from, to, top, bottom] = [0, 1, 2, 3].map((dimension) => Number(api.value(dimension)));
  const rowPx = Math.abs((api.size!([0, 1]) as number[])[1]!);
  // A category's coordinate is the middle of its row.
  const [left, middle] = api.coord([from!, top!]) as [number, number];
  const [right] = api.coord([to!, top!]) as [number, number];
  return {
    type: 'rect',
    shape: { x: left, y: middle - rowPx / 2, width: right - left, height: rowPx * (bottom! - top!) },
    style: { fill: api.visual('color') as string },
  };
};

/** Each group of equal neighbours is named once, at its middle. */
function groupLabels(projections: readonly string[]): Map<number, string> {
  const names = [...new Set(projections)];
  const short = distinctLabels(names, ROOM);
  return new Map(
    names.map((name, index) => {
      const first = projections.indexOf(name);
      const last = projections.lastIndexOf(name);
      return [Math.floor((first + last) / 2), short[index]!];
    }),
  );
}

const count = (value: number): string => value.toLocaleString('en');

function inWords({ name, from, to, rank, top, bottom }: Band): string {
  const rows = bottom - top;
  const who = rows === 1 ? name : `${name}\nand ${rows - 1} more`;
  return `${who}\nrank ${rank} from step ${count(from)} to ${count(to)}`;
}
