import type { EChartsOption } from 'echarts';
import { type ChartStyle, chartBase, FONT, xAxis, yAxis } from './chart-base.ts';
import { byNumbers, modulePlace, withoutCommonStart } from './module-place.ts';
import { percent, shortened } from './words.ts';

/** More columns than this are less than three pixels wide: neighbours then share one, which shows their largest. */
const MAX_COLUMNS = 256;

/** Characters of a row's label. */
const MAX_LABEL = 20;

export interface ModuleShare {
  readonly name: string;
  /** From 0 to 1, such as a relative error or a share of the energy. */
  readonly value: number;
}

export interface HeatMapInput extends ChartStyle {
  readonly modules: readonly ModuleShare[];
  /** What a value is, such as "relative error". */
  readonly what: string;
}

/** Values of all modules, by layer (columns) and projection (rows). */
export function layerHeatMap(input: HeatMapInput): EChartsOption {
  const { modules, what, palette } = input;
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
      data: labels,
      name: 'layer',
      nameGap: 26,
      axisTick: { show: false },
    }),
    yAxis: yAxis(input, {
      type: 'category',
      data: projections,
      axisTick: { show: false },
      axisLine: { show: false },
      axisLabel: {
        color: palette.muted,
        fontFamily: FONT,
        // The end of a path tells projections apart.
        formatter: (projection: string) => shortened(projection, MAX_LABEL),
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

const sorted = (labels: readonly string[]): string[] => [...new Set(labels)].sort(byNumbers);
