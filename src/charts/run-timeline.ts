import type { EChartsOption, SeriesOption } from 'echarts';
import type { CheckpointRecord, RunRecord } from '../contract/run.ts';
import type { RunLearningRate } from '../contract/schedule.ts';
import { type ChartStyle, chartBase, FONT, xAxis, yAxis } from './chart-base.ts';
import { formatPercent } from './format.ts';

export type TimelineRun = Pick<
  RunRecord,
  'schedule' | 'request' | 'checkpoints' | 'rank' | 'step' | 'learning_rate'
>;

/** The least end of the axis of errors. */
const MIN_ERROR_END = 1e-3;

/** Heights of a part and of the gap between two parts, in pixels. */
const [RANK_PX, PART_PX, GAP_PX, TOP_PX, BOTTOM_PX] = [220, 96, 44, 64, 56];

/** The first and the last rank of a run, and its number of steps. */
export function stepClock({ request }: Pick<RunRecord, 'request'>): {
  readonly source_rank: number;
  readonly target_rank: number;
  readonly total_steps: number;
} {
  return 'schedule' in request ? request.schedule : request.adaptive;
}

/** The checkpoints from which a run continued, in their order. */
export const validCheckpoints = ({ checkpoints }: Pick<RunRecord, 'checkpoints'>): CheckpointRecord[] =>
  checkpoints.filter(({ superseded, state }) => !superseded && state === 'succeeded');

const hasLoss = (run: TimelineRun): boolean => validCheckpoints(run).some(({ loss }) => loss !== null);

const ERROR_PART = 'error of each squeeze';
/** Before the first checkpoint there is nothing but the plan. */
const hasBegun = ({ step }: TimelineRun): boolean => step !== null;

/** Height of the timeline in pixels. */
export const timelineHeight = (run: TimelineRun): number =>
  TOP_PX + RANK_PX + (1 + Number(hasBegun(run)) + Number(hasLoss(run))) * (PART_PX + GAP_PX) + BOTTOM_PX;

/** A run over its steps: ranks planned and reached, the error of every squeeze, the learning rate, and the loss. */
export function runTimeline(input: ChartStyle & { readonly run: TimelineRun }): EChartsOption {
  const { run, palette } = input;
  const base = chartBase(input);
  const valid = validCheckpoints(run);
  const { total_steps: total } = stepClock(run);
  const parts: { name: string; height: number; series: SeriesOption[]; isWhole?: boolean }[] = [
    { name: 'rank', height: RANK_PX, series: rankSeries(input, valid), isWhole: true },
    ...(hasBegun(run) ? [{ name: ERROR_PART, height: PART_PX, series: [errorSeries(input, valid)] }] : []),
    { name: 'learning rate, × the peak', height: PART_PX, series: [rateSeries(input)] },
    ...(hasLoss(run) ? [{ name: 'loss', height: PART_PX, series: [lossSeries(input, valid)] }] : []),
  ];
  let top = TOP_PX;
  const grids = parts.map(({ height }) => {
    const grid = { left: 72, right: 20, top, height, outerBoundsMode: 'none' as const };
    top += height + GAP_PX;
    return grid;
  });
  const last = parts.length - 1;
  return {
    ...base,
    legend: {
      top: 4,
      left: 8,
      itemWidth: 18,
      itemHeight: 8,
      data: [...(run.schedule ? ['planned'] : []), 'reached', 'target'],
      textStyle: { color: palette.muted, fontFamily: FONT },
    },
    tooltip: { ...base.tooltip, trigger: 'item' },
    grid: grids,
    xAxis: parts.map((_, index) =>
      xAxis(input, {
        type: 'value',
        gridIndex: index,
        min: 0,
        max: total,
        axisLabel: { show: index === last, color: palette.muted, fontFamily: FONT, hideOverlap: true },
        ...(index === last && { name: 'optimizer steps' }),
      }),
    ),
    yAxis: parts.map(({ name, isWhole }, index) =>
      yAxis(input, {
        type: 'value',
        gridIndex: index,
        name,
        nameTextStyle: { color: palette.muted, fontFamily: FONT, align: 'left' },
        min: name === 'loss' ? undefined : 0,
        // Rounding errors do not get a scale of their own.
        ...(name === ERROR_PART && {
          max: ({ max }: { max: number }) => (max < MIN_ERROR_END ? MIN_ERROR_END : null),
        }),
        scale: name === 'loss',
        splitNumber: isWhole ? 5 : 2,
        ...(isWhole && { minInterval: 1 }),
        axisLabel: {
          color: palette.muted,
          fontFamily: FONT,
          hideOverlap: true,
          ...(name === ERROR_PART && { formatter: (value: number) => formatPercent(value) }),
        },
      } as Parameters<typeof yAxis>[1]),
    ),
    series: parts.flatMap(({ series }, index) =>
      series.map((one) => ({ ...one, xAxisIndex: index, yAxisIndex: index }) as SeriesOption),
    ),
  };
}

const words = (formatter: (row: number[]) => string) => ({
  tooltip: { formatter: (found: unknown) => formatter((found as { value: number[] }).value) },
});

