import type { EChartsOption, XAXisComponentOption, YAXisComponentOption } from 'echarts';
import type { Palette } from './palette.ts';

/** Options of every chart. */
export interface ChartStyle {
  readonly palette: Palette;
  /** Drawn into the chart. A page needs none, because it has its own headings. */
  readonly title?: string;
  /** A line below the title that names the source of the data. */
  readonly subtitle?: string;
}

/** Height of a title, and of a line below it, in pixels. */
const [TITLE_PX, SUBTITLE_PX] = [30, 18];

/** Pixels above everything else. */
export const headPx = ({ title, subtitle }: Omit<ChartStyle, 'palette'>): number =>
  (title === undefined ? 0 : TITLE_PX) + (subtitle === undefined ? 0 : SUBTITLE_PX);

export const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';

/**
 * Options that all charts share. Tooltips are drawn into the picture, so that names of modules, which are untrusted, never
 * become markup, and so that the Content-Security-Policy needs no inline styles.
 */
export function chartBase(style: ChartStyle): EChartsOption {
  const { palette, title, subtitle } = style;
  return {
    backgroundColor: palette.surface,
    animationDuration: 300,
    animationDurationUpdate: 150,
    textStyle: { fontFamily: FONT, color: palette.ink },
    ...(title !== undefined && {
      title: {
        text: title,
        left: 12,
        top: 8,
        textStyle: { color: palette.ink, fontSize: 15, fontWeight: 600 },
        ...(subtitle !== undefined && {
          subtext: subtitle,
          itemGap: 4,
          subtextStyle: { color: palette.muted, fontSize: 11 },
        }),
      },
    }),
    grid: { left: 12, right: 16, top: 40 + headPx(style), bottom: 8, outerBoundsMode: 'same' },
    tooltip: {
      renderMode: 'richText',
      confine: true,
      backgroundColor: palette.surface,
      borderColor: palette.grid,
      textStyle: { color: palette.ink, fontFamily: FONT, fontSize: 12 },
    },
  };
}

/** A legend in one line above the plot. */
export const legend = (style: ChartStyle, data?: readonly string[]) => ({
  type: 'scroll' as const,
  top: 4 + headPx(style),
  left: 8,
  itemWidth: 18,
  itemHeight: 8,
  textStyle: { color: style.palette.muted, fontFamily: FONT },
  pageTextStyle: { color: style.palette.muted },
  pageIconColor: style.palette.muted,
  ...(data && { data: [...data] }),
});

const axis = ({ palette }: ChartStyle) => ({
  nameTextStyle: { color: palette.muted, fontFamily: FONT },
  axisLine: { lineStyle: { color: palette.muted } },
  axisTick: { lineStyle: { color: palette.muted } },
  axisLabel: { color: palette.muted, fontFamily: FONT, hideOverlap: true },
  splitLine: { lineStyle: { color: palette.grid } },
});

export const xAxis = (style: ChartStyle, own: XAXisComponentOption): XAXisComponentOption =>
  ({
    ...axis(style),
    splitLine: { show: false },
    nameLocation: 'middle',
    nameGap: 28,
    ...own,
  }) as XAXisComponentOption;

export const yAxis = (style: ChartStyle, own: YAXisComponentOption): YAXisComponentOption =>
  ({ ...axis(style), ...own }) as YAXisComponentOption;
