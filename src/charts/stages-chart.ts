import type { EChartsOption } from 'echarts';
import type { CheckpointRecord, RunRecord } from '../contract/run.ts';
import { type ChartStyle, chartBase, legend, xAxis, yAxis } from './chart-base.ts';

type Run = Pick<RunRecord, 'schedule' | 'checkpoints'>;

/** The ranks an annealing run plans, and those its checkpoints had, over the steps of the optimizer. */
export function stagesChart(input: ChartStyle & { readonly run: Run }): EChartsOption {
  const { run, palette } = input;
  const base = chartBase(input);
  const valid = run.checkpoints.filter(({ superseded }) => !superseded);
  const planned = run.schedule?.stages.flatMap(({ rank, begin_step: begin, end_step: end }) => [
    [begin, rank],
    [end, rank],
  ]);
  const name = { planned: 'planned', done: 'checkpoints' };
  return {
    ...base,
    legend: legend(input),
    tooltip: { ...base.tooltip, trigger: 'item', formatter: (found) => inWords(found, valid) },
    grid: { ...base.grid, bottom: 4 },
    xAxis: xAxis(input, { type: 'value', min: 0, name: 'steps of the optimizer' }),
    yAxis: yAxis(input, { type: 'value', min: 0, minInterval: 1, name: 'rank' }),
    series: [
      ...(planned
        ? [
            {
              name: name.planned,
              type: 'line' as const,
              showSymbol: false,
              data: planned,
              lineStyle: { color: palette.main, width: 2.5 },
              itemStyle: { color: palette.main },
              areaStyle: { color: palette.main, opacity: 0.1 },
            },
          ]
        : []),
      {
        name: name.done,
        type: 'scatter',
        symbolSize: 11,
        itemStyle: { color: palette.mark },
        data: valid.map(({ step, rank_after: after, rank_before: before }) => [step, (after ?? before).max]),
      },
    ],
  };
}

function inWords(found: unknown, checkpoints: readonly CheckpointRecord[]): string {
  const { seriesType, dataIndex, value } = found as {
    seriesType: string;
    dataIndex: number;
    value: number[];
  };
  if (seriesType !== 'scatter') return `step ${value[0]}: rank ${value[1]}`;
  const { step, decision, state, reason } = checkpoints[dataIndex]!;
  return `step ${step}: ${decision}, ${state}\n${reason}`;
}
