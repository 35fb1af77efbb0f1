import type { EChartsOption } from 'echarts';
import { type ChartStyle, chartBase, FONT, xAxis, yAxis } from './chart-base.ts';
import { formatPercent } from './format.ts';
import { type ModuleGrid, moduleGrid } from './module-grid.ts';
import { distinctLabels } from './module-names.ts';
import type { Palette } from './palette.ts';

/** More columns than this are less than three pixels wide: neighbours then share one, which shows their largest. */
const MAX_COLUMNS = 256;
/** With more columns, the numbers in the cells would be too small to read. */
const MAX_NUMBERED_COLUMNS = 24;

/** Number of characters that fit into a row's label, and into all labels of the columns side by side. */
const ROOM = { row: 20, columns: 44 };
const WIDE_ROOM = { row: 44, columns: 126 };
/** Up to this many columns, each has its name; otherwise as many as fit. */
const MAX_NAMED = 12;
/** Characters of a slanted label: a longer one would take the map's height. */
const MAX_SLANTED_LABEL = 16;

/** Smaller errors are rounding errors, which a scale of their own would show as large ones. */
const MIN_END = 1e-6;

export interface ModuleShare {
  readonly name: string;
  /** A number from 0 to 1 (a relative error, a share of the energy), a rank, or a difference of two such values. */
  readonly value: number;
}

export interface HeatMapInput extends ChartStyle {
  readonly modules: readonly ModuleShare[];
  /** The positions of the modules, if the caller has already computed them. */
  readonly grid?: ModuleGrid;
  /** What a value is, such as "relative error"; empty if `inWords` already says it. */
  readonly what: string;
  /** Formats a value; default: percent. */
  readonly inWords?: (value: number) => string;
  /** The end of the scale, for maps that are compared; default: the largest value. */
  readonly maximum?: number;
  /** The legend of a scale with zero in its middle, for differences; default: a scale from zero. */
  readonly ends?: readonly [negative: string, positive: string];
  /** Numbers to write into the cells where there is room, such as ranks. */
  readonly numbers?: (value: number) => string;
  /** Names of modules to highlight. */
  readonly selected?: ReadonlySet<string>;
  /** Further lines of the tooltip of a module. */
  readonly details?: (module: number) => readonly string[];
  /** The chart is about 1,000 pixels wide, which leaves room for longer labels. */
  readonly isWide?: boolean;
}

/**
 * A cell of the map. `index` is that of its module, or of the module with the largest amount if several share the cell.
 */
export interface HeatCell {
  readonly value: [column: number, row: number, value: number];
  readonly name: string;
  readonly index: number;
}

const [MIN_HEIGHT, MAX_HEIGHT] = [320, 640];
const [ROW_PX, AXES_PX] = [15, 140];
/** Below the axes: a scale in one line, or one whose ends have several. */
const SCALE_PX = 40;
export const ENDS_PX = 84;
/** Without it, ECharts takes the width of an ideograph, which is wrong where the fonts have none. */
const LINE_PX = 15;

/** Height at which each row can have its label, up to what a page has room for, in pixels. */
export const heatMapHeight = ({ rows }: ModuleGrid): number =>
  Math.min(MAX_HEIGHT, Math.max(MIN_HEIGHT, rows.length * ROW_PX + AXES_PX));

/** Layers that share a column of the map. */
export const layersPerColumn = ({ columns }: ModuleGrid): number => Math.ceil(columns.length / MAX_COLUMNS);

