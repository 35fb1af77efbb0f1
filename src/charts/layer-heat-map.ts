import type { EChartsOption } from 'echarts';
import { type ChartStyle, chartBase, FONT, xAxis, yAxis } from './chart-base.ts';
import { byNumbers, distinctLabels, modulePlace, withoutCommonStart } from './module-names.ts';
import { percent } from './words.ts';

/** More columns than this are less than three pixels wide: neighbours then share one, which shows their largest. */
const MAX_COLUMNS = 256;

/** Characters of a row's label, and of all labels of the columns side by side: what there is room for. */
const ROOM = { row: 20, columns: 44 };
const WIDE_ROOM = { row: 44, columns: 126 };
/** As many columns have their names each; of more, as many as there is room for. */
const MAX_NAMED = 12;
/** Characters of a slanted label: a longer one would take the map's height. */
const MAX_SLANTED_LABEL = 16;

export interface ModuleShare {
  readonly name: string;
  /** From 0 to 1, such as a relative error or a share of the energy. */
  readonly value: number;
}

export interface HeatMapInput extends ChartStyle {
  readonly modules: readonly ModuleShare[];
  /** What a value is, such as "relative error". */
  readonly what: string;
  /** About 1,000 pixels wide: longer labels have room. */
  readonly isWide?: boolean;
}

const [LEAST_HEIGHT, MOST_HEIGHT] = [320, 640];
const [ROW_PX, AXES_PX] = [15, 140];

/** Pixels in which each row has its label, as far as a page has them. */
export function heatMapHeight(modules: readonly { readonly name: string }[]): number {
  const rows = new Set(modules.map(({ name }) => modulePlace(name).projection)).size;
  return Math.min(MOST_HEIGHT, Math.max(LEAST_HEIGHT, rows * ROW_PX + AXES_PX));
}

/** Values of all modules, by layer (columns) and projection (rows). */
export function layerHeatMap(input: HeatMapInput): EChartsOption {
  const { modules, what, palette, isWide } = input;
  const room = isWide ? WIDE_ROOM : ROOM;
  const placed = modules.map(({ name, value }) => ({ name, value, ...modulePlace(name) }));
  const layers = sorted(placed.map(({ layer }) => layer));
  const projections = sorted(placed.map(({ projection }) => projection)).reverse();
  const perColumn = Math.ceil(layers.length / MAX_COLUMNS);
  const columnOf = new Map(layers.map((layer, index) => [layer, Math.floor(index / perColumn)]));
  const rowOf = new Map(projections.map((projection, index) => [projection, index]));

  const cells = new Map<string, { value: [number, number, number]; name: string }>();
  for (const { name, layer, projection, value } of placed) {
    const [column, row] = [columnOf.get(layer)!, rowOf.get(projection)!];
    const before = cells.get(`${column} ${row}`);
    if (!before || value > before.value[2])
      cells.set(`${column} ${row}`, { value: [column, row, value], name });
  }
  const labels = withoutCommonStart(layers).filter((_, index) => index % perColumn === 0);
  const columns = columnLabels(labels, room.columns);
  const rows = distinctLabels(projections, room.row);
  const most = modules.reduce((largest, { value }) => Math.max(largest, value), 0);
  const base = chartBase(input);
  return {
    ...base,
    tooltip: {
      ...base.tooltip,
      formatter: (found) => {
        const { name, value } = (found as unknown as { data: { name: string; value: number[] } }).data;
        return `${name}\n${what} ${percent(value[2]!)}`;
      },
    },
    grid: { ...base.grid, ...(input.title === undefined && { top: 8 }), bottom: 40 },
    xAxis: xAxis(input, {
      type: 'category',
      data: [...columns.labels],
      name: 'layer',
      nameGap: 26,
      axisTick: { show: false },
      axisLabel: {
        color: palette.muted,
        fontFamily: FONT,
        hideOverlap: true,
        ...(labels.length <= MAX_NAMED && { interval: 0 }),
        ...(columns.isSlanted && { rotate: 40 }),
      },
    }),
    yAxis: yAxis(input, {
      type: 'category',
      data: projections,
      axisTick: { show: false },
      axisLine: { show: false },
      axisLabel: {
        color: palette.muted,
        fontFamily: FONT,
        hideOverlap: true,
        formatter: (_: string, row: number) => rows[row]!,
      },
    }),
    visualMap: {
      min: 0,
      max: most > 0 ? most : 1,
      calculable: false,
      orient: 'horizontal',
      left: 'center',
      bottom: 0,
      itemHeight: 140,
      itemWidth: 10,
      inRange: { color: [...palette.scale] },
      text: [percent(most > 0 ? most : 1), `${what} 0 %`],
      textStyle: { color: palette.muted, fontFamily: FONT },
    },
    series: [
      {
        type: 'heatmap',
        data: [...cells.values()],
        itemStyle: {
          borderColor: palette.surface,
          borderWidth: labels.length > 100 ? 0 : 1.5,
          borderRadius: 2,
        },
        emphasis: { itemStyle: { borderColor: palette.mark, borderWidth: 2 } },
      },
    ],
  };
}

/** A few long names are shortened, or slanted, so that each column shows its own. */
function columnLabels(
  labels: readonly string[],
  room: number,
): { labels: readonly string[]; isSlanted: boolean } {
  const longest = labels.reduce((most, { length }) => Math.max(most, length), 0);
  const each = Math.floor(room / labels.length) - 1;
  if (labels.length > MAX_NAMED || longest <= each) return { labels, isSlanted: false };
  const isSlanted = each < MAX_SLANTED_LABEL;
  return { labels: distinctLabels(labels, isSlanted ? MAX_SLANTED_LABEL : each), isSlanted };
}

const sorted = (labels: readonly string[]): string[] => [...new Set(labels)].sort(byNumbers);
