import { paletteOf } from '../charts/palette.ts';
import { draw } from './draw.ts';
import { errorFigure } from './error-figure.ts';
import type { Figure } from './figure.ts';
import { heatFigure } from './heat-figure.ts';
import { escapeHtml } from './html.ts';
import type { FigureName, ReportInput } from './report-input.ts';
import { sizeFigure } from './size-figure.ts';

/** Width of a figure on its own, in pixels. */
const FIGURE_WIDTH = 1200;

const MAKERS: Readonly<Record<FigureName, (input: ReportInput) => Figure>> = {
  'error-by-rank': errorFigure,
  heatmap: (input) => heatFigure(input),
  sizes: sizeFigure,
};

/** One figure with its title, as an SVG document on white ground. */
export function standaloneFigure(input: ReportInput, name: FigureName): string {
  const { title, caption, width, height, option } = MAKERS[name](input);
  // Room for the title.
  const size = { width, height: height + 30 };
  const svg = draw(option({ palette: paletteOf('light'), title }), { ...size, id: 'figure' });
  const scale = FIGURE_WIDTH / size.width;
  return svg.replace(
    /^<svg ([^>]*?)width="\d+" height="\d+"([^>]*)>/,
    `<svg $1width="${FIGURE_WIDTH}" height="${Math.round(size.height * scale)}"$2 role="img">` +
      `<title>${escapeHtml(title)}</title><desc>${escapeHtml(caption)}</desc>`,
  );
}
