import type { EChartsOption } from 'echarts';
import { FONT } from '../charts/chart-base.ts';
import { init } from './echarts.ts';

export interface Drawing {
  /** Size in the units of the drawing; texts are about 12 of them high. */
  readonly width: number;
  readonly height: number;
  /** Unique in its document, as ids inside the drawing begin with it. */
  readonly id: string;
}

/** Without the quotes around names, which a list of families does not need (CSS Fonts 4, 2.1). */
const FAMILIES = FONT.replaceAll('"', '');

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
