import type { ECharts } from 'echarts/core';
import type { SizePoint } from '../../../src/charts/size-curve-chart.ts';

interface CurveHandleProps {
  readonly chart: ECharts;
  readonly label: string;
  readonly shape: 'circle' | 'diamond';
  /** The points of the handle's line, ascending in size. */
  readonly points: readonly SizePoint[];
  /** The index of the point nearest to the handle. */
  readonly at: number;
  /** The position of the handle, which need not be one of the points. */
  readonly place: SizePoint;
  readonly words: string;
  /** Whether the handle's line is the chosen one. */
  readonly isChosen: boolean;
  readonly onAt: (at: number) => void;
}

const AXES = { xAxisIndex: 0, yAxisIndex: 0 };

/** A handle on a line of the curve. It is dragged along the line, or moved by keyboard like a slider. */
export function CurveHandle(props: CurveHandleProps) {
  const { chart, label, shape, points, at, place, words, isChosen, onAt } = props;
  const pixel = chart.convertToPixel(AXES, [place.bytes, place.error]) as number[] | undefined;
  if (!pixel?.every(Number.isFinite)) return null;

  function drag({ clientX, currentTarget, pointerId }: PointerEvent): void {
    if (!(currentTarget as HTMLElement).hasPointerCapture(pointerId)) return;
    const { left } = chart.getDom().getBoundingClientRect();
    onAt(nearestPoint(chart, points, clientX - left));
  }
  function onKeyDown(event: KeyboardEvent): void {
    const to = pointAfter(event.key, points, at);
    if (to === undefined) return;
    event.preventDefault();
    if (to !== at || !isChosen) onAt(to);
  }
  return (
    <div
      role="slider"
      tabIndex={0}
      class={`curve-handle is-${shape}${isChosen ? ' is-chosen' : ''}`}
      style={{ left: `${pixel[0]}px`, top: `${pixel[1]}px` }}
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={points.length - 1}
      aria-valuenow={at}
      aria-valuetext={words}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        event.currentTarget.focus();
        event.preventDefault();
        if (!isChosen) onAt(at);
      }}
      onPointerMove={drag}
      onKeyDown={onKeyDown}
    />
  );
}

/** The index of the point nearest to a horizontal position, among the points that are not refused. */
export function nearestPoint(chart: ECharts, points: readonly SizePoint[], x: number): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const [index, { bytes, error, refusal }] of points.entries()) {
    if (refusal !== undefined) continue;
    const distance = Math.abs((chart.convertToPixel(AXES, [bytes, error]) as number[])[0]! - x);
    if (distance < least) [best, least] = [index, distance];
  }
  return best;
}

/** The distance in pixels between a point of the curve and a position in the chart. */
export function distanceTo(chart: ECharts, { bytes, error }: SizePoint, x: number, y: number): number {
  const [left, top] = chart.convertToPixel(AXES, [bytes, error]) as [number, number];
  return Math.hypot(left - x, top - y);
}

/** The index to which a key moves a slider; undefined for keys that do not move sliders. */
function pointAfter(key: string, points: readonly SizePoint[], at: number): number | undefined {
  const open = points.flatMap(({ refusal }, index) => (refusal === undefined ? [index] : []));
  const here = open.findLastIndex((index) => index <= at);
  const page = Math.max(1, Math.round(open.length / 10));
  const steps: Readonly<Record<string, number>> = {
    ArrowRight: 1,
    ArrowUp: 1,
    ArrowLeft: -1,
    ArrowDown: -1,
    PageUp: page,
    PageDown: -page,
    Home: -open.length,
    End: open.length,
  };
  const step = steps[key];
  if (step === undefined) return undefined;
  return open[Math.min(open.length - 1, Math.max(0, here + step))] ?? at;
}
