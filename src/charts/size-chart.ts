import type { EChartsOption } from 'echarts';
import { type ChartStyle, chartBase, FONT, legend, xAxis, yAxis } from './chart-base.ts';
import { formatBytes } from './format.ts';

/**
 * Length of a label in characters: a longer one is written on several lines, and cut at its end if that does not suffice.
 */
const MAX_LABEL = 44;
const LABEL_PX = 116;

/** A part of a file of weights, as SizePart of the contract. */
interface Part {
  readonly what: string;
  readonly bytes: number;
}

export interface SizedFile {
  readonly label: string;
  readonly bytes: number;
  /** What takes the space; without it the file is one bar. */
  readonly parts?: readonly Part[];
}

/** Sizes of files, one bar below the other, each divided into its parts. */
export function sizeChart(input: ChartStyle & { readonly files: readonly SizedFile[] }): EChartsOption {
  const { files, palette } = input;
  const withParts = files.map(({ label, bytes, parts }) => ({
    label,
    bytes,
    parts: parts ?? [{ what: 'all', bytes }],
  }));
  const kinds = [...new Set(withParts.flatMap(({ parts }) => parts.map(({ what }) => what)))];
  const base = chartBase(input);
  const last = kinds.length - 1;
  return {
    ...base,
    ...(kinds.length > 1 && { legend: legend(input) }),
    tooltip: { ...base.tooltip, trigger: 'item', valueFormatter: (value) => formatBytes(Number(value)) },
    grid: { ...base.grid, ...(kinds.length === 1 && input.title === undefined && { top: 8 }), right: 72 },
    xAxis: xAxis(input, {
      type: 'value',
      // Few enough that their labels fit beside each other on a phone, where ECharts would drop all but one.
      splitNumber: 2,
      axisLabel: { color: palette.muted, hideOverlap: true, formatter: formatBytes },
    }),
    yAxis: yAxis(input, {
      type: 'category',
      inverse: true,
      data: withParts.map(({ label }) =>
        label.length > MAX_LABEL ? `${label.slice(0, MAX_LABEL - 1)}…` : label,
      ),
      axisTick: { show: false },
      axisLabel: {
        color: palette.muted,
        fontFamily: FONT,
        width: LABEL_PX,
        lineHeight: 14,
        overflow: 'break',
      },
    }),
    series: kinds.map((what, index) => ({
      name: what.replaceAll('_', ' '),
      type: 'bar' as const,
      stack: 'size',
      barMaxWidth: 36,
      itemStyle: { color: palette.parts[index % palette.parts.length]! },
      data: withParts.map(({ parts }) => parts.find((part) => part.what === what)?.bytes ?? 0),
      label: {
        show: index === last,
        position: 'right' as const,
        color: palette.ink,
        formatter: ({ dataIndex }: { dataIndex: number }) => formatBytes(withParts[dataIndex]!.bytes),
      },
    })),
  };
}
