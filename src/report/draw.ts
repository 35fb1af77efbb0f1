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
/** Ideographs, kana, Hangul, emoji: as wide as high. */
const SQUARE = /[\u{2e80}-\u{d7ff}\u{f900}-\u{faff}\u{ff00}-\u{ff60}\u{1f000}-\u{3ffff}]/u;

// ECharts with what the charts of a report are made of. Without a browser it has to be told how wide a text is.
use([...CHART_PARTS, LegendComponent, TitleComponent, SVGRenderer]);
setPlatformAPI({ measureText: (text, font = '12px sans-serif') => ({ width: textWidth(text, font) }) });

/** A chart of a report, not drawn yet. */
export interface Figure {
  readonly title: string;
  /** What it shows, for those who do not see it as well. */
  readonly caption: string;
  readonly width: number;
  readonly height: number;
  readonly option: (style: ChartStyle) => EChartsOption;
}

export interface Drawing {
  /** Size in the units of the drawing; texts are about 12 of them high. */
  readonly width: number;
  readonly height: number;
  /** Unique in its document, as ids inside the drawing begin with it. */
  readonly id: string;
}

/**
 * A chart as SVG, the same text every time. It has no style sheet and no style attribute, so that it is shown the same
 * where a policy forbids them, and nothing that only a script would read.
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

/** Of the hundred steps of a gradient ten are enough. */
const isTenth = (offset: number): boolean => Math.abs(offset / 10 - Math.round(offset / 10)) < 1e-6;

/**
 * Width of a text in pixels, as a wide font (DejaVu Sans) has it: without a browser nobody can measure, and what is laid
 * out for a wide font does not overlap in another one.
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
