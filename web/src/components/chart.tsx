import type { EChartsOption } from 'echarts';
import type { ECharts } from 'echarts/core';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { isMotionReduced } from '../state/scheme.ts';

/** Longer than any picture takes. */
const SETTLE_MS = 1_000;

interface ChartProps {
  readonly option: EChartsOption;
  /** What the picture says, in a sentence. */
  readonly label: string;
  readonly height?: number;
  /** The same as a table, for who does not see it. */
  readonly children?: ComponentChildren;
}

/** A chart that fits its place, with its words beside it. */
export function Chart({ option, label, height = 320, children }: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<ECharts | null>(null);
  const shown = useRef(option);
  shown.current = { ...option, animation: !isMotionReduced.value };

  useEffect(() => {
    let isGone = false;
    const observer = new ResizeObserver(() => chart.current?.resize());
    void import('./echarts.ts').then(({ init }) => {
      if (isGone) return;
      chart.current = init(host.current!);
      chart.current.setOption(shown.current);
      observer.observe(host.current!);
    });
    return () => {
      isGone = true;
      observer.disconnect();
      const gone = chart.current;
      chart.current = null;
      // It may be at a picture that takes several frames, and fails when it is torn down before the last one.
      setTimeout(() => gone?.dispose(), SETTLE_MS);
    };
  }, []);
  // Drawn with the next frame, so that a slider that is dragged draws once a frame.
  useEffect(() => chart.current?.setOption(shown.current, { notMerge: true, lazyUpdate: true }), [option]);

  return (
    <figure class="chart">
      <div ref={host} role="img" aria-label={label} style={{ height: `${height}px` }} />
      {children}
    </figure>
  );
}