function rankSeries({ run, palette }: TimelineInput, valid: readonly CheckpointRecord[]): SeriesOption[] {
  const { source_rank: source, target_rank: target, total_steps: total } = stepClock(run);
  const planned = (run.schedule?.stages ?? []).flatMap(({ rank, begin_step: begin, end_step: end }) => [
    [begin, rank],
    [end, rank],
  ]);
  const now = run.step ?? 0;
  const reached = [[0, source], ...valid.flatMap(fallOf), [now, run.rank.max]];
  return [
    {
      name: 'planned',
      type: 'line',
      data: planned,
      showSymbol: false,
      lineStyle: { color: palette.muted, width: 1.5, type: 'dashed' },
      itemStyle: { color: palette.muted },
      ...words(([step, rank]) => `planned: rank ${rank} at step ${step!.toLocaleString('en')}`),
    },
    {
      name: 'target',
      type: 'line',
      data: [
        [0, target],
        [total, target],
      ],
      showSymbol: false,
      lineStyle: { color: palette.good, width: 1.5, type: 'dotted' },
      itemStyle: { color: palette.good },
      ...words(() => `target: rank ${target}`),
    },
    {
      name: 'reached',
      type: 'line',
      data: reached,
      symbol: 'circle',
      symbolSize: 5,
      lineStyle: { color: palette.main, width: 2.5 },
      itemStyle: { color: palette.main },
      areaStyle: { color: palette.main, opacity: 0.08 },
      ...words(([step, rank]) => `rank ${rank} at step ${step!.toLocaleString('en')}`),
      ...(run.step !== null && {
        markLine: {
          symbol: 'none',
          silent: true,
          data: [{ xAxis: now }],
          lineStyle: { color: palette.mark, width: 1, type: 'solid' },
          label: {
            formatter: `step ${now.toLocaleString('en')}`,
            color: palette.mark,
            fontFamily: FONT,
          },
        },
      }),
    } as SeriesOption,
  ];
}

type TimelineInput = ChartStyle & { readonly run: TimelineRun };

/** A checkpoint as two points: the rank before it, and the rank after it. */
const fallOf = ({ step, rank_before: before, rank_after: after }: CheckpointRecord): number[][] => [
  [step, before.max],
  [step, (after ?? before).max],
];

function errorSeries({ palette }: TimelineInput, valid: readonly CheckpointRecord[]): SeriesOption {
  return {
    type: 'scatter',
    symbol: 'diamond',
    symbolSize: 11,
    itemStyle: { color: palette.mark },
    data: valid.flatMap(({ step, relative_error: error, rank_before: before, rank_after: after }) =>
      error === null ? [] : [[step, error, before.max, (after ?? before).max]],
    ),
    ...words(
      ([step, error, before, after]) =>
        `step ${step!.toLocaleString('en')}: rank ${before} to ${after}\nerror ${formatPercent(error!)}`,
    ),
  };
}

function lossSeries({ palette }: TimelineInput, valid: readonly CheckpointRecord[]): SeriesOption {
  return {
    type: 'line',
    symbol: 'triangle',
    symbolSize: 7,
    lineStyle: { color: palette.second, width: 1.5 },
    itemStyle: { color: palette.second },
    data: valid.flatMap(({ step, loss }) => (loss === null ? [] : [[step, loss]])),
    ...words(([step, loss]) => `loss ${loss!.toPrecision(4)} at step ${step!.toLocaleString('en')}`),
  };
}

function rateSeries(input: TimelineInput): SeriesOption {
  const { palette } = input;
  return {
    type: 'line',
    data: stagesOf(input.run).flatMap(curveOf),
    showSymbol: false,
    lineStyle: { color: palette.second, width: 2 },
    itemStyle: { color: palette.second },
    ...words(([step, factor]) => `× ${factor!.toFixed(2)} at step ${step!.toLocaleString('en')}`),
  };
}

type Rate = Pick<RunLearningRate, 'factor' | 'warm_up_steps' | 'decay_steps' | 'begin_step' | 'end_step'>;

/** The learning rate of each stage: as planned, or as used so far. */
function stagesOf(run: TimelineRun): Rate[] {
  if (run.schedule)
    return run.schedule.stages.map(({ learning_rate, begin_step, end_step }) => ({
      ...learning_rate,
      begin_step,
      end_step,
    }));
  const begun = validCheckpoints(run).flatMap(({ learning_rate }) => learning_rate ?? []);
  const stages = [...begun, run.learning_rate];
  const first = stages[0]!;
  const isAtStart = first.begin_step === 0;
  const before = { factor: 1, warm_up_steps: 0, decay_steps: 0, begin_step: 0, end_step: first.begin_step };
  const all = isAtStart ? stages : [before, ...stages];
  // A stage ends where the next one begins; a stage that is reported twice counts once.
  return all.flatMap((stage, index) => {
    const next = all[index + 1];
    if (next && next.begin_step <= stage.begin_step) return [];
    return [{ ...stage, end_step: next ? Math.min(stage.end_step, next.begin_step) : stage.end_step }];
  });
}

/** Corners of factor · min(1, steps / warm_up_steps) · min(1, steps left / decay_steps) over a stage. */
function curveOf({ factor, warm_up_steps: up, decay_steps: down, begin_step, end_step }: Rate): number[][] {
  const risen = Math.min(end_step, begin_step + up);
  const falls = Math.max(risen, end_step - down);
  return [
    ...(up > 0 ? [[begin_step, factor / up]] : []),
    [risen, factor],
    [falls, factor],
    ...(down > 0 ? [[end_step, 0]] : []),
  ];
}
