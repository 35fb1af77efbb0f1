import type { EChartsOption } from 'echarts';
import { LegendComponent, TitleComponent } from 'echarts/components';
import { init, setPlatformAPI, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { type ChartStyle, FONT } from '../charts/chart-base.ts';
import { CHART_PARTS } from '../charts/echarts-parts.ts';

/** Without the quotes around names, which a list of families does not need (CSS Fonts 4, 2.1). */
const FAMILIES = FONT.replaceAll('"', '');

const NARROW = /[iljtfrI.,:;'|!()[\] ]/;
const WIDE = /[mwMW%@‖∗→]/;
const CAPITAL = /\p{Lu}/u;
/** Ideographs, kana, Hangul and emoji, which are as wide as they are high. */
const SQUARE = /[\u{2e80}-\u{d7ff}\u{f900}-\u{faff}\u{ff00}-\u{ff60}\u{1f000}-\u{3ffff}]/u;

// Only the parts of ECharts that the charts of a report use. Without a browser, ECharts cannot measure text itself.
use([...CHART_PARTS, LegendComponent, TitleComponent, SVGRenderer]);
setPlatformAPI({ measureText: (text, font = '12px sans-serif') => ({ width: textWidth(text, font) }) });

/** A chart of a report that has not been drawn yet. */
export interface Figure {
  readonly title: string;
  /** What it shows, in words, for readers who cannot see it. */
  readonly caption: string;
  readonly width: number;
  readonly height: number;
  readonly option: (style: ChartStyle) => EChartsOption;
}

export interface Drawing {
  /** Size in the units of the drawing; texts are about 12 of them high. */
  readonly width: number;
  readonly height: number;
  /** Unique in its document, because ids inside the drawing begin with it. */
  readonly id: string;
}

/**
 * Draws a chart as SVG; the same chart always gives the same text. The SVG has no style sheet and no style attribute, so it
 * looks the same where a Content-Security-Policy forbids them, and it has nothing that only a script would read.
 */
export function draw(option: EChartsOption, { width, height, id }: Drawing): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({ ...option, animation: false });
    return cleaned(chart.renderToSVGString(), id);
  } finally {
    chart.dispose();
  }
}

/** Texts in a chart have their quotes and brackets escaped, so none of these patterns ends or begins in one. */
function cleaned(svg: string, id: string): string {
  return svg
    .replaceAll(`font-family:${FONT};`, '')
    .replace(/<style ?><!\[CDATA\[[\s\S]*?\]\]>\s*<\/style>/g, '')
    .replace(/ (?:class="zr[^"]*"|ecmeta_[a-z_]+="[^"]*"|pointer-events="[^"]*"|baseProfile="full")/g, '')
    .replace(/ style="([^"]*)"/g, (_, style: string) => attributesOf(style))
    .replace(/(id="|url\(#)zr\d+-/g, `$1${id}-`)
    .replace(/<stop offset="([\d.]+)%"[^>]*><\/stop>\n?/g, (stop, offset) =>
      isTenth(Number(offset)) ? stop : '',
    )
    .replace('<svg ', `<svg font-family="${FAMILIES}" `)
    .replaceAll('\n', '');
}

const attributesOf = (style: string): string =>
  style
    .split(';')
    .filter((rule) => rule.includes(':'))
    .map((rule) => ` ${rule.replace(/\s*:\s*/, '="')}"`)
    .join('');

/** ECharts writes a hundred steps for a gradient; ten are enough. */
const isTenth = (offset: number): boolean => Math.abs(offset / 10 - Math.round(offset / 10)) < 1e-6;

/**
 * Width of a text in pixels in a wide font (DejaVu Sans). Without a browser the real width is unknown, and a layout for a
 * wide font does not overlap in a narrower one.
 * @param font as CSS writes it, such as "600 15px sans-serif"
 */
export function textWidth(text: string, font: string): number {
  const size = Number(/([\d.]+)px/.exec(font)?.[1] ?? 12);
  let ems = 0;
  for (const character of text) ems += emsOf(character);
  return ems * size;
}

const emsOf = (character: string): number => {
  if (NARROW.test(character)) return 0.36;
  if (WIDE.test(character)) return 0.95;
  if (SQUARE.test(character)) return 1;
  return CAPITAL.test(character) ? 0.7 : 0.62;
};
