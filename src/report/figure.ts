import type { EChartsOption } from 'echarts';
import type { ChartStyle } from '../charts/chart-base.ts';

/** A chart of a report, not drawn yet. */
export interface Figure {
  readonly title: string;
  /** What it shows, for those who do not see it as well. */
  readonly caption: string;
  readonly width: number;
  readonly height: number;
  readonly option: (style: ChartStyle) => EChartsOption;
}
