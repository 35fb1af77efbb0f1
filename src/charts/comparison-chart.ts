import type { EChartsOption } from 'echarts';
import { type ChartStyle, chartBase, xAxis, yAxis } from './chart-base.ts';
import type { ComparedModule, LabelPair } from './difference-map.ts';
import { formatPercent } from './format.ts';

export interface ComparisonInput extends ChartStyle {
  readonly modules: readonly Pick<ComparedModule, 'name' | 'first' | 'second'>[];
  readonly labels: LabelPair;
}

/** A dot for each module: x is its error in one result, y its error in the other. On the diagonal both are equal. */
export function comparisonChart(input: ComparisonInput): EChartsOption {
  const { modules, labels, palette } = input;
  const base = chartBase(input);
  const largest = modules.reduce((maximum, { first, second }) => Math.max(maximum, first, second), 0);
  // A round number, so that both axes end with a label.
  const step = largest > 0.2 ? 0.1 : largest > 0.02 ? 0.01 : largest / 10 || 1;
  const maximum = Math.ceil(largest / step + 0.2) * step;
  const axis = {
    type: 'value' as const,
    min: 0,
    max: maximum,
    axisLabel: {
      color: palette.muted,
      hideOverlap: true,
      formatter: (value: number) => formatPercent(value),
    },
  };
  return {
    ...base,
    tooltip: {
      ...base.tooltip,
      formatter: (found) => {
        const { name, first, second } = modules[(found as unknown as { dataIndex: number }).dataIndex]!;
        return `${name}\n${labels[0]}: ${formatPercent(first)}\n${labels[1]}: ${formatPercent(second)}`;
      },
    },
    grid: { ...base.grid, bottom: 4 },
    xAxis: xAxis(input, { ...axis, name: 'error of the first' }),
    yAxis: yAxis(input, {
      ...axis,
      name: 'error of the second',
      nameTextStyle: { color: palette.muted, align: 'left' },
    }),
    series: [
      {
        type: 'scatter',
        symbolSize: modules.length > 500 ? 4 : 8,
        itemStyle: { color: palette.main, opacity: 0.65 },
        data: modules.map(({ first, second }) => [first, second]),
        markLine: {
          silent: true,
          symbol: 'none',
          animation: false,
          label: { show: false },
          lineStyle: { color: palette.muted, type: 'dashed' },
          data: [[{ coord: [0, 0] }, { coord: [maximum, maximum] }]],
        },
      },
    ],
  };
}