/** Values of all modules, by layer (columns) and projection (rows). */
export function layerHeatMap(input: HeatMapInput): EChartsOption {
  const { modules, what, palette, isWide, ends, inWords = formatPercent, details = () => [] } = input;
  const room = isWide ? WIDE_ROOM : ROOM;
  const { grid = moduleGrid(modules.map(({ name }) => name)) } = input;
  const perColumn = layersPerColumn(grid);
  const labels = grid.columnLabels.filter((_, index) => index % perColumn === 0);
  const columns = columnLabels(labels, room.columns);
  const rows = distinctLabels(grid.rows, room.row);
  const largest = modules.reduce((maximum, { value }) => Math.max(maximum, Math.abs(value)), 0);
  const maximum = input.maximum ?? largest;
  const end = maximum > MIN_END ? maximum : 1;
  const base = chartBase(input);
  const isCrowded = labels.length > 100;
  return {
    ...base,
    tooltip: {
      ...base.tooltip,
      trigger: 'item',
      formatter: (found) => {
        const { data, componentType } = found as unknown as { data?: HeatCell; componentType: string };
        if (componentType !== 'series' || !data) return '';
        return [data.name, `${what} ${inWords(data.value[2])}`.trim(), ...details(data.index)].join('\n');
      },
    },
    grid: {
      ...base.grid,
      ...(input.title === undefined && { top: 8 }),
      bottom: ends && !isWide ? ENDS_PX : SCALE_PX,
    },
    xAxis: xAxis(input, {
      type: 'category',
      data: [...columns.labels],
      name: grid.columnName,
      nameGap: 26,
      triggerEvent: true,
      axisTick: { show: false },
      axisLabel: {
        color: palette.muted,
        fontFamily: FONT,
        // Where each has its name, the names are cut to fit; the estimate of ECharts would still drop one at the edge.
        ...(labels.length <= MAX_NAMED ? { interval: 0 } : { hideOverlap: true }),
        ...(columns.isSlanted && { rotate: 40 }),
      },
    }),
    yAxis: yAxis(input, {
      type: 'category',
      data: [...grid.rows],
      inverse: true,
      triggerEvent: true,
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
      min: ends ? -end : 0,
      max: end,
      calculable: false,
      // ECharts would write the marker beside the bar in another format, over the labels.
      hoverLink: false,
      orient: 'horizontal',
      left: 'center',
      bottom: 0,
      itemHeight: ends && !isWide ? 80 : 140,
      itemWidth: 10,
      inRange: { color: [...(ends ? palette.differences : palette.scale)] },
      text: ends ? [ends[1], ends[0]] : [inWords(end), `${what} ${inWords(0)}`],
      textStyle: { color: palette.muted, fontFamily: FONT, ...(ends && { lineHeight: LINE_PX }) },
    },
    series: [
      {
        type: 'heatmap',
        // Selected cells are drawn last, so that no neighbour covers a part of their frames.
        data: cellsOf(input, grid, perColumn)
          .map((cell) => styled(cell, input, end))
          .sort((one, other) => Number('itemStyle' in one) - Number('itemStyle' in other)),
        label: {
          show: input.numbers !== undefined && labels.length <= MAX_NUMBERED_COLUMNS,
          fontFamily: FONT,
          fontSize: 11,
          formatter: (found) => input.numbers?.((found as unknown as { data: HeatCell }).data.value[2]) ?? '',
        },
        itemStyle: {
          borderColor: palette.surface,
          borderWidth: isCrowded ? 0 : 1.5,
          borderRadius: 2,
        },
        emphasis: { itemStyle: { borderColor: palette.mark, borderWidth: 2 } },
      },
    ],
  };
}

/** One cell for each place; if several modules share it, the one with the largest amount. */
function cellsOf({ modules }: HeatMapInput, { places }: ModuleGrid, perColumn: number): HeatCell[] {
  const cells = new Map<string, HeatCell>();
  for (const [index, { name, value }] of modules.entries()) {
    const { row, column: layer } = places[index]!;
    const column = Math.floor(layer / perColumn);
    const before = cells.get(`${column} ${row}`);
    if (!before || Math.abs(value) > Math.abs(before.value[2]))
      cells.set(`${column} ${row}`, { value: [column, row, value], name, index });
  }
  return [...cells.values()];
}

/** Numbers contrast with the colour of their cell; selected modules have a frame. */
function styled(cell: HeatCell, { selected, palette, numbers }: HeatMapInput, end: number) {
  const isSelected = selected?.has(cell.name) === true;
  return {
    ...cell,
    ...(numbers && { label: { color: inkOn(Math.abs(cell.value[2]) / end, palette) } }),
    ...(isSelected && { itemStyle: { borderColor: palette.mark, borderWidth: 2.5 } }),
  };
}

/** The ink that is read on a colour of the scale: in both schemes its middle is where ink and surface swap. */
const inkOn = (share: number, { ink, surface }: Palette): string => (share > 0.5 ? surface : ink);

/** A few long names are shortened, or slanted, so that each column shows its own. */
function columnLabels(
  labels: readonly string[],
  room: number,
): { labels: readonly string[]; isSlanted: boolean } {
  const longest = labels.reduce((maximum, { length }) => Math.max(maximum, length), 0);
  const each = Math.floor(room / labels.length) - 1;
  if (longest <= each) return { labels, isSlanted: false };
  // Of many numbers in a row, as many are shown as fit.
  if (labels.length > MAX_NAMED && longest <= 4) return { labels, isSlanted: false };
  const isSlanted = each < MAX_SLANTED_LABEL;
  return { labels: distinctLabels(labels, isSlanted ? MAX_SLANTED_LABEL : each), isSlanted };
}
