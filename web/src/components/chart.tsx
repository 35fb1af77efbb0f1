import type { ECElementEvent, EChartsOption } from 'echarts';
import type { ECharts } from 'echarts/core';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { isMotionReduced } from '../state/scheme.ts';

/** Longer than drawing any chart takes. */
const SETTLE_MS = 1_000;

interface ChartProps {
  readonly option: EChartsOption;
  /** A sentence that describes the chart. */
  readonly label: string;
  readonly height?: number;
  /**
   * Controls on top of the chart, which read their positions from it; they are rendered again when the
   * option changes.
   */
  readonly overlay?: (chart: ECharts) => ComponentChildren;
  /** Called with the pixel position of a click within the chart. */
  readonly onClick?: (chart: ECharts, x: number, y: number) => void;
  /** Called with the element that was clicked: a mark, or a label of an axis. */
  readonly onPick?: (part: ECElementEvent) => void;
  /** The same data as a table, for users who cannot see the chart. */
  readonly children?: ComponentChildren;
}

/** A chart as wide as its container, with a description for screen readers. */
export function Chart(props: ChartProps) {
  const { option, label, height = 320, overlay, children } = props;
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<ECharts | null>(null);
  const shown = useRef(option);
  shown.current = { ...option, animation: !isMotionReduced.value };
  const latest = useRef(props);
  latest.current = props;
  const [isReady, setReady] = useState(0);

  useEffect(() => {
    let isGone = false;
    const observer = new ResizeObserver(() => chart.current?.resize());
    void import('./echarts.ts').then(({ init }) => {
      // The component may have been unmounted before the module has been loaded.
      if (isGone || !host.current) return;
      const made = init(host.current);
      chart.current = made;
      made.setOption(shown.current);
      made.on('click', (part) => latest.current.onPick?.(part));
      made.getZr().on('click', ({ offsetX, offsetY }) => latest.current.onClick?.(made, offsetX, offsetY));
      made.on('finished', () => latest.current.overlay && !isGone && setReady((count) => count + 1));
      observer.observe(host.current);
    });
    return () => {
      isGone = true;
      observer.disconnect();
      const disposed = chart.current;
      chart.current = null;
      // ECharts may still be drawing a chart that takes several frames, and fails if it is disposed of
      // before the last one.
      setTimeout(() => disposed?.dispose(), SETTLE_MS);
    };
  }, []);
  // lazyUpdate delays drawing until the next frame, so that dragging a slider draws at most once per frame.
  useEffect(() => chart.current?.setOption(shown.current, { notMerge: true, lazyUpdate: true }), [option]);

  return (
    <figure class="chart">
      <div class="chart-stage">
        <div ref={host} role="img" aria-label={label} style={{ '--chart-height': `${height}px` }} />
        {isReady > 0 && chart.current && overlay?.(chart.current)}
      </div>
      {children}
    </figure>
  );
}
